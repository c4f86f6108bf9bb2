# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What hardening and containment take away."""

from typing import Optional

from ..facts import Facts
from ..host.no_evidence import BECOME, NeedsBecome, NoEvidence
from ..rules.conditions import BPF, WIREGUARD
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..rules.versions import kernel_version

_NEEDED = ("CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN")
# Seconds. A denial of longer ago was cured, or is of no consequence.
_RECENT = 7 * 86400
_SYSCTLS_OF_LINKS = "/proc/sys/net/ipv4"


def _recent(line: str, booted: Optional[float], now: float) -> bool:
    """Whether a line of the audit log (msg=audit(SECONDS.MS:SERIAL)) is of this boot and of the last days. An old one was cured."""
    text = line.partition("audit(")[2].partition(".")[0]
    return not text.isdigit() or int(text) >= max(booted or 0, now - _RECENT)


@check(
    rank=56,
    category="security",
    applies=ALWAYS,
    remedy="install container-selinux, then restorecon -R /opt/cni /etc/cni /var/lib/calico; look at ausearch -m avc",
    source="rancher/rke2#3561, rancher/rke2-selinux#29",
)
def selinux_mode(facts: Facts, want: Want) -> Judgement:
    """SELinux, where it is enforced, has the policy for containers and has refused Calico nothing."""
    found = facts["security"]
    if not found["selinux_enforcing"]:
        return ok()
    recent = [line for line in found["denials"] if _recent(line, found.get("booted"), facts["clock"])]
    if recent:
        return fail("SELinux has refused something to Calico", observed=recent[-1][:200], expected="no denial")
    if not found["selinux_containers"]:
        return warn("SELinux is enforced without the policy for containers", expected="container-selinux")
    return ok()


@check(
    rank=57,
    category="security",
    applies=BPF,
    remedy="boot with lockdown=integrity or none",
    source="felix/bpf/lockdown.go: bpf programs may not read the kernel's memory, and cannot log",
)
def apparmor_lockdown(facts: Facts, want: Want) -> Judgement:
    """The kernel is not locked down so far that Felix's programs cannot log."""
    mode = facts["security"]["lockdown"]
    if mode == "confidentiality":
        return warn("the kernel is locked down: bpf programs cannot log", observed=mode, expected="integrity or none")
    return ok()


@check(
    rank=58,
    category="security",
    applies=ALWAYS,
    remedy="allow the CNI directory in /etc/fapolicyd/rules.d, then fapolicyd-cli --update",
    source="fapolicyd refuses to run programs that no package brought; Calico's plugins are copied there",
)
def fapolicyd_active(facts: Facts, want: Want) -> Judgement:
    """No policy about programs stands in the way of CNI plugins that were copied."""
    if facts["security"]["fapolicyd"]:
        return warn(f"fapolicyd runs: it may refuse {want.cni_bin_dir}/calico", expected="a rule that allows it")
    return ok()


@check(
    rank=72,
    category="security",
    applies=WIREGUARD,
    remedy="sign the module with a key of the machine's own, or move to kernel 5.6 or newer, which has WireGuard",
    source="before kernel 5.6 WireGuard is a module built on the host, which a locked-down kernel does not load",
)
def secureboot_unsigned(facts: Facts, want: Want) -> Judgement:
    """WireGuard does not depend on a module that this kernel will not load."""
    mode = facts["security"]["lockdown"]
    if mode != "none" and kernel_version(facts["kernel_release"]) < (5, 6):
        return warn("the kernel is locked down, and its WireGuard was built here", observed=mode, expected="none")
    return ok()


@check(
    rank=95,
    category="security",
    applies=ALWAYS,
    remedy="run this host's container privileged, with /proc/sys writable",
    source="Felix sets the forwarding of each pod's link; projectcalico/calico#8726",
)
def proc_sys_writable(facts: Facts, want: Want) -> Judgement:
    """Felix can set what it sets for each pod's link."""
    above = [mount for mount in facts["mounts"] if _SYSCTLS_OF_LINKS.startswith(mount["at"].rstrip("/"))]
    if not above:
        raise NoEvidence("the mount of /proc is not listed", "make /proc/1/mountinfo readable")
    nearest = max(above, key=lambda mount: len(mount["at"]))
    if nearest["read_only"]:
        return fail("network settings cannot be written", observed=f"{nearest['at']} is mounted read-only")
    return ok()


@check(
    rank=96,
    category="security",
    applies=ALWAYS,
    remedy="give the container of this host all privileges, and load the modules on the machine outside",
    source="projectcalico/calico#6279",
)
def nested_container_host(facts: Facts, want: Want) -> Judgement:
    """The host is a machine, whose modules and settings are its own."""
    kind = facts["container"]
    if kind:
        return warn("this host is itself a container", observed=kind, expected="a machine")
    return ok()


@check(
    rank=97,
    category="security",
    applies=ALWAYS,
    remedy=BECOME,
    source="docs.tigera.io requirements: CAP_SYS_ADMIN",
)
def capabilities_root(facts: Facts, want: Want) -> Judgement:
    """The check itself has what the kernel asks for; what it lacks, other checks are skipped for."""
    held = facts["capabilities"]
    missing = [name for name in _NEEDED if name not in held]
    if missing:
        raise NeedsBecome(f"needs become ({', '.join(missing)})")
    return ok()

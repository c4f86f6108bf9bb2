# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The machine: what it is, what it has."""

from ..facts import Facts
from ..rules.conditions import VXLAN
from ..rules.declaration import ALWAYS, OUTSIDE, Judgement, Want, check, fail, ok, warn
from ..rules.evidence import evidence
from ..rules.versions import kernel_version
from .links import link_probe

# docs.tigera.io requirements. i686 and the 32-bit ARMs have no image.
_ARCHITECTURES = ("x86_64", "aarch64", "ppc64le", "s390x")
_BPF_ARCHITECTURES = ("x86_64", "aarch64")
# x86-64-v2, which Red Hat's UBI 9 is built for.
_FLAGS = ("cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3")
_GIB = 1024**3
# MemTotal is what is left after the kernel and the firmware took theirs.
_TOLERANCE = 0.9


@check(
    rank=64,
    category="arch",
    applies=ALWAYS,
    remedy=f"choose data plane iptables or nftables; {OUTSIDE}",
    source="docs.tigera.io requirements; felix/bpf refuses big-endian machines",
)
def endianness_arch(facts: Facts, want: Want) -> Judgement:
    """Calico has images for the machine, and the data plane runs on it."""
    name, order = facts["architecture"], facts["machine"]["byte_order"]
    if name not in _ARCHITECTURES:
        return fail(
            "there is no Calico for this machine", observed=name, expected=", ".join(_ARCHITECTURES), remedy=OUTSIDE[3:]
        )
    if want.dataplane == "bpf" and (order != "little" or name not in _BPF_ARCHITECTURES):
        return fail(
            "bpf does not run on this machine",
            observed=f"{name}, {order}-endian",
            expected="x86_64 or aarch64",
        )
    return ok()


@check(
    rank=65,
    category="arch",
    applies=ALWAYS,
    remedy="try the images on one such host first, or boot a kernel with 4 KiB pages",
    source="programs built for 4 KiB pages exist in many images; falcosecurity/falco#3954",
)
def page_size(facts: Facts, want: Want) -> Judgement:
    """The kernel's pages are of a size that programs expect."""
    size = facts["machine"]["page_size"]
    if size >= 65536:
        return warn("the kernel has pages of 64 KiB", observed=str(size), expected="4096")
    return ok()


@check(
    rank=66,
    category="arch",
    applies=ALWAYS,
    remedy=f"give the virtual machine a newer processor model (host-passthrough); {OUTSIDE}",
    source="calico-node's image is Red Hat's UBI 9, built for x86-64-v2",
)
def cpu_level(facts: Facts, want: Want) -> Judgement:
    """The processor has what the image was built for."""
    known = facts["machine"]["flags"]
    if facts["architecture"] != "x86_64":
        return ok()
    missing = [flag for flag in _FLAGS if flag not in known]
    if missing:
        return fail(
            "the processor is older than x86-64-v2: calico-node does not start", observed="no " + ", ".join(missing)
        )
    return ok()


@check(
    rank=67,
    category="arch",
    applies=VXLAN,
    probes=(link_probe("vxlan"),),
    remedy="apt install linux-modules-extra-raspi, then reboot",
    modules="vxlan",
    source="flannel-io/flannel#1502, canonical/microcloud#143",
)
def raspi_extra_modules(facts: Facts, want: Want) -> Judgement:
    """A Raspberry Pi with Ubuntu has the package that VXLAN is in."""
    model = facts["platform"]["model"] or ""
    if not model.startswith("Raspberry Pi") or facts["os_release"].get("ID") != "ubuntu":
        return ok()
    if kernel_version(facts["kernel_release"]) >= (6, 7):
        return ok()
    found = evidence(facts, link_probe("vxlan"))
    return (
        fail("linux-modules-extra-raspi is not installed", observed=found.broken)
        if found.broken
        else found.well("it has")
    )


@check(
    rank=68,
    category="arch",
    applies=ALWAYS,
    remedy="add cgroup_enable=memory to the kernel's command line (cmdline.txt on a Raspberry Pi), then reboot",
    source="the kubelet does not start without it; Raspberry Pi OS has it off",
)
def raspi_cgroup_memory(facts: Facts, want: Want) -> Judgement:
    """The kernel accounts memory by cgroup."""
    found = facts["cgroups"]["memory"]
    if found is None:
        # Not a matter of the kernel: no hierarchy is mounted here.
        return warn("whether memory is accounted by cgroup cannot be told", expected="cgroup.controllers with memory")
    return (
        ok() if found else fail("the kernel does not account memory by cgroup", expected="memory in cgroup.controllers")
    )


@check(
    rank=91,
    category="resources",
    applies=ALWAYS,
    remedy=f"give the host more, or {OUTSIDE[3:]}",
    source="docs.tigera.io nftables: 2 processors, 2 GB; Felix takes about 100 MB",
)
def memory_cpu(facts: Facts, want: Want) -> Judgement:
    """The host has room for calico-node beside its own work."""
    found = facts["machine"]
    least = 2 if want.dataplane == "nftables" else 1
    observed = f"{found['processors']} processors, {found['memory'] / _GIB:.1f} GiB"
    if found["processors"] < least or found["memory"] < least * _GIB * _TOLERANCE:
        return warn("the host is small", observed=observed, expected=f"{least} processors, {least} GiB")
    return ok()


@check(
    rank=92,
    category="resources",
    applies=ALWAYS,
    remedy="fs.inotify.max_user_instances = 512, fs.file-max and kernel.pid_max at the kernel's own defaults, in /etc/sysctl.d",
    source="a kubelet, a runtime and calico-node watch many files; below the kernel's own defaults one of them fails first",
)
def pid_fd_limits(facts: Facts, want: Want) -> Judgement:
    """Nobody lowered how many files, processes and watches there may be."""
    known = facts["sysctls"]
    least = {"fs.inotify.max_user_instances": 128, "kernel.pid_max": 32768, "fs.file-max": 65536}
    low = [f"{name} = {known.get(name)}" for name, number in least.items() if int(known.get(name) or number) < number]
    return warn("limits are lower than the kernel's own", observed=", ".join(low)) if low else ok()

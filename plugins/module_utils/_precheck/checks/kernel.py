# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The kernel's version, measured by what Calico's documentation asks for."""

import errno

from ..facts import Facts
from ..host.no_evidence import NoEvidence
from ..host.probes.catalogue import STRICT
from ..rules.conditions import NFTABLES
from ..rules.declaration import ALWAYS, OUTSIDE, Judgement, Want, check, fail, ok, warn
from ..rules.versions import DOCUMENTED, age, documented, enterprise_linux_8, flavour, kernel_version, words


@check(
    rank=22,
    category="kernel",
    applies=NFTABLES,
    remedy="move to a newer kernel, or give the Installation linuxDataplane Iptables",
    source="docs.tigera.io nftables; felix/nftables does not refuse an older kernel by itself",
)
def nft_kernel_version(facts: Facts, want: Want) -> Judgement:
    """The kernel is not older than Calico's documentation asks for with nftables."""
    release = facts["kernel_release"]
    floor = documented(want).nftables
    if kernel_version(release) >= floor:
        return ok()
    return warn(
        "the kernel is older than Calico's nftables data plane is documented for",
        observed=release,
        expected=f"{words(floor)} or newer",
    )


@check(
    rank=24,
    category="kernel",
    applies=ALWAYS,
    remedy=f"upgrade the kernel; {OUTSIDE}",
    source=f"docs.tigera.io requirements, {min(DOCUMENTED)} to {max(DOCUMENTED)}",
)
def kernel_min(facts: Facts, want: Want) -> Judgement:
    """The kernel is not older than Calico's documentation asks for."""
    release = facts["kernel_release"]
    floor = documented(want).kernel
    if kernel_version(release) >= floor:
        return ok()
    if enterprise_linux_8(release):
        return warn(
            f"the kernel is older than {words(floor)}, though RHEL 8's is listed as working",
            observed=release,
            expected=words(floor),
        )
    return fail(f"the kernel is older than {words(floor)}", observed=release, expected=words(floor))


@check(
    rank=69,
    category="kernel",
    applies=ALWAYS,
    remedy="reboot into the installed kernel, then check again: what is found here holds for the running one",
    source="kubernetes/kops#18724: a kernel whose modules are gone loads none",
)
def running_vs_installed_kernel(facts: Facts, want: Want) -> Judgement:
    """The running kernel is the newest one of its flavour, as the next boot brings it, and its modules are still there."""
    running, installed = facts["kernel_release"], facts["installed_kernels"]
    if not facts["modules"]["loadable"] or not installed:
        return ok()
    if running not in installed:
        return fail(
            "the modules of the running kernel are gone",
            observed=", ".join(installed),
            expected=f"/lib/modules/{running}",
        )
    newest = max((one for one in installed if flavour(one) == flavour(running)), key=age)
    if age(newest) > age(running):
        return warn(
            "the next boot brings another kernel than the one that was checked", observed=newest, expected=running
        )
    return ok()


@check(
    rank=98,
    category="kernel",
    applies=ALWAYS,
    remedy="user.max_net_namespaces above what the host has of pods, on a kernel with CONFIG_NET_NS",
    source="kubernetes/system-validators: NET_NS",
)
def netns_unshare(facts: Facts, want: Want) -> Judgement:
    """Network namespaces can be made, one for each pod."""
    answer = facts.answer("namespace")
    if not answer.granted:
        return fail("no network namespace can be made: no pod starts", observed=str(answer), expected="one is made")
    if facts["sysctls"].get("user.max_net_namespaces") == "0":
        return fail("no network namespace may be made", observed="user.max_net_namespaces = 0", expected="more")
    return ok()


@check(
    rank=100,
    category="kernel",
    applies=ALWAYS,
    probes=(STRICT,),
    remedy=f"move to kernel 4.20 or newer when the host is busy; {OUTSIDE}",
    source="felix/environment asks for NETLINK_GET_STRICT_CHK; without it the kernel lists everything each time",
)
def netlink_strict(facts: Facts, want: Want) -> Judgement:
    """The kernel lists only the routes and links that are asked for."""
    answer = facts.answer(STRICT)
    if answer.granted:
        return ok()
    if answer.errno == errno.ENOPROTOOPT:
        # Known of RHEL 8, and of what is older than Calico's documentation asks for: another check tells.
        return ok()
    return warn("the kernel refuses strict requests", observed=str(answer))


@check(
    rank=101,
    category="kernel",
    applies=ALWAYS,
    remedy="boot a kernel with CONFIG_NAMESPACES, CONFIG_NET_NS, CONFIG_PID_NS, CONFIG_IPC_NS, CONFIG_UTS_NS and CONFIG_CGROUPS",
    source="kubernetes/system-validators, types_unix.go",
)
def kernel_cfg_required(facts: Facts, want: Want) -> Judgement:
    """The kernel has the namespaces and cgroups that containers are made of."""
    known = facts["namespaces"]
    if not known:
        raise NoEvidence("the namespaces of this process are not listed", "make /proc readable")
    missing = [name for name in ("ipc", "mnt", "net", "pid", "uts") if name not in known]
    found = facts["cgroups"]
    missing += [] if found["supported"] or found["v1"] else ["cgroup"]
    return fail("the kernel cannot make containers", observed="no " + ", ".join(missing)) if missing else ok()

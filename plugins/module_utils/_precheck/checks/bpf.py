# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the bpf data plane needs. Felix does not stop where it is missing: it goes on with iptables, and stays ready."""

import errno
from typing import Tuple

from ..facts import Facts
from ..host.no_evidence import NoEvidence
from ..host.probes.bpf import PROGRAMS
from ..rules.conditions import BPF
from ..rules.declaration import OUTSIDE, Judgement, Want, check, fail, ok, warn
from ..rules.evidence import evidence
from ..rules.versions import (
    FELIX_BPF,
    FELIX_BPF_ENTERPRISE_LINUX,
    Version,
    build_of,
    documented,
    enterprise_linux_8,
    kernel_version,
    words,
)

_INSTEAD = f"move to a newer kernel, or give the Installation linuxDataplane Iptables or Nftables; {OUTSIDE}"
_PROBES = ("bpf.map", *(f"bpf.{name}" for name in PROGRAMS))
# Their cgroups are not where calico-node looks for them.
_IMMUTABLE = ("talos", "bottlerocket", "flatcar")


@check(
    rank=13,
    category="dataplane",
    applies=BPF,
    probes=_PROBES,
    remedy=_INSTEAD,
    source="felix/daemon: an old kernel makes it go on with iptables in silence; felix/bpf: a refused bpf(2) ends it",
)
def bpf_supported(facts: Facts, want: Want) -> Judgement:
    """The kernel is new enough for Felix's bpf, makes a map and takes a program of each kind that Felix loads."""
    release, asked = facts["kernel_release"], documented(want)
    expected = f"{words(asked.bpf)}, or RHEL 8's {words(asked.bpf_enterprise_linux)}"
    if not _as_new_as(release, FELIX_BPF, FELIX_BPF_ENTERPRISE_LINUX):
        return fail(
            "the kernel is too old for bpf: calico-node becomes ready and enforces by iptables instead",
            observed=release,
            expected=expected,
        )
    for probe in _PROBES:
        answer = evidence(facts, probe).answer
        if answer.errno == errno.ENOSYS:
            return fail("the kernel, or a seccomp policy, has no bpf(2)", observed=str(answer), expected="a map made")
        if not answer.granted:
            what = "a map" if probe == "bpf.map" else f"a program of kind {probe.partition('.')[2]}"
            return fail(f"the kernel refuses {what}", observed=str(answer), expected="taken")
    if not _as_new_as(release, asked.bpf, asked.bpf_enterprise_linux):
        return warn(
            "the kernel is older than Calico's bpf data plane is documented for", observed=release, expected=expected
        )
    return ok()


def _as_new_as(release: str, kernel: Version, rebuilt: Tuple[int, ...]) -> bool:
    return kernel_version(release) >= kernel or (enterprise_linux_8(release) and build_of(release) >= rebuilt)


@check(
    rank=28,
    category="filesystem",
    applies=BPF,
    remedy=f"boot with systemd.unified_cgroup_hierarchy=1; {_INSTEAD}",
    source="calico-node's init container mounts cgroup v2 for connect-time load balancing; projectcalico/calico#7892",
)
def cgroup2_available(facts: Facts, want: Want) -> Judgement:
    """The kernel has cgroup v2, to which Felix attaches its programs for services."""
    found = facts["cgroups"]
    if not found["supported"]:
        return fail("the kernel has no cgroup v2", observed="no cgroup2 in /proc/filesystems", expected="cgroup2")
    if not found["v2"]:
        return warn("cgroup v2 is not mounted: calico-node's init container will try to", expected="cgroup2 mounted")
    return ok()


@check(
    rank=29,
    category="filesystem",
    applies=BPF,
    remedy="set cgroupV2Path in FelixConfiguration and `cgroup_v2_path` here to where the system has cgroup v2",
    source="docs.tigera.io eBPF; projectcalico/calico#7892, projectcalico/calico#6279",
)
def immutable_os_cgroup_path(facts: Facts, want: Want) -> Judgement:
    """Where the system is immutable, Felix is told where its cgroup v2 hierarchy is."""
    system = facts["os_release"]
    if not system:
        raise NoEvidence("which system this is cannot be told: no os-release", "make /etc/os-release readable")
    name = system.get("ID", "")
    if name in _IMMUTABLE and not want.cgroup_v2_path:
        return warn(f"{name} cannot have cgroup v2 mounted under /run/calico by calico-node", observed=name)
    return ok()

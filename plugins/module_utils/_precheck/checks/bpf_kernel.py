# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. More of what bpf needs: the kernel's types, its hooks, its uplink; and kernels on which it is known to fail."""

from typing import NamedTuple, Tuple

from ..facts import Facts
from ..host.probes.catalogue import CLSACT
from ..rules.conditions import BPF
from ..rules.declaration import Judgement, Want, check, fail, ok, warn
from ..rules.evidence import built_without, evidence
from ..rules.remedies import kernel_built_with, kernel_feature
from ..rules.ways import ways_out
from ..upstream.data_interfaces import attached
from .address import candidates

# BTF begins so, in the order of the machine.
_MAGIC = ("9feb", "eb9f")


class Bad(NamedTuple):
    kernel: str
    """How the release begins."""
    fault: str


# Seen in the field; a kernel leaves the list when a Calico that copes is the oldest that is known here.
KNOWN_BAD: Tuple[Bad, ...] = (
    Bad("6.17.5", "its verifier refuses Felix's programs (projectcalico/calico#11302)"),
    Bad("6.12.53", "its verifier refuses Felix's programs (awslabs/amazon-eks-ami#2511)"),
)


@check(
    rank=59,
    category="security",
    applies=BPF,
    remedy="kernel.unprivileged_bpf_disabled = 1 in /etc/sysctl.d/99-calico.conf",
    source="felix/dataplane/linux: Felix sets it when it starts, and cannot where it is already 2",
)
def unprivileged_bpf_ro(facts: Facts, want: Want) -> Judgement:
    """Who is not root may not use bpf(2) beside Felix."""
    value = facts["sysctls"].get("kernel.unprivileged_bpf_disabled")
    if value == "0":
        return warn("everybody may use bpf(2) until Felix forbids it", observed="0", expected="1 or 2")
    return ok()


@check(
    rank=60,
    category="dataplane",
    applies=BPF,
    remedy=kernel_built_with("CONFIG_DEBUG_INFO_BTF"),
    source="projectcalico/calico#8001: Felix's programs are fitted to the kernel by its types",
)
def btf_present(facts: Facts, want: Want) -> Judgement:
    """The kernel describes its own types."""
    found = facts["btf"]
    if found in _MAGIC:
        return ok()
    return fail(
        "the kernel does not describe its types", observed=found or "no /sys/kernel/btf/vmlinux", expected="BTF"
    )


@check(
    rank=61,
    category="dataplane",
    applies=BPF,
    remedy="pin another kernel, or upgrade Calico to a version that copes",
    source="projectcalico/calico#11302, awslabs/amazon-eks-ami#2511",
)
def bpf_known_bad_kernel(facts: Facts, want: Want) -> Judgement:
    """The kernel is none on which Felix's bpf is known to fail."""
    release = facts["kernel_release"]
    if not release:
        return fail("the kernel does not tell its version")
    bad = next((one for one in KNOWN_BAD if release.startswith((one.kernel + "-", one.kernel + "."))), None)
    return warn(bad.fault, observed=release, expected="another kernel") if bad else ok()


@check(
    rank=62,
    category="dataplane",
    applies=BPF,
    probes=(CLSACT,),
    remedy=kernel_feature("CONFIG_NET_SCH_INGRESS", "sch_ingress"),
    source="docs.tigera.io requirements: eBPF, including the tc hook",
)
def tc_clsact(facts: Facts, want: Want) -> Judgement:
    """The kernel has the hook on links to which Felix attaches its programs."""
    found = evidence(facts, CLSACT)
    if found.broken:
        message = f"links have no hook for bpf{built_without(facts, 'CONFIG_NET_SCH_INGRESS')}"
        return fail(message, observed=found.broken, expected="clsact on a veth")
    return found.well("they have")


@check(
    rank=63,
    category="dataplane",
    applies=BPF,
    remedy="net.core.bpf_jit_enable = 1 in /etc/sysctl.d/99-calico.conf",
    source="without it each packet runs through an interpreter",
)
def bpf_jit(facts: Facts, want: Want) -> Judgement:
    """bpf programs are compiled."""
    value = facts["sysctls"].get("net.core.bpf_jit_enable")
    if value == "0":
        return warn("bpf programs are interpreted, for each packet", observed="0", expected="1")
    return ok()


@check(
    rank=132,
    category="dataplane",
    applies=BPF,
    remedy="set bpfDataIfacePattern in FelixConfiguration (and `bpf_data_interface_pattern` here) to match the uplink",
    source="felix/dataplane/linux/bpf_ep_mgr.go: a link that it does not match gets no program, and nothing is logged",
)
def bpf_data_interfaces(facts: Facts, want: Want) -> Judgement:
    """Felix attaches its programs to the link by which packets come and go."""
    taken = next(iter(candidates(facts, want)), None)
    uplinks = [taken.interface] if taken else sorted(ways_out(facts))
    for name in uplinks:
        found = attached(name, facts["links"], want.bpf_data_interface_pattern)
        expected = f"{name} matches {want.bpf_data_interface_pattern}"
        if found and found.ports:
            return warn(
                f"Felix attaches its programs to the ports of {name} and not to itself, and warns of that",
                observed=f"ports: {', '.join(found.ports)}",
                expected=expected,
            )
        if found and not found.itself:
            return fail(
                f"bpfDataIfacePattern does not match {name}: calico-node becomes ready, and no program is there",
                observed=name,
                expected=expected,
            )
    return ok()


@check(
    rank=104,
    category="dataplane",
    applies=BPF,
    remedy="give the uplink a link of its own instead of a tagged one, or choose data plane iptables or nftables",
    source="docs.tigera.io eBPF: tagged VLAN devices are not supported",
)
def vlan_or_bond_uplink(facts: Facts, want: Want) -> Judgement:
    """The uplink is of a kind that Felix attaches its programs to."""
    taken = next(iter(candidates(facts, want)), None)
    uplink = next((link for link in facts["links"] if taken and link["name"] == taken.interface), None)
    if uplink and uplink["kind"] in ("vlan", "macvlan", "team"):
        return warn("bpf does not support this uplink", observed=f"{uplink['name']} is a {uplink['kind']}")
    return ok()

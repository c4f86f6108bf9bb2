# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Tunnel devices and the links of pods."""

import errno

from ..facts import Facts
from ..host.probes.catalogue import link_probe
from ..rules.conditions import IPIP, VXLAN, WIREGUARD
from ..rules.declaration import ALWAYS, OUTSIDE, Judgement, Want, check, fail, ok, ok_unexercised
from ..rules.evidence import built_without, evidence
from ..rules.remedies import kernel_feature, where_from


def _judge(facts: Facts, kind: str, option: str, otherwise: str) -> Judgement:
    found = evidence(facts, link_probe(kind))
    if found.loadable:
        return ok_unexercised(found.loadable)
    if found.answer.errno == errno.EOPNOTSUPP:
        message = f"the kernel has no {kind} devices{built_without(facts, option)}: {otherwise}"
        return fail(message, observed=str(found.answer), expected=f"a {kind} device made in a network namespace")
    if found.broken:
        return fail(f"no {kind} device can be made: {otherwise}", observed=found.broken)
    return ok()


def _ipip_remedy(facts: Facts, want: Want) -> str:
    return (
        f"{where_from(facts, 'CONFIG_NET_IPIP', ['ipip'])}; or give the IP pools encapsulation VXLAN or None; {OUTSIDE}"
    )


@check(
    rank=5,
    category="encapsulation",
    applies=VXLAN,
    probes=(link_probe("vxlan"),),
    remedy=kernel_feature("CONFIG_VXLAN", "vxlan"),
    modules="vxlan",
    source="canonical/microk8s#2680, flannel-io/flannel#1502",
)
def vxlan_link_create(facts: Facts, want: Want) -> Judgement:
    """The kernel makes VXLAN devices."""
    return _judge(
        facts, "vxlan", "CONFIG_VXLAN", "calico-node becomes ready, and pods on different nodes do not reach each other"
    )


@check(
    rank=16,
    category="encapsulation",
    applies=IPIP,
    probes=(link_probe("ipip"),),
    remedy=_ipip_remedy,
    modules="ipip",
    source="projectcalico/calico#3507; Felix stays ready without its tunnel",
)
def ipip_link_create(facts: Facts, want: Want) -> Judgement:
    """The kernel makes IP-in-IP devices."""
    return _judge(
        facts,
        "ipip",
        "CONFIG_NET_IPIP",
        "calico-node becomes ready, and pods on different nodes do not reach each other",
    )


@check(
    rank=26,
    category="encapsulation",
    applies=WIREGUARD,
    probes=(link_probe("wireguard"),),
    remedy=kernel_feature("CONFIG_WIREGUARD", "wireguard"),
    modules="wireguard",
    source="felix/wireguard: unsupported means cleartext; projectcalico/calico#3607",
)
def wireguard_link_create(facts: Facts, want: Want) -> Judgement:
    """The kernel makes WireGuard devices."""
    return _judge(facts, "wireguard", "CONFIG_WIREGUARD", "calico-node becomes ready and sends in cleartext")


@check(
    rank=99,
    category="kernel",
    applies=ALWAYS,
    probes=(link_probe("veth"),),
    remedy=kernel_feature("CONFIG_VETH", "veth"),
    modules="veth",
    source="Calico's CNI plugin joins every pod to its node by a veth pair",
)
def veth_create(facts: Facts, want: Want) -> Judgement:
    """The kernel makes veth pairs."""
    return _judge(facts, "veth", "CONFIG_VETH", "no pod gets a network")

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of hosts with a name, for the demo, for molecule and for whoever wants to look around."""

from __future__ import annotations

from tests.lab.hosts import HostSpec

CORE = "node-role.kubernetes.io/control-plane"
EDGE = "node-role.kubernetes.io/edge"


def _core(number: int) -> HostSpec:
    return HostSpec(f"core-{number}", groups=["core"], labels={CORE: ""})


def _edge(number: int, netfilter_refused: bool = False) -> HostSpec:
    return HostSpec(f"edge-{number}", groups=["edge"], labels={EDGE: ""}, netfilter_refused=netfilter_refused)


# The kernel of edge-4 knows no netfilter netlink: neither ipset nor nftables can work there.
DEMO = (*(_core(number) for number in (1, 2, 3)), *(_edge(number, number == 4) for number in (1, 2, 3, 4)))

TOPOLOGIES: dict[str, tuple[HostSpec, ...]] = {"demo": DEMO}

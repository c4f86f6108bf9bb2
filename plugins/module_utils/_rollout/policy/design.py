# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which connections are tried to prove network policy on the nodes of a batch.

Each node of the batch has rows of its own; proven nodes take part as peers only. So the rows grow with the batch, and not with the cluster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Optional, cast

from ..documents.policy import Direction, Family, ProbeRow, Protocol, RowKind, Way
from ..text.order import natural
from ..text.terminal import listed
from .covering_array import Strength, covering_array
from .graph import drawn, graph

FAMILIES: tuple[Family, ...] = ("IPv4", "IPv6")
PROTOCOLS: tuple[Protocol, ...] = ("TCP", "UDP")
DIRECTIONS: tuple[Direction, ...] = ("egress", "ingress")


class Design(NamedTuple):
    rows: list[ProbeRow]
    """Without fates."""
    peers: list[str]
    """The proven nodes that take part, drawn from those that were offered. They do not depend on the families."""
    limits: list[str]
    """What these rows cannot prove, a sentence each."""


class _Tried(NamedTuple):
    kind: RowKind
    way: Way
    family: Family
    protocol: Protocol
    direction: Direction
    allowed: bool


def design(
    nodes: Sequence[str],
    offered: Sequence[str],
    families: Mapping[str, Sequence[Family]],
    strength: Strength,
    seed: int,
    dns: Optional[Collection[Family]] = None,
) -> Design:
    """The same arguments give the same rows.

    :param nodes: the batch
    :param offered: nodes on which policy was proven before
    :param dns: the families that pods of the cluster's DNS have addresses of; None where DNS is not tried
    :param families: by node those that its pods have addresses of; a node that is not in it is tried over all that any other node has
    """
    batch = sorted(set(nodes), key=natural)
    proven = drawn(offered, batch, seed)
    plan = graph(batch, proven, seed)
    known = [family for family in FAMILIES if not families or any(family in has for has in families.values())]
    has = {name: [family for family in known if family in families.get(name, known)] for name in plan.peers}
    # A large packet goes along each edge of the ring that touches the batch: a node is at both ends, a pair at one.
    large = [(one, other) if one in batch else (other, one) for one, other in plan.ring if {one, other} & {*batch}]
    draw = _Rows(has, plan.peers)
    for node in batch:
        for tried in _tried(has[node], draw.reached(node), strength):
            draw.add(node, tried)
        for peer in [other for owner, other in large if owner == node] if plan.ring else [node]:
            draw.add_large(node, peer)
        if dns is not None:
            draw.add_dns(node, dns)
    return Design(draw.rows, proven, [*_limits(batch, proven, has, draw), *_dns_limits(batch, has, dns)])


def _tried(families: Sequence[Family], reached: Sequence[Family], strength: Strength) -> list[_Tried]:
    """The rows of one node.

    :param reached: the families in which it has a peer on another node
    """
    ways: Sequence[Way] = ("cross_node", "same_node") if reached else ("same_node",)
    # In this order of factors and levels, rows between nodes take each family with each protocol, and each direction allowed and denied,
    # once the two wrong ones and the large packets are added.
    factors: list[Sequence[object]] = [(True, False), PROTOCOLS, DIRECTIONS, tuple(reversed(families)), ways]
    rows = []
    for chosen in covering_array(factors, strength):
        allowed, protocol, direction, family, way = cast("tuple[bool, Protocol, Direction, Family, Way]", chosen)
        rows.append(_Tried("ordinary", way, family, protocol, direction, allowed))
    if families:
        rows.append(_Tried("wrong_port", ways[0], families[0], "TCP", "ingress", False))
        rows.append(_Tried("wrong_namespace", ways[0], families[-1], "TCP", "egress", False))
    # Where no peer has the family, a row of it stays on the node; it may be there already.
    return list(dict.fromkeys(row if row.family in reached else row._replace(way="same_node") for row in rows))


class _Rows:
    """The rows so far, and how often each pair of nodes has one."""

    def __init__(self, has: Mapping[str, Sequence[Family]], peers: Mapping[str, Sequence[str]]) -> None:
        self.rows: list[ProbeRow] = []
        self._has = has
        self._peers = peers
        self._on_pair: Counter[frozenset[str]] = Counter()
        self._alike: Counter[tuple[str, str, Direction, bool]] = Counter()
        self._of_node: Counter[str] = Counter()

    def reached(self, node: str) -> list[Family]:
        return [family for family in self._has[node] if self._with(node, family)]

    def add(self, node: str, tried: _Tried) -> None:
        """With the peer that has shared the fewest rows with the node so far, and none of this direction and outcome where possible.

        So a fault between two nodes leaves rows that prove the policy of each.
        """
        peer = node
        if tried.way == "cross_node":
            peer = min(
                self._with(node, tried.family),
                key=lambda name: (
                    self._alike[node, name, tried.direction, tried.allowed],
                    self._on_pair[frozenset((node, name))],
                ),
            )
        self._append(node, peer, tried)

    def add_large(self, node: str, peer: str) -> None:
        """TCP fills packets of whatever size the overlay's MTU allows, UDP through agnhost only 2048 bytes."""
        both = [family for family in self._has[node] if family in self._has[peer]]
        if both:
            way: Way = "same_node" if node == peer else "cross_node"
            self._append(node, peer, _Tried("large_packets", way, both[0], "TCP", "ingress", True))

    def add_dns(self, node: str, dns: Collection[Family]) -> None:
        """The other end is no pod of the probe's, so the row is with no peer, and counts for none."""
        both = [family for family in self._has[node] if family in dns]
        if both:
            self._append(node, node, _Tried("dns", "same_node", both[0], "UDP", "egress", True))

    def _with(self, node: str, family: Family) -> list[str]:
        return [name for name in self._peers[node] if family in self._has[name]]

    def _append(self, node: str, peer: str, tried: _Tried) -> None:
        self._on_pair[frozenset((node, peer))] += 1
        self._alike[node, peer, tried.direction, tried.allowed] += 1
        self._of_node[node] += 1
        self.rows.append(
            ProbeRow(
                id=f"{node}/{self._of_node[node]}",
                kind=tried.kind,
                node=node,
                peer=peer,
                way=tried.way,
                family=tried.family,
                protocol=tried.protocol,
                direction=tried.direction,
                allowed=tried.allowed,
                fates=[],
            )
        )


def _limits(batch: Sequence[str], proven: Sequence[str], has: Mapping[str, Sequence[Family]], draw: _Rows) -> list[str]:
    limits = []
    if len(batch) + len(proven) == 1:
        limits.append("No other node took part, so connections between nodes were not tried.")
    elif len(batch) + len(proven) == 2:
        limits.append("Two nodes took part, so a fault between them cannot be told from a fault of one of them.")
    if len(batch) > 1 and not proven:
        limits.append(
            "No node on which policy was proven before took part, so the nodes of this batch tried each other only."
        )
    for family in FAMILIES:
        without = [name for name in batch if family not in has[name]]
        alone = [name for name in batch if family in has[name] and family not in draw.reached(name)]
        if len(without) == len(batch):
            limits.append(f"No pod of these nodes has an {family} address, so {family} was not tried.")
        elif without:
            limits.append(f"Pods have no {family} address on {listed(without)}, so {family} was not tried there.")
        if alone and len(batch) + len(proven) > 1:
            limits.append(
                f"No peer of {listed(alone)} has {family}, so {family} was tried there on the same node only."
            )
    return limits


def _dns_limits(
    batch: Sequence[str], has: Mapping[str, Sequence[Family]], dns: Optional[Collection[Family]]
) -> list[str]:
    without = [name for name in batch if dns is not None and has[name] and not {*has[name]} & {*dns}]
    if not without:
        return []
    return [f"No pod of the cluster's DNS has an address of a family of {listed(without)}, so DNS egress was not tried there."]

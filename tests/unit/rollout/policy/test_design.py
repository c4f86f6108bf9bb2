# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which connections are tried, and with whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, product

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import Family, ProbeRow
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.covering_array import Strength
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.design import Design, design
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.graph import drawn, graph

BOTH: Sequence[Family] = ("IPv4", "IPv6")
FACTORS = ("way", "family", "protocol", "direction", "allowed")


def named(prefix: str, number: int) -> list[str]:
    return [f"{prefix}-{index}" for index in range(1, number + 1)]


def designed(
    new: int, proven: int, *, strength: Strength = 2, seed: int = 7, families: Sequence[Family] = BOTH
) -> Design:
    nodes, offered = named("new", new), named("proven", proven)
    return design(nodes, offered, dict.fromkeys([*nodes, *offered], families), strength, seed)


def of(node: str, rows: Iterable[ProbeRow]) -> list[ProbeRow]:
    return [row for row in rows if row["node"] == node]


def taken(rows: Iterable[ProbeRow], *factors: str) -> set[tuple[object, ...]]:
    return {tuple(value for name, value in row.items() if name in factors) for row in rows}


@pytest.mark.parametrize(("strength", "number"), [(2, 6), (3, 10), ("full", 32)])
def test_each_node_tries_the_covering_array(strength: Strength, number: int) -> None:
    rows = designed(5, 100, strength=strength).rows
    for node in named("new", 5):
        ordinary = [row for row in of(node, rows) if row["kind"] == "ordinary"]
        assert len(ordinary) == number
        for factors in combinations(FACTORS, 2):
            assert len(taken(ordinary, *factors)) == 4


@pytest.mark.parametrize(("new", "proven"), list(product((1, 2, 3, 5, 12), (0, 1, 2, 40))))
def test_each_node_tries_a_wrong_port_a_wrong_namespace_and_large_packets(new: int, proven: int) -> None:
    rows = designed(new, proven).rows
    for node in named("new", new):
        kinds = [row["kind"] for row in of(node, rows)]
        assert (kinds.count("wrong_port"), kinds.count("wrong_namespace")) == (1, 1)
        touching = [row for row in rows if row["kind"] == "large_packets" and node in (row["node"], row["peer"])]
        assert len(touching) == min(2, max(1, new + min(proven, 3) - 1))


def test_between_nodes_each_family_meets_each_protocol_and_each_direction_is_allowed_and_denied() -> None:
    for node in named("new", 5):
        rows = [row for row in of(node, designed(5, 3).rows) if row["way"] == "cross_node"]
        assert len(taken(rows, "family", "protocol")) == 4
        assert len(taken(rows, "direction", "allowed")) == 4


@pytest.mark.parametrize(("new", "proven"), list(product((1, 2, 3, 5, 12), (0, 1, 2, 40))))
def test_the_way_says_whether_the_peer_is_another_node(new: int, proven: int) -> None:
    for row in designed(new, proven).rows:
        assert (row["way"] == "same_node") == (row["node"] == row["peer"])


@pytest.mark.parametrize("new", [1, 2, 3, 5, 12])
def test_each_node_meets_several_peers_and_a_proven_one_among_them(new: int) -> None:
    found = designed(new, 40)
    for node in named("new", new):
        met = {row["peer"] for row in found.rows if row["node"] == node} - {node}
        met |= {row["node"] for row in found.rows if row["peer"] == node} - {node}
        assert len(met) >= 3
        assert met & {*found.peers}


def test_the_rows_grow_with_the_batch_and_not_with_the_cluster() -> None:
    assert len(designed(5, 40).rows) == len(designed(5, 4000).rows)
    assert len(designed(5, 4000).peers) == 3
    for new in (1, 5, 50):
        found = designed(new, 4000)
        assert len(found.rows) <= 10 * new
        assert len(found.peers) == max(3, (new + 1) // 2)


def test_the_same_seed_gives_the_same_rows_and_another_one_others() -> None:
    assert designed(5, 40) == designed(5, 40)
    assert designed(5, 40).peers == ["proven-13", "proven-33", "proven-35"]
    assert designed(5, 40, seed=8).peers != designed(5, 40).peers


def test_the_proven_nodes_are_drawn_before_the_families_are_known() -> None:
    nodes, offered = named("new", 2), named("proven", 9)
    assert design(nodes, offered, {}, 2, 7).peers == design(nodes, offered, {"new-1": ["IPv4"]}, 2, 7).peers


def test_a_node_of_the_batch_is_no_proven_peer_of_itself() -> None:
    assert drawn(["a", "b"], ["a"], 1) == ["b"]


@pytest.mark.parametrize(("new", "proven"), [(1, 0), (1, 1), (1, 3), (2, 0), (4, 3), (7, 4), (30, 15)])
def test_the_graph_is_a_ring_with_up_to_three_more_peers_a_node(new: int, proven: int) -> None:
    batch, others = named("new", new), named("proven", proven)
    found = graph(batch, others, 7)
    everybody = {*batch, *others}
    assert len(found.ring) == (len(everybody) if len(everybody) > 2 else len(everybody) - 1)
    for name, peers in found.peers.items():
        assert name not in peers
        assert len(peers) == len({*peers})
        assert min(5, len(everybody) - 1) >= len(peers) >= min(4, len(everybody) - 1)
        assert all(name in found.peers[peer] for peer in peers)
    assert {*found.peers} == everybody


def test_one_family_shrinks_the_array_and_is_told() -> None:
    found = designed(3, 3, families=["IPv4"])
    assert len([row for row in of("new-1", found.rows) if row["kind"] == "ordinary"]) == 5
    assert found.limits == ["No pod of these nodes has an IPv6 address, so IPv6 was not tried."]


def test_a_lone_node_is_tried_on_itself_and_is_told() -> None:
    found = designed(1, 0)
    assert {row["way"] for row in found.rows} == {"same_node"}
    assert len([row for row in found.rows if row["kind"] == "ordinary"]) == 5
    assert found.limits == ["No other node took part, so connections between nodes were not tried."]


def test_two_nodes_cannot_tell_a_node_from_the_pair() -> None:
    assert designed(1, 1).limits == [
        "Two nodes took part, so a fault between them cannot be told from a fault of one of them."
    ]


def test_a_batch_without_a_proven_node_is_told() -> None:
    (limit,) = designed(4, 0).limits
    assert (
        limit
        == "No node on which policy was proven before took part, so the nodes of this batch tried each other only."
    )


def test_a_node_with_a_family_of_its_own_tries_it_on_itself() -> None:
    families: dict[str, Sequence[Family]] = {"a": BOTH, "b": ["IPv4"], "c": ["IPv4"]}
    found = design(["a", "b"], ["c"], families, 2, 7)
    assert {row["way"] for row in found.rows if row["family"] == "IPv6"} == {"same_node"}
    assert {row["node"] for row in found.rows if row["family"] == "IPv6"} == {"a"}
    assert found.limits == [
        "Pods have no IPv6 address on b, so IPv6 was not tried there.",
        "No peer of a has IPv6, so IPv6 was tried there on the same node only.",
    ]


def test_a_node_whose_pods_gave_no_address_is_tried_over_what_others_have() -> None:
    found = design(["a", "b"], [], {"a": BOTH}, 2, 7)
    assert {row["family"] for row in of("b", found.rows)} == {*BOTH}


def test_the_ids_are_the_node_and_a_number() -> None:
    assert [row["id"] for row in designed(1, 1).rows] == [f"new-1/{number}" for number in range(1, 10)]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exactly the node, or the pair of nodes, that is at fault is blamed: in batches of 1 to 12 nodes, whichever engine judges."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import NodeVerdict
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.attribution import attributed
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.design import design
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.judge import Judgement
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.timelines import client_of, server_of

from .data_plane import ALWAYS, ENGINES, Engine, Fault, between, having, probed, touching

SIZES = range(1, 13)
OFFERED = [f"proven-{number}" for number in range(1, 41)]

ON_A_NODE: dict[str, tuple[str, Callable[[str], Fault]]] = {
    "enforces nothing": ("open", lambda node: Fault(node, open=ALWAYS)),
    "no ingress": ("open", lambda node: Fault(node, having(direction="ingress"), open=ALWAYS)),
    "no egress": ("open", lambda node: Fault(node, having(direction="egress"), open=ALWAYS)),
    "no IPv4": ("open", lambda node: Fault(node, having(family="IPv4"), open=ALWAYS)),
    "no IPv6": ("open", lambda node: Fault(node, having(family="IPv6"), open=ALWAYS)),
    "no TCP": ("open", lambda node: Fault(node, having(protocol="TCP"), open=ALWAYS)),
    "no UDP": ("open", lambda node: Fault(node, having(protocol="UDP"), open=ALWAYS)),
    "open for 200 ms": ("open", lambda node: Fault(node, open=(1.5, 1.7))),
    "late": ("late", lambda node: Fault(node, delay=0.7)),
    "cut off": ("closed", lambda node: Fault(None, touching(node), cut=ALWAYS)),
    "cut off over IPv6": ("closed", lambda node: Fault(None, touching(node, family="IPv6"), cut=ALWAYS)),
    "cut off for UDP": ("closed", lambda node: Fault(None, touching(node, protocol="UDP"), cut=ALWAYS)),
    "unreachable": ("closed", lambda node: Fault(None, touching(node), cut=ALWAYS, cut_fate="unreachable")),
    "takes nothing from others": (
        "closed",
        lambda node: Fault(None, lambda row: row["way"] == "cross_node" and server_of(row) == node, cut=ALWAYS),
    ),
    "sends nothing to others": (
        "closed",
        lambda node: Fault(None, lambda row: row["way"] == "cross_node" and client_of(row) == node, cut=ALWAYS),
    ),
    "no forwarding at all": (
        "closed",
        lambda node: Fault(None, lambda row: node in (row["node"], row["peer"]), cut=ALWAYS),
    ),
    "small MTU": ("closed", lambda node: Fault(None, touching(node, kind="large_packets"), cut=ALWAYS)),
}


def batch(size: int) -> list[str]:
    return [f"new-{number}" for number in range(1, size + 1)]


def blamed(found: Judgement) -> tuple[dict[str, NodeVerdict], list[list[str]]]:
    """By node the verdict, where policy is not in force; and the pairs."""
    nodes: dict[str, NodeVerdict] = {
        proof["node"]: proof["verdict"] for proof in found.nodes if proof["verdict"] != "enforced"
    }
    return nodes, [pair["nodes"] for pair in found.pairs]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", SIZES)
def test_nobody_is_blamed_where_nothing_is_wrong(size: int, engine: Engine) -> None:
    found = probed(batch(size), OFFERED, engine=engine, seed=size)
    assert (found.outcome, blamed(found)) == ("proven", ({}, []))
    assert found.reason.startswith(f"Network policy is in force on {size} node")


@pytest.mark.parametrize("name", ON_A_NODE)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_node_that_is_at_fault_is_blamed(name: str, engine: Engine) -> None:
    verdict, fault = ON_A_NODE[name]
    for size in SIZES:
        node = f"new-{size // 2 + 1}"
        found = probed(batch(size), OFFERED, [fault(node)], engine=engine, seed=size)
        assert (found.outcome, blamed(found)) == ("failed", ({node: verdict}, [])), size
        assert found.reason.startswith(f"{node}: ")


@pytest.mark.parametrize("size", SIZES)
def test_the_pair_that_is_at_fault_is_blamed(size: int) -> None:
    node = f"new-{size // 2 + 1}"
    rows = design(batch(size), OFFERED, {}, 2, size).rows
    for other in sorted({row["peer"] for row in rows if row["node"] == node} - {node}):
        found = probed(batch(size), OFFERED, [Fault(None, between(node, other), cut=ALWAYS)], seed=size)
        assert (found.outcome, blamed(found)) == ("failed", ({}, [sorted([node, other])]))


@pytest.mark.parametrize("size", SIZES)
def test_the_pair_that_passes_no_large_packets_is_blamed(size: int) -> None:
    rows = [row for row in design(batch(size), OFFERED, {}, 2, size).rows if row["kind"] == "large_packets"]
    for row in rows:
        pair = sorted([row["node"], row["peer"]])
        fault = Fault(None, between(*pair, kind="large_packets"), cut=ALWAYS)
        found = probed(batch(size), OFFERED, [fault], seed=size)
        assert (found.outcome, blamed(found)) == ("failed", ({}, [pair]))
        assert found.pairs[0]["reason"].startswith("Large packets do not come through")


@pytest.mark.parametrize("size", SIZES)
def test_a_node_without_pods_is_unproven_and_those_that_met_it_are_not(size: int) -> None:
    node = f"new-{size // 2 + 1}"
    found = probed(batch(size), OFFERED, silent={node: "its pods did not start"}, seed=size)
    assert (found.outcome, blamed(found)) == ("not_proven", ({node: "unproven"}, []))
    assert found.reason == f"{node}: No evidence: its pods did not start."


def test_a_node_does_not_pass_when_its_denied_connections_come_through_from_one_other() -> None:
    node, other = "new-3", "new-4"
    assert any({row["node"], row["peer"]} == {node, other} for row in design(batch(5), OFFERED, {}, 2, 7).rows)
    found = probed(batch(5), OFFERED, [Fault(None, between(node, other), open=ALWAYS)])
    nodes, pairs = blamed(found)
    assert pairs == [[node, other]]
    assert nodes
    assert {*nodes} <= {node, other}
    assert {*nodes.values()} == {"open"}


@pytest.mark.parametrize("size", [3, 5, 8, 12])
def test_a_node_that_reaches_some_is_not_blamed_for_two_pairs(size: int) -> None:
    node = "new-1"
    rows = design(batch(size), OFFERED, {}, 2, size).rows
    met = {row["peer"] for row in rows if row["node"] == node} | {row["node"] for row in rows if row["peer"] == node}
    pairs = [sorted([node, other]) for other in sorted(met - {node})[:2]]
    found = probed(batch(size), OFFERED, [Fault(None, between(*pair), cut=ALWAYS) for pair in pairs], seed=size)
    assert blamed(found)[1] == pairs


def test_a_row_with_two_causes_counts_against_the_node_that_decides_it() -> None:
    faults = [Fault("new-1", open=(1.5, 1.7)), Fault("new-2", having(direction="ingress"), open=ALWAYS)]
    found = probed(batch(5), OFFERED, faults)
    (second,) = [proof for proof in found.nodes if proof["node"] == "new-2"]
    assert {name.split("/")[0] for name in second["failed"]} == {"new-2"}


def test_two_faults_are_blamed_on_their_nodes() -> None:
    faults = [Fault("new-2", open=ALWAYS), Fault(None, touching("new-4"), cut=ALWAYS)]
    found = probed(batch(5), OFFERED, faults)
    assert blamed(found) == ({"new-2": "open", "new-4": "closed"}, [])
    assert found.reason.endswith("(1 more)")


def test_a_proven_node_that_fails_with_everybody_is_blamed_and_the_new_ones_are_not() -> None:
    peer = design(batch(5), OFFERED, {}, 2, 7).peers[0]
    found = probed(batch(5), OFFERED, [Fault(None, touching(peer), cut=ALWAYS)])
    assert blamed(found) == ({peer: "closed"}, [])
    (proof,) = [proof for proof in found.nodes if proof["node"] == peer]
    assert len(proof["failed"]) == proof["rows"] > 1


def test_a_proven_node_that_enforces_nothing_is_blamed_where_packets_are_judged_on_arrival() -> None:
    peer = design(batch(5), OFFERED, {}, 2, 7).peers[0]
    found = probed(batch(5), OFFERED, [Fault(peer, open=ALWAYS)], engine="arrival")
    assert blamed(found) == ({peer: "open"}, [])


def test_between_two_nodes_the_pair_is_blamed_since_nobody_else_took_part() -> None:
    found = probed(["a"], ["b"], [Fault(None, touching("a"), cut=ALWAYS)])
    assert blamed(found)[1] == [["a", "b"]]


def test_a_batch_that_reaches_nobody_is_blamed_and_not_the_proven_nodes() -> None:
    fault = Fault(None, lambda row: row["way"] == "cross_node", cut=ALWAYS)
    found = probed(batch(5), OFFERED, [fault])
    assert blamed(found) == (dict.fromkeys(batch(5), "closed"), [])


def test_a_search_without_end_still_blames_somebody_for_each_row() -> None:
    """Every second row wrong, over a batch of 40: no scope explains that."""
    rows = design(batch(40), OFFERED, {}, 2, 7).rows
    wrong, right = ([row["id"] for row in rows[start::2]] for start in (0, 1))
    found = attributed(rows, wrong, right, batch(40))
    assert {name for ids in found.values() for name in ids} == {*wrong}

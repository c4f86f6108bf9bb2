# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of some nodes after the other tell what one probe of all of them would."""

from __future__ import annotations

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PolicyProbeReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.turns import (
    enforcing,
    together,
    turns,
)
from hypothesis import given
from hypothesis import strategies as st

from .data_plane import ALWAYS, Fault, touching
from .reports import reported

OPEN = Fault("b", open=ALWAYS)


@given(st.integers(1, 400), st.integers(1, 60))
def test_turns_are_few_none_is_too_large_and_all_are_alike(number: int, at_once: int) -> None:
    nodes = [f"n-{place}" for place in range(number)]
    taken = turns(nodes, at_once)
    assert [node for turn in taken for node in turn] == nodes
    assert len(taken) == -(-number // at_once)
    assert max(map(len, taken)) <= at_once
    assert max(map(len, taken)) - min(map(len, taken)) <= 1


def verdicts(report: PolicyProbeReport) -> dict[str, str]:
    return {proof["node"]: proof["verdict"] for proof in report["nodes"]}


def test_one_report_alone_stays_what_it_is() -> None:
    alone = reported(["a", "b"])
    assert together([alone]) == alone


def test_two_turns_that_prove_their_nodes_prove_all() -> None:
    first, second = reported(["a", "b"]), reported(["c", "d"], offered=["a", "b"])
    both = together([first, second])
    assert both["outcome"] == "proven"
    assert both["reason"] == "Network policy is in force on 4 nodes: a, b, c, d."
    assert verdicts(both) == dict.fromkeys("abcd", "enforced")
    assert both["connections"] == first["connections"] + second["connections"]
    assert both["seconds"]["pods"] == 6.4
    assert set(both["proven_before"]).isdisjoint("abcd")
    assert both["settled"] is not None
    assert first["settled"] is not None
    assert both["settled"]["longest"] >= first["settled"]["longest"]


@pytest.mark.parametrize("place", [0, 1])
def test_a_fault_in_any_turn_is_the_fault_of_the_whole(place: int) -> None:
    some = [reported(["c", "d"])]
    some.insert(place, reported(["a", "b"], [OPEN]))
    both = together(some)
    assert both["outcome"] == "failed"
    assert both["reason"].startswith("b: ")
    assert enforcing(some) == [name for name in verdicts(both) if name != "b"]


def test_a_node_that_a_later_turn_blames_is_not_proven_by_an_earlier_one() -> None:
    first, second = reported(["a"]), reported(["b", "c", "d"], [Fault(None, touching("a"), cut=ALWAYS)], ["a"])
    assert verdicts(second)["a"] == "closed", "the case that this is about"
    both = together([first, second])
    (proof,) = [proof for proof in both["nodes"] if proof["node"] == "a"]
    assert proof["verdict"] == "closed"
    assert proof["rows"] > first["nodes"][0]["rows"]
    assert "a" not in enforcing([first, second])

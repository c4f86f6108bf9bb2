# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes is told from what stays by a second look, and what is open in one look is open."""

from __future__ import annotations

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.design import design
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.judge import Judgement
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.looks import (
    Look,
    lasting_troubles,
    seen,
    wants_another,
)

from .data_plane import ALWAYS, DEADLINE, WRITES, Fault, having, probed, timelines, touching

NODES, PEERS = ["a", "b"], ["c", "d", "e"]
BUSY = Fault(None, touching("b", family="IPv6"), cut=(2.5, 2.9))
CLOSED = Fault(None, touching("a"), cut=ALWAYS)
OPEN = Fault("a", having(protocol="UDP"), open=(1.5, 1.7))
LATE = Fault("a", delay=DEADLINE + 0.2)


def verdicts(found: Judgement) -> dict[str, str]:
    return {one["node"]: one["verdict"] for one in found.nodes}


def test_what_a_second_look_does_not_show_is_no_fault_and_is_told() -> None:
    assert "closed" in verdicts(probed(NODES, PEERS, [BUSY])).values(), "one look alone would say so"
    found = probed(NODES, PEERS, [BUSY], second=[])
    assert (found.outcome, verdicts(found)) == ("proven", {"a": "enforced", "b": "enforced"})
    (told,) = found.limits
    assert "b/" in told


@pytest.mark.parametrize(("fault", "verdict"), [(CLOSED, "closed"), (LATE, "late")])
def test_what_both_looks_show_is_a_fault_and_alone_is_blamed(fault: Fault, verdict: str) -> None:
    found = probed(NODES, PEERS, [fault, BUSY], second=[fault])
    assert (found.outcome, verdicts(found), found.pairs) == ("failed", {"a": verdict, "b": "enforced"}, [])


@pytest.mark.parametrize(("first", "second"), [([OPEN], []), ([BUSY], [OPEN]), ([OPEN, BUSY], [])])
def test_what_is_open_in_one_look_is_open(first: list[Fault], second: list[Fault]) -> None:
    found = probed(NODES, PEERS, first, second=second)
    assert (found.outcome, verdicts(found)) == ("failed", {"a": "open", "b": "enforced"})


@pytest.mark.parametrize(("fault", "wanted"), [(None, False), (OPEN, False), (BUSY, True), (LATE, True)])
def test_a_second_look_is_wanted_for_what_may_pass(fault: Fault | None, wanted: bool) -> None:
    drawn = design(NODES, PEERS, {}, 2, 7)
    look = Look(timelines(drawn, [fault] if fault else [], "subject", {}, lambda _node: 0.0), WRITES, {})
    assert wants_another(seen(drawn.rows, look, DEADLINE)) is wanted


def test_a_node_that_gives_no_evidence_wants_no_second_look() -> None:
    """The first one waited for its pods as long as it may."""
    drawn = design(NODES, PEERS, {}, 2, 7)
    silent = {"b": "its image cannot be pulled"}
    look = Look(timelines(drawn, [], "subject", silent, lambda _node: 0.0), WRITES, silent)
    assert not wants_another(seen(drawn.rows, look, DEADLINE))


def test_a_node_whose_pods_gave_evidence_in_one_look_is_in_no_trouble() -> None:
    looks = [Look({}, WRITES, troubles) for troubles in ({"a": "x", "b": "y"}, {"b": "z", "c": "z"})]
    assert lasting_troubles(looks) == {"b": "z"}
    assert lasting_troubles([*looks, Look({}, WRITES, {})]) == {}

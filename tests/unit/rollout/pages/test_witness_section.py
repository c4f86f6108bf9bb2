# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of a rollout tell of its witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import FlowWitness
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import markdown, terminal
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import decide
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.witnesses import IN_FULL, with_seen

from tests.unit.rollout.builders import plan, rolled_out
from tests.unit.rollout.probes import IMAGE
from tests.unit.rollout.witnesses import GAP, HOLE, witnessed

NAMES = ["core-1", "core-2", "edge-1"]
PLAN = plan(NAMES, verify={"image": IMAGE}, soak=0)
OF_CORE = "Witnesses of batch core-1"


def report(found: Sequence[FlowWitness]) -> Any:
    state = with_seen(new_state(PLAN), "core-1", found)
    return decide(PLAN, state, rolled_out(NAMES, ["core-1", "core-2"]), 1001.0)["report"]


def flat(page: str) -> str:
    return " ".join(page.split())


def test_each_witnessed_node_has_its_longest_gap() -> None:
    told = report([witnessed("core-1", 1240.4), witnessed("core-2", None)])
    page = flat(terminal(told))
    assert "core-1 in progress 2/2 1240 ms core-1 core-2" in page
    assert f"core-1 1240 ms {GAP} egress" in page
    assert "1 more node with no gap at all." in page
    assert f"| core-1 | 1240 ms | {GAP} | egress |" in markdown(told).replace("\\", "")


def test_a_denied_connection_that_came_through_is_told_with_its_instant_and_direction() -> None:
    told = report([witnessed("core-1", None, denied_through=4), witnessed("core-2")])
    assert f"core-1 none 4, ingress, the first at {HOLE}" in flat(terminal(told))
    assert f"4, ingress, the first at {HOLE}" in markdown(told).replace("\\", "")
    assert "\n\n\n" not in markdown(told)


def test_of_many_nodes_the_longest_gaps_are_told_and_how_long_those_of_the_others_are_at_most() -> None:
    found = [witnessed(f"w-{number}", 10.0 * number) for number in range(1, IN_FULL + 4)]
    page = flat(terminal(report(found)))
    assert "w-13 130 ms" in page
    assert "3 more nodes with no gap longer than 30 ms." in page


def test_a_node_without_a_witness_is_named_with_the_reason() -> None:
    found = [witnessed(name, None, began=None, reason="exceeded quota") for name in NAMES[:2]]
    told = report(found)
    expected = "Nothing, or not all, is known of 2 nodes: core-1, core-2: exceeded quota."
    assert expected in flat(terminal(told))
    assert expected in flat(markdown(told).replace("\\", ""))


def test_where_nobody_was_witnessed_the_pages_say_nothing_of_it() -> None:
    told = decide(PLAN, new_state(PLAN), rolled_out(NAMES, ["core-1", "core-2"]), 1001.0)["report"]
    assert OF_CORE not in terminal(told) + markdown(told)
    assert "ongest gap" not in terminal(told) + markdown(told)
    assert OF_CORE in terminal(report([witnessed("core-1")]))

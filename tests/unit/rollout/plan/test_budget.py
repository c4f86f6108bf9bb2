# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failure budgets of a plan: what a failure does, and how many nodes may start at a time."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rollout.builders import evidence, facts, plan, tier

CORE = ["core-1", "core-2"]
EDGE = [f"edge-{number}" for number in range(1, 7)]


def edge(budget: Any = 2, **more: Any) -> Any:
    return tier("edge", failure_budget=budget, on_failure=None, **more)


def made(tiers: Any = None, bad: Any = (), quarantined: Any = (), **options: Any) -> Any:
    names = [*CORE, *EDGE]
    nodes = [facts(name, quarantined="not_ready: felix" if name in quarantined else None) for name in names]
    return build_plan(nodes, evidence(names, bad), tiers or [tier("core", on_failure=None), edge()], **options)


def ways(the_plan: Any) -> list[str]:
    return [each["on_failure"] for each in the_plan["tiers"]]


def sizes(the_plan: Any, name: str = "edge") -> list[int]:
    return [len(batch["nodes"]) for batch in the_plan["batches"] if batch["tier"] == name]


def test_the_first_tier_halts_and_the_others_go_on_unless_told_otherwise() -> None:
    assert ways(made()) == ["halt", "quarantine"]
    told = [tier("core", on_failure="quarantine"), tier("edge", on_failure="halt")]
    assert ways(made(told)) == ["quarantine", "halt"]


def test_anything_else_is_refused_by_name() -> None:
    with pytest.raises(RolloutError, match="tier core, on_failure: 'ignore' is not known; possible are halt, quarantine"):
        made([tier("core", on_failure="ignore"), edge()])


@pytest.mark.parametrize(("budget", "batches"), [(1, [1] * 6), (2, [2, 2, 2]), ("50%", [3, 3]), (6, [4, 2])])
def test_no_more_nodes_of_a_batch_start_than_may_all_fail(budget: Any, batches: list[int]) -> None:
    assert sizes(made([tier("core"), edge(budget, batch_size=4)])) == batches


def test_what_is_left_out_takes_room_away() -> None:
    assert sizes(made([tier("core"), edge(3, batch_size=4)], bad=EDGE[4:5])) == [2, 2, 1]


def test_the_budget_in_total_takes_room_away_too() -> None:
    three = [*CORE, "core-3"]
    tiers = [tier("core"), edge(6, batch_size=4)]
    assert sizes(plan([*three, *EDGE], tiers, bad=["core-3"], failure_budget=3)) == [2, 2, 2]


def test_a_tier_that_halts_has_the_batches_that_it_asks_for() -> None:
    assert sizes(made([tier("core"), tier("edge", 4, failure_budget=1)])) == [4, 2]


def test_a_budget_of_none_halts() -> None:
    nothing = made([tier("core"), edge(0, batch_size=4)])
    assert (ways(nothing)[1], sizes(nothing), nothing["warnings"][:-1]) == ("halt", [4, 2], [])


def test_a_budget_that_unfit_hosts_use_up_halts_and_the_plan_warns_of_it() -> None:
    spent = made([tier("core"), edge(1, batch_size=4)], bad=EDGE[:1])
    assert (ways(spent)[1], sizes(spent)) == ("halt", [4, 1])
    assert (
        "The failure budget of tier edge is used up by 1 node left out, so the rollout halts at the first node of it that fails"
        in spent["warnings"]
    )
    assert "failure budget  on failure" in plan_text(spent)


def test_a_budget_that_failed_nodes_use_up_starts_none_and_the_plan_warns_of_it() -> None:
    spent = made([tier("core"), edge(1, batch_size=4)], quarantined=EDGE[:1])
    assert ways(spent)[1] == "quarantine"
    assert (
        "The failure budget of tier edge is used up by 1 node left out, so none of its other nodes is started: each could fail too"
        in spent["warnings"]
    )


def test_the_first_batch_needs_room_for_two_nodes() -> None:
    with pytest.raises(RolloutError, match="let it halt on_failure or give it a failure_budget with room for two"):
        made([tier("core", failure_budget=1, on_failure="quarantine"), edge()])


def test_a_node_in_quarantine_stays_outside_with_its_reason_and_its_tier_pays() -> None:
    the_plan = made(quarantined=["edge-2"])
    assert the_plan["excluded"] == [
        {
            "node": "edge-2",
            "host": "h-edge-2",
            "tier": "edge",
            "cause": "quarantined",
            "reason": "not_ready: felix",
            "remedy": "Cure it, then release it: calico_ops.rollout.release --limit h-edge-2",
            "counts": True,
        }
    ]
    assert the_plan["tiers"][1]["left_out"] == 1


def test_a_node_in_quarantine_is_not_adopted_though_its_calico_node_is_not_gone_yet() -> None:
    nodes = [*(facts(name) for name in CORE), facts("core-3", calico_ready=True, quarantined="open")]
    the_plan = build_plan(nodes, evidence([*CORE, "core-3"]), [tier("core")])
    assert [batch["name"] for batch in the_plan["batches"]] == ["core-1"]
    assert [entry["cause"] for entry in the_plan["excluded"]] == ["quarantined"]


def test_an_exclusion_by_the_user_wins_over_a_quarantine() -> None:
    rule = {"match": "metadata.name=='edge-2'", "reason": "museum"}
    (entry,) = made(quarantined=["edge-2"], exclusions=[rule])["excluded"]
    assert (entry["cause"], entry["counts"]) == ("declared", False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"taint": "PreferNoSchedule"}, "quarantine.taint: 'PreferNoSchedule' is not known; possible are NoSchedule"),
        ({"clear_network_unavailable": "yes"}, "quarantine.clear_network_unavailable: true or false is needed"),
        ({"effect": "none"}, "quarantine: effect is not known here"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: Any, message: str) -> None:
    with pytest.raises(RolloutError, match=message):
        made(quarantine=given)


def test_a_quarantine_closes_the_node_and_clears_nothing_unless_told_otherwise() -> None:
    assert made()["quarantine"] == {"taint": "NoSchedule", "clear_network_unavailable": False}
    assert made(quarantine={"taint": None, "clear_network_unavailable": True})["quarantine"] == {
        "taint": "NoSchedule",
        "clear_network_unavailable": True,
    }


budgets = st.one_of(st.integers(0, 7), st.integers(0, 100).map(lambda percent: f"{percent}%"))


@settings(max_examples=60)
@given(budgets, st.one_of(st.none(), budgets), st.integers(1, 6), st.sets(st.sampled_from(EDGE), max_size=5))
def test_whatever_the_budgets_no_batch_of_a_tier_that_goes_on_is_larger_than_their_room(
    own: Any, total: Any, size: int, bad: set[str]
) -> None:
    the_plan = made([tier("core"), edge(own, batch_size=size)], bad=bad, failure_budget=total)
    the_tier = the_plan["tiers"][1]
    allowed = min(the_tier["budget"], the_tier["nodes"] if the_plan["budget"] is None else the_plan["budget"])
    if the_tier["on_failure"] == "quarantine":
        assert all(len(bad) + number <= allowed for number in sizes(the_plan))
    else:
        assert len(bad) >= allowed

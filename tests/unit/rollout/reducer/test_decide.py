# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.for_calico import noted
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    SETTLE,
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import (
    LABEL,
    bare,
    degraded,
    installation,
    node_seen,
    overlay,
    plan,
    pod,
    rolled_out,
    tier,
)
from tests.unit.rollout.fake_cluster import FakeCluster, Run

CORE = ["core-1", "core-2"]
EDGE = ["edge-1", "edge-2", "edge-3"]
ALL = CORE + EDGE
PLAN = plan(ALL, soak=10, batch_timeout=600)
NOW = 1000.0


def state(**fields: Any) -> Any:
    return {**new_state(PLAN), **fields}


def decided(seen: Any, now: float = NOW, the_plan: Any = PLAN, **fields: Any) -> Any:
    return decide(the_plan, {**new_state(the_plan), **fields}, seen, now)


def kinds(decision: Any) -> list[str]:
    return [action["do"] for action in decision["actions"]]


def stopped(decision: Any) -> str:
    assert (decision["actions"], decision["report"]["outcome"], decision["state"]["phase"]) == (
        [],
        "stopped",
        "stopped",
    )
    return str(decision["report"]["reason"])


def waited(decision: Any) -> tuple[str, float]:
    assert kinds(decision) == ["wait"]
    return decision["actions"][0]["why"], decision["actions"][0]["until"]


# --- the way of a clean installation -------------------------------------------------------------------------------


def test_the_first_batch_is_labelled_before_the_selector_is_written() -> None:
    decision = decided(bare(ALL))
    assert decision["actions"] == [
        {
            "do": "label_nodes",
            "batch": "core-1",
            "nodes": CORE,
            "labels": {LABEL["key"]: LABEL["value"]},
            "annotations": {
                "rollout.calico-ops.dev/plan": PLAN["id"],
                "rollout.calico-ops.dev/batch": "core-1",
                "rollout.calico-ops.dev/precheck": PLAN["precheck_digest"],
            },
            "waived": {},
            "checked_for": {name: noted(PLAN["evidence"][0]["settings"]) for name in CORE},
        }
    ]
    assert decision["state"] == state(phase="labelling", batch="core-1", part=CORE, batch_started=NOW)


def labelled(*names: str) -> Any:
    seen = bare(ALL)
    for name in names:
        seen["nodes"][name] = node_seen(admitted=True, ready=False)
    return seen


def test_a_missing_installation_is_created_with_the_selector() -> None:
    decision = decided(labelled(*CORE))
    assert decision["actions"] == [{"do": "scope_installation", "create": True}]
    assert decision["state"]["phase"] == "scoping"


def test_an_installation_that_is_there_gets_the_selector() -> None:
    assert decided({**labelled(*CORE), "installation": installation({})})["actions"] == [
        {"do": "scope_installation", "create": False}
    ]


def test_the_selector_is_written_once_though_it_is_not_seen_at_once() -> None:
    why, until = waited(decided(labelled(*CORE), phase="scoping", batch="core-1", batch_started=NOW))
    assert why == "waiting for the selector to appear in the Installation"
    assert until == NOW + 600


def test_the_operator_is_waited_for_with_what_it_says() -> None:
    seen = {
        **labelled(*CORE),
        "installation": installation(),
        "calico_status": degraded("ResourceNotFound", "waiting for IP pools"),
    }
    why, _until = waited(decided(seen))
    assert why == (
        "waiting for tigera-operator to put the selector into its DaemonSets (it says ResourceNotFound: waiting for IP pools)"
    )


def test_what_the_operator_does_not_complain_of_is_not_told() -> None:
    fine = {"Degraded": {"status": "False", "reason": "Unknown", "message": "", "observed_generation": 3}}
    for status in ({}, fine):
        why, _until = waited(decided({**labelled(*CORE), "installation": installation(), "calico_status": status}))
        assert why == "waiting for tigera-operator to put the selector into its DaemonSets"


def test_an_operator_that_never_takes_the_selector_makes_the_batch_overdue() -> None:
    seen = {**labelled(*CORE), "installation": installation()}
    reason = stopped(decided(seen, now=NOW + 600, phase="scoping", batch="core-1", batch_started=NOW))
    assert reason.startswith(
        "batch core-1 is not ready after 600 s, still waiting for tigera-operator to put the selector into its DaemonSets. "
    )


def test_when_the_selector_was_first_seen_is_remembered() -> None:
    assert decided(rolled_out(ALL, CORE))["state"]["scoped_at"] == NOW
    assert decided(rolled_out(ALL, CORE), scoped_at=NOW - 5)["state"]["scoped_at"] == NOW - 5


def test_a_batch_is_waited_for_until_all_its_nodes_pass_the_gate() -> None:
    seen = rolled_out(ALL, CORE)
    seen["pods"][1].update({"ready": False, "reason": "felix is not live"})
    decision = decided(seen, batch="core-1", batch_started=NOW - 5)
    assert waited(decision) == ("batch core-1: waiting for core-2 (not_ready: felix is not live)", NOW + 595)
    assert decision["report"]["not_ready"][0]["node"] == "core-2"


def test_a_ready_batch_is_watched_for_the_soak() -> None:
    decision = decided(rolled_out(ALL, CORE))
    assert waited(decision) == ("batch core-1: watched for 10 s to stay so", NOW + 10)
    assert decision["state"]["ready_since"] == NOW


def test_the_soak_begins_anew_when_readiness_was_lost() -> None:
    seen = rolled_out(ALL, CORE)
    seen["nodes"]["core-1"]["ready"] = False
    assert decided(seen, ready_since=NOW - 9)["state"]["ready_since"] is None


def test_the_next_batch_is_labelled_after_the_soak() -> None:
    decision = decided(rolled_out(ALL, CORE), batch="core-1", batch_started=NOW - 100, ready_since=NOW - 10)
    assert [action["nodes"] for action in decision["actions"]] == [EDGE[:2]]
    assert (decision["state"]["batch"], decision["state"]["batch_started"], decision["state"]["ready_since"]) == (
        "edge-1",
        NOW,
        None,
    )


def test_a_node_of_an_earlier_batch_that_fell_over_holds_the_rollout_up() -> None:
    seen = rolled_out(ALL, CORE + EDGE[:2])
    seen["nodes"]["core-1"].update({"network_unavailable": True})
    assert (
        "core-1 (network_unavailable"
        in waited(decided(seen, batch="edge-1", batch_started=NOW, ready_since=NOW - 99))[0]
    )


def test_all_planned_nodes_ready_and_watched_is_done() -> None:
    decision = decided(rolled_out(ALL, ALL), ready_since=NOW - 10)
    assert (decision["actions"], decision["report"]["outcome"], decision["state"]["phase"]) == ([], "done", "done")
    assert decision["report"]["reason"] == "calico-node is ready on all 5 planned nodes; none is outside"
    assert [batch["state"] for batch in decision["report"]["batches"]] == ["done"] * 3


def test_a_finished_cluster_is_watched_once_more_and_nothing_is_written() -> None:
    cluster = FakeCluster(ALL)
    Run(PLAN, cluster).to_the_end()
    writes = (len(cluster.label_writes), len(cluster.scope_writes))
    again = Run(PLAN, cluster, now=5000.0)
    assert again.to_the_end()["outcome"] == "done"
    assert (len(cluster.label_writes), len(cluster.scope_writes)) == writes
    assert again.now == 5010.0


def test_a_clean_cluster_ends_with_every_planned_node_ready_and_one_write_each() -> None:
    cluster = FakeCluster(ALL)
    report = Run(PLAN, cluster).to_the_end()
    assert (report["outcome"], report["ready"], report["planned"]) == ("done", 5, 5)
    assert [nodes for _now, _batch, nodes in cluster.label_writes] == [CORE, EDGE[:2], EDGE[2:]]
    assert len(cluster.scope_writes) == 1


# --- what stops it --------------------------------------------------------------------------------------------------


def test_an_overdrawn_budget_stops_before_the_first_write_and_names_the_nodes_that_cost_it() -> None:
    tight = plan([*ALL, "core-3"], [tier("core"), tier("edge", failure_budget=1)], bad=[*EDGE[1:], "core-3"])
    reason = stopped(decided(bare([*ALL, "core-3"]), the_plan=tight))
    assert reason == (
        "tier edge: 2 of its 3 nodes would be left out, its failure budget allows 1: edge-2 (precheck_failed), "
        "edge-3 (precheck_failed). Cure these nodes, declare them outside in the exclusions, or raise failure_budget"
    )


def test_the_budget_in_total_stops_it_though_each_tier_is_within_its_own() -> None:
    tight = plan([*ALL, "core-3"], bad=[*EDGE[2:], "core-3"], failure_budget="16%")
    assert stopped(decided(bare([*ALL, "core-3"]), the_plan=tight)).startswith(
        "all tiers together: 2 of their 6 nodes would be left out, the failure budget in total allows 1: "
        "core-3 (precheck_failed), edge-3 (precheck_failed). Cure these nodes"
    )
    fits = plan([*ALL, "core-3"], bad=[*EDGE[2:], "core-3"], failure_budget=2)
    assert kinds(decided(bare([*ALL, "core-3"]), the_plan=fits)) == ["label_nodes"]


def test_a_budget_that_is_used_up_to_the_last_does_not_stop() -> None:
    assert kinds(
        decided(bare(ALL), the_plan=plan(ALL, [tier("core"), tier("edge", failure_budget=1)], bad=EDGE[2:]))
    ) == ["label_nodes"]


def test_the_state_of_another_plan_is_refused() -> None:
    assert "belongs to plan 0123" in stopped(decided(bare(ALL), plan_id="0123"))


def test_a_stopped_rollout_does_nothing_more() -> None:
    assert "stopped before" in stopped(decided(bare(ALL), phase="stopped"))


def test_a_planned_node_that_is_gone_stops_the_rollout() -> None:
    assert "no longer has node edge-3 of the plan" in stopped(decided(rolled_out(ALL[:-1], CORE)))


def test_a_refusal_is_asked_for_again_after_the_first_label() -> None:
    assert "overlay" in stopped(decided({**labelled(*CORE), "overlay": overlay()}))


def test_no_refusal_is_asked_for_once_the_selector_is_in_force() -> None:
    assert kinds(decided({**rolled_out(ALL, CORE), "overlay": overlay()})) == ["wait"]


def test_a_rejection_by_the_operator_stops_the_rollout_with_its_words() -> None:
    seen = {
        **rolled_out(ALL, CORE),
        "calico_status": degraded("InvalidConfigurationError", "Invalid Installation provided: x"),
    }
    assert "Invalid Installation provided: x" in stopped(decided(seen))


def test_a_selector_that_was_taken_away_stops_the_rollout_and_is_not_written_again() -> None:
    seen = {**rolled_out(ALL, CORE), "installation": installation({}, managed_by=["argocd", "tigera-operator"])}
    assert "(its spec is written by argocd, tigera-operator)" in stopped(decided(seen, scoped_at=NOW - 50))


def test_an_overdue_batch_stops_the_rollout_and_says_who_and_why() -> None:
    seen = rolled_out(ALL, CORE)
    seen["pods"][1].update({"ready": False, "reason": "felix is not live"})
    before = decided(seen, now=NOW + 599.9, batch="core-1", batch_started=NOW)
    assert kinds(before) == ["wait"]
    reason = stopped(decided(seen, now=NOW + 600, batch="core-1", batch_started=NOW))
    assert reason.startswith(
        "batch core-1 is not ready after 600 s, still waiting for core-2 (not_ready: felix is not live). No further node"
    )


def test_a_batch_that_is_ready_is_not_overdue_while_it_is_watched() -> None:
    assert kinds(decided(rolled_out(ALL, CORE), now=NOW + 700, batch="core-1", batch_started=NOW)) == ["wait"]


def test_a_batch_without_a_start_gets_its_whole_time_after_a_restart() -> None:
    seen = rolled_out(ALL, CORE)
    seen["pods"] = []
    decision = decided(seen)
    assert waited(decision)[1] == NOW + 600
    assert (decision["state"]["batch"], decision["state"]["batch_started"]) == ("core-1", NOW)


def test_an_instant_of_zero_is_an_instant() -> None:
    seen = rolled_out(ALL, CORE)
    seen["pods"] = []
    assert "is not ready after 600 s" in stopped(decided(seen, now=600.0, batch="core-1", batch_started=0.0))


# --- writes that are not seen ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("batch", "seen"), [("core-1", bare(ALL)), ("edge-1", rolled_out(ALL, CORE))])
def test_a_label_that_was_just_written_is_not_written_again(batch: str, seen: Any) -> None:
    why, until = waited(
        decided(seen, now=NOW + 1, phase="labelling", batch=batch, batch_started=NOW, ready_since=NOW - 99)
    )
    assert "waiting for the labels of 2 nodes" in why
    assert until == NOW + SETTLE


def test_a_label_that_did_not_stay_is_written_again_for_that_node_alone() -> None:
    decision = decided(
        labelled("core-1"), now=NOW + SETTLE, phase="labelling", batch="core-1", part=CORE, batch_started=NOW
    )
    assert [action["nodes"] for action in decision["actions"]] == [["core-2"]]
    assert decision["state"]["batch_started"] == NOW


def test_a_label_that_never_stays_makes_the_batch_overdue() -> None:
    seen = rolled_out(ALL, CORE)
    reason = stopped(decided(seen, now=NOW + 600, phase="waiting", batch="edge-1", batch_started=NOW, ready_since=NOW))
    assert "the admission label on 2 nodes (edge-1, edge-2)" in reason


def test_the_readiness_of_the_nodes_before_is_no_soak_of_a_batch_that_was_just_labelled() -> None:
    decision = decided(rolled_out(ALL, CORE), now=NOW + 1, phase="labelling", batch="edge-1", batch_started=NOW)
    assert decision["state"]["ready_since"] is None


def test_the_soak_of_a_batch_begins_when_all_its_labels_are_seen_and_all_is_ready() -> None:
    decision = decided(
        rolled_out(ALL, CORE + EDGE[:2]), now=NOW + 1, phase="labelling", batch="edge-1", batch_started=NOW
    )
    assert decision["state"]["ready_since"] == NOW + 1


def test_before_any_batch_no_time_runs() -> None:
    tight = plan(ALL, [tier("core"), tier("edge", failure_budget=0)], bad=EDGE[2:])
    assert decided(bare(ALL), the_plan=tight)["state"]["batch_started"] is None


# --- where it stands ---------------------------------------------------------------------------------------------------


def test_the_report_tells_each_batch() -> None:
    seen = rolled_out(ALL, CORE + EDGE[:2])
    seen["pods"][3]["ready"] = False
    report = decided(seen, batch="edge-1", batch_started=NOW)["report"]
    assert [
        (batch["name"], batch["nodes"], batch["admitted"], batch["ready"], batch["state"])
        for batch in report["batches"]
    ] == [
        ("core-1", 2, 2, 2, "done"),
        ("edge-1", 2, 2, 1, "in_progress"),
        ("edge-2", 1, 0, 0, "pending"),
    ]
    assert (report["planned"], report["ready"], report["check_mode"]) == (5, 3, False)


def test_a_ready_batch_is_in_progress_while_it_is_watched() -> None:
    assert decided(rolled_out(ALL, CORE))["report"]["batches"][0]["state"] == "in_progress"


def test_many_nodes_that_are_not_ready_are_counted_and_not_all_told() -> None:
    names = [f"edge-{number}" for number in range(1, 31)]
    big = plan(names, [tier("edge", 30)])
    seen = {**rolled_out(names, names), "pods": []}
    assert waited(decided(seen, the_plan=big))[0].endswith("27 more nodes")
    few = {**seen, "pods": [pod(name) for name in names[3:]]}
    assert waited(decided(few, the_plan=big))[0].endswith("edge-3 (no_pod: no calico-node pod is bound to the Node)")
    assert "10 more nodes" in stopped(decided(seen, now=NOW + 600, the_plan=big, batch="edge-1", batch_started=NOW))

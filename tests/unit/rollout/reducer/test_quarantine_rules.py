# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that fails goes into quarantine where its tier says so, and everything that a person has to look at halts the rollout."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Decision
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import (
    progress_line,
    terminal,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import decide
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.policy_proof import with_probe
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import LABEL, READ_AT, bare, node_seen, plan, pod, rolled_out, tier, unscoped
from tests.unit.rollout.fake_cluster import FakeCluster, Run
from tests.unit.rollout.probes import IMAGE, gap_on, probe_of

CORE = ["core-1", "core-2"]
EDGE = ["edge-1", "edge-2", "edge-3"]
ALL = CORE + EDGE
NOW = 5000.0
KEY = "rollout.calico-ops.dev/quarantine"
REASON = "rollout.calico-ops.dev/quarantine-reason"


def of(edge: Any = None, **options: Any) -> Any:
    tiers = [tier("core"), tier("edge", **{"failure_budget": 2, "on_failure": "quarantine", **(edge or {})})]
    return plan(ALL, tiers, **{"soak": 0, "batch_timeout": 60, **options})


PLAN = of()


def waiting(*unready: str, admitted: Any = (*CORE, "edge-1", "edge-2"), **fields: Any) -> Any:
    """The second batch is labelled, and calico-node does not become ready on some of the nodes."""
    seen = rolled_out(ALL, list(admitted))
    seen["pods"] = [
        pod(name, ready=name not in unready, reason="felix is not live" if name in unready else None, **fields)
        for name in admitted
    ]
    return seen


def decided(seen: Any, the_plan: Any = PLAN, now: float = NOW, **state: Any) -> Decision:
    remembered: Any = {**new_state(the_plan), "batch": "edge-1", "part": EDGE[:2], "batch_started": NOW - 60, **state}
    return decide(the_plan, remembered, seen, now)


def action_of(decision: Decision) -> Any:
    (action,) = decision["actions"]
    return action


def halted(decision: Decision) -> str:
    assert (decision["actions"], decision["report"]["outcome"]) == ([], "stopped")
    return decision["report"]["reason"]


def in_quarantine(*names: str, seen: Any = None) -> Any:
    """The same cluster once these nodes are in quarantine."""
    seen = seen or waiting()
    for name in names:
        seen["nodes"][name] = node_seen(labels={KEY: "not_ready"})
        seen["nodes"][name]["annotations"] = {REASON: "not_ready: felix is not live"}
    admitted = [name for name, node in seen["nodes"].items() if LABEL["key"] in node["labels"]]
    again = rolled_out(ALL, admitted)
    again["nodes"] = seen["nodes"]
    return again


# --- readiness ----------------------------------------------------------------------------------------------------


def test_a_node_that_does_not_get_ready_in_time_goes_into_quarantine_with_its_reason() -> None:
    assert action_of(decided(waiting("edge-2"), now=NOW - 1))["do"] == "wait"
    decision = decided(waiting("edge-2"))
    assert action_of(decision) == {
        "do": "quarantine",
        "batch": "edge-1",
        "nodes": ["edge-2"],
        "causes": {"edge-2": "not_ready"},
        "reasons": {"edge-2": f"not_ready: felix is not live (batch edge-1 of plan {PLAN['id']})"},
    }
    assert decision["report"]["outcome"] == "in_progress"
    assert progress_line(decision["report"]) == (
        "batch 2/3 edge-1: 1 of 2 ready, into quarantine with edge-2 (not_ready: felix is not live)"
    )


def test_the_rest_of_the_batch_has_its_whole_time_again() -> None:
    state = decided(waiting("edge-2"))["state"]
    assert (state["batch_started"], state["ready_since"], state["phase"]) == (NOW, None, "quarantining")


def test_what_comes_from_the_cluster_is_made_printable_and_short() -> None:
    seen = waiting("edge-2")
    seen["pods"][-1]["reason"] = "\x1b[31m" + "x" * 700
    reason = action_of(decided(seen))["reasons"]["edge-2"]
    assert (reason.isprintable(), len(reason)) == (True, 600)


def test_the_rollout_goes_on_without_it_and_says_where_it_is() -> None:
    decision = decided(in_quarantine("edge-2"), batch_started=NOW)
    assert action_of(decision)["nodes"] == ["edge-3"]
    report: Any = decision["report"]
    assert [(one["name"], one["admitted"], one["quarantined"], one["state"]) for one in report["batches"]] == [
        ("core-1", 2, 0, "done"),
        ("edge-1", 1, 1, "done"),
        ("edge-2", 0, 0, "in_progress"),
    ]
    (entry,) = report["excluded"]
    assert (entry["node"], entry["host"], entry["tier"], entry["cause"], entry["counts"]) == (
        "edge-2",
        "h-edge-2",
        "edge",
        "quarantined",
        True,
    )
    assert "edge-2 (host h-edge-2): quarantined: not_ready: felix is not live" in " ".join(terminal(report).split())


def test_a_rollout_that_ends_well_names_those_in_quarantine() -> None:
    seen = in_quarantine("edge-2", seen=waiting(admitted=ALL))
    report = decided(seen, batch="edge-2", part=["edge-3"])["report"]
    assert report["outcome"] == "done"
    assert report["reason"] == "calico-node is ready on all 4 planned nodes; 1 outside, in quarantine: edge-2"


def test_a_node_in_quarantine_that_somebody_labels_by_hand_is_not_waited_for() -> None:
    seen = in_quarantine("edge-2")
    seen["nodes"]["edge-2"]["labels"].update({LABEL["key"]: LABEL["value"]})
    seen["daemonset"].update(desired=4)
    decision = decided(seen, batch_started=NOW)
    assert action_of(decision)["nodes"] == ["edge-3"]
    assert [entry["cause"] for entry in decision["report"]["excluded"]] == ["quarantined"]


def test_the_network_that_calico_node_left_is_explained() -> None:
    seen = in_quarantine("edge-2")
    seen["nodes"]["edge-2"].update(network_unavailable=True, network_reason="CalicoIsDown")
    (entry,) = decided(seen, batch_started=NOW)["report"]["excluded"]
    assert "calico-node left NetworkUnavailable=True (CalicoIsDown) on the Node since 2026" in entry["reason"]


def test_all_nodes_of_a_batch_may_go() -> None:
    assert action_of(decided(waiting("edge-1", "edge-2")))["nodes"] == ["edge-1", "edge-2"]
    after = decided(in_quarantine("edge-1", "edge-2"), of({"failure_budget": 3}), batch_started=NOW)
    assert action_of(after)["nodes"] == ["edge-3"]


# --- policy --------------------------------------------------------------------------------------------------------

PROVING = of(verify={"image": IMAGE, "witness": "none"})


def probed(verdicts: dict[str, str], gaps: Any = (), now: float = NOW, **fields: Any) -> Decision:
    seen = rolled_out(ALL, [*CORE, *EDGE[:2]])
    state: Any = {**new_state(PROVING), "batch": "edge-1", "part": EDGE[:2], "batch_started": NOW - 5}
    state = with_probe(state, "edge-1", probe_of(verdicts, **fields), gaps, NOW)
    state["policy"]["since"] = NOW - 60
    return decide(PROVING, state, seen, now)


@pytest.mark.parametrize("verdict", ["open", "closed", "late"])
def test_a_node_that_does_not_enforce_policy_goes_at_once_and_its_neighbour_proves_policy_again(verdict: str) -> None:
    decision = probed({"edge-1": "enforced", "edge-2": verdict}, [gap_on("edge-2")])
    action = action_of(decision)
    assert (action["do"], action["nodes"], action["causes"]) == ("quarantine", ["edge-2"], {"edge-2": verdict})
    assert decision["state"]["policy"]["last"] is None
    assert decision["report"]["notes"] == [
        "workloads run in quarantine, without Calico: 2 on edge-2 (shop/web-1, shop/web-2), selected by 1 NetworkPolicy"
    ]


def test_a_node_that_gives_no_evidence_goes_once_the_time_of_a_batch_is_over() -> None:
    early = probed({"edge-1": "enforced", "edge-2": "unproven"}, now=NOW - 1)
    assert action_of(early)["do"] == "verify_policy"
    late = action_of(probed({"edge-1": "enforced", "edge-2": "unproven"}))
    assert (late["do"], late["causes"]) == ("quarantine", {"edge-2": "unproven"})


def test_what_is_wrong_between_two_nodes_that_enforce_halts() -> None:
    pair: Any = {"nodes": ["core-1", "edge-1"], "reason": "no large packet arrives.", "failed": []}
    assert "between core-1 and edge-1" in halted(probed({"edge-1": "enforced", "edge-2": "open"}, pairs=[pair]))
    mine: Any = {"nodes": ["core-1", "edge-2"], "reason": "no large packet arrives.", "failed": []}
    assert action_of(probed({"edge-1": "enforced", "edge-2": "open"}, pairs=[mine]))["nodes"] == ["edge-2"]


def test_a_node_that_was_proven_before_and_fails_now_halts_and_the_reason_says_why() -> None:
    reason = halted(probed({"core-1": "open", "edge-1": "enforced"}))
    assert "and none went into quarantine: node core-1 of before the batch failed too; cure" in reason


@pytest.mark.parametrize(("trait", "cause"), [("open_nodes", "open"), ("mute", "unproven")])
def test_a_whole_rollout_goes_on_without_nodes_that_do_not_prove_policy(trait: str, cause: str) -> None:
    cluster = FakeCluster(ALL, **{trait: {"edge-2"}})  # type: ignore[arg-type]
    report = Run(PROVING, cluster).to_the_end()
    assert report["outcome"] == "done"
    assert cluster.truth["nodes"]["edge-2"]["labels"][KEY] == cause
    assert cluster.admitted() == ["core-1", "core-2", "edge-1", "edge-3"]


# --- what halts all the same -----------------------------------------------------------------------------------------


def test_a_tier_that_halts_says_nothing_of_quarantine() -> None:
    reason = halted(decided(waiting("edge-2"), of({"on_failure": "halt"})))
    assert "No further node was admitted; cure" in reason


def test_nodes_of_an_earlier_batch_that_fell_over_too_halt() -> None:
    reason = halted(decided(waiting("core-1", "edge-2")))
    assert "and none went into quarantine: node core-1 of before the batch failed too" in reason


def test_adopted_nodes_are_never_taken_from_calico() -> None:
    tiers = [tier("core", on_failure="quarantine"), tier("edge", on_failure="quarantine")]
    the_plan = plan(ALL, tiers, running=ALL, observation=unscoped(ALL, ALL), batch_timeout=60)
    reason = halted(decided(waiting("edge-2", admitted=ALL), the_plan, batch="adoption", part=ALL))
    assert "edge-2 (not_ready: felix is not live). No further node was admitted; cure" in reason


def test_a_node_of_the_control_plane_halts() -> None:
    seen = waiting("edge-2")
    seen["nodes"]["edge-2"]["labels"]["node-role.kubernetes.io/control-plane"] = ""
    assert "edge-2 is a node of the control plane" in halted(decided(seen))


@pytest.mark.parametrize(
    ("ready_from", "lost_at", "halts"),
    [("2025-12-31T22:00:00Z", "2026-01-01T00:30:00Z", True), ("2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z", False)],
)
def test_a_node_that_ran_calico_node_for_hours_halts(ready_from: str, lost_at: str, halts: bool) -> None:
    decision = decided(waiting("edge-2", created=ready_from, since=lost_at))
    if halts:
        assert "edge-2 has run calico-node for hours, and so may its workloads" in halted(decision)
    else:
        assert action_of(decision)["do"] == "quarantine"


def test_a_ready_node_that_ran_calico_node_for_hours_and_enforces_nothing_halts() -> None:
    seen = rolled_out(ALL, [*CORE, *EDGE[:2]])
    seen["read_at"] = READ_AT + 2 * 3600
    state: Any = {**new_state(PROVING), "batch": "edge-1", "batch_started": NOW - 5}
    state = with_probe(state, "edge-1", probe_of({"edge-1": "open", "edge-2": "enforced"}), [], NOW)
    assert "edge-1 has run calico-node for hours" in halted(decide(PROVING, state, seen, NOW))


def test_calico_keeps_two_nodes_for_its_control_plane() -> None:
    names = ["core-1", "core-2", "core-3"]
    the_plan = plan(names, [tier("core", 3, failure_budget=3, on_failure="quarantine")], soak=0, batch_timeout=60)
    seen = rolled_out(names, names)
    seen["pods"] = [pod(name, ready=name == "core-1") for name in names]
    reason = halted(decided(seen, the_plan, batch="core-1", part=names))
    assert "Calico would be left on 1 node, and its control plane needs 2" in reason


def test_a_daemonset_that_is_not_as_it_should_be_halts() -> None:
    seen = waiting("edge-2")
    seen["daemonset"].update(desired=7)
    assert "calico-node as a whole is not as it should be" in halted(decided(seen))


def test_a_restart_that_has_not_come_to_a_node_is_no_fault_of_its_own() -> None:
    seen = waiting("edge-2")
    seen["pods"][-1].update(revision="old", ready=True)
    reason = halted(decided(seen, restart={"until": NOW - 1, "through": 3, "moved": NOW - 61}))
    assert "what node edge-2 waits for is not its own to do" in reason


def test_a_label_that_is_not_there_is_no_fault_of_the_node() -> None:
    reason = halted(decided(waiting(admitted=[*CORE, "edge-1"])))
    assert "the admission label on node edge-2" in reason


# --- the budget ------------------------------------------------------------------------------------------------------


def test_more_failures_than_the_budget_has_room_for_halt() -> None:
    """As where nodes that restart calico-node turned out to be stuck since."""
    tight: Any = of()
    tight["tiers"][1]["budget"] = 1
    reason = halted(decided(waiting("edge-1", "edge-2"), tight))
    assert "and none went into quarantine: 2 nodes failed, and the failure budget has room for 1" in reason


def test_a_budget_that_is_used_up_starts_no_further_node_and_says_so() -> None:
    tight = of({"failure_budget": 1})
    reason = halted(decided(in_quarantine("edge-1"), tight, part=["edge-1"], batch_started=NOW))
    assert reason == (
        "tier edge: its failure budget of 1 is used up: edge-1 (quarantined). Not started, because each could fail too: node edge-3 of "
        "batch edge-3, and all that follow. Cure what is in quarantine and release it, raise failure_budget, or set on_failure to halt, "
        "then run again"
    )


def test_the_budget_in_total_is_named_where_it_is_the_one() -> None:
    tight = of({"failure_budget": 3}, failure_budget=1)
    reason = halted(decided(in_quarantine("edge-1"), tight, part=["edge-1"], batch_started=NOW))
    assert "tier edge: the failure budget of 1 in total is used up: edge-1 (quarantined)" in reason


def test_a_batch_that_the_budget_has_no_room_for_any_more_starts_in_parts() -> None:
    names = [*CORE, *(f"edge-{number}" for number in range(1, 7))]
    tiers = [tier("core"), tier("edge", 3, failure_budget=3, on_failure="quarantine")]
    the_plan = plan(names, tiers, soak=0, batch_timeout=60)
    cluster = FakeCluster(names, stuck={"edge-2"})
    run = Run(the_plan, cluster)
    report: Any = run.to_the_end()
    assert report["outcome"] == "done"
    assert [nodes for _now, _batch, nodes in cluster.label_writes] == [
        CORE,
        ["edge-1", "edge-2", "edge-3"],
        ["edge-4", "edge-5"],
        ["edge-6"],
    ]
    told = [progress_line(decision["report"]) for decision in run.decisions]
    assert "batch 3/3 edge-2: 2 of 3 ready, admit node edge-6" in told


def test_nodes_that_have_not_passed_yet_could_fail_too_and_take_room_away() -> None:
    names = ["core-1", "core-2", "core-3"]
    the_plan: Any = plan(names, [tier("core", 3, failure_budget=3, on_failure="quarantine")])
    the_plan["tiers"][0]["budget"] = 2
    seen = bare(names)
    seen["nodes"]["core-1"] = node_seen(admitted=True, ready=False)
    action = action_of(decide(the_plan, new_state(the_plan), seen, NOW))
    assert (action["do"], action["nodes"]) == ("label_nodes", ["core-2"])
    seen["nodes"]["core-2"] = node_seen(admitted=True, ready=False)
    assert action_of(decide(the_plan, new_state(the_plan), seen, NOW))["do"] == "scope_installation"


def test_a_node_that_has_to_wait_for_its_part_is_adopted_should_calico_node_become_ready_there_before_the_selector() -> (
    None
):
    names = ["core-1", "core-2", "core-3"]
    the_plan: Any = plan(names, [tier("core", 3, failure_budget=3, on_failure="quarantine")])
    the_plan["tiers"][0]["budget"] = 2
    seen = unscoped(names, ["core-3"])
    for name in ("core-1", "core-2"):
        seen["nodes"][name] = node_seen(admitted=True, ready=False)
    action = action_of(decide(the_plan, new_state(the_plan), seen, NOW))
    assert (action["do"], action["batch"], action["nodes"]) == ("label_nodes", "adoption", ["core-3"])


def test_each_part_has_the_time_of_a_batch() -> None:
    seen = in_quarantine("edge-3", seen=waiting(admitted=[*CORE, "edge-1", "edge-3"]))
    decision = decided(seen, of({"batch_size": 3, "failure_budget": 3}), part=["edge-1", "edge-3"])
    assert action_of(decision)["nodes"] == ["edge-2"]
    assert (decision["state"]["batch_started"], decision["state"]["part"]) == (NOW, ["edge-2"])


# --- clearing what calico-node left --------------------------------------------------------------------------------


def left_behind() -> Any:
    seen = in_quarantine("edge-2")
    for name in ("edge-2", "edge-3"):
        seen["nodes"][name].update(network_unavailable=True, network_reason="CalicoIsDown")
    return seen


def test_the_condition_is_cleared_on_request_and_on_no_node_that_is_not_in_quarantine() -> None:
    asked = of(quarantine={"clear_network_unavailable": True})
    assert action_of(decided(left_behind(), asked, batch_started=NOW)) == {
        "do": "clear_network_unavailable",
        "nodes": ["edge-2"],
    }
    assert action_of(decided(left_behind(), batch_started=NOW))["do"] == "label_nodes"


def test_it_is_cleared_once_a_run_whoever_sets_it_again() -> None:
    asked = of(quarantine={"clear_network_unavailable": True})
    state = decided(left_behind(), asked, batch_started=NOW)["state"]
    assert state["cleared"] == ["edge-2"]
    assert action_of(decide(asked, state, left_behind(), NOW))["do"] == "label_nodes"


def test_it_is_not_cleared_before_calico_node_is_gone_nor_where_somebody_else_set_it() -> None:
    asked = of(quarantine={"clear_network_unavailable": True})
    going = left_behind()
    going["pods"].append(pod("edge-2", deleting=True))
    assert action_of(decided(going, asked, batch_started=NOW))["do"] == "label_nodes"
    cloud = left_behind()
    cloud["nodes"]["edge-2"]["network_reason"] = "NoRouteCreated"
    assert action_of(decided(cloud, asked, batch_started=NOW))["do"] == "label_nodes"


# --- before the selector ---------------------------------------------------------------------------------------------


def test_a_node_in_quarantine_with_a_ready_calico_node_is_not_adopted_and_not_robbed_of_it() -> None:
    excluded = plan(ALL)["excluded"]
    entry: Any = {
        "node": "edge-3",
        "host": None,
        "tier": "edge",
        "cause": "quarantined",
        "reason": "open",
        "remedy": None,
        "counts": True,
    }
    the_plan = {**plan(ALL[:-1]), "excluded": [*excluded, entry]}
    reason = halted(decide(the_plan, new_state(the_plan), unscoped(ALL, ["edge-3"]), NOW))  # type: ignore[arg-type]
    assert "node edge-3 is kept out (open) and runs a Ready calico-node" in reason
    assert "release it and it is adopted" in reason


def test_a_node_that_went_into_quarantine_since_the_plan_was_made_is_not_labelled() -> None:
    seen = bare(ALL)
    seen["nodes"]["core-2"]["labels"][KEY] = "not_ready"
    names = [*CORE, "core-3", *EDGE]
    the_plan = plan(names, [tier("core", 3), tier("edge")])
    seen["nodes"]["core-3"] = node_seen(ready=False)
    (action,) = decide(the_plan, new_state(the_plan), seen, NOW)["actions"]
    assert action["nodes"] == ["core-1", "core-3"]  # type: ignore[typeddict-item]

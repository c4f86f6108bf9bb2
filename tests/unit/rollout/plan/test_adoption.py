# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that runs Calico already: who is adopted, what restarts, and what a decision makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import (
    markdown,
    progress_line,
    terminal,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.adoption import (
    ASSUMED_SECONDS,
    duration,
    restart,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import (
    LABEL,
    READ_AT,
    SELECTOR,
    UNREACHABLE,
    daemonset,
    evidence,
    facts,
    installation,
    node_seen,
    overlay,
    plan,
    pod,
    rolled_out,
    tier,
    unscoped,
)

CORE = ["core-1", "core-2"]
EDGE = ["edge-1", "edge-2", "edge-3", "edge-4"]
ALL = CORE + EDGE
NOW = 1000.0

# edge-1 runs Calico although its host looks unfit; edge-3 never gets ready and is unfit; edge-4 is fit, and not ready.
RUNNING = [*CORE, "edge-1", "edge-2"]
UNFIT = ["edge-1", "edge-3"]


def stuck_cluster() -> Any:
    return unscoped(ALL, RUNNING, ["edge-3", "edge-4"])


PLAN = plan(ALL, bad=UNFIT, running=RUNNING, observation=stuck_cluster(), soak=10, batch_timeout=600)


def decided(seen: Any, now: float = NOW, the_plan: Any = PLAN, **fields: Any) -> Any:
    return decide(the_plan, {**new_state(the_plan), **fields}, seen, now)


def labelled(seen: Any, *names: str, batch: str = "adoption", the_plan: Any = PLAN) -> Any:
    for name in names:
        seen["nodes"][name]["labels"].update(SELECTOR)
        seen["nodes"][name]["annotations"].update(
            {"rollout.calico-ops.dev/batch": batch, "rollout.calico-ops.dev/plan": the_plan["id"]}
        )
    return seen


def actions(decision: Any) -> list[Any]:
    return [(action["do"], action.get("batch"), action.get("nodes")) for action in decision["actions"]]


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_every_node_with_a_ready_calico_node_is_in_the_first_batch_whatever_its_precheck_says() -> None:
    assert [(batch["index"], batch["name"], batch["nodes"]) for batch in PLAN["batches"]] == [
        (1, "adoption", RUNNING),
        (2, "edge-1", ["edge-4"]),
    ]


def test_who_runs_calico_and_fails_the_precheck_is_listed_with_its_reason() -> None:
    (doubt,) = PLAN["unproven"]
    assert (doubt["node"], doubt["host"], doubt["tier"], doubt["cause"]) == (
        "edge-1",
        "h-edge-1",
        "edge",
        "precheck_failed",
    )
    assert doubt["remedy"] == "install kernel-modules-extra"


def test_who_fails_it_and_has_no_ready_calico_node_stays_outside_and_costs_the_budget() -> None:
    assert [(entry["node"], entry["cause"]) for entry in PLAN["excluded"]] == [("edge-3", "precheck_failed")]
    assert [(each["name"], each["left_out"]) for each in PLAN["tiers"]] == [("core", 0), ("edge", 1)]


def test_a_node_without_a_host_is_adopted_by_its_pod() -> None:
    nodes = [facts(name, calico_ready=True) for name in ("core-1", "core-2", "edge-1")]
    made = build_plan(nodes, evidence(CORE, x=UNREACHABLE), [tier("core"), tier("edge")])
    assert made["batches"][0]["nodes"] == ["core-1", "core-2", "edge-1"]
    assert [(doubt["node"], doubt["cause"]) for doubt in made["unproven"]] == [("edge-1", "no_host")]


def test_a_node_that_no_tier_selects_keeps_its_calico_node() -> None:
    nodes = [facts(name, calico_ready=True) for name in ALL]
    made = build_plan(nodes, evidence(ALL), [tier("core")])
    assert made["batches"][0]["nodes"] == ALL
    assert made["unproven"] == []


def test_what_the_user_keeps_out_is_not_adopted() -> None:
    made = plan(ALL, running=ALL, exclusions=[{"selector": "tier=edge", "reason": "museum"}], tiers=[tier("core")])
    assert made["batches"][0]["nodes"] == CORE


def test_one_that_was_admitted_before_has_its_place_in_its_tier() -> None:
    nodes = [facts(name, SELECTOR, calico_ready=True) for name in CORE]
    made = build_plan([*nodes, *(facts(name) for name in EDGE)], evidence(ALL), [tier("core"), tier("edge")])
    assert [batch["name"] for batch in made["batches"]] == ["core-1", "edge-1", "edge-2"]


@pytest.mark.parametrize("ready", [True, False])
def test_one_that_was_adopted_before_stays_so_in_the_next_plan(ready: bool) -> None:
    nodes = [facts(name, SELECTOR, calico_ready=ready, batch="adoption") for name in CORE]
    made = build_plan(nodes, evidence(CORE, bad=["core-1"]), [tier("core")])
    assert [(batch["name"], batch["nodes"]) for batch in made["batches"]] == [("adoption", CORE)]
    assert [doubt["node"] for doubt in made["unproven"]] == ["core-1"]


def test_a_single_adopted_node_is_enough_for_a_first_batch() -> None:
    assert plan(ALL, running=["core-1"])["batches"][0]["nodes"] == ["core-1"]


# --- what restarts ------------------------------------------------------------------------------------------------------


def test_the_plan_tells_what_restarts_and_for_how_long_at_the_present_max_unavailable() -> None:
    assert PLAN["restart"] == {
        "nodes": 4,
        "max_unavailable": "1",
        "max_surge": "0",
        "raised_to": None,
        "at_once": 1,
        "seconds_each": 5,
        "observed": True,
        "seconds": 20,
        "taken_from": [
            {
                "node": name,
                "since": "2026-01-01T00:00:01Z",
                "reason": "not ready since 2026-01-01T00:00:01Z, which is more than the 60 s that a restart may take: felix is not live",
            }
            for name in ("edge-3", "edge-4")
        ],
    }
    text = " ".join(plan_text(PLAN).split())
    assert (
        "Setting the selector restarts calico-node once on 4 nodes, 1 at a time (maxUnavailable 1), about 20 s at 5 s a node "
        "(as its pods took when they started). It takes calico-node, which is not ready there, from edge-3 (not ready since "
        "2026-01-01T00:00:01Z, which is more than the 60 s that a restart may take: felix is not live), edge-4 ("
    ) in text
    assert "Runs Calico, fails precheck, adopted all the same (1): edge-1 (host h-edge-1): precheck_failed: " in text


def test_a_raised_max_unavailable_shortens_it() -> None:
    told = plan(ALL, running=RUNNING, observation=stuck_cluster(), adoption_max_unavailable="50%")["restart"]
    assert told is not None
    assert (told["raised_to"], told["at_once"], told["seconds"]) == ("50%", 2, 10)


def test_one_that_is_higher_already_is_not_lowered() -> None:
    seen = stuck_cluster()
    seen["daemonset"]["max_unavailable"] = "3"
    told = plan(ALL, running=RUNNING, observation=seen, adoption_max_unavailable=2)["restart"]
    assert told is not None
    assert (told["raised_to"], told["at_once"]) == (None, 3)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(119, "119 s"), (120, "2 min"), (121, "3 min"), (7140, "119 min"), (7141, "2 h 0 min"), (9000, "2 h 30 min")],
)
def test_a_duration_is_told_as_people_read_it(seconds: int, told: str) -> None:
    assert duration(seconds) == told


def test_with_a_surge_as_many_restart_at_once_and_nothing_is_raised() -> None:
    seen = stuck_cluster()
    seen["daemonset"].update(max_unavailable="0", max_surge="50%")
    surging = plan(ALL, running=RUNNING, observation=seen, adoption_max_unavailable=3)
    told = surging["restart"]
    assert told is not None
    assert (told["raised_to"], told["at_once"], told["seconds"]) == (None, 2, 10)
    assert "2 at a time (maxSurge 50%), about 10 s" in " ".join(plan_text(surging).split())
    labelled(seen, *RUNNING, the_plan=surging)
    assert [action["do"] for action in decided(seen, the_plan=surging)["actions"]] == ["scope_installation"]
    seen["daemonset"].update(max_unavailable="1", max_surge="0")
    assert [action["do"] for action in decided(seen, the_plan=surging)["actions"]] == ["raise_max_unavailable"]


def test_the_time_is_assumed_where_no_pod_tells_it() -> None:
    seen = stuck_cluster()
    for each in seen["pods"]:
        each["since"] = "2026-01-09T00:00:00Z"  # unready in between, so it does not tell how long a start takes
    told = restart(seen, LABEL, RUNNING, None)
    assert told is not None
    assert (told["seconds_each"], told["observed"]) == (ASSUMED_SECONDS, False)


def test_nothing_restarts_where_the_selector_is_in_force() -> None:
    assert plan(ALL, observation=rolled_out(ALL, ALL))["restart"] is None


@pytest.mark.parametrize("wrong", ["0", "-1", "0%", "101%", "many", "1.5"])
def test_a_max_unavailable_that_is_none_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(RolloutError, match=r"^adoption_max_unavailable: .* is neither a number of nodes"):
        plan(ALL, adoption_max_unavailable=wrong)


# --- decisions ----------------------------------------------------------------------------------------------------------


def test_all_that_run_calico_are_labelled_in_one_go_before_anything_else() -> None:
    decision = decided(stuck_cluster())
    assert actions(decision) == [("label_nodes", "adoption", RUNNING)]
    assert decision["actions"][0]["annotations"]["rollout.calico-ops.dev/batch"] == "adoption"
    assert "adopt 4 nodes" in decision["report"]["reason"]


def test_the_selector_follows_and_says_what_it_restarts() -> None:
    decision = decided(labelled(stuck_cluster(), *RUNNING), batch="adoption", batch_started=NOW, phase="labelling")
    assert actions(decision) == [("scope_installation", None, None)]
    assert "restarts calico-node once on 4 nodes" in decision["report"]["reason"]


def test_a_node_that_became_ready_since_is_labelled_before_the_selector() -> None:
    seen = labelled(stuck_cluster(), *RUNNING)
    seen["pods"][-2]["ready"] = True  # edge-3, which its precheck keeps outside
    decision = decided(seen, batch="adoption", batch_started=NOW, phase="labelling")
    assert actions(decision) == [("label_nodes", "adoption", ["edge-3"])]
    assert "node edge-3 adopted beside the plan" in decision["state"]["notes"][0]


def test_and_after_it_as_long_as_the_operator_has_not_put_it_into_force() -> None:
    seen = labelled(stuck_cluster(), *RUNNING)
    seen["installation"] = installation()
    seen["pods"][-2]["ready"] = True
    decision = decided(seen, batch="adoption", batch_started=NOW, phase="scoping")
    assert actions(decision) == [("label_nodes", "adoption", ["edge-3"])]


def test_not_once_it_is_in_force_then_a_label_that_is_missing_was_taken_by_somebody() -> None:
    seen = rolled_out(ALL, [*RUNNING, "edge-4"])
    labelled(seen, *RUNNING)
    seen["nodes"]["edge-2"]["labels"].pop(LABEL["key"])
    seen["pods"].append(pod("edge-3"))
    assert "edge-3" not in str(actions(decided(seen)))


def test_a_node_that_nobody_planned_is_adopted_too() -> None:
    seen = stuck_cluster()
    seen["nodes"]["new-1"] = node_seen()
    seen["pods"].append(pod("new-1"))
    assert actions(decided(seen)) == [
        ("label_nodes", "adoption", ["new-1"]),
        ("label_nodes", "adoption", RUNNING),
    ]


def test_one_that_the_user_keeps_out_is_refused_by_name_before_anything_is_written() -> None:
    kept = plan(ALL, running=ALL, exclusions=[{"selector": "tier=edge", "reason": "museum"}], tiers=[tier("core")])
    decision = decided(unscoped(ALL, [*CORE, "edge-2"]), the_plan=kept)
    assert (decision["actions"], decision["report"]["outcome"]) == ([], "stopped")
    assert decision["report"]["reason"] == (
        "node edge-2 is kept out (museum) and runs a Ready calico-node, which the selector would take away: "
        "take it out of the exclusions and it is adopted"
    )


VIRTUAL = {"type": "virtual-kubelet"}


def with_a_virtual_node() -> tuple[Any, Any]:
    """A plan made while a node that runs no DaemonSets claimed to have a Ready calico-node, and the cluster at that time."""
    nodes = [*(facts(name, calico_ready=name in RUNNING) for name in ALL), facts("edge-9", VIRTUAL, calico_ready=True)]
    made = build_plan(nodes, evidence([*ALL, "edge-9"]), [tier("core"), tier("edge")])
    seen = unscoped([*ALL, "edge-9"], [*RUNNING, "edge-9"])
    seen["nodes"]["edge-9"] = node_seen(labels=VIRTUAL)
    return made, seen


def test_a_node_that_can_run_no_daemonset_is_not_planned_for_adoption() -> None:
    made, _seen = with_a_virtual_node()
    assert made["batches"][0]["nodes"] == RUNNING
    assert [(entry["node"], entry["cause"]) for entry in made["excluded"]] == [("edge-9", "unsupported")]


def test_and_is_not_adopted_beside_the_plan_either() -> None:
    made, seen = with_a_virtual_node()
    decision = decided(seen, the_plan=made)
    assert (decision["actions"], decision["report"]["outcome"]) == ([], "stopped")
    assert decision["report"]["reason"].startswith(
        "node edge-9 is kept out (a virtual-kubelet node runs no DaemonSets) and runs a Ready calico-node"
    )


def test_who_was_adopted_beside_the_plan_is_expected_and_no_longer_outside() -> None:
    seen = labelled(rolled_out(ALL, [*RUNNING, "edge-3"]), *RUNNING, "edge-3")
    seen["pods"][-1].update({"ready": False, "reason": "felix is not live"})
    report = decided(seen, batch="adoption", batch_started=NOW)["report"]
    assert [row["node"] for row in report["not_ready"]] == ["edge-3"]
    assert report["excluded"] == []
    assert [doubt["node"] for doubt in report["unproven"]] == ["edge-1", "edge-3"]
    assert "| edge-3 | h-edge-3 | edge |" in markdown(report)
    assert "edge-3 (host h-edge-3): precheck_failed" in terminal(report)


def restarting(through: int, **fields: Any) -> Any:
    """The selector is in force; so many nodes have the newest calico-node, the next one starts, the others have the old one."""
    seen = labelled(rolled_out(ALL, RUNNING), *RUNNING)
    for number, each in enumerate(seen["pods"]):
        if number == through:
            each.update({"ready": False, "reason": "felix is not live"})
        elif number > through:
            each["revision"] = "old"
    return {**seen, **fields}


def test_the_progress_line_tells_how_many_are_through() -> None:
    decision = decided(restarting(1), batch="adoption", batch_started=NOW, phase="scoping")
    assert progress_line(decision["report"]) == (
        "batch 1/2 adoption: 1 of 4 ready, waiting for calico-node to restart on 2 more nodes "
        "(from template revision old to 7d9f), core-2 (not_ready: felix is not live)"
    )


def test_the_time_of_a_restart_grows_with_the_nodes_that_it_goes_through() -> None:
    few = decided(restarting(2), batch="adoption", batch_started=NOW - 500)["state"]["restart"]
    many = decided(restarting(0), batch="adoption", batch_started=NOW - 500)["state"]["restart"]
    assert (few["until"], many["until"]) == (NOW + 600 + 2 * 5 * 1, NOW + 600 + 2 * 5 * 3)


def test_a_restart_that_goes_on_is_not_overdue_and_one_that_stands_still_is() -> None:
    state = {"batch": "adoption", "batch_started": NOW, "restart": {"until": NOW + 5000, "through": 1, "moved": NOW}}
    going = decided(restarting(2), now=NOW + 700, **state)
    assert going["report"]["outcome"] == "in_progress"
    standing = decided(restarting(1), now=NOW + 700, **state)
    assert standing["report"]["outcome"] == "stopped"
    assert "core-2 (not_ready: felix is not live)" in standing["report"]["reason"]


def test_a_killed_run_finds_the_adoption_where_it_was() -> None:
    assert decided(restarting(1))["state"]["batch"] == "adoption"
    assert decided(labelled(rolled_out(ALL, RUNNING), *RUNNING))["state"]["batch"] == "adoption"


def test_and_goes_on_with_it_though_a_later_batch_has_labels_already() -> None:
    seen = labelled(rolled_out(ALL, [*RUNNING, "edge-4"]), *RUNNING)
    seen["pods"][1]["ready"] = False
    assert decided(seen)["state"]["batch"] == "adoption"


def test_a_planned_node_that_was_not_ready_is_admitted_in_its_batch_afterwards() -> None:
    seen = labelled(rolled_out(ALL, RUNNING), *RUNNING)
    decision = decided(seen, batch="adoption", batch_started=NOW, ready_since=NOW - 10)
    assert actions(decision) == [("label_nodes", "edge-1", ["edge-4"])]


# --- maxUnavailable -----------------------------------------------------------------------------------------------------

RAISING = plan(ALL, bad=UNFIT, running=RUNNING, observation=stuck_cluster(), soak=10, adoption_max_unavailable="3")
RAISED = {"previous": "1", "raised": "3", "plan": RAISING["id"], "until": "2026-01-01T01:20:00Z"}


def adopting(seen: Any) -> Any:
    return decided(
        labelled(seen, *RUNNING, the_plan=RAISING),
        the_plan=RAISING,
        batch="adoption",
        batch_started=NOW,
        ready_since=NOW - 99,
    )


def test_it_is_raised_after_the_labels_and_before_the_selector() -> None:
    decision = adopting(stuck_cluster())
    # Two batch timeouts, and twice as long as the restart of four nodes at three a time, 5 s each.
    assert decision["actions"] == [
        {"do": "raise_max_unavailable", "value": "3", "plan": RAISING["id"], "until": READ_AT + 2 * 600 + 2 * 10}
    ]
    assert decision["state"]["raised"] is True
    assert "from 1 to 3 while it restarts on 4 nodes" in decision["report"]["reason"]


def test_once_only() -> None:
    seen = stuck_cluster()
    seen["installation"] = installation({}, max_unavailable="3", raised=RAISED)
    assert actions(adopting(seen)) == [("scope_installation", None, None)]


def test_never_again_by_a_rollout_that_has_raised_it_whoever_put_it_back() -> None:
    seen = labelled(stuck_cluster(), *RUNNING, the_plan=RAISING)
    remembered = {"the_plan": RAISING, "batch": "adoption", "batch_started": NOW}
    assert actions(decided(seen, raised=False, **remembered)) == [("raise_max_unavailable", None, None)]
    assert actions(decided(seen, raised=True, **remembered)) == [("scope_installation", None, None)]


def test_it_is_put_back_when_all_are_through() -> None:
    seen = rolled_out(ALL, RUNNING)
    seen["installation"] = installation(max_unavailable="3", raised=RAISED)
    decision = adopting(seen)
    assert decision["actions"] == [{"do": "restore_max_unavailable"}]
    assert decision["report"]["reason"] == "put maxUnavailable of calico-node's rolling update back to 1"


def test_a_value_that_somebody_else_has_set_meanwhile_stays_and_the_report_says_so() -> None:
    seen = rolled_out(ALL, RUNNING)
    seen["installation"] = installation(max_unavailable="7", raised=RAISED)
    decision = adopting(seen)
    assert decision["actions"] == [{"do": "restore_max_unavailable"}]
    (note,) = decision["report"]["notes"]
    assert note == "maxUnavailable stays at 7: somebody else changed it while it was raised to 3"
    assert f"Note: {note}." in " ".join(terminal(decision["report"]).split())


@pytest.mark.parametrize(
    ("until", "restored"),
    [("2026-01-01T00:59:59Z", True), ("2026-01-01T01:00:01Z", False), (None, False), ("soon", False)],
)
def test_a_raised_value_is_put_back_early_by_who_does_not_ask_for_it_only_when_its_run_has_ended_for_sure(
    until: str | None, restored: bool
) -> None:
    seen = stuck_cluster()
    seen["installation"] = installation({}, max_unavailable="3", raised={**RAISED, "until": until})
    decision = decided(seen)
    assert (decision["actions"] == [{"do": "restore_max_unavailable"}]) is restored
    notes = [f"maxUnavailable is 3: the rollout of plan {RAISING['id']} has raised it, may need it"]
    assert [note[: len(notes[0])] for note in decision["report"]["notes"]] == ([] if restored else notes)


def test_and_by_anybody_once_nothing_is_left_to_restart() -> None:
    seen = labelled(rolled_out(ALL, RUNNING), *RUNNING)
    seen["installation"] = installation(max_unavailable="3", raised=RAISED)
    through = {"batch": "adoption", "batch_started": NOW, "ready_since": NOW - 99}
    seen["daemonset"]["updated"] -= 1
    assert "restore" not in str(actions(decided(seen, **through)))
    seen["daemonset"]["updated"] += 1
    assert actions(decided(seen, **through)) == [("restore_max_unavailable", None, None)]


def test_a_run_that_stops_leaves_what_another_one_has_raised() -> None:
    seen = stuck_cluster()
    seen["installation"] = installation({}, max_unavailable="3", raised=RAISED)
    seen["overlay"] = overlay({})
    decision = decided(seen)
    assert (decision["report"]["outcome"], decision["actions"]) == ("stopped", [])


def overdue(**remembered: Any) -> Any:
    """A rollout that has raised maxUnavailable, and whose adoption is not ready in time."""
    seen = labelled(rolled_out(ALL, RUNNING), *RUNNING, the_plan=RAISING)
    seen["pods"][1]["ready"] = False
    seen["installation"] = installation(max_unavailable="3", raised=RAISED)
    return decided(seen, NOW + 601, RAISING, **{"batch": "adoption", "batch_started": NOW, **remembered})


def test_a_rollout_that_stops_puts_it_back_with_the_same_decision() -> None:
    decision = overdue()
    assert "adoption is not ready after 601 s" in decision["report"]["reason"]
    assert decision["actions"] == [{"do": "restore_max_unavailable"}]
    assert (decision["report"]["outcome"], decision["state"]["phase"]) == ("stopped", "stopped")


@pytest.mark.parametrize("remembered", [{"phase": "stopped"}, {"plan_id": "another"}], ids=["over", "another plan"])
def test_a_rollout_that_is_over_or_another_ones_writes_nothing_when_it_is_called_again(remembered: Any) -> None:
    """What is raised by then may be what a run that goes on has raised."""
    decision = overdue(**remembered)
    assert (decision["actions"], decision["report"]["outcome"]) == ([], "stopped")


def test_a_stop_notes_the_value_that_somebody_else_has_set_since() -> None:
    seen = {**rolled_out(ALL[:-1], RUNNING), "installation": installation(max_unavailable="7", raised=RAISED)}
    decision = decided(seen, the_plan=RAISING)
    assert (decision["actions"], decision["report"]["outcome"]) == ([{"do": "restore_max_unavailable"}], "stopped")
    assert decision["report"]["notes"] == [
        "maxUnavailable stays at 7: somebody else changed it while it was raised to 3"
    ]


def test_it_is_not_raised_where_somebody_else_applies_the_installation() -> None:
    seen = stuck_cluster()
    seen["installation"] = installation({}, owned_by=["Argo CD (application net)"])
    assert actions(adopting(seen)) == [("await_owner", None, None)]
    told = plan(ALL, running=RUNNING, observation=seen, adoption_max_unavailable="3")["restart"]
    assert told is not None
    assert told["raised_to"] is None


def test_without_calico_there_is_nothing_to_raise() -> None:
    seen = unscoped(ALL, [])
    seen["daemonset"] = daemonset(0, {})
    fresh = plan(ALL, adoption_max_unavailable="3")
    assert "raise" not in str(decided(labelled(seen, *CORE, the_plan=fresh), the_plan=fresh)["actions"])

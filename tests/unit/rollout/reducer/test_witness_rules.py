# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections go on while calico-node starts or restarts: what they show is told, and a denied one that came through stops the rollout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Decision
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.names import QUARANTINE_KEY
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.intent import NO_WISHES
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import decide
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decision import (
    after_actions,
    cut_short,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.lock import NO_LOCK, LockStanding
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.situation import assess
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.witness_rules import MOST_AT_ONCE
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.witnesses import (
    IN_FULL,
    REASONS,
    TEND_EVERY,
    with_nothing_seen,
    with_seen,
    with_started,
)

from tests.unit.rollout.builders import bare, node_seen, plan, pod, rolled_out, tier, unscoped
from tests.unit.rollout.fake_cluster import FakeCluster, Run
from tests.unit.rollout.probes import IMAGE
from tests.unit.rollout.running_cluster import AdoptingRun, RunningCluster
from tests.unit.rollout.witnesses import HOLE, RUN, witnessed

NAMES = ("core-1", "core-2", "edge-1", "edge-2")
VERIFY = {"image": IMAGE, "witness": "each_batch"}
ADOPTED = {"image": IMAGE, "mode": "canary"}


def of(names: Sequence[str] = NAMES, **options: Any) -> Any:
    return plan(list(names), **{"verify": VERIFY, "soak": 0, "batch_timeout": 60, **options})


def standing(admitted: Sequence[str], the_plan: Any, state: Any = None, now: float = 1000.0, **fields: Any) -> Decision:
    return decide(the_plan, state or new_state(the_plan), {**rolled_out(NAMES, admitted), **fields}, now)


def ran(the_plan: Any, names: Sequence[str] = NAMES, **traits: Any) -> Run:
    run = Run(the_plan, FakeCluster(names, **traits))
    run.to_the_end()
    return run


def story(decisions: Sequence[Decision]) -> list[str]:
    return [action["do"] for decision in decisions for action in decision["actions"] if action["do"] != "wait"]


def starts(decisions: Sequence[Decision]) -> list[Any]:
    return [action for each in decisions for action in each["actions"] if action["do"] == "start_witnesses"]


def test_witnesses_start_before_the_label_and_end_after_the_soak_before_policy_is_proven() -> None:
    assert story(ran(of()).decisions) == [
        *("start_witnesses", "label_nodes", "scope_installation", "finish_witnesses", "verify_policy"),
        *("start_witnesses", "label_nodes", "finish_witnesses", "verify_policy"),
    ]


def test_those_of_an_adoption_go_on_over_its_whole_restart() -> None:
    the_plan = of(running=NAMES, verify=ADOPTED, adoption_max_unavailable="2", observation=unscoped(NAMES, NAMES))
    run = AdoptingRun(the_plan, RunningCluster(NAMES))
    assert run.to_the_end()["outcome"] == "done"
    assert story(run.decisions)[:6] == [
        *("start_witnesses", "label_nodes", "raise_max_unavailable", "scope_installation"),
        *("restore_max_unavailable", "finish_witnesses"),
    ]
    (start,) = starts(run.decisions)
    assert (start["nodes"], start["offered"]) == (list(NAMES), []), "all of them are about to restart"
    restart = the_plan["restart"]["seconds"]
    assert start["lifetime"] > 2 * the_plan["batch_timeout"] + 2 * restart


def test_a_denied_connection_in_the_middle_of_an_adoption_stops_the_rollout_by_name() -> None:
    the_plan = of(NAMES[:2], running=NAMES[:2], verify=ADOPTED, observation=unscoped(NAMES[:2], NAMES[:2]))
    cluster = RunningCluster(NAMES[:2])
    cluster.holes["core-2"] = 12
    report: Any = AdoptingRun(the_plan, cluster).to_the_end()
    assert report["outcome"] == "stopped"
    assert (
        f"batch adoption, core-2 (12 connections, ingress, the first at {HOLE}). For that time, policy was not in force"
        in (report["reason"])
    )
    assert report["batches"][0]["witness"]["denied_through"] == {"core-2": 12}


def test_no_further_node_is_admitted_after_a_hole_and_its_witness_is_in_the_report() -> None:
    run = ran(of(), holes={"core-1": 3})
    report: Any = run.decisions[-1]["report"]
    assert (report["outcome"], run.cluster.admitted()) == ("stopped", ["core-1", "core-2"])
    assert report["reason"].startswith(
        "denied connections came through before the soak was over: batch core-1, core-1 (3 "
    )
    assert [each["node"] for each in report["batches"][0]["witness"]["in_full"]] == ["core-1", "core-2"]


def test_a_long_gap_is_told_and_stops_nothing() -> None:
    the_plan = of()
    state = with_seen(new_state(the_plan), "core-1", [witnessed("core-1", 9_000.0), witnessed("core-2", None)])
    report: Any = standing(["core-1", "core-2"], the_plan, state)["report"]
    assert report["outcome"] == "in_progress"
    assert report["batches"][0]["witness"]["gaps_ms"] == {"core-1": 9_000.0, "core-2": 0.0}


def test_what_is_kept_of_thousands_of_nodes_is_a_number_each_and_a_few_in_full() -> None:
    names = [f"w-{number}" for number in range(100)]
    found = [witnessed(name, float(number)) for number, name in enumerate(names)]
    found[3] = witnessed("w-3", 1.0, denied_through=2)
    found += [witnessed(f"x-{number}", None, reason="its pod never ran") for number in range(REASONS + 5)]
    seen = with_seen(new_state(of()), "core-1", found)["witness"]["batches"]["core-1"]
    assert len(seen["gaps_ms"]) == 100
    assert [each["node"] for each in seen["in_full"]] == ["w-3", *(f"w-{99 - number}" for number in range(IN_FULL - 1))]
    assert (seen["incomplete"], len(seen["reasons"])) == (REASONS + 5, REASONS)


def test_a_node_without_a_witness_says_why_it_could_not_start() -> None:
    state = with_started(new_state(of()), "core-1", ["core-1"], RUN, {"core-1": "exceeded quota"}, [], 1000.0)
    state = with_seen(state, "core-1", [witnessed("core-1", None, began=None, reason="it had no witness")])
    seen = state["witness"]["batches"]["core-1"]
    assert (seen["reasons"], seen["gaps_ms"]) == ({"core-1": "exceeded quota"}, {})


def test_a_node_without_a_witness_holds_nothing_up() -> None:
    the_plan = of()
    state = with_nothing_seen(new_state(the_plan), "core-1", ["core-1", "core-2"], "the API server refuses it")
    (action,) = decide(the_plan, state, bare(NAMES), 1000.0)["actions"]
    assert action["do"] == "label_nodes"


def test_many_nodes_are_given_their_witnesses_part_by_part_in_one_run() -> None:
    names = [f"core-{number}" for number in range(MOST_AT_ONCE + 3)]
    run = ran(of(names, tiers=[tier("core", batch_size=1000)], verify={**VERIFY, "mode": "canary"}), names)
    parts = starts(run.decisions)
    assert [(len(each["nodes"]), each["run"]) for each in parts] == [(MOST_AT_ONCE, None), (3, RUN)]
    assert run.cluster.label_writes[0][2] == names


def test_nodes_that_nothing_happens_to_are_the_other_ends() -> None:
    assert [each["offered"] for each in starts(ran(of()).decisions)] == [[], ["core-1", "core-2"]]


def test_before_the_selector_is_in_force_no_node_is_left_alone() -> None:
    names = [*NAMES[:2], "kept-1"]
    the_plan = of(NAMES[:2], running=NAMES[:2])
    the_plan["kept"] = ["kept-1"]
    seen = unscoped(names, names)
    seen["nodes"]["kept-1"]["labels"].update({the_plan["admission_label"]["key"]: "true"})
    (start,) = starts([decide(the_plan, new_state(the_plan), seen, 1000.0)])
    assert start["offered"] == []


def test_a_node_that_keeps_pods_off_is_no_other_end_unless_they_tolerate_it() -> None:
    seen = rolled_out(NAMES, ["core-1", "core-2"])
    seen["nodes"]["core-1"]["taints"] = [{"key": "control-plane", "value": "", "effect": "NoSchedule"}]
    for tolerations, offered in ((None, ["core-2"]), ([{"operator": "Exists"}], ["core-1", "core-2"])):
        the_plan = of(verify={**VERIFY, "mode": "canary", "tolerations": tolerations})
        state = with_seen(new_state(the_plan), "core-1", [])
        state["policy"]["batch"], state["policy"]["proven"] = "core-1", ["core-1", "core-2"]
        (action,) = starts([decide(the_plan, state, seen, 1000.0)])
        assert action["offered"] == offered


def test_pods_that_could_not_run_at_the_start_are_looked_after_while_the_batch_is_waited_for() -> None:
    run = ran(of(), slow={"core-2"}, delay=20.0)
    assert story(run.decisions)[:5] == [
        *("start_witnesses", "label_nodes", "scope_installation", "tend_witnesses", "finish_witnesses")
    ]


def test_nobody_looks_after_pods_of_a_node_without_network_and_a_wait_ends_for_the_next_look() -> None:
    the_plan = of()
    state = with_started(new_state(the_plan), "core-1", ["core-1", "core-2"], RUN, {}, ["core-1"], 1000.0)
    (waits,) = standing(
        ["core-1", "core-2"], the_plan, state, 1001.0, pods=[pod("core-1"), pod("core-2", ready=False)]
    )["actions"]
    assert (waits["do"], waits["until"]) == ("wait", 1000.0 + TEND_EVERY)
    seen = rolled_out(NAMES, ["core-1", "core-2"])
    seen["pods"] = [pod("core-1"), pod("core-2", ready=False)]
    (tends,) = decide(the_plan, state, seen, 1000.0 + TEND_EVERY)["actions"]
    assert (tends["do"], tends["nodes"]) == ("tend_witnesses", ["core-1"])
    seen["nodes"]["core-1"] = node_seen(admitted=True, ready=False)
    (waits,) = decide(the_plan, state, seen, 1000.0 + TEND_EVERY)["actions"]
    assert waits["do"] == "wait"


def test_a_run_after_one_that_was_killed_looks_for_its_witnesses_and_starts_none_on_labelled_nodes() -> None:
    the_plan = of()
    (action,) = standing(["core-1", "core-2"], the_plan)["actions"]
    assert (action["do"], action["batch"], action["nodes"]) == ("start_witnesses", "core-1", [])
    state = with_started(new_state(the_plan), "core-1", ["core-1"], RUN, {}, [], 1000.0)
    (action,) = standing(["core-1", "core-2"], the_plan, state)["actions"]
    assert (action["do"], action["nodes"], action["run"]) == ("finish_witnesses", ["core-1"], RUN)


def test_before_the_selector_is_written_labelled_nodes_get_witnesses_too() -> None:
    """Their restart is yet to come."""
    the_plan = of(NAMES[:2], running=NAMES[:2])
    seen = unscoped(NAMES[:2], NAMES[:2])
    for name in NAMES[:2]:
        seen["nodes"][name]["labels"].update({the_plan["admission_label"]["key"]: "true"})
    (action,) = decide(the_plan, new_state(the_plan), seen, 1000.0)["actions"]
    assert (action["do"], action["nodes"]) == ("start_witnesses", ["core-1", "core-2"])


def test_a_node_that_is_adopted_late_waits_for_the_witnesses_of_the_first_batch() -> None:
    the_plan = of(NAMES[:2], running=NAMES[:1])
    seen = unscoped(NAMES[:2], NAMES[:2])
    (action,) = decide(the_plan, new_state(the_plan), seen, 1000.0)["actions"]
    assert action["do"] == "start_witnesses"


def test_a_batch_that_is_admitted_in_parts_is_witnessed_in_parts_and_told_as_one() -> None:
    the_plan = of()
    state = with_seen(new_state(the_plan), "core-1", [witnessed("core-1", 40.0)])
    state["policy"]["batch"], state["policy"]["proven"] = "core-1", ["core-1"]
    (action,) = standing(["core-1"], the_plan, state)["actions"]
    assert (action["do"], action["nodes"], action["run"]) == ("start_witnesses", ["core-2"], None)
    state = with_started(state, "core-1", ["core-2"], RUN, {}, [], 1000.0)
    assert state["witness"]["nodes"] == ["core-2"]
    seen = with_seen(state, "core-1", [witnessed("core-2", 90.0, denied_through=2)])["witness"]["batches"]["core-1"]
    assert seen["gaps_ms"] == {"core-1": 40.0, "core-2": 90.0}
    assert [each["node"] for each in seen["in_full"]] == ["core-2", "core-1"]


def test_what_comes_through_on_a_node_in_quarantine_stops_nothing() -> None:
    the_plan = of()
    state = with_seen(new_state(the_plan), "core-1", [witnessed("core-1"), witnessed("core-2", denied_through=9)])
    seen = rolled_out(NAMES, ["core-1", "core-2"])
    assert decide(the_plan, state, seen, 1000.0)["report"]["outcome"] == "stopped"
    seen = rolled_out(NAMES, ["core-1"])
    seen["nodes"]["core-2"]["labels"][QUARANTINE_KEY] = "open"
    assert decide(the_plan, state, seen, 1000.0)["report"]["outcome"] == "in_progress"


@pytest.mark.parametrize(
    ("lock", "heard"), [(NO_LOCK, ["finish_witnesses"]), (LockStanding("", lost="bob has it"), [])]
)
def test_who_has_lost_the_lock_leaves_its_witnesses_to_the_next_run(lock: LockStanding, heard: list[str]) -> None:
    the_plan = of()
    state = with_started(new_state(the_plan), "core-1", ["core-1"], RUN, {}, [], 1000.0)
    situation = assess(the_plan, state, bare(NAMES), 1001.0, NO_WISHES, lock)
    decision = cut_short(situation, decide(the_plan, state, bare(NAMES), 1001.0), "an action failed")
    assert [action["do"] for action in decision["actions"]] == heard


@pytest.mark.parametrize("verify", [None, {"image": IMAGE, "witness": "none"}])
def test_a_plan_without_witnesses_starts_none(verify: Any) -> None:
    assert starts(ran(of(verify=verify)).decisions) == []


def test_a_stop_hears_the_witnesses_and_tells_what_they_saw() -> None:
    the_plan = of()
    state = standing([], the_plan)["state"]
    state = with_started(state, "core-1", ["core-1", "core-2"], RUN, {}, [], 1000.0)
    state["batch"], state["batch_started"] = "core-1", 1000.0
    decision = standing(["core-1", "core-2"], the_plan, state, 2000.0, pods=[])
    assert decision["report"]["outcome"] == "stopped"
    assert [action["do"] for action in decision["actions"]] == ["finish_witnesses"]
    after = with_seen(decision["state"], "core-1", [witnessed("core-1", denied_through=2)])
    report: Any = after_actions(decision, after)["report"]
    assert report["batches"][0]["witness"]["denied_through"] == {"core-1": 2}
    assert any("denied connections come through" in note for note in after["notes"])
    assert decide(the_plan, after, rolled_out(NAMES, []), 2001.0)["actions"] == []

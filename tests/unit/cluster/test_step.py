# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call carries out what is decided, and nothing that it must not or has no time for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import dry_run
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import lease as lease_module
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import step as step_module
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.action import (
    Answers,
    Call,
    Change,
    Done,
    Handler,
    Limits,
    RefusedForNow,
    Told,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.registry import ACTIONS
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.step import Step
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.step_result import Journal
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import client
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    Decision,
    Plan,
    RolloutState,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.names import ANNOTATION_RAISED
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import progress_line
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.locks import PLACE, THIS_RUN, lock_of
from tests.plans import plan_of
from tests.unit.kube.fake_api import Reply, fake_api, status

from . import raw
from .world import World

PLAN = plan_of(["a", "b"])


@contextmanager
def call_of(
    world: World, plan: Plan = PLAN, max_duration: float = 20, state: RolloutState | None = None
) -> Iterator[Step]:
    with fake_api(world.answer) as api:
        cluster = api.cluster()
        yield Step(cluster, plan, state or new_state(plan), {"variant": "Calico"}, Limits(max_duration, 0, 4))
        cluster.close()


def carried_out(world: World, plan: Plan = PLAN, max_duration: float = 20, state: RolloutState | None = None) -> Step:
    with call_of(world, plan, max_duration, state) as step, lock_of(step.cluster, step.state) as lock:
        step.carry_out(lock)
        return step


def outcome(step: Step) -> tuple[str, str]:
    return step.decision["report"]["outcome"], step.decision["report"]["reason"]


def test_a_batch_is_labelled_then_the_installation_is_made_then_all_is_done() -> None:
    world = World("a", "b")
    step = carried_out(world)
    assert outcome(step)[0] == "done"
    assert sorted(world.labelled) == ["a", "b"]
    assert [entry["do"] for entry in step.journal.actions if entry["do"] != "wait"] == [
        "label_nodes",
        "scope_installation",
    ]


def test_nothing_is_decided_on_a_state_older_than_our_own_write() -> None:
    world = World("a", "b")
    world.lag = 4
    assert outcome(carried_out(world))[0] == "done"
    assert sorted(world.labelled) == ["a", "b"]
    assert world.installation_writes == 1


def test_ready_pods_are_listed_anew_right_before_the_selector_is_set_and_once_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, written = World("a", "b"), []

    def observe_once(cluster: Any) -> Any:
        written.append(world.installation_writes)
        return listed(cluster)

    listed = step_module.observe_once
    monkeypatch.setattr(step_module, "observe_once", observe_once)
    assert outcome(carried_out(world))[0] == "done"
    assert written == [0, 1]


def test_what_the_api_server_would_refuse_of_the_selector_stops_it_before_the_first_label() -> None:
    world = World("a", "b")
    world.refused["default"] = status(422, "Invalid", "spec.variant: unsupported value")
    step = carried_out(world)
    assert outcome(step)[0] == "stopped"
    assert "spec.variant" in outcome(step)[1]
    assert (world.labelled, step.journal.changed) == ([], False)


def test_check_mode_stops_at_the_same_place_with_the_same_words() -> None:
    world = World("a", "b")
    world.refused["default"] = status(422, "Invalid", "spec.variant: unsupported value")
    real = carried_out(world)
    with call_of(world) as step:
        step.rehearse()
    assert outcome(step) == outcome(real)
    assert step.journal.actions == real.journal.actions == []


def test_a_label_that_the_api_server_refuses_stops_the_rollout_and_is_told_by_node() -> None:
    world = World("a", "b")
    world.refused["b"], world.taken_in_a_dry_run = status(403, "Forbidden", "cannot patch nodes"), {"b"}
    step = carried_out(world)
    assert outcome(step)[0] == "stopped"
    assert "core-1: 1 of 2 nodes could not be labelled" in outcome(step)[1]
    (entry,) = step.journal.actions
    assert (entry["nodes"], list(entry["failed"])) == (["a"], ["b"])
    assert list(step.journal.diff()[0]["after"]) == ["a"]


def test_a_node_that_is_deleted_in_between_is_told_by_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_module, "RETRY_PAUSE", 0.5)
    world = World("a", "b")
    gone = status(404, "NotFound")

    def answer(request: Any, number: int) -> Reply:
        if request.method == "PATCH" and request.path.endswith("/b"):
            world.nodes.pop("b", None)
            return gone
        return world.answer(request, number)

    with fake_api(answer) as api:
        cluster = api.cluster()
        step = Step(cluster, PLAN, new_state(PLAN), {}, Limits(20, 0, 4))
        with lock_of(cluster, step.state) as lock:
            step.carry_out(lock)
        cluster.close()
    assert outcome(step)[0] == "stopped"
    assert "no longer has node b" in outcome(step)[1]


def test_no_write_begins_when_the_time_is_up() -> None:
    world = World("a", "b")
    step = carried_out(world, max_duration=0)
    assert (step.finished, step.journal.changed, world.labelled) == (False, False, [])


def test_a_call_ends_in_time_while_a_batch_is_not_ready() -> None:
    world = World("a", "b")
    world.unready = {"b"}
    step = carried_out(world, max_duration=3)
    assert not step.finished
    assert step.journal.actions[-1]["do"] == "wait"


def test_a_call_ends_with_its_batch_and_the_call_after_it_begins_the_next() -> None:
    world = World("a", "b", "c")
    plan = plan_of(["a", "b"], ["c"])
    first = carried_out(world, plan)
    assert (first.batch_completed, first.finished) == (True, False)
    assert sorted(world.labelled) == ["a", "b"]
    second = carried_out(world, plan, state=first.state)
    assert (second.batch_completed, second.finished) == (True, True)
    assert sorted(world.labelled) == ["a", "b", "c"]


def test_a_node_that_is_not_in_the_plan_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def decide(plan: Plan, *rest: Any) -> Decision:
        decision = step_module_decide(plan, *rest)
        for action in decision["actions"]:
            if action["do"] == "label_nodes":
                action["nodes"].append("stranger")
        return decision

    step_module_decide = step_module.decide
    monkeypatch.setattr(step_module, "decide", decide)
    world = World("a", "b", "stranger")
    step = carried_out(world)
    assert outcome(step) == ("stopped", "Nodes that are not in the plan are never touched: stranger.")
    assert world.labelled == []


def test_who_was_admitted_is_recorded_once_and_a_run_that_changes_nothing_writes_nothing() -> None:
    world = World("a", "b")
    step = carried_out(world)
    text = world.record["data"]["admitted.json"]  # type: ignore[index]
    assert json.loads(text)["admitted"] == [
        {"plan": PLAN["id"], "batch": PLAN["batches"][0]["name"], "nodes": {"a": "uid-a", "b": "uid-b"}}
    ]
    assert world.record_writes == 1
    again = carried_out(world, state=None)
    assert (again.journal.changed, world.record_writes) == (False, 1)
    assert outcome(step)[0] == outcome(again)[0] == "done"


def test_a_record_that_may_not_be_kept_is_a_note_and_stops_nothing() -> None:
    world = World("a", "b")
    world.refused["record"] = status(403, "Forbidden", "no")
    step = carried_out(world)
    assert outcome(step)[0] == "done"
    (note,) = [note for note in step.decision["report"]["notes"] if "not recorded" in note]
    assert note.endswith("which takes get configmaps calico-ops-admissions in tigera-operator")
    assert world.record is None


def test_check_mode_records_nothing() -> None:
    world = World("a", "b")
    with call_of(world) as step:
        step.rehearse()
    assert (outcome(step)[0], world.record) == ("done", None)
    carried_out(world)
    world.record = None
    with call_of(world) as step:
        step.rehearse()
    assert (step.journal.changed, world.record) == (True, None), "it says that a real run would write it"


DOWN = status(500, "InternalError", 'failed calling webhook "labels.example.com": connection refused')
DENIED = status(422, "Invalid", "ValidatingAdmissionPolicy 'guard' with binding 'guard' denied request: not this one")
NO_DRY_RUN = status(400, "BadRequest", 'admission webhook "audit.example.com" does not support dry run')


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is not repeated, and neither is a decision after writes that failed."""
    monkeypatch.setattr(client, "TIMEOUT", 0.2)
    monkeypatch.setattr(step_module, "RETRY_PAUSE", 60.0)


def rehearsed(world: World, plan: Plan = PLAN) -> Step:
    with call_of(world, plan) as step:
        step.rehearse()
        return step


def test_a_policy_that_denies_the_last_batch_its_label_stops_it_before_the_first_is_labelled() -> None:
    world, plan = World("a", "b", "c"), plan_of(["a", "b"], ["c"])
    world.refused["c"] = DENIED
    real, rehearsal = carried_out(world, plan), rehearsed(world, plan)
    assert outcome(real) == outcome(rehearsal)
    assert outcome(real)[0] == "stopped"
    assert "denies the admission label to node c: 422 Invalid: ValidatingAdmissionPolicy 'guard'" in outcome(real)[1]
    assert (world.labelled, world.installation_writes, real.journal.changed) == ([], 0, False)


def test_the_labels_are_tried_once_a_run_and_not_with_each_call() -> None:
    world, plan = World("a", "b", "c"), plan_of(["a", "b"], ["c"])
    first = carried_out(world, plan)
    assert sorted(world.tried) == ["a", "b", "c"]
    carried_out(world, plan, state=first.state)
    assert sorted(world.tried) == ["a", "b", "c"]
    assert sorted(world.labelled) == ["a", "b", "c"]


def test_on_a_large_cluster_a_hundred_stand_for_all_and_the_report_says_so() -> None:
    names = [f"n-{number}" for number in range(250)]
    world = World(*names)
    step = rehearsed(world, plan_of(names))
    assert outcome(step)[0] == "done"
    assert len(world.tried) == dry_run.MOST
    assert "100 of the 250 writes of Nodes were tried" in step.decision["report"]["notes"][0]


def test_a_webhook_that_allows_no_dry_run_is_told_and_does_not_stop_it() -> None:
    world = World("a", "b")
    world.untriable["b"] = NO_DRY_RUN
    step = carried_out(world)
    assert outcome(step)[0] == "done"
    (note,) = step.decision["report"]["notes"]
    assert "node b cannot be tried" in note
    assert 'webhook "audit.example.com" does not support dry run' in note


@pytest.mark.usefixtures("impatient")
def test_a_webhook_that_is_down_is_named_from_the_first_line_on_and_no_more_once_it_is_up() -> None:
    world = World("a", "b")
    world.refused.update(a=DOWN, b=DOWN)
    first = carried_out(world, max_duration=2)
    report = first.decision["report"]
    assert (report["outcome"], world.labelled) == ("in_progress", [])
    assert report["reason"].startswith(
        "batch core-1: admit 2 nodes (a, b); the API server refuses the admission label of "
    )
    assert 'failed calling webhook "labels.example.com"' in progress_line(report)
    assert report["refused"] == first.state["refused"]
    world.refused.clear()
    second = carried_out(world, state=first.state)
    assert outcome(second)[0] == "done"
    assert second.decision["report"]["refused"] == []
    assert "webhook" not in outcome(second)[1]


@pytest.mark.usefixtures("impatient")
def test_a_webhook_that_fails_only_the_real_write_is_named_by_node() -> None:
    world = World("a", "b")
    world.refused["b"], world.taken_in_a_dry_run = DOWN, {"b"}
    step = carried_out(world, max_duration=2)
    assert world.labelled == ["a"]
    assert [(entry["write"], entry["object"]) for entry in step.state["refused"]] == [("label", "b")]
    assert "the admission label of b since" in outcome(step)[1]


@pytest.mark.usefixtures("impatient")
def test_check_mode_waits_for_nobody_and_says_what_is_down() -> None:
    world = World("a", "b")
    world.refused.update(a=DOWN, b=DOWN)
    step = rehearsed(world)
    assert outcome(step)[0] == "stopped"
    assert "labels.example.com" in outcome(step)[1]
    assert step.journal.actions == []


@pytest.mark.usefixtures("impatient")
def test_an_installation_that_is_refused_for_now_is_named_and_written_with_a_later_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World("a", "b")
    after_the_labels = world.answer

    def answer(request: Any, number: int) -> Reply:
        if request.method != "GET" and "installations" in request.path and "dryRun" not in request.query and down:
            return DOWN
        return after_the_labels(request, number)

    down = True
    monkeypatch.setattr(world, "answer", answer)
    first = carried_out(world, max_duration=4)
    assert (outcome(first)[0], sorted(world.labelled), world.installation_writes) == ("in_progress", ["a", "b"], 0)
    assert "refuses the selector in Installation/default since" in outcome(first)[1]
    assert first.state["phase"] != "scoping", "what is judged before the selector is written must be judged again"
    down = False
    second = carried_out(world, state=first.state)
    assert (outcome(second)[0], world.installation_writes) == ("done", 1)
    assert second.state["refused"] == []


@pytest.mark.usefixtures("impatient")
def test_an_installation_that_is_refused_for_as_long_as_a_batch_may_take_stops_it() -> None:
    world, plan = World("a", "b"), plan_of(["a", "b"], batch_timeout=2)
    world.refused["default"] = DOWN
    step = carried_out(world, plan, max_duration=8)
    step_again = step if step.finished else carried_out(world, plan, max_duration=8, state=step.state)
    assert outcome(step_again)[0] == "stopped"
    assert "labels.example.com" in outcome(step_again)[1]
    assert world.labelled == []


# --- the lock -------------------------------------------------------------------------------------------------------

THEIRS = {"holderIdentity": "bob@ci-8", "leaseDurationSeconds": 120, "acquireTime": "2026-01-02T03:04:05.000000Z"}


def others_lock(world: World, holder: str = "bob@ci-8") -> None:
    world.leases.put(PLACE.name, {**THEIRS, "holderIdentity": holder})


def test_a_run_holds_the_lock_from_before_its_first_write_to_after_its_last() -> None:
    world, plan = World("a", "b", "c"), plan_of(["a", "b"], ["c"])
    first = carried_out(world, plan)
    assert world.leases.holder(PLACE.name) == first.state["lock"]["held_as"] == THIS_RUN
    assert outcome(carried_out(world, plan, state=first.state))[0] == "done"
    assert world.leases.holder(PLACE.name) == ""


def test_while_another_run_has_the_lock_nothing_is_written_and_it_is_named() -> None:
    world = World("a", "b")
    others_lock(world)
    step = carried_out(world, max_duration=3)
    assert outcome(step)[0] == "in_progress"
    assert "waiting for bob@ci-8, which holds the rollout's lock" in outcome(step)[1]
    assert (world.labelled, world.installation_writes, world.record_writes, world.tried) == ([], 0, 0, [])
    others_lock(world, "")
    assert outcome(carried_out(world, state=step.state))[0] == "done"


def test_a_run_that_waited_in_vain_writes_nothing_at_its_end_either() -> None:
    world = World("a", "b")
    others_lock(world)
    world.nodes["a"]["metadata"]["labels"][raw.KEY] = "true"  # so that a record would be due
    with call_of(world) as step, lock_of(step.cluster, step.state, timeout=0) as lock:
        step.carry_out(lock)
    assert outcome(step)[0] == "stopped"
    assert (world.labelled, world.record_writes) == ([], 0)
    assert world.leases.holder(PLACE.name) == "bob@ci-8"


def test_a_lock_that_is_lost_between_two_batches_stops_the_run_before_the_next_write() -> None:
    world, plan = World("a", "b", "c"), plan_of(["a", "b"], ["c"])
    first = carried_out(world, plan)
    others_lock(world)
    second = carried_out(world, plan, state=first.state)
    assert outcome(second)[0] == "stopped"
    assert "lost the rollout's lock" in outcome(second)[1]
    assert "bob@ci-8 has it since" in outcome(second)[1]
    assert sorted(world.labelled) == ["a", "b"]


def test_a_lock_that_is_lost_within_a_call_is_noticed_before_the_next_write() -> None:
    world = World("a", "b")
    labelled = world.answer

    def answer(request: Any, number: int) -> Reply:
        reply = labelled(request, number)
        if len(world.labelled) == 2 and world.leases.holder(PLACE.name) == THIS_RUN:
            others_lock(world)
        return reply

    vars(world)["answer"] = answer
    step = carried_out(world)
    assert outcome(step)[0] == "stopped"
    assert (sorted(world.labelled), world.installation_writes) == (["a", "b"], 0)
    assert world.leases.holder(PLACE.name) == "bob@ci-8"


def silent() -> Iterator[Any]:
    """A watch without an event."""
    time.sleep(120)
    yield from ()


def test_a_loss_ends_a_wait_that_would_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World("a", "b")
    world.unready = {"b"}
    plan = plan_of(["a", "b"], batch_timeout=3600)
    first = carried_out(world, plan, max_duration=3)
    monkeypatch.setattr(lease_module, "renew_every", lambda _duration: 0.05)
    others, began = world.answer, len(world.leases.writes)

    def answer(request: Any, number: int) -> Reply:
        if request.query.get("watch"):
            return Reply(lines=silent)  # Nothing else wakes the call.
        if len(world.leases.writes) > began + 5 and world.leases.holder(PLACE.name) == THIS_RUN:
            others_lock(world)
        return others(request, number)

    vars(world)["answer"] = answer
    step = carried_out(world, plan, max_duration=3600, state=first.state)
    assert "lost the rollout's lock" in outcome(step)[1]


def test_a_run_whose_call_fails_gives_the_lock_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_cluster: Any) -> Any:
        raise client.ApiError(401, "Unauthorized", "401")

    world = World("a", "b")
    monkeypatch.setattr(step_module, "observe_once", broken)
    with pytest.raises(client.ApiError, match="401"):
        carried_out(world)
    assert world.labelled != []
    assert world.leases.holder(PLACE.name) == ""


def test_check_mode_takes_no_lock() -> None:
    world = World("a", "b")
    with call_of(world) as step:
        step.rehearse("bob has the lock")
    assert outcome(step)[0] == "done"
    assert "bob has the lock" in step.decision["report"]["notes"]
    assert world.leases.objects == {}


# --- an action ------------------------------------------------------------------------------------------------------

PROBE: Any = {"do": "probe", "nodes": ["a"]}


class Probing(Handler[Any]):
    """An action that today's code does not know."""

    def __init__(self, *refusals: str, failure: str | None = None) -> None:
        self.refusals, self.failure = list(refusals), failure
        self.carried_out = 0

    def carry_out(self, action: Any, call: Call) -> Done:
        if self.refusals:
            said = self.refusals.pop(0)
            raise RefusedForNow(Answers("probe", {"a": said}, ["a"]), said)  # type: ignore[arg-type]
        self.carried_out += 1
        return Done(Told({"do": "probe", "nodes": action["nodes"]}, changed=True), failure=self.failure)

    def foresee(self, action: Any, call: Call) -> Done:
        return Done(Told({"do": "probe", "nodes": action["nodes"]}, changed=True))


@pytest.fixture
def probing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the last decision have a new action, and gives that action a handler."""

    def learn(handler: Probing, outcome: str) -> Probing:
        def decide(plan: Plan, *rest: Any) -> Decision:
            decision = known(plan, *rest)
            if decision["report"]["outcome"] != "done":
                return decision
            report: Any = {**decision["report"], "outcome": outcome}
            return {**decision, "actions": [PROBE], "report": report}

        known = step_module.decide
        monkeypatch.setattr(step_module, "decide", decide)
        monkeypatch.setattr(step_module, "ACTIONS", {**ACTIONS, "probe": handler})
        monkeypatch.setattr(step_module, "RETRY_PAUSE", 0.1)
        return handler

    return learn


def test_a_new_action_is_carried_out_and_foreseen_without_a_change_of_the_step(probing: Any) -> None:
    handler = probing(Probing(), "done")
    real, rehearsal = carried_out(World("a", "b")), rehearsed(World("a", "b"))
    assert handler.carried_out == 1
    assert real.journal.actions[-1] == rehearsal.journal.actions[-1] == {"do": "probe", "nodes": ["a"]}


def test_a_stop_whose_action_is_refused_for_now_stops_once_it_went_through(probing: Any) -> None:
    handler = probing(Probing("503 ServiceUnavailable", "503 ServiceUnavailable"), "stopped")
    step = carried_out(World("a", "b"))
    assert (handler.refusals, handler.carried_out, outcome(step)[0]) == ([], 1, "stopped")


def test_until_then_it_is_in_progress_and_says_what_is_refused(probing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    probing(Probing("503 ServiceUnavailable"), "stopped")
    monkeypatch.setattr(step_module, "RETRY_PAUSE", 60.0)
    step = carried_out(World("a", "b"), max_duration=3)
    assert outcome(step)[0] == "in_progress"
    assert "the API server refuses the probe of a since" in outcome(step)[1]


def test_a_stop_whose_action_fails_is_final_and_says_so(probing: Any) -> None:
    handler = probing(Probing(failure="403 Forbidden"), "stopped")
    step = carried_out(World("a", "b"))
    assert (handler.carried_out, outcome(step)[0]) == (1, "stopped")
    assert outcome(step)[1].endswith("maxUnavailable is still raised, the next run puts it back: 403 Forbidden")


def raised_in(world: World, restored: Reply | None = None) -> tuple[Plan, list[Any]]:
    """A plan whose run has raised maxUnavailable, and a label that the API server then refuses; the JSON patches that come."""
    plan: Any = {**PLAN, "adoption_max_unavailable": "3"}
    world.installation = raw.installation(nodeUpdateStrategy={"rollingUpdate": {"maxUnavailable": 3}})
    kept = json.dumps({"previous": 1, "raised": "3", "plan": plan["id"], "until": None})
    world.installation["metadata"]["annotations"] = {ANNOTATION_RAISED: kept}
    world.refused["b"], world.taken_in_a_dry_run = status(403, "Forbidden", "cannot patch nodes"), {"b"}
    patches: list[Any] = []

    def answer(request: Any, number: int) -> Reply:
        if not isinstance(request.body, list):
            return others(request, number)
        patches.append(request.body)
        if restored is None:
            world.installation = raw.installation(nodeUpdateStrategy={"rollingUpdate": {"maxUnavailable": 1}})
        return restored or Reply(body=world.installation)

    others = world.answer
    vars(world)["answer"] = answer
    return plan, patches


def test_a_rollout_that_a_refused_label_ends_puts_back_what_it_has_raised() -> None:
    world = World("a", "b")
    plan, patches = raised_in(world)
    step = carried_out(world, plan)
    assert outcome(step)[0] == "stopped"
    assert outcome(step)[1].startswith("batch core-1: 1 of 2 nodes could not be labelled: ")
    assert [entry["do"] for entry in step.journal.actions] == ["label_nodes", "restore_max_unavailable"]
    assert step.journal.actions[-1] == {"do": "restore_max_unavailable", "before": "3", "after": "1"}
    assert len(patches) == 1


def test_and_says_so_where_it_cannot() -> None:
    world = World("a", "b")
    plan, patches = raised_in(world, status(403, "Forbidden", "cannot patch installations"))
    step = carried_out(world, plan)
    assert outcome(step)[0] == "stopped"
    assert "1 of 2 nodes could not be labelled" in outcome(step)[1]
    assert "maxUnavailable is still raised, the next run puts it back: " in outcome(step)[1]
    assert len(patches) == 1


def test_nor_does_it_put_anything_back_once_another_run_has_the_lock() -> None:
    world = World("a", "b")
    plan, patches = raised_in(world)
    refusing = world.answer

    def answer(request: Any, number: int) -> Reply:
        reply = refusing(request, number)
        if request.path.endswith("/nodes/b") and request.method == "PATCH" and "dryRun" not in request.query:
            others_lock(world)
        return reply

    vars(world)["answer"] = answer
    step = carried_out(world, plan)
    assert outcome(step)[0] == "stopped"
    assert "1 of 2 nodes could not be labelled" in outcome(step)[1]
    assert patches == []


def test_a_wait_that_goes_on_is_told_once_by_its_latest_reason() -> None:
    journal = Journal()
    for do, why in (("wait", "one"), ("wait", "two"), ("await_restart", "three"), ("wait", "four"), ("wait", "five")):
        journal.add(Told({"do": do, "why": why}), waits=True)
    assert [entry["why"] for entry in journal.actions] == ["two", "three", "five"]


def test_two_labellings_in_a_row_are_two_actions() -> None:
    journal = Journal()
    for batch in ("adoption", "core-1"):
        journal.add(Told({"do": "label_nodes", "batch": batch}), waits=False)
    assert [entry["batch"] for entry in journal.actions] == ["adoption", "core-1"]


def test_the_diff_goes_from_before_the_first_change_to_after_the_last() -> None:
    journal = Journal()
    for before, after in (({"a": 1}, {"a": 2, "b": 3}), ({"a": 2, "b": 3, "c": 4}, {"a": 5, "b": 6})):
        journal.add(Told(diff=[Change("Installation", before, after)]), waits=False)
    (part,) = journal.diff()
    assert (part["before"], part["after"]) == ({"a": 1, "c": 4}, {"a": 5, "b": 6})

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
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import step as step_module
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.step import Limits, Step
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.decide import new_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Decision, Plan, RolloutState

from tests.plans import plan_of
from tests.unit.kube.fake_api import Reply, fake_api, status

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
    with call_of(world, plan, max_duration, state) as step:
        step.carry_out()
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
    world.refused["b"] = status(403, "Forbidden", "cannot patch nodes")
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
        step.carry_out()
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
    began = time.monotonic()
    step = carried_out(world, max_duration=3)
    assert not step.finished
    assert step.journal.actions[-1]["do"] == "wait"
    assert time.monotonic() - began < 8


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

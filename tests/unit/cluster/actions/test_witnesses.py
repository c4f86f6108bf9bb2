# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Witnesses of a rollout: started before the label, heard after the soak, and no reason to hold it up; the pods themselves are played."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import step as step_module
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions import (
    finish_witnesses,
    start_witnesses,
    tend_witnesses,
    verify_policy,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.request import ProbeRequest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.witness import (
    Started,
    TakenOver,
    Wanted,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.step import Step
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.verify import read_verify
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer import witness_rules
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.witnesses import with_started

from tests.plans import plan_of
from tests.unit.cluster.test_step import call_of, outcome
from tests.unit.cluster.world import World
from tests.unit.rollout.probes import IMAGE, probe_of
from tests.unit.rollout.witnesses import RUN, witnessed

from .test_verify_policy import to_the_end

PLAN = plan_of(["a", "b"], ["c"], verify=read_verify({"image": IMAGE, "mode": "canary", "witness": "each_batch"}))
FORBIDDEN = ApiError(403, "Forbidden", "pods is forbidden: exceeded quota: compute")
AWAY = ApiError(503, "ServiceUnavailable", "the server is shutting down")


class Played:
    """What is answered to each call; an error is raised."""

    def __init__(self) -> None:
        self.wanted: list[tuple[Wanted, str | None]] = []
        self.asked: list[str] = []
        self.labelled: list[int] = []
        self.world: World | None = None
        self.started: Any = Started(RUN, {}, [])
        self.taken_over: Any = None
        self.untold: Any = []
        self.found: Any = {}

    def start(self, _cluster: Any, _request: ProbeRequest, wanted: Wanted, run: str | None = None) -> Started:
        self.wanted.append((wanted, run))
        self.labelled.append(len(self.world.labelled) if self.world else 0)
        return self._answer("start", self.started)

    def take_over(self, _cluster: Any, _request: ProbeRequest, nodes: Collection[str]) -> TakenOver | None:
        return self._answer(f"take over {' '.join(nodes)}", self.taken_over)

    def tend(self, _cluster: Any, _request: ProbeRequest, run: str) -> list[str]:
        return self._answer(f"tend {run}", self.untold)

    def finish(self, _cluster: Any, _request: ProbeRequest, nodes: Sequence[str], run: str) -> Any:
        found = self._answer(f"finish {run} {' '.join(nodes)}", self.found)
        return [found.get(node) or witnessed(node) for node in nodes]

    def _answer(self, what: str, answer: Any) -> Any:
        self.asked.append(what)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    made = Played()
    monkeypatch.setattr(start_witnesses, "start", made.start)
    monkeypatch.setattr(start_witnesses, "take_over", made.take_over)
    monkeypatch.setattr(tend_witnesses, "tend", made.tend)
    monkeypatch.setattr(finish_witnesses, "finish", made.finish)
    monkeypatch.setattr(
        verify_policy, "prove", lambda _cluster, _request, nodes, _offered: probe_of(dict.fromkeys(nodes, "enforced"))
    )
    monkeypatch.setattr(step_module, "sweep", lambda _cluster, _namespace, purpose: made.asked.append(purpose))
    monkeypatch.setattr(step_module, "remove_namespace", lambda _cluster, _namespace: None)
    return made


def entries(steps: Sequence[Step], do: str) -> list[Any]:
    return [entry for step in steps for entry in step.journal.actions if entry["do"] == do]


def seen_of(step: Step) -> list[Any]:
    return [batch["witness"] for batch in step.decision["report"]["batches"]]


def test_each_batch_is_witnessed_from_before_its_label_and_the_report_has_each_node(played: Played) -> None:
    played.world = World("a", "b", "c")
    played.found = {"b": witnessed("b", 120.0)}
    steps = to_the_end(played.world, PLAN)
    assert outcome(steps[-1])[0] == "done"
    assert [list(wanted.nodes) for wanted, _run in played.wanted] == [["a", "b"], ["c"]]
    assert played.labelled == [0, 2]
    assert [seen["gaps_ms"] for seen in seen_of(steps[-1])] == [{"a": 20.0, "b": 120.0}, {"c": 20.0}]
    assert [entry["nodes"] for entry in entries(steps, "start_witnesses")] == [["a", "b"], ["c"]]
    assert [entry["longest_gap_ms"] for entry in entries(steps, "finish_witnesses")] == [120.0, 20.0]
    assert played.asked[-1] == "policy-witness", "what is left is removed in the end"


def test_new_nodes_have_neither_a_network_nor_policy_and_those_that_run_calico_have_both(played: Played) -> None:
    to_the_end(World("a", "b", "c"), PLAN)
    first, second = (wanted for wanted, _run in played.wanted)
    assert (first.without_network, first.unguarded) == ({"a", "b"}, {"a", "b"})
    assert (second.without_network, second.unguarded, list(second.offered)) == ({"c"}, {"c"}, ["a"])
    assert first.lifetime > 2 * PLAN["batch_timeout"]


def test_a_denied_connection_that_came_through_stops_the_rollout(played: Played) -> None:
    world = World("a", "b", "c")
    played.found = {"b": witnessed("b", denied_through=4)}
    last = to_the_end(world, PLAN)[-1]
    assert outcome(last)[0] == "stopped"
    assert "batch core-1, b (4 connections, ingress, the first at 2026-01-01T01:00:07.000Z)" in outcome(last)[1]
    assert sorted(world.labelled) == ["a", "b"]


@pytest.mark.parametrize("error", [FORBIDDEN, AWAY, RolloutError("the namespace goes away")])
@pytest.mark.parametrize("what", ["taken_over", "started"])
def test_a_refusal_of_the_start_is_told_once_and_stops_nothing(played: Played, error: Any, what: str) -> None:
    setattr(played, what, error)
    steps = to_the_end(World("a", "b", "c"), PLAN)
    assert outcome(steps[-1])[0] == "done"
    said = error.said if isinstance(error, ApiError) else str(error)
    first, second = seen_of(steps[-1])
    assert (first["incomplete"], second["incomplete"]) == (2, 1)
    assert all(said in reason for reason in first["reasons"].values())
    assert len(entries(steps, "start_witnesses")) == 2
    assert not any(one.startswith("finish") for one in played.asked)


def test_a_refusal_for_more_nodes_leaves_those_before_them_their_witnesses(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_rules, "MOST_AT_ONCE", 1)
    answers: list[Any] = [Started(RUN, {}, ["a"]), FORBIDDEN, Started(RUN, {}, [])]
    monkeypatch.setattr(start_witnesses, "start", lambda *_arguments: played._answer("start", answers.pop(0)))
    played.found = {"b": witnessed("b", None, began=None, reason="it had no witness")}
    steps = to_the_end(World("a", "b", "c"), PLAN)
    first = seen_of(steps[-1])[0]
    assert first["gaps_ms"] == {"a": 20.0}
    assert "exceeded quota" in first["reasons"]["b"]


def test_a_refusal_when_they_are_to_be_heard_is_told_and_stops_nothing(played: Played) -> None:
    played.found = AWAY
    last = to_the_end(World("a", "b", "c"), PLAN)[-1]
    assert outcome(last)[0] == "done"
    assert seen_of(last)[0]["reasons"] == dict.fromkeys(
        "ab", "the API server refuses what its witness takes: the server is shutting down"
    )


def test_those_of_a_killed_run_are_taken_over(played: Played) -> None:
    world = World("a", "b", "c")
    to_the_end(world, plan_of(["a", "b"]))
    played.taken_over = TakenOver(RUN, ["a"], [])
    plan = plan_of(["a", "b"], verify=PLAN["verify"])
    steps = to_the_end(world, plan)
    assert played.wanted == []
    assert played.asked[:2] == ["take over a b", f"finish {RUN} a"]
    assert seen_of(steps[-1])[0]["gaps_ms"] == {"a": 20.0}
    assert not any(step.journal.changed for step in steps)


def test_a_run_with_nothing_to_do_starts_none_and_tells_nothing(played: Played) -> None:
    world = World("a", "b", "c")
    to_the_end(world, plan_of(["a", "b"]))
    steps = to_the_end(world, plan_of(["a", "b"], verify=PLAN["verify"]))
    assert played.asked == ["take over a b", "policy-witness"]
    assert entries(steps, "start_witnesses") == []
    assert seen_of(steps[-1]) == [None]


@pytest.mark.parametrize("error", [None, AWAY])
def test_pods_that_could_not_run_yet_are_told_later(played: Played, error: Any) -> None:
    world = World("a", "b", "c")
    with call_of(world, PLAN) as step:
        step.state = with_started(step.state, "core-1", ["a"], RUN, {}, ["a"], 0.0)
        played.untold = error or []
        action: Any = {"do": "tend_witnesses", "batch": "core-1", "nodes": ["a"], "run": RUN}
        call: Any = step._call(None, None)  # type: ignore[arg-type]
        done = step_module.ACTIONS["tend_witnesses"].carry_out(action, call)
        assert done.learned is not None
        after = done.learned.kept_in(step.state, 9.0)["witness"]
    assert (after["untold"], after["looked"]) == (["a"] if error else [], 9.0)
    assert (played.asked, done.told.entry) == ([f"tend {RUN}"], None)


def test_check_mode_tells_who_would_be_witnessed_and_starts_nothing(played: Played) -> None:
    with call_of(World("a", "b", "c"), PLAN) as step:
        step.rehearse()
    assert played.asked == []
    assert [entry["nodes"] for entry in entries([step], "start_witnesses")] == [["a", "b"], ["c"]]
    assert entries([step], "finish_witnesses") == []
    assert outcome(step)[0] == "done"


def test_a_stop_hears_them_in_the_same_call(played: Played) -> None:
    world = World("a", "b", "c")
    world.unready.add("b")
    played.found = {"a": witnessed("a", denied_through=2)}
    last = to_the_end(world, plan_of(["a", "b"], ["c"], verify=PLAN["verify"], batch_timeout=1))[-1]
    assert outcome(last)[0] == "stopped"
    assert "not ready after" in outcome(last)[1]
    assert seen_of(last)[0]["denied_through"] == {"a": 2}
    assert any("denied connections come through" in note for note in last.decision["report"]["notes"])
    assert played.asked[-2:] == [f"finish {RUN} a b", "policy-witness"]

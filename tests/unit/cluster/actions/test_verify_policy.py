# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of a batch, carried out and foreseen; the probe itself is played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import step as step_module
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions import verify_policy
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.request import ProbeRequest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.step import Step
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.workloads import Workloads
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import RolloutState
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.verify import read_verify
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.policy_gap import Workload

from tests.plans import plan_of
from tests.unit.cluster.test_step import call_of, carried_out, outcome
from tests.unit.cluster.world import World
from tests.unit.rollout.probes import IMAGE, probe_of

VERIFY = read_verify({"image": IMAGE, "witness": "none", "strength": 3, "image_pull_secrets": ["registry"]})
PLAN = plan_of(["a", "b"], ["c"], verify=VERIFY)


class Probes:
    """Plays `prove`: each call takes the next of the answers, and the last one again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[ProbeRequest, list[str], list[str]]] = []
        self.removed: list[str] = []
        self.swept: list[tuple[str, str]] = []

    def prove(self, _cluster: Any, request: ProbeRequest, nodes: Sequence[str], offered: Sequence[str]) -> Any:
        self.asked.append((request, list(nodes), list(offered)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return probe_of({node: answer.get(node, "enforced") for node in nodes})

    def sweep(self, _cluster: Any, namespace: str, purpose: str) -> None:
        self.swept.append((namespace, purpose))

    def remove(self, _cluster: Any, namespace: str) -> None:
        self.removed.append(namespace)


def workloads_on(_cluster: Any, nodes: Sequence[str]) -> Workloads:
    return Workloads([Workload(node, "shop/web", None, ("deny", "allow-shop")) for node in nodes], None)


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> Any:
    def play(*answers: Any) -> Probes:
        played = Probes(*(answers or ({},)))
        monkeypatch.setattr(verify_policy, "prove", played.prove)
        monkeypatch.setattr(verify_policy, "workloads_on", workloads_on)
        monkeypatch.setattr(step_module, "remove_namespace", played.remove)
        monkeypatch.setattr(step_module, "sweep", played.sweep)
        monkeypatch.setattr(step_module, "RETRY_PAUSE", 0.1)
        return played

    return play


def to_the_end(world: World, plan: Any = PLAN, seconds: float = 20) -> list[Step]:
    """One call after the other, as the action plugin makes them."""
    steps: list[Step] = []
    state: RolloutState | None = None
    while not steps or not steps[-1].finished:
        steps.append(carried_out(world, plan, seconds, state))
        state = steps[-1].state
        assert len(steps) < 30
    return steps


def verified(steps: Sequence[Step]) -> list[Any]:
    return [entry for step in steps for entry in step.journal.actions if entry["do"] == "verify_policy"]


def test_the_settings_of_the_plan_reach_the_probe(probes: Any) -> None:
    played = probes()
    to_the_end(World("a", "b", "c"))
    request = played.asked[0][0]
    assert request == ProbeRequest(image=IMAGE, strength=3, pull_secrets=("registry",), timeout=25, deadline=5)
    assert [(nodes, offered) for _request, nodes, offered in played.asked] == [(["a", "b"], []), (["c"], ["a", "b"])]


def test_a_proof_is_told_with_each_verdict(probes: Any) -> None:
    probes()
    steps = to_the_end(World("a", "b", "c"))
    first, second = verified(steps)
    assert first["verdicts"] == {"a": "enforced", "b": "enforced"}
    assert (first["outcome"], first["count"], second["nodes"]) == ("proven", 2, ["c"])
    assert outcome(steps[-1])[0] == "done"


def test_a_rollout_that_is_through_proves_its_last_batch_again_and_changes_nothing(probes: Any) -> None:
    played, world = probes(), World("a", "b", "c")
    to_the_end(world)
    again = to_the_end(world)
    assert [nodes for _request, nodes, _offered in played.asked] == [["a", "b"], ["c"], ["c"]]
    assert not any(step.journal.changed for step in again)


def test_a_line_of_progress_stands_before_each_probe_and_after_it(probes: Any) -> None:
    """A probe takes long: the call before it ends and says what comes, and the probe's own call does nothing else."""
    probes()
    steps = to_the_end(World("a", "b", "c"))
    said = [outcome(step)[1] for step in steps]
    assert said[0] == "batch core-1: proving network policy on 2 nodes (a, b)"
    assert [entry["do"] for entry in steps[1].journal.actions] == ["verify_policy"]
    assert said[1] == "batch core-2: admit node c"
    assert [step.batch_completed for step in steps] == [False, True, False, True]


def test_a_probe_that_takes_the_whole_call_is_followed_by_the_decision_that_ends_its_batch(
    probes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = probes()
    clock = [0.0]
    real = verify_policy.prove
    world = World("a", "b", "c")
    steps = [carried_out(world, PLAN, 20)]

    def slow(*arguments: Any) -> Any:
        # Longer than the call, and not so long that the lock would have expired.
        clock[0] += 30.0
        return real(*arguments)

    monkeypatch.setattr(verify_policy, "prove", slow)
    monotonic = step_module.time.monotonic
    monkeypatch.setattr(step_module.time, "monotonic", lambda: monotonic() + clock[0])
    last = carried_out(world, PLAN, 20, steps[-1].state)
    assert last.batch_completed
    assert len(played.asked) == 1


def test_a_node_that_enforces_nothing_stops_the_rollout_with_its_workloads(probes: Any) -> None:
    probes({"b": "open"})
    world = World("a", "b", "c")
    last = to_the_end(world)[-1]
    assert outcome(last)[0] == "stopped"
    assert "b (open: a denied connection came through; rows b/1)" in outcome(last)[1]
    assert "1 on b (shop/web), selected by 2 NetworkPolicies" in outcome(last)[1]
    assert sorted(world.labelled) == ["a", "b"]


def test_what_gives_no_evidence_is_tried_again(probes: Any) -> None:
    played = probes({"b": "unproven"}, {})
    steps = to_the_end(World("a", "b", "c"))
    assert outcome(steps[-1])[0] == "done"
    assert [nodes for _request, nodes, _offered in played.asked] == [["a", "b"], ["b"], ["c"]]
    assert any("again: b (unproven: its pods never started" in outcome(step)[1] for step in steps)


def test_an_api_server_that_does_not_answer_a_probe_is_asked_again(probes: Any) -> None:
    played = probes(ApiError(503, "ServiceUnavailable", "the server is shutting down"), {})
    steps = to_the_end(World("a", "b", "c"))
    assert outcome(steps[-1])[0] == "done"
    assert len(played.asked) == 3
    assert any(
        "the API server refuses a probe of network policy in calico-ops-policy-probe" in outcome(step)[1]
        for step in steps
    )
    assert steps[-1].state["refused"] == []


def test_an_error_of_the_probe_stops_the_rollout_in_its_words(probes: Any) -> None:
    probes(RolloutError("the image has no bash"))
    last = to_the_end(World("a", "b", "c"))[-1]
    assert outcome(last) == ("stopped", "the image has no bash")


def test_check_mode_tells_what_would_be_proven_and_probes_nothing(probes: Any) -> None:
    played = probes()
    with call_of(World("a", "b", "c"), PLAN) as step:
        step.rehearse()
    assert played.asked == played.removed == []
    assert [(entry["batch"], entry["nodes"]) for entry in verified([step])] == [
        ("core-1", ["a", "b"]),
        ("core-2", ["c"]),
    ]
    assert all("verdicts" not in entry for entry in verified([step]))
    assert outcome(step)[1].endswith("; network policy would be proven on 3 nodes")


@pytest.mark.parametrize("answer", [{}, {"b": "open"}], ids=["done", "stopped"])
def test_the_end_of_a_rollout_removes_witnesses_and_the_namespace_of_its_probes(probes: Any, answer: Any) -> None:
    played = probes(answer)
    to_the_end(World("a", "b", "c"))
    assert played.removed == ["calico-ops-policy-probe"]
    assert played.swept == [("calico-ops-policy-probe", "policy-witness")]


def test_a_namespace_that_cannot_be_removed_is_a_note(probes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    probes()

    def refused(_cluster: Any, _namespace: str) -> None:
        raise ApiError(403, "Forbidden", "cannot delete namespaces")

    monkeypatch.setattr(step_module, "remove_namespace", refused)
    report = to_the_end(World("a", "b", "c"))[-1].decision["report"]
    assert report["outcome"] == "done"
    assert "the namespace calico-ops-policy-probe of the probes is left: " in report["notes"][-1]


def test_a_plan_without_a_proof_removes_nothing(probes: Any) -> None:
    played = probes()
    to_the_end(World("a", "b", "c"), plan_of(["a", "b"], ["c"]))
    assert (played.asked, played.removed) == ([], [])

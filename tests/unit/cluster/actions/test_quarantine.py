# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A quarantine, carried out and foreseen: one write a node, good only for the Node as it was read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import step as step_module
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.action import Call, Limits
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.registry import ACTIONS
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_quarantine import ATTEMPTS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Batch, PlannedTier
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.intent import NO_WISHES

from tests.plans import plan_of
from tests.unit.cluster import raw
from tests.unit.cluster.test_step import carried_out, outcome
from tests.unit.cluster.world import World
from tests.unit.kube.fake_api import Reply, Request, fake_api, status
from tests.unit.rollout.builders import rolled_out

KEY = "rollout.calico-ops.dev/quarantine"
REASON = "rollout.calico-ops.dev/quarantine-reason"
ACTION: Any = {
    "do": "quarantine",
    "batch": "edge-1",
    "nodes": ["c"],
    "causes": {"c": "not_ready"},
    "reasons": {"c": "not_ready: felix is not live"},
}
CLEAR: Any = {"do": "clear_network_unavailable", "nodes": ["c"]}
TAINT = {"key": KEY, "effect": "NoSchedule", "value": "not_ready"}


def plan_with(effect: str = "NoSchedule", **more: Any) -> Any:
    """core-1 with a and b, and edge-1 with c and d, whose tier goes on without nodes that fail."""
    tiers = [("core", "halt"), ("edge", "quarantine")]
    return plan_of(
        tiers=[
            PlannedTier(name=name, selector="", match=None, nodes=2, budget=2, left_out=0, on_failure=way)  # type: ignore[typeddict-item]
            for name, way in tiers
        ],
        batches=[
            Batch(index=1, name="core-1", tier="core", canary=False, nodes=["a", "b"]),
            Batch(index=2, name="edge-1", tier="edge", canary=False, nodes=["c", "d"]),
        ],
        quarantine={"taint": effect, "clear_network_unavailable": False},
        **more,
    )


class Api:
    """One Node, c, and what is asked of it; each of the first `races` patches comes too late."""

    def __init__(self, races: int = 0, refusal: Reply | None = None) -> None:
        self.node = raw.node("c", admitted=True)
        self.races, self.refusal = races, refusal
        self.patches: list[Request] = []

    def answer(self, request: Request, _number: int) -> Reply:
        if request.method == "GET":
            return Reply(body={"metadata": {"resourceVersion": "9"}, "items": [self.node]})
        if self.races > 0:
            self.races -= 1
            self.node["metadata"]["resourceVersion"] += "1"
            self.node["spec"]["taints"] = [{"key": "example.com/theirs", "effect": "NoSchedule"}]
            return status(409, "Conflict", "the object has been modified")
        self.patches.append(request)
        return self.refusal or Reply(body=raw.merged(self.node, request.body))


def done_by(api: Api, action: Any = None, foreseen: bool = False, **traits: Any) -> Any:
    action = action or ACTION
    with fake_api(api.answer) as server:
        seen = rolled_out(["a", "b", "c", "d"], ["a", "b", "c", "d"])
        call = Call(server.cluster(), plan_with(**traits), NO_WISHES, None, Limits(0, 0, 4), lambda: 0.0, seen, None)
        handler = ACTIONS[action["do"]]
        return handler.foresee(action, call) if foreseen else handler.carry_out(action, call)


def test_one_write_takes_the_label_off_and_closes_the_node() -> None:
    api = Api()
    done = done_by(api)
    (patch,) = api.patches
    assert patch.body == {
        "metadata": {
            "uid": "uid-c",
            "resourceVersion": "1",
            "labels": {KEY: "not_ready", raw.KEY: None},
            "annotations": {REASON: "not_ready: felix is not live"},
        },
        "spec": {"taints": [TAINT]},
    }
    assert (done.told.entry["nodes"], done.told.changed, done.failure, done.again) == (["c"], True, None, False)
    (change,) = done.told.diff
    assert change.before == {"c": {"labels": {raw.KEY: "true"}, "annotations": {}, "taints": []}}
    assert change.after == {
        "c": {
            "labels": {KEY: "not_ready"},
            "annotations": {REASON: "not_ready: felix is not live"},
            "taints": [TAINT],
        }
    }


def test_what_others_wrote_in_between_is_kept() -> None:
    api = Api(races=2)
    done_by(api)
    (patch,) = api.patches
    assert patch.body["metadata"]["resourceVersion"] == "111"
    assert [taint["key"] for taint in patch.body["spec"]["taints"]] == ["example.com/theirs", KEY]


def test_collisions_without_end_are_told_with_their_number() -> None:
    with pytest.raises(RolloutError, match=f"c was changed by others each of the {ATTEMPTS} times"):
        done_by(Api(races=ATTEMPTS))


def test_the_taint_has_the_effect_that_the_plan_says_or_there_is_none() -> None:
    evicting, open_ = Api(), Api()
    done_by(evicting, effect="NoExecute")
    done_by(open_, effect="none")
    assert evicting.patches[0].body["spec"]["taints"] == [{**TAINT, "effect": "NoExecute"}]
    assert "spec" not in open_.patches[0].body


def test_check_mode_tells_the_same_by_a_dry_run() -> None:
    api = Api()
    foreseen = done_by(api, foreseen=True)
    assert [patch.query.get("dryRun") for patch in api.patches] == ["All"]
    assert foreseen.told == done_by(Api()).told


def test_a_node_that_is_in_quarantine_already_is_not_written() -> None:
    api = Api()
    api.node = raw.merged(api.node, {"metadata": {"labels": {KEY: "not_ready", raw.KEY: None}}})
    api.node["metadata"]["annotations"] = {REASON: "not_ready: felix is not live"}
    api.node["spec"]["taints"] = [TAINT]
    done = done_by(api)
    assert (api.patches, done.told.changed, done.told.entry["nodes"]) == ([], False, [])


def test_a_no_of_the_api_server_ends_the_rollout_and_a_passing_refusal_is_tried_again() -> None:
    denied = done_by(Api(refusal=status(403, "Forbidden", "a policy says no")))
    assert denied.failure.startswith("batch edge-1: 1 of 1 failed nodes could not be put into quarantine: ")
    assert "a policy says no" in denied.failure
    down = done_by(Api(refusal=status(500, "InternalError", "failed calling webhook: connection refused")))
    assert (down.failure, down.again, list(down.learned.said)) == (None, True, ["c"])


def test_a_node_that_is_no_longer_there_is_left_to_the_next_decision() -> None:
    api = Api()
    api.node = raw.node("other")
    done = done_by(api)
    assert (api.patches, done.failure, done.again, done.learned.said) == ([], None, True, {})


def test_a_node_that_is_not_in_the_plan_is_never_touched() -> None:
    with pytest.raises(RolloutError, match="Nodes that are not in the plan are never touched: z"):
        done_by(Api(), {**ACTION, "nodes": ["z"]})


def test_the_condition_is_cleared_in_the_status_and_those_of_others_are_not_written() -> None:
    api = Api()
    done = done_by(api, CLEAR)
    (patch,) = api.patches
    assert (patch.path, patch.headers["content-type"]) == (
        "/api/v1/nodes/c/status",
        "application/strategic-merge-patch+json",
    )
    (condition,) = patch.body["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "NetworkUnavailable",
        "False",
        "CalicoHasLeft",
    )
    assert done.told.entry == {"do": "clear_network_unavailable", "count": 1, "nodes": ["c"]}


def test_an_account_that_may_not_clear_it_ends_the_rollout_by_its_words() -> None:
    done = done_by(Api(refusal=status(403, "Forbidden", "cannot patch nodes/status")), CLEAR)
    assert "NetworkUnavailable could not be cleared: " in done.failure
    assert "cannot patch nodes/status" in done.failure


def test_a_node_that_became_ready_a_moment_ago_keeps_calico(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World("a", "b", "c", "d")
    world.unready = {"c"}

    def observe_once(cluster: Any) -> Any:
        """By now it is ready, and the watch has not brought that."""
        if raw.KEY in world.nodes["c"]["metadata"]["labels"]:
            world.unready.clear()
        return listed(cluster)

    listed = step_module.observe_once
    monkeypatch.setattr(step_module, "observe_once", observe_once)
    step = carried_out(world, plan_with(batch_timeout=1))
    while not step.finished:
        step = carried_out(world, plan_with(batch_timeout=1), state=step.state)
    assert outcome(step) == ("done", "calico-node is ready on all 4 planned nodes; none is outside")
    assert KEY not in world.nodes["c"]["metadata"]["labels"]


def test_a_whole_rollout_goes_on_without_the_node_and_reports_it() -> None:
    world = World("a", "b", "c", "d")
    world.unready = {"c"}
    step = carried_out(world, plan_with(batch_timeout=1))
    while not step.finished:
        step = carried_out(world, plan_with(batch_timeout=1), state=step.state)
    assert outcome(step) == (
        "done",
        "calico-node is ready on all 3 planned nodes; 1 outside, in quarantine: c",
    )
    metadata, spec = world.nodes["c"]["metadata"], world.nodes["c"]["spec"]
    assert (metadata["labels"][KEY], raw.KEY in metadata["labels"]) == ("not_ready", False)
    assert metadata["annotations"][REASON].startswith("not_ready: ")
    assert spec["taints"] == [TAINT]
    assert [row["node"] for row in step.readiness()["nodes"]] == ["a", "b", "d"]
    json.dumps(step.state)

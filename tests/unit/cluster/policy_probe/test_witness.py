# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Witnesses are started in one process, tended and finished in others; nothing of them is left, whoever was killed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe import pod_writes, witness
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.pods import (
    OVER,
    RUN,
    TARGETS,
    WITNESS,
    Owner,
    manager,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.request import ProbeRequest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.witness_objects import (
    NODE,
    standing_policy,
)

from tests.unit.kube.fake_api import FakeApi, Reply, Request, fake_api, status

from .world import World

REQUEST = ProbeRequest("registry.example.com/agnhost:1", timeout=30.0)


class WitnessWorld(World):
    """Clients begin once they know their targets, and report when their pods are ended."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.runs: list[dict[str, Any]] = []
        self.hears = True
        """Clients hear that all is over."""

    def _configmaps(self, request: Request) -> Reply:
        if request.method == "POST":
            self.runs.append({"metadata": {**request.body["metadata"], "uid": "uid-1"}})
            return Reply(201, self.runs[-1])
        if request.method == "DELETE":
            self.runs = [one for one in self.runs if not request.path.endswith(one["metadata"]["name"])]
        return Reply(body={"metadata": {"resourceVersion": "1"}, "items": self.runs})

    def _networkpolicies(self, request: Request) -> Reply:
        return Reply(201)

    def _make(self, request: Request) -> Reply:
        reply = super()._make(request)
        if reply.status == 201:
            self._begin(self.pods[request.body["metadata"]["name"]])
        return reply

    def _pods(self, request: Request) -> Reply:
        if request.method == "DELETE":
            self.pods.clear()
        if request.method != "PATCH":
            return super()._pods(request)
        pod = self.pods[request.path.rsplit("/", 1)[1]]
        annotations = request.body.get("metadata", {}).get("annotations", {})
        if "spec" in request.body or (OVER in annotations and self.hears):
            self._end(pod, "client", self.said())
        else:
            super()._pods(request)
            self._begin(pod)
        self.changed.notify_all()
        return Reply(body=pod)

    def said(self) -> str:
        now = round(time.time() * 1e6)
        return f"1 {now - 9_000_000} {now} stopped 21000\nallowed 9 9 {now} 0 0 0\ndenied 9 0 0 0"

    def _begin(self, pod: dict[str, Any]) -> None:
        for container in pod["status"]["containerStatuses"]:
            container["started"] = TARGETS in pod["metadata"]["annotations"] and "running" in container["state"]

    def arrive(self, node: str) -> None:
        """The CNI plugin of this node is there."""
        with self.changed:
            self.waiting.pop(node)
            for pod in self.pods.values():
                for container in pod["status"]["containerStatuses"]:
                    container["state"] = {"running": {}}
                self.version += 1
                pod["metadata"]["resourceVersion"] = str(self.version)
                self._begin(pod)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_writes, "RATE", 0.0)
    monkeypatch.setattr(witness, "LOOK_AGAIN", 0.2)


def start(world: World, *nodes: str, offered: tuple[str, ...] = (), **options: Any) -> tuple[dict[str, str], FakeApi]:
    with fake_api(world.answer) as api:
        return witness.start(api.cluster(), REQUEST, nodes, offered, 600, **options), api


def finish(world: World, *nodes: str) -> list[Any]:
    with fake_api(world.answer) as api:
        return witness.finish(api.cluster(), REQUEST, nodes)


def test_each_node_has_two_pods_that_know_each_other_and_all_report() -> None:
    world = WitnessWorld()
    trouble, _api = start(world, "n-1", "n-2", offered=("p-1",))
    assert trouble == {}
    assert world.roles() == {"peer": 2, "subject": 2}
    assert all(TARGETS in pod["metadata"]["annotations"] for pod in world.pods.values())
    found = finish(world, "n-1", "n-2")
    assert [(one["node"], one["peer"], one["connections"], one["reason"]) for one in found] == [
        ("n-1", "p-1", 36, None),
        ("n-2", "p-1", 36, None),
    ]
    assert world.runs == []


def test_a_subject_knows_from_its_birth_where_to_connect_to() -> None:
    world = WitnessWorld()
    _trouble, api = start(world, "n-1", offered=("p-1",))
    (subject,) = [
        one.body
        for one in api.requests
        if one.method == "POST" and str(one.body["metadata"]["name"]).endswith("subject")
    ]
    assert subject["metadata"]["annotations"][TARGETS].startswith("10.1.")


def test_nobody_waits_for_a_node_without_network_and_its_pods_begin_when_it_has_one() -> None:
    world = WitnessWorld(waiting={"n-1": {"reason": "ContainerCreating"}})
    trouble, _api = start(world, "n-1", offered=("p-1",), without_network=("n-1",))
    assert trouble == {}
    world.arrive("n-1")
    with fake_api(world.answer) as api:
        witness.tend(api.cluster(), REQUEST)
    assert all(TARGETS in pod["metadata"]["annotations"] for pod in world.pods.values())


def test_a_node_whose_pod_is_refused_has_no_witness_and_says_why() -> None:
    refused = status(403, "Forbidden", 'pods "p" is forbidden: exceeded quota: compute')
    world = WitnessWorld(refuse={"n-1": refused})
    trouble, _api = start(world, "n-1", "n-2", offered=("p-1",))
    assert "exceeded quota" in trouble["n-1"]
    assert set(trouble) == {"n-1"}


def test_a_client_that_did_not_say_what_it_saw_is_no_evidence() -> None:
    world = WitnessWorld()
    start(world, "n-1", offered=("p-1",))
    world.said = lambda: "bash 4.4 has no EPOCHREALTIME"  # type: ignore[method-assign]
    (found,) = finish(world, "n-1")
    assert found["reason"].startswith("bash 4.4 has no EPOCHREALTIME (")


def test_a_client_that_does_not_hear_that_all_is_over_is_ended_by_its_kubelet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "HEARS", 0.2)
    world = WitnessWorld()
    start(world, "n-1", offered=("p-1",))
    world.hears = False
    assert [one["reason"] for one in finish(world, "n-1")] == [None]


def test_where_nothing_was_started_there_is_no_evidence() -> None:
    assert [one["reason"] for one in finish(WitnessWorld(), "n-1")] == ["it had no witness"]


def test_a_start_sweeps_what_a_killed_one_left_and_leaves_probes_alone() -> None:
    world = WitnessWorld()
    start(world, "n-1", offered=("p-1",))
    (left,) = world.runs
    _trouble, api = start(world, "n-1", offered=("p-1",))
    assert [one["metadata"]["name"] for one in world.runs] != [left["metadata"]["name"]]
    assert len(world.runs) == 1
    selectors = {one.query.get("labelSelector", "") for one in api.requests if one.method == "DELETE"} - {""}
    run = left["metadata"]["labels"][RUN]
    assert selectors == {f"app.kubernetes.io/managed-by={manager(WITNESS)},{RUN}={run}"}


def test_a_start_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(witness.Witnesses, "start", fails)
    world = WitnessWorld()
    with pytest.raises(KeyboardInterrupt):
        start(world, "n-1", offered=("p-1",))
    assert world.runs == []


def test_the_policy_denies_subjects_alone_all_but_one_port() -> None:
    policy = standing_policy(Owner("a1", "probe", "uid", WITNESS))
    spec: Mapping[str, Any] = policy["spec"]
    assert spec["podSelector"]["matchLabels"] == {RUN: "a1", "rollout.calico-ops.dev/policy-probe-role": "subject"}
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    ports = [port for side in ("ingress", "egress") for rule in spec[side] for port in rule["ports"]]
    assert ports == [{"protocol": "UDP", "port": 8081}] * 2
    assert NODE not in policy["metadata"].get("annotations", {})

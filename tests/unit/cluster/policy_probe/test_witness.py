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
        self.addressless = False
        """Pods that wait have no address yet."""
        self.begins = True
        """Denied connections are dropped."""

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
        if request.body["metadata"]["name"] in self.pods:
            return status(409, "AlreadyExists")
        reply = super()._make(request)
        if reply.status == 201:
            pod = self.pods[request.body["metadata"]["name"]]
            if self.addressless:
                pod["status"]["podIPs"] = []
            self._begin(pod)
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
            container["started"] = (
                self.begins and TARGETS in pod["metadata"]["annotations"] and "running" in container["state"]
            )

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


def start(
    world: World, *nodes: str, offered: tuple[str, ...] = (), run: str | None = None, **traits: Any
) -> tuple[witness.Started, FakeApi]:
    with fake_api(world.answer) as api:
        wanted = witness.Wanted(nodes, offered, 600, **traits)
        return witness.start(api.cluster(), REQUEST, wanted, run), api


def finish(world: World, run: str, *nodes: str) -> list[Any]:
    with fake_api(world.answer) as api:
        return witness.finish(api.cluster(), REQUEST, nodes, run)


def take_over(world: World, *nodes: str) -> witness.TakenOver | None:
    with fake_api(world.answer) as api:
        return witness.take_over(api.cluster(), REQUEST, nodes)


def tend(world: World, run: str) -> list[str]:
    with fake_api(world.answer) as api:
        return witness.tend(api.cluster(), REQUEST, run)


def test_each_node_has_two_pods_that_know_each_other_and_all_report() -> None:
    world = WitnessWorld()
    started, _api = start(world, "n-1", "n-2", offered=("p-1",))
    assert (started.trouble, started.untold) == ({}, [])
    assert world.roles() == {"peer": 2, "subject": 2}
    assert all(TARGETS in pod["metadata"]["annotations"] for pod in world.pods.values())
    found = finish(world, started.run, "n-1", "n-2")
    assert [(one["node"], one["peer"], one["connections"], one["reason"]) for one in found] == [
        ("n-1", "p-1", 36, None),
        ("n-2", "p-1", 36, None),
    ]
    assert world.runs == []


@pytest.mark.parametrize("new", [{}, {"without_network": ("n-1",)}, {"unguarded": ("n-1",)}])
def test_a_subject_knows_from_its_birth_where_to_connect_to(new: Any) -> None:
    world = WitnessWorld()
    _started, api = start(world, "n-1", offered=("p-1",), **new)
    (subject,) = [
        one.body
        for one in api.requests
        if one.method == "POST" and str(one.body["metadata"]["name"]).endswith("subject")
    ]
    assert subject["metadata"]["annotations"][TARGETS].startswith("10.1.")


def test_nobody_waits_for_a_node_without_network_and_its_pods_begin_when_it_has_one() -> None:
    world = WitnessWorld(waiting={"n-1": {"reason": "ContainerCreating"}})
    started, _api = start(world, "n-1", offered=("p-1",), without_network=("n-1",))
    assert (started.trouble, started.untold) == ({}, ["n-1"])
    assert tend(world, started.run) == ["n-1"]
    world.arrive("n-1")
    assert tend(world, started.run) == []
    assert all(TARGETS in pod["metadata"]["annotations"] for pod in world.pods.values())


def test_nobody_waits_for_the_other_ends_of_new_nodes() -> None:
    world = WitnessWorld(waiting={"n-1": {"reason": "ContainerCreating"}, "n-2": {"reason": "ContainerCreating"}})
    world.addressless = True
    with fake_api(world.answer) as api:
        never = ProbeRequest("registry.example.com/agnhost:1", timeout=3600.0)
        both = witness.Wanted(("n-1", "n-2"), (), 600, without_network=("n-1", "n-2"))
        assert sorted(witness.start(api.cluster(), never, both).untold) == ["n-1", "n-2"]


def test_nobody_waits_until_denied_connections_are_dropped_where_nothing_enforces_policy_yet() -> None:
    world = WitnessWorld()
    world.begins = False
    started, _api = start(world, "n-1", offered=("p-1",), unguarded=("n-1",))
    assert started.trouble == {}


def test_a_node_whose_connections_are_not_as_policy_wants_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "_have_begun", lambda parties: {each.pair.node for each in parties} == {"n-2"})
    with fake_api(WitnessWorld().answer) as api:
        request = ProbeRequest("registry.example.com/agnhost:1", timeout=1.0)
        started = witness.start(api.cluster(), request, witness.Wanted(("n-1", "n-2"), ("p-1",), 600))
    assert started.trouble == {"n-1": "its connections were not as policy wants within 1 s"}


def test_a_node_whose_pod_is_refused_has_no_witness_and_says_why() -> None:
    refused = status(403, "Forbidden", 'pods "p" is forbidden: exceeded quota: compute')
    world = WitnessWorld(refuse={"n-1": refused})
    started, _api = start(world, "n-1", "n-2", offered=("p-1",))
    assert "exceeded quota" in started.trouble["n-1"]
    assert set(started.trouble) == {"n-1"}


def test_a_client_that_did_not_say_what_it_saw_is_no_evidence() -> None:
    world = WitnessWorld()
    run = start(world, "n-1", offered=("p-1",))[0].run
    world.said = lambda: "bash 4.4 has no EPOCHREALTIME"  # type: ignore[method-assign]
    (found,) = finish(world, run, "n-1")
    assert found["reason"].startswith("bash 4.4 has no EPOCHREALTIME (")


def test_a_client_that_does_not_hear_that_all_is_over_is_ended_by_its_kubelet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "HEARS", 0.2)
    world = WitnessWorld()
    run = start(world, "n-1", offered=("p-1",))[0].run
    world.hears = False
    assert [one["reason"] for one in finish(world, run, "n-1")] == [None]


def test_where_nothing_was_started_there_is_no_evidence() -> None:
    assert [one["reason"] for one in finish(WitnessWorld(), "a1", "n-1")] == ["it had no witness"]


def test_more_nodes_join_a_run_and_a_pod_that_is_there_stays() -> None:
    world = WitnessWorld()
    run = start(world, "n-1", offered=("p-1",))[0].run
    before = dict(world.pods)
    started, api = start(world, "n-1", "n-2", offered=("p-2",), run=run)
    assert (started.run, len(world.runs), len(world.pods)) == (run, 1, 4)
    assert {name: world.pods[name] for name in before} == before
    assert [one["peer"] for one in finish(world, run, "n-1", "n-2")] == ["p-1", "p-2"]
    assert not any(one.method == "DELETE" for one in api.requests)
    assert sum(one.method == "POST" for one in api.requests) == 2


def test_a_run_that_is_gone_is_followed_by_a_new_one() -> None:
    world = WitnessWorld()
    started, _api = start(world, "n-1", offered=("p-1",), run="gone")
    assert started.run != "gone"
    assert len(world.runs) == 1


def test_what_a_killed_run_left_is_taken_over_while_it_goes_on() -> None:
    world = WitnessWorld()
    run = start(world, "n-1", offered=("p-1",))[0].run
    assert take_over(world, "n-1", "n-9") == (run, ["n-1"], [])
    assert len(world.runs) == 1
    assert [one["reason"] for one in finish(world, run, "n-1")] == [None]


@pytest.mark.parametrize("why", ["of other nodes", "has ended", "was evicted"])
def test_what_is_of_no_use_any_more_is_removed_and_probes_are_left_alone(why: str) -> None:
    world = WitnessWorld()
    run = start(world, "n-1", offered=("p-1",))[0].run
    for pod in world.pods.values():
        if why == "has ended":
            world._end(pod, "client", world.said())
        if why == "was evicted":
            pod["status"].update(phase="Failed", reason="Evicted")
    with fake_api(world.answer) as api:
        assert witness.take_over(api.cluster(), REQUEST, ["n-2" if why == "of other nodes" else "n-1"]) is None
    assert world.runs == []
    selectors = {one.query.get("labelSelector", "") for one in api.requests if one.method == "DELETE"} - {""}
    assert selectors == {f"app.kubernetes.io/managed-by={manager(WITNESS)},{RUN}={run}"}


def test_where_nothing_is_left_nothing_is_taken_over() -> None:
    assert take_over(WitnessWorld(), "n-1") is None


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

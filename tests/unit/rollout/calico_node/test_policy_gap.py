# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.policy_gap import (
    Workload,
    policy_gaps,
    without_calico,
    workload,
)

from tests.unit.rollout.builders import LABEL, SELECTOR, facts


def pod(name: str = "web", on: str = "edge-1", namespace: str = "shop", owner: str = "ReplicaSet", **spec: Any) -> Any:
    return {
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [{"kind": owner}]},
        "spec": {"nodeName": on, **spec},
        "status": {"phase": "Running", "startTime": "2026-01-02T00:00:00Z"},
    }


def test_a_running_pod_in_a_network_of_its_own_is_a_workload() -> None:
    assert workload(pod()) == Workload("edge-1", "shop/web", "2026-01-02T00:00:00Z")


def test_a_pod_without_an_owner_is_a_workload() -> None:
    bare = pod()
    del bare["metadata"]["ownerReferences"]
    assert workload(bare) is not None


def test_a_pod_in_the_hosts_network_has_no_policy_to_lose() -> None:
    assert workload(pod(hostNetwork=True)) is None


@pytest.mark.parametrize("namespace", ["kube-system", "calico-system"])
def test_what_the_clusters_own_daemonsets_run_everywhere_is_no_workload(namespace: str) -> None:
    assert workload(pod(namespace=namespace, owner="DaemonSet")) is None


@pytest.mark.parametrize(("namespace", "owner"), [("kube-system", "ReplicaSet"), ("shop", "DaemonSet")])
def test_a_deployment_of_the_cluster_and_a_daemonset_of_the_users_are_workloads(namespace: str, owner: str) -> None:
    assert workload(pod(namespace=namespace, owner=owner)) is not None


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_a_pod_that_does_not_run_is_none(phase: str) -> None:
    assert workload({**pod(), "status": {"phase": phase}}) is None


def test_a_pod_on_its_way_out_is_none() -> None:
    leaving = pod()
    leaving["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    assert workload(leaving) is None


def test_a_gap_is_a_node_with_workloads_and_without_a_ready_calico_node() -> None:
    nodes = [facts("edge-1"), facts("edge-2", calico_ready=True), facts("edge-3"), facts("edge-10", SELECTOR)]
    running = [
        Workload("edge-10", "b/x", "2026-01-02T00:00:00Z"),
        Workload("edge-2", "a/covered", None),
        Workload("edge-1", "a/4", "2026-01-03T00:00:00Z"),
        Workload("edge-1", "a/1", "2026-01-01T00:00:00Z"),
        Workload("edge-1", "a/3", None),
        Workload("edge-1", "a/2", None),
        Workload("gone-1", "a/elsewhere", None),
    ]
    assert policy_gaps(nodes, running, LABEL) == [
        {
            "node": "edge-1",
            "pods": 4,
            "examples": ["a/1", "a/2", "a/3"],
            "since": "2026-01-01T00:00:00Z",
            "admitted": False,
        },
        {"node": "edge-10", "pods": 1, "examples": ["b/x"], "since": "2026-01-02T00:00:00Z", "admitted": True},
    ]


def test_only_nodes_that_may_have_a_gap_are_looked_at() -> None:
    nodes = [
        facts("edge-1"),
        facts("edge-2", calico_ready=True),
        facts("win-1", {"kubernetes.io/os": "windows"}, os="windows"),
    ]
    assert without_calico(nodes) == ["edge-1"]

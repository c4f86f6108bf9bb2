# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.network_policy import (
    by_namespace,
    policy_of,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.policy_gap import (
    EXAMPLES,
    POLICIES_SHOWN,
    Doubt,
    Workload,
    given_report,
    not_enforcing,
    policy_gaps,
    workload,
)

from tests.probe_reports import probe_report
from tests.unit.rollout.builders import LABEL, SELECTOR, facts


def pod(name: str = "web", on: str = "edge-1", namespace: str = "shop", owner: str = "ReplicaSet", **spec: Any) -> Any:
    return {
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [{"kind": owner}]},
        "spec": {"nodeName": on, **spec},
        "status": {"phase": "Running", "startTime": "2026-01-02T00:00:00Z"},
    }


def test_a_running_pod_in_a_network_of_its_own_is_a_workload() -> None:
    assert workload(pod(), {}) == Workload("edge-1", "shop/web", "2026-01-02T00:00:00Z", ())


def test_a_pod_without_an_owner_is_a_workload() -> None:
    bare = pod()
    del bare["metadata"]["ownerReferences"]
    assert workload(bare, {}) is not None


def test_a_pod_in_the_hosts_network_has_no_policy_to_lose() -> None:
    assert workload(pod(hostNetwork=True), {}) is None


@pytest.mark.parametrize("namespace", ["kube-system", "calico-system"])
def test_what_the_clusters_own_daemonsets_run_everywhere_is_no_workload(namespace: str) -> None:
    assert workload(pod(namespace=namespace, owner="DaemonSet"), {}) is None


@pytest.mark.parametrize(("namespace", "owner"), [("kube-system", "ReplicaSet"), ("shop", "DaemonSet")])
def test_a_deployment_of_the_cluster_and_a_daemonset_of_the_users_are_workloads(namespace: str, owner: str) -> None:
    assert workload(pod(namespace=namespace, owner=owner), {}) is not None


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_a_pod_that_does_not_run_is_none(phase: str) -> None:
    assert workload({**pod(), "status": {"phase": phase}}, {}) is None


def test_a_pod_on_its_way_out_is_none() -> None:
    leaving = pod()
    leaving["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    assert workload(leaving, {}) is None


def test_a_gap_is_a_node_with_workloads_and_without_a_ready_calico_node() -> None:
    nodes = [facts("edge-1"), facts("edge-2", calico_ready=True), facts("edge-3"), facts("edge-10", SELECTOR)]
    running = [
        Workload("edge-10", "b/x", "2026-01-02T00:00:00Z", ()),
        Workload("edge-2", "a/covered", None, ("deny",)),
        Workload("edge-1", "a/4", "2026-01-03T00:00:00Z", ("deny",)),
        Workload("edge-1", "a/1", "2026-01-01T00:00:00Z", ()),
        Workload("edge-1", "a/3", None, ("allow", "deny")),
        Workload("edge-1", "b/2", None, ("deny",)),
        Workload("gone-1", "a/elsewhere", None, ()),
    ]
    assert policy_gaps(nodes, not_enforcing(nodes, None), running, LABEL) == [
        {
            "node": "edge-1",
            "cause": "calico_not_ready",
            "reason": "no calico-node is Ready on it",
            "pods": 4,
            "examples": ["a/1", "a/3", "a/4"],
            "selected": 3,
            "policies": 3,
            "unenforced": [
                {"workload": "a/3", "policies": ["allow", "deny"], "count": 2},
                {"workload": "a/4", "policies": ["deny"], "count": 1},
                {"workload": "b/2", "policies": ["deny"], "count": 1},
            ],
            "since": "2026-01-01T00:00:00Z",
            "admitted": False,
        },
        {
            "node": "edge-10",
            "cause": "calico_not_ready",
            "reason": "no calico-node is Ready on it",
            "pods": 1,
            "examples": ["b/x"],
            "selected": 0,
            "policies": 0,
            "unenforced": [],
            "since": "2026-01-02T00:00:00Z",
            "admitted": True,
        },
    ]


def test_a_workload_is_told_with_the_policies_of_its_namespace_that_select_it() -> None:
    policies = by_namespace(
        policy_of({"metadata": {"name": name, "namespace": namespace}, "spec": {"podSelector": selector}})
        for name, namespace, selector in (
            ("web", "shop", {"matchLabels": {"app": "web"}}),
            ("all", "shop", {}),
            ("db", "shop", {"matchLabels": {"app": "db"}}),
            ("all", "bank", {}),
        )
    )
    web = pod()
    web["metadata"]["labels"] = {"app": "web"}
    found = workload(web, policies)
    assert found is not None
    assert found.policies == ("all", "web")


def test_where_the_policies_were_not_read_nothing_is_said_of_them() -> None:
    nodes = [facts("edge-1")]
    (gap,) = policy_gaps(nodes, not_enforcing(nodes, None), [Workload("edge-1", "a/1", None, None)], LABEL)
    assert (gap["pods"], gap["selected"], gap["policies"], gap["unenforced"]) == (1, None, None, [])


def test_of_many_workloads_and_policies_the_first_are_named_and_all_counted() -> None:
    nodes = [facts("edge-1")]
    names = tuple(f"p{number}" for number in range(9))
    running = [Workload("edge-1", f"a/{number}", None, names) for number in range(7)]
    (gap,) = policy_gaps(nodes, not_enforcing(nodes, None), running, LABEL)
    assert (gap["selected"], gap["policies"], len(gap["unenforced"])) == (7, 9, EXAMPLES)
    assert gap["unenforced"][0] == {"workload": "a/0", "policies": list(names[:POLICIES_SHOWN]), "count": 9}


def test_only_nodes_that_may_have_a_gap_are_looked_at() -> None:
    nodes = [
        facts("edge-1"),
        facts("edge-2", calico_ready=True),
        facts("win-1", {"kubernetes.io/os": "windows"}, os="windows"),
    ]
    assert list(not_enforcing(nodes, None)) == ["edge-1"]


def test_a_node_that_a_probe_did_not_find_enforcing_is_doubted_though_calico_node_is_ready() -> None:
    nodes = [facts(name, calico_ready=name != "edge-3") for name in ("edge-1", "edge-2", "edge-3", "edge-4")]
    probe = probe_report({"edge-1": "enforced", "edge-2": "open", "edge-3": "closed", "gone-1": "open"})
    assert not_enforcing(nodes, probe) == {
        "edge-2": Doubt("open", "a probe at 2026-01-01T00:00:00Z found it open: 2 denied connections came through."),
        "edge-3": Doubt("calico_not_ready", "no calico-node is Ready on it"),
    }


def test_a_report_is_taken_as_it_was_made_and_nothing_else_is() -> None:
    assert given_report(probe_report({"edge-1": "late"})) is not None
    assert given_report(None) is None
    with pytest.raises(RolloutError, match=r"^policy_probe\.kind: .* Hand over the PolicyProbeReport of a probe\.$"):
        given_report({**probe_report({}), "kind": "Plan"})

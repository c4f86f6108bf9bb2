# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads and the policies that select them, read: with few lists, and without the policies where the account may not read these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.workloads import (
    FEW,
    NETWORK_POLICIES,
    PODS,
    workloads_on,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.policy_gap import Workload

from .raw import Raw, Requests, refusal

POLICY = {"metadata": {"name": "deny", "namespace": "shop"}, "spec": {"podSelector": {"matchLabels": {"app": "web"}}}}


def pod(name: str, node: str) -> Raw:
    return {
        "metadata": {"name": f"{name}-{node}", "namespace": "shop", "labels": {"app": name}},
        "spec": {"nodeName": node},
        "status": {"phase": "Running"},
    }


class Server:
    """A pod that the policy selects and one that it does not on each node."""

    def __init__(self, *nodes: str, refused: ApiError | None = None) -> None:
        self.nodes, self.refused = nodes, refused
        self.cluster = Requests(self._answer)

    def _answer(self, _method: str, path: str, query: Mapping[str, Any], _body: Any) -> Raw:
        if path == NETWORK_POLICIES and self.refused:
            raise self.refused
        asked = query.get("fieldSelector", "").partition("spec.nodeName=")[2]
        pods = [pod(name, node) for node in self.nodes if asked in ("", node) for name in ("db", "web")]
        items = pods if path == PODS else [POLICY]
        return {"items": items, "metadata": {"resourceVersion": "1"}}

    @property
    def asked(self) -> list[str]:
        return [path for _method, path, _query, _body in self.cluster.sent]


def test_each_workload_comes_with_the_policies_that_select_it() -> None:
    server = Server("a", "b")
    found = workloads_on(server.cluster, ["a"])
    assert found.running == [Workload("a", "shop/db-a", None, ()), Workload("a", "shop/web-a", None, ("deny",))]
    assert found.policies_not_read is None


def test_the_policies_are_listed_once_and_the_pods_of_each_node_or_all_at_once() -> None:
    names = [f"n-{number}" for number in range(FEW + 1)]
    few, many = Server(*names), Server(*names)
    assert len(workloads_on(few.cluster, names[:FEW]).running) == 2 * FEW
    assert sorted(few.asked) == sorted([NETWORK_POLICIES, *[PODS] * FEW])
    assert len(workloads_on(many.cluster, names).running) == 2 * len(names)
    assert many.asked == [NETWORK_POLICIES, PODS]


def test_where_every_node_enforces_nothing_is_read() -> None:
    server = Server("a")
    assert workloads_on(server.cluster, []) == ([], None)
    assert server.asked == []


def test_without_the_right_to_list_policies_the_workloads_are_told_and_what_was_not_read() -> None:
    server = Server("a", refused=refusal(403, "Forbidden"))
    found = workloads_on(server.cluster, ["a"])
    assert [one.policies for one in found.running] == [None, None]
    assert found.policies_not_read == (
        "the account may not read them, which takes list networkpolicies.networking.k8s.io"
    )


def test_a_server_that_does_not_answer_is_no_missing_right() -> None:
    with pytest.raises(ApiError):
        workloads_on(Server("a", refused=refusal(500, "InternalError")).cluster, ["a"])

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The running workloads of some nodes, and the NetworkPolicies that select them, at a price that does not grow with the cluster.

Metadata alone does not show a pod's node or network, so pods are read whole. The API server finds those of one node by an index. The pods
of a few nodes are listed node by node. Only if many nodes do not enforce network policy, all pods are listed, page by page. Each pod is
judged as its page arrives, so that its labels need not be kept.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from .._kube.client import ApiError, Cluster
from .._kube.writes import in_parallel
from .._rollout.kubernetes.rbac import Right, right
from .._rollout.policy.network_policy import Policies, by_namespace, policy_of
from .._rollout.policy.policy_gap import Workload, workload

PODS = "/api/v1/pods"
NETWORK_POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
FEW = 30
"""Lists of one node each; more of them than that cost as much as one list of all."""
AT_ONCE = 8

OPTIONAL: tuple[Right, ...] = (right("list", NETWORK_POLICIES),)
"""Without it nobody knows which policies are missing where workloads run without any; the workloads are told all the same."""


class Workloads(NamedTuple):
    running: list[Workload]
    policies_not_read: str | None
    """Why the NetworkPolicies were not read; None where they were."""


def workloads_on(cluster: Cluster, nodes: Collection[str]) -> Workloads:
    """The workloads that run on these nodes; where they are many, maybe of others too."""
    if not nodes:
        return Workloads([], None)
    policies, why_not = _policies(cluster)
    if len(nodes) > FEW:
        return Workloads(_running(cluster, policies), why_not)
    found = in_parallel(lambda node: _running(cluster, policies, ",spec.nodeName=" + node), list(nodes), AT_ONCE)
    return Workloads([pod for pods in found for pod in pods], why_not)


def _policies(cluster: Cluster) -> tuple[Policies | None, str | None]:
    try:
        return by_namespace(cluster.list_all(NETWORK_POLICIES, trim=policy_of)[0]), None
    except ApiError as error:
        if error.status != 403:
            raise
        return None, f"the account may not read them, which takes {OPTIONAL[0]}"


def _running(cluster: Cluster, policies: Policies | None, of_node: str = "") -> list[Workload]:
    query = {"fieldSelector": "status.phase=Running" + of_node}
    pods: list[Any] = cluster.list_all(PODS, query=query, trim=lambda raw: workload(raw, policies))[0]
    return [pod for pod in pods if pod is not None]

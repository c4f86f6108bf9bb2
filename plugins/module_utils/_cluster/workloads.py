# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The running workloads of some nodes, at a price that does not grow with the cluster.

Metadata alone does not show a pod's node or network, so pods are read whole. The API server finds those of one node by an index. The pods
of a few nodes are listed node by node. Only if many nodes lack calico-node, all pods are listed, page by page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._kube.client import Cluster
from .._kube.writes import in_parallel
from .._rollout.calico_node.policy_gap import Workload, workload

PODS = "/api/v1/pods"
FEW = 30
"""Lists of one node each; more of them than that cost as much as one list of all."""
AT_ONCE = 8


def workloads_on(cluster: Cluster, nodes: Sequence[str]) -> list[Workload]:
    """The workloads that run on these nodes; where they are many, maybe of others too."""
    if len(nodes) > FEW:
        return _running(cluster)
    found = in_parallel(lambda node: _running(cluster, ",spec.nodeName=" + node), nodes, AT_ONCE)
    return [pod for pods in found for pod in pods]


def _running(cluster: Cluster, of_node: str = "") -> list[Workload]:
    query = {"fieldSelector": "status.phase=Running" + of_node}
    pods: list[Any] = cluster.list_all(PODS, query=query, trim=workload)[0]
    return [pod for pod in pods if pod is not None]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Nodes on which workloads run without a calico-node that is ready: what a policy gap is, out of raw pods.

Calico's policy never covers a pod in the host's network. A pod of a DaemonSet of the cluster's own (a proxy, a storage driver) is no
workload. Everything else that runs counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from ..documents import AdmissionLabel, NodeFacts, PolicyGap
from ..kubernetes.names import OS_LABEL
from ..text.order import natural
from .readiness import carries

SYSTEM_NAMESPACES = ("kube-system", "calico-system")
EXAMPLES = 3


class Workload(NamedTuple):
    node: str
    name: str
    """namespace/name"""
    since: str | None


def workload(raw_pod: Mapping[str, Any]) -> Workload | None:
    """A pod that network policy is for, where it runs; None for every other one."""
    metadata, spec, status = raw_pod["metadata"], raw_pod.get("spec") or {}, raw_pod.get("status") or {}
    if status.get("phase") != "Running" or metadata.get("deletionTimestamp") or not spec.get("nodeName"):
        return None
    if spec.get("hostNetwork"):
        return None
    owners = {owner.get("kind") for owner in metadata.get("ownerReferences") or []}
    if metadata["namespace"] in SYSTEM_NAMESPACES and "DaemonSet" in owners:
        return None
    return Workload(spec["nodeName"], f"{metadata['namespace']}/{metadata['name']}", status.get("startTime"))


def without_calico(nodes: Iterable[NodeFacts]) -> list[str]:
    """Where to look for workloads: Linux nodes without a Ready calico-node. What runs on Windows nodes is not known here."""
    return [
        node["name"]
        for node in nodes
        if not node["calico_ready"] and "linux" in (node["os"], node["labels"].get(OS_LABEL))
    ]


def policy_gaps(nodes: Collection[NodeFacts], workloads: Iterable[Workload], label: AdmissionLabel) -> list[PolicyGap]:
    """One entry a node; the workloads of nodes that have calico-node are passed over."""
    labels = {node["name"]: node["labels"] for node in nodes}
    found: dict[str, list[Workload]] = {name: [] for name in without_calico(nodes)}
    for pod in workloads:
        if pod.node in found:
            found[pod.node].append(pod)
    return [
        PolicyGap(
            node=name,
            pods=len(found[name]),
            examples=sorted(pod.name for pod in found[name])[:EXAMPLES],
            since=min((pod.since for pod in found[name] if pod.since), default=None),
            admitted=carries(labels[name], label),
        )
        for name in sorted(found, key=natural)
        if found[name]
    ]

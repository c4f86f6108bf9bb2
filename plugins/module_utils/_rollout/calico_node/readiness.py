# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The gate: does calico-node run as it should on every node that is expected to have it?

TigeraStatus is no part of it. It says Available when the selector matches no node. It does not change when a node is labelled, and it
names no failing node.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..documents import (
    DOCUMENT_VERSION,
    AdmissionLabel,
    DaemonSetSeen,
    NodeSeen,
    Observation,
    PodSeen,
    Readiness,
    ReadinessRow,
)
from ..kubernetes.names import OS_LABEL
from .max_unavailable import surges

DAEMONSET = "calico-system/calico-node"


def judge(expected: Sequence[str], observation: Observation, admission_label: AdmissionLabel) -> Readiness:
    """The table of expected nodes and the verdict over all of them; no expected node is never a pass."""
    on_node: dict[str, list[PodSeen]] = {}
    for pod in observation["pods"]:
        on_node.setdefault(pod["node"], []).append(pod)
    daemonset = observation["daemonset"]
    rows = [
        _row(name, observation["nodes"].get(name), on_node.get(name, []), daemonset, admission_label)
        for name in expected
    ]
    blockers = _blockers(expected, daemonset, labelled(observation, admission_label))
    ready_count = sum(row["ready"] for row in rows)
    return Readiness(
        kind="Readiness",
        version=DOCUMENT_VERSION,
        ready=not blockers and ready_count == len(rows),
        expected=len(rows),
        ready_count=ready_count,
        blockers=blockers,
        nodes=rows,
    )


def carries(labels: dict[str, str], label: AdmissionLabel) -> bool:
    return labels.get(label["key"]) == label["value"]


def labelled(observation: Observation, label: AdmissionLabel) -> list[str]:
    """The Linux nodes that carry the admission label: where the DaemonSet must run."""
    return [
        name
        for name, node in sorted(observation["nodes"].items())
        if carries(node["labels"], label) and node["labels"].get(OS_LABEL) == "linux"
    ]


def running(observation: Observation) -> set[str]:
    """The nodes on which a Ready calico-node runs and stays, with or without the label."""
    return {pod["node"] for pod in observation["pods"] if pod["ready"] and not pod["deleting"]}


def _blockers(expected: Sequence[str], daemonset: DaemonSetSeen | None, admitted: Sequence[str]) -> list[str]:
    blockers = []
    if not expected:
        blockers.append("no node is expected to run calico-node, and nothing is not a pass")
    if daemonset is None:
        blockers.append(f"DaemonSet {DAEMONSET} does not exist")
        return blockers
    if daemonset["generation"] > daemonset["observed_generation"]:
        blockers.append(
            f"DaemonSet {DAEMONSET}: generation {daemonset['generation']} is not processed yet "
            f"(observed: {daemonset['observed_generation']})"
        )
    if daemonset["desired"] != len(admitted):
        blockers.append(
            f"DaemonSet {DAEMONSET} is to run on {daemonset['desired']} nodes, but {len(admitted)} Linux nodes carry the admission label"
        )
    if not daemonset["revision"]:
        blockers.append(f"DaemonSet {DAEMONSET}: its newest revision is not known")
    return blockers


def _row(
    name: str, node: NodeSeen | None, pods: Sequence[PodSeen], daemonset: DaemonSetSeen | None, label: AdmissionLabel
) -> ReadinessRow:
    state, reason = _state(node, pods, daemonset, label)
    pod = pods[0] if len(pods) == 1 else None
    return ReadinessRow(
        node=name,
        ready=state == "ready",
        state=state,
        reason=reason,
        since=_since(state, node, pod),
        pod=pod["name"] if pod else None,
    )


def _since(state: str, node: NodeSeen | None, pod: PodSeen | None) -> str | None:
    if node and state in ("kubelet_silent", "node_not_ready"):
        return node["ready_since"]
    if node and state == "network_unavailable":
        return node["network_since"]
    return pod["since"] if pod else None


def _state(
    node: NodeSeen | None, pods: Sequence[PodSeen], daemonset: DaemonSetSeen | None, label: AdmissionLabel
) -> tuple[str, str | None]:
    """The first condition of the gate that is false, in the order in which a node comes to meet them."""
    if node is None:
        return "node_missing", "the cluster has no Node of this name"
    if not carries(node["labels"], label):
        return "not_labelled", f"the Node does not carry {label['key']}={label['value']}"
    if node["kubelet_silent"]:
        return "kubelet_silent", node["not_ready_reason"] or "the kubelet has not reported"
    if not pods:
        return "no_pod", "no calico-node pod is bound to the Node"
    if len(pods) > 1:
        names = ", ".join(sorted(pod["name"] for pod in pods))
        return "two_pods", f"{len(pods)} calico-node pods are bound to the Node: {names}"
    pod = pods[0]
    if pod["deleting"]:
        return "deleting", f"pod {pod['name']} is being deleted"
    if daemonset and daemonset["revision"] and pod["revision"] != daemonset["revision"]:
        told = f"pod {pod['name']} has template revision {pod['revision'] or 'unknown'}, the newest is {daemonset['revision']}"
        limit = (
            f"maxSurge {daemonset['max_surge']}"
            if surges(daemonset["max_surge"])
            else f"maxUnavailable {daemonset['max_unavailable']}"
        )
        waits = f"the rolling update ({limit}) has not come to it yet"
        return "old_revision", f"{told}: {waits}"
    if not pod["ready"]:
        return "not_ready", pod["reason"] or f"pod {pod['name']} is {pod['phase']} and not ready"
    if node["network_unavailable"]:
        why = f": {node['network_reason']}" if node["network_reason"] else ""
        return "network_unavailable", f"calico-node is ready, but the Node still says NetworkUnavailable{why}"
    if not node["ready"]:
        why = f": {node['not_ready_reason']}" if node["not_ready_reason"] else ""
        return "node_not_ready", f"calico-node is ready, but the Node is not Ready yet{why}"
    return "ready", None

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done on a node of the lab, from its Node and its pods alone. Pure: the node agent looks and acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Union

from tests.lab.faults import FAULT, NO_FAULT, Fault
from tests.lab.pods.names import REAL_KUBELET

NETWORK = "lab.calico-ops.dev/network"
CALICO_NODE = "lab.calico-ops.dev/calico-node"
ARGUMENT = "lab.calico-ops.dev/argument"
UP, DOWN = "CalicoIsUp", "CalicoIsDown"
_LATE_SECONDS = 20.0
# Of these a pod comes to harm before its containers run, and only then.
_BEFORE_RUNNING = ("init-stuck", "image-pull")


@dataclass(frozen=True)
class NodeSeen:
    name: str
    ready: str
    """Status of the condition Ready: True, False, Unknown, or nothing yet."""
    network_reason: str
    fault: Fault = NO_FAULT
    real: bool = False
    """Its kubelet is a real one, which says itself what becomes of node and pods."""


@dataclass(frozen=True)
class PodSeen:
    namespace: str
    name: str
    node: str
    calico_node: bool
    host_network: bool
    phase: str
    ready: bool
    started: float
    deleting: bool
    network: str
    calico: str
    """What its kubelet was told will become of calico-node."""


@dataclass(frozen=True)
class SetNetwork:
    up: bool


@dataclass(frozen=True)
class SetKubelet:
    """The kubelet's conditions: Unknown once it is gone, as it would post them when it is back."""

    gone: bool
    ready: bool = False


@dataclass(frozen=True)
class MarkNotReady:
    pod: PodSeen


@dataclass(frozen=True)
class Annotate:
    pod: PodSeen
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class LookAgain:
    seconds: float


Action = Union[SetNetwork, SetKubelet, MarkNotReady, Annotate, LookAgain]


def judge(node: NodeSeen, pods: Iterable[PodSeen], now: float) -> list[Action]:
    present = [pod for pod in pods if not pod.deleting]
    if node.real:
        return _network(node, any(pod.calico_node and pod.phase == "Running" for pod in present))
    if node.fault.kind == "kubelet-gone":
        return _without_kubelet(node, present)
    actions: list[Action] = []
    if node.ready == "Unknown":
        actions.append(SetKubelet(gone=False, ready=node.network_reason == UP))
    running = [pod for pod in present if pod.calico_node and pod.phase == "Running"]
    actions += _network(node, bool(running))
    for pod in present:
        if pod.calico_node:
            actions += _calico_node(node.fault, pod, now)
    if node.ready == "True":
        waiting = (pod for pod in present if not pod.host_network and pod.phase == "Pending" and not pod.network)
        actions += [Annotate(pod, {NETWORK: "up"}) for pod in waiting]
    return actions


def _without_kubelet(node: NodeSeen, pods: Iterable[PodSeen]) -> list[Action]:
    """What the node controller does to a node that has not reported for 40 s. The lab's own is more patient by far."""
    gone: list[Action] = [] if node.ready == "Unknown" else [SetKubelet(gone=True)]
    return gone + [MarkNotReady(pod) for pod in pods if pod.ready]


def _network(node: NodeSeen, running: bool) -> list[Action]:
    if running and node.fault.kind == "network-unavailable":
        return [] if node.network_reason == DOWN else [SetNetwork(up=False)]
    if running and node.fault.kind == "crash-loop":
        return []  # it never comes to say that it is up, and a crash runs no preStop hook that would say it is down
    return [] if running == (node.network_reason == UP) else [SetNetwork(up=running)]


def _calico_node(fault: Fault, pod: PodSeen, now: float) -> list[Action]:
    """Tell the pod's kubelet what will become of it; before its containers start, for nobody is to overtake a fault."""
    wanted, again = _fate(fault, pod, now)
    actions: list[Action] = [LookAgain(again)] if again > 0 else []
    if wanted != pod.calico:
        actions.append(Annotate(pod, {CALICO_NODE: wanted, ARGUMENT: fault.argument}))
    return actions


def _fate(fault: Fault, pod: PodSeen, now: float) -> tuple[str, float]:
    """What becomes of calico-node, and the seconds after which that may change by itself."""
    if fault.kind == "never-ready":
        return "unready", 0.0
    if fault.kind == "late" and pod.calico != "ready":
        if not pod.started:
            return "unready", 0.0
        left = pod.started + float(fault.argument or _LATE_SECONDS) - now
        return ("unready", left) if left > 0 else ("ready", 0.0)
    if fault.kind == "crash-loop" or (fault.kind in _BEFORE_RUNNING and pod.phase == "Pending"):
        return fault.kind, 0.0
    return "ready", 0.0


def node_seen(raw: dict[str, Any]) -> NodeSeen:
    conditions = {condition["type"]: condition for condition in raw["status"].get("conditions", [])}
    return NodeSeen(
        name=raw["metadata"]["name"],
        ready=conditions.get("Ready", {}).get("status", ""),
        network_reason=conditions.get("NetworkUnavailable", {}).get("reason", ""),
        fault=Fault.parse(raw["metadata"].get("annotations", {}).get(FAULT, "")),
        real=REAL_KUBELET in raw["metadata"].get("labels", {}),
    )


def pod_seen(raw: dict[str, Any]) -> PodSeen:
    metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status", {})
    annotations = metadata.get("annotations", {})
    return PodSeen(
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=spec.get("nodeName", ""),
        calico_node=metadata.get("labels", {}).get("k8s-app") == "calico-node",
        host_network=spec.get("hostNetwork", False),
        phase=status.get("phase", ""),
        ready=any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", [])),
        started=_started(status),
        deleting="deletionTimestamp" in metadata,
        network=annotations.get(NETWORK, ""),
        calico=annotations.get(CALICO_NODE, ""),
    )


def _started(status: dict[str, Any]) -> float:
    for container in status.get("containerStatuses", []):
        at = container["state"].get("running", {}).get("startedAt")
        if at:
            return datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    return 0.0

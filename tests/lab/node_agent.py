# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kubelet and calico-node do across objects, which a kwok Stage cannot: it sees one object alone.

- A calico-node that runs sets its Node's condition NetworkUnavailable=False/CalicoIsUp; one that goes sets
  True/CalicoIsDown, as calico-node's preStop hook does.
- A pod of the pod network may start when its Node is Ready, for only then its CNI would give it an address.
- calico-node's own checks pass unless the Node's fault annotation says otherwise.

Each node is looked at as a whole and anew after each event (judge), so that a missed event costs nothing.
Run as `python -m tests.lab.node_agent` with KUBECONFIG set; ends on SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Union

from tests.lab.api import STRATEGIC, Api, ApiError
from tests.lab.node_queue import NodeQueue
from tests.lab.nodes import FAULT
from tests.lab.reflector import Reflector

NETWORK = "lab.calico-ops.dev/network"
HEALTHY = "lab.calico-ops.dev/healthy"
UP = "CalicoIsUp"
_LATE_SECONDS = 20.0
_WORKERS = 4


@dataclass(frozen=True)
class NodeSeen:
    name: str
    ready: bool
    network_reason: str
    fault: str


@dataclass(frozen=True)
class PodSeen:
    namespace: str
    name: str
    node: str
    calico_node: bool
    host_network: bool
    phase: str
    started: float
    deleting: bool
    network: str
    healthy: str


@dataclass(frozen=True)
class SetNetwork:
    up: bool


@dataclass(frozen=True)
class Annotate:
    pod: PodSeen
    key: str
    value: str


@dataclass(frozen=True)
class LookAgain:
    seconds: float


Action = Union[SetNetwork, Annotate, LookAgain]


def judge(node: NodeSeen, pods: Iterable[PodSeen], now: float) -> list[Action]:
    """What is to be done on this node. Pure."""
    actions: list[Action] = []
    present = [pod for pod in pods if not pod.deleting]
    running = [pod for pod in present if pod.calico_node and pod.phase == "Running"]
    if bool(running) != (node.network_reason == UP):
        actions.append(SetNetwork(up=bool(running)))
    for pod in running:
        actions += _health(node, pod, now)
    if node.ready:
        waiting = (pod for pod in present if not pod.host_network and pod.phase == "Pending" and not pod.network)
        actions += [Annotate(pod, NETWORK, "up") for pod in waiting]
    return actions


def _health(node: NodeSeen, pod: PodSeen, now: float) -> list[Action]:
    kind, _colon, argument = node.fault.partition(":")
    if kind == "never-ready":
        return [Annotate(pod, HEALTHY, "false")] if pod.healthy == "true" else []
    if pod.healthy == "true":
        return []
    left = pod.started + float(argument or _LATE_SECONDS) - now if kind == "late" else 0.0
    return [LookAgain(left)] if left > 0 else [Annotate(pod, HEALTHY, "true")]


def node_seen(raw: dict[str, Any]) -> NodeSeen:
    conditions = {condition["type"]: condition for condition in raw["status"].get("conditions", [])}
    return NodeSeen(
        name=raw["metadata"]["name"],
        ready=conditions.get("Ready", {}).get("status") == "True",
        network_reason=conditions.get("NetworkUnavailable", {}).get("reason", ""),
        fault=raw["metadata"].get("annotations", {}).get(FAULT, ""),
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
        started=_started(status),
        deleting="deletionTimestamp" in metadata,
        network=annotations.get(NETWORK, ""),
        healthy=annotations.get(HEALTHY, ""),
    )


def _started(status: dict[str, Any]) -> float:
    for container in status.get("containerStatuses", []):
        at = container["state"].get("running", {}).get("startedAt")
        if at:
            return datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    return 0.0


class Agent:
    """Two watches feed a queue of node names; a few workers judge and act, one per node at a time."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._nodes: dict[str, NodeSeen] = {}
        self._pods: dict[str, dict[str, PodSeen]] = {}
        self._queue = NodeQueue()
        self._lock = threading.Lock()

    def run(self) -> None:
        for path, seen in (("/api/v1/nodes", self._node_event), ("/api/v1/pods", self._pod_event)):
            threading.Thread(target=Reflector(self._api, path, seen).run, daemon=True).start()
        for _number in range(_WORKERS):
            threading.Thread(target=self._work, daemon=True).start()

    def _node_event(self, raw: dict[str, Any], gone: bool) -> None:
        name = raw["metadata"]["name"]
        with self._lock:
            if gone:
                self._nodes.pop(name, None)
            else:
                self._nodes[name] = node_seen(raw)
        self._queue.add(name)

    def _pod_event(self, raw: dict[str, Any], gone: bool) -> None:
        node, uid = raw["spec"].get("nodeName", ""), raw["metadata"]["uid"]
        if not node:
            return
        with self._lock:
            pods = self._pods.setdefault(node, {})
            if gone:
                pods.pop(uid, None)
            else:
                pods[uid] = pod_seen(raw)
        self._queue.add(node)

    def _work(self) -> None:
        while True:
            name = self._queue.take()
            try:
                self._look_at(name)
            except ApiError as error:
                # 404 and 409: it changed under our hands, and its event is on the way.
                if error.status not in (404, 409):
                    print(f"{name}: {error}", flush=True)
                    self._queue.add_later(name, 1.0)
            finally:
                self._queue.done(name)

    def _look_at(self, name: str) -> None:
        with self._lock:
            node, pods = self._nodes.get(name), list(self._pods.get(name, {}).values())
        if node is None:
            return
        for action in judge(node, pods, time.time()):
            if isinstance(action, SetNetwork):
                self._set_network(name, action.up)
            elif isinstance(action, Annotate):
                path = f"/api/v1/namespaces/{action.pod.namespace}/pods/{action.pod.name}"
                self._api.patch(path, {"metadata": {"annotations": {action.key: action.value}}})
            else:
                self._queue.add_later(name, action.seconds)

    def _set_network(self, node: str, up: bool) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        condition = {
            "type": "NetworkUnavailable",
            "status": "False" if up else "True",
            "reason": UP if up else "CalicoIsDown",
            "message": f"Calico is {'running' if up else 'shutting down'} on this node",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        self._api.patch(f"/api/v1/nodes/{node}/status", {"status": {"conditions": [condition]}}, STRATEGIC)
        print(f"{node}: {condition['reason']}", flush=True)


def main() -> int:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: stopped.set())
    Agent(Api(Path(os.environ["KUBECONFIG"]))).run()
    stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())

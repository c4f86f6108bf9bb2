# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kubelet and calico-node do across objects, which a kwok Stage cannot: it sees one object alone.

- A calico-node that runs sets its Node's condition NetworkUnavailable=False/CalicoIsUp; one that goes sets
  True/CalicoIsDown, as calico-node's preStop hook does.
- A pod of the pod network may start when its Node is Ready, for only then its CNI would give it an address.
- What becomes of calico-node follows from the Node's fault (faults.py); its pod is told by an annotation.
- A kubelet that is gone leaves conditions of its Node and pods to the node controller; the agent stands in for that too.

Each node is looked at as a whole and anew after each event (node_judgement.py), so that a missed event costs nothing.
Run as `python -m tests.lab.node_agent` with KUBECONFIG set; ends on SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.lab.api import STRATEGIC, Api, ApiError
from tests.lab.node_judgement import (
    Action,
    Annotate,
    LookAgain,
    MarkNotReady,
    NodeSeen,
    PodSeen,
    SetKubelet,
    SetNetwork,
    judge,
    node_seen,
    pod_seen,
)
from tests.lab.node_queue import NodeQueue
from tests.lab.nodes import calico_condition, kubelet_conditions, kubelet_gone_conditions, now_text
from tests.lab.reflector import Reflector

_WORKERS = 4


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
            self._act(name, action)

    def _act(self, node: str, action: Action) -> None:
        if isinstance(action, SetNetwork):
            self._set_conditions(node, [calico_condition(action.up)])
        elif isinstance(action, SetKubelet):
            self._set_conditions(node, kubelet_gone_conditions() if action.gone else kubelet_conditions(action.ready))
        elif isinstance(action, MarkNotReady):
            condition = {"type": "Ready", "status": "False", "lastTransitionTime": now_text()}
            self._api.patch(f"{_path(action.pod)}/status", {"status": {"conditions": [condition]}}, STRATEGIC)
        elif isinstance(action, Annotate):
            self._api.patch(_path(action.pod), {"metadata": {"annotations": dict(action.annotations)}})
        elif isinstance(action, LookAgain):
            self._queue.add_later(node, action.seconds)

    def _set_conditions(self, node: str, conditions: list[dict[str, str]]) -> None:
        self._api.patch(f"/api/v1/nodes/{node}/status", {"status": {"conditions": conditions}}, STRATEGIC)
        print(f"{node}: {', '.join(condition['reason'] for condition in conditions)}", flush=True)


def _path(pod: PodSeen) -> str:
    return f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"


def main() -> int:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: stopped.set())
    Agent(Api(Path(os.environ["KUBECONFIG"]))).run()
    stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())

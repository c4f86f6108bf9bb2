# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what becomes of calico-node's pods, and judges it: did a node lose a Ready calico-node that it should have kept?

It stands beside what is tested and shares no code with it. Run as `python -m tests.lab.recorder FILE` with KUBECONFIG set; ends
on SIGTERM. `python -m tests.lab record` starts it, `python -m tests.lab verdict` judges.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.api import Api
from tests.lab.reflector import Reflector

_PODS = "/api/v1/namespaces/calico-system/pods"
_DAEMONSETS = "/apis/apps/v1/namespaces/calico-system/daemonsets"
_NAME = "calico-node"


@dataclass(frozen=True)
class Event:
    """One change of a pod of calico-node, or of its DaemonSet (then only `limit` counts)."""

    version: int
    """Its resourceVersion: etcd counts all changes of the cluster in one row, so that those of several watches can be put in order."""
    node: str = ""
    pod: str = ""
    revision: str = ""
    ready: bool = False
    """Ready and not about to go."""
    gone: bool = False
    limit: int = 0
    """maxUnavailable of the DaemonSet, counted in nodes."""


@dataclass
class Verdict:
    """What the events prove."""

    served: set[str] = field(default_factory=set)
    """Nodes that had a Ready calico-node."""
    restarted: set[str] = field(default_factory=set)
    """Nodes that got another template revision in its place."""
    most_down: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        proved = (
            f"{len(self.served)} nodes had a Ready calico-node, {len(self.restarted)} got a new revision in its place, "
            f"{self.most_down} at most were without one at the same time"
        )
        return "\n".join([proved, *(f"BROKEN: {told}" for told in self.broken)])


def judge(events: Iterable[Event]) -> Verdict:
    """No more Ready calico-nodes lost at once than maxUnavailable, and none but to the rolling update. Pure."""
    verdict, limit = Verdict(), 1
    pods: dict[str, dict[str, Event]] = {}
    last: dict[str, Event] = {}
    worst, allowed = set[str](), 0
    for event in sorted(events, key=lambda event: event.version):
        if event.limit:
            limit = event.limit
            continue
        on_node = pods.setdefault(event.node, {})
        if event.gone:
            on_node.pop(event.pod, None)
        else:
            on_node[event.pod] = event
        if event.ready:
            before = last.get(event.node, event)
            if before.revision != event.revision:
                verdict.restarted.add(event.node)
            elif before.pod != event.pod:
                verdict.broken.append(f"calico-node of {event.node} was replaced by one of the same revision")
            verdict.served.add(event.node)
            last[event.node] = event
        down = {node for node in verdict.served if not any(pod.ready for pod in pods[node].values())}
        verdict.most_down = max(verdict.most_down, len(down))
        if len(down) > max(limit, len(worst)):
            worst, allowed = down, limit
    if worst:
        names = ", ".join(sorted(worst))
        verdict.broken.append(
            f"{len(worst)} nodes without a Ready calico-node at once, maxUnavailable allows {allowed}: {names}"
        )
    taken = sorted(node for node in verdict.served if not any(pod.ready for pod in pods[node].values()))
    if taken:
        verdict.broken.append(f"calico-node was Ready there and did not come back: {', '.join(taken)}")
    if not verdict.served:
        verdict.broken.append("no node had a Ready calico-node, and nothing is no proof")
    return verdict


def pod_event(raw: dict[str, Any], gone: bool) -> Event | None:
    metadata = raw["metadata"]
    if metadata.get("labels", {}).get("k8s-app") != _NAME or not raw["spec"].get("nodeName"):
        return None
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in raw.get("status", {}).get("conditions", [])
    )
    return Event(
        version=int(metadata["resourceVersion"]),
        node=raw["spec"]["nodeName"],
        pod=metadata["uid"],
        revision=metadata["labels"].get("controller-revision-hash", ""),
        ready=ready and not gone and "deletionTimestamp" not in metadata,
        gone=gone,
    )


def daemonset_event(raw: dict[str, Any], gone: bool) -> Event | None:
    if raw["metadata"]["name"] != _NAME or gone:
        return None
    value = raw["spec"].get("updateStrategy", {}).get("rollingUpdate", {}).get("maxUnavailable", 1)
    nodes = raw.get("status", {}).get("desiredNumberScheduled", 0)
    limit = -(-nodes * int(value[:-1]) // 100) if isinstance(value, str) and value.endswith("%") else int(value)
    return Event(version=int(raw["metadata"]["resourceVersion"]), limit=max(1, limit))


class Recorder:
    """Two watches write into one file, a line an event."""

    def __init__(self, api: Api, target: Path) -> None:
        self._api = api
        self._file = open(target, "a", buffering=1)  # noqa: SIM115  (open as long as the process lives)
        self._lock = threading.Lock()

    def run(self) -> None:
        for path, look in ((_DAEMONSETS, daemonset_event), (_PODS, pod_event)):
            threading.Thread(target=self._follow, args=(path, look), daemon=True).start()

    def _follow(self, path: str, look: Any) -> None:
        def seen(raw: dict[str, Any], gone: bool) -> None:
            event = look(raw, gone)
            if event is not None:
                with self._lock:
                    self._file.write(json.dumps(asdict(event)) + "\n")

        Reflector(self._api, path, seen).run()


def recorded(source: Path) -> list[Event]:
    lines = source.read_text().splitlines() if source.exists() else []
    return [Event(**json.loads(line)) for line in lines]


def main(arguments: Sequence[str]) -> int:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: stopped.set())
    Recorder(Api(Path(os.environ["KUBECONFIG"])), Path(arguments[0])).run()
    stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three ways to prove network policy, each run as it really runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bench.contestants import Playbook
from tests.bench.figures import BenchError
from tests.bench.policy_by_exec import NAMESPACE, ByExec
from tests.lab.eventually import eventually
from tests.lab.lab import Lab
from tests.lab.pods import AGNHOST

PLAYBOOK = Path(__file__).with_name("policy_by_playbook.yml")
PLAYBOOKS_NAMESPACE = "policy-check"
FAMILIES, PORTS = 2, 3
"""What the playbook's pods try of each pod of the other role."""


@dataclass(frozen=True)
class Proof:
    """What a proof took, and how closely it tells when policy came into force."""

    seconds: float
    connections: int
    resolution: float
    """Seconds."""
    requests: int = 0
    parts: Mapping[str, float] = field(default_factory=dict)
    """Seconds."""
    settled: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds."""


def by_probe(playbook: Playbook, nodes: Sequence[str], strength: str) -> Proof:
    options = {"image": AGNHOST, "nodes": list(nodes), "strength": strength}
    played = playbook.play_task({"name": "Prove", "calico_ops.rollout.policy_probe": options})
    report = played.tasks[0]["hosts"]["localhost"]["probe"]
    (process,) = played.processes
    exact = [proof["resolution_ms"] for proof in report["nodes"]]
    if None in exact:
        raise BenchError(f"not all nodes were measured: {report['reason']}")
    parts = {"process": process, **report["seconds"]}
    return Proof(played.seconds, report["connections"], max(exact) / 1000, parts=parts, settled=report["settled"])


def by_exec(lab: Lab, nodes: Sequence[str]) -> Proof:
    way = ByExec(lab.kubeconfig)
    try:
        began = time.monotonic()
        way.prove(nodes)
        seconds = time.monotonic() - began
    finally:
        # By default it leaves its namespaces (`cleanup-namespaces`): neither its time nor its requests.
        remove(lab, NAMESPACE)
    return Proof(seconds, way.connections, max(way.known_after), parts={"a connection that comes through": way.through})


def by_playbook(lab: Lab, playbook: Playbook, nodes: Sequence[str]) -> Proof:
    try:
        played = playbook.play(PLAYBOOK, nodes=list(nodes), image=AGNHOST)
    finally:
        remove(lab, PLAYBOOKS_NAMESPACE)
    # Each begins when a change was just written, but the first.
    tries = [task for task in played.tasks if task["task"]["name"] == "Try all connections"]
    attempts = sum(pod["attempts"] for task in tries for pod in task["hosts"]["localhost"]["results"])
    known_after = [_seconds(task["task"]["duration"]) for task in tries[1:]]
    return Proof(played.seconds, attempts * len(nodes) * FAMILIES * PORTS, max(known_after))


def remove(lab: Lab, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    lab.admin.delete(path)
    eventually(lambda: lab.admin.get_or_none(path) is None)


def _seconds(duration: Mapping[str, Any]) -> float:
    begin, end = (datetime.fromisoformat(duration[what].replace("Z", "+00:00")) for what in ("start", "end"))
    return (end - begin).total_seconds()

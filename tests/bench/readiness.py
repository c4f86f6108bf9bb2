# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much later than a bare watch the gate knows that a calico-node became ready, or is no longer: 1,000 nodes, 20 changes a second."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.bench import bare_watch, known
from tests.bench.figures import BenchError, Figure, load
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec

NODES = 1000
RATE = 20.0
CHANGES = 400
"""A run."""
LABEL = ("rollout.calico-ops.dev/admitted", "true")
NAMESPACE = "calico-system"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
PATIENCE = 60.0

Seen = dict[tuple[str, str], float]
"""When (monotonic) a node's transition (its time, one of its own each) was known."""


def run(repetitions: int) -> list[Figure]:
    lab = Lab("bench-watch")
    lab.up(operator=False)
    try:
        # Nobody but the bench changes anything: pods and nodes are what it says.
        names = [f"bench-{number:04d}" for number in range(NODES)]
        print(f"registering {NODES} nodes and their calico-node", flush=True)
        lab.daemons.stop("kwok", "node-agent", "kube-controller-manager", "kube-scheduler")
        lab.add_nodes(NodeSpec(name, labels=dict([LABEL]), ready=True) for name in names)
        make_calico(lab, names)
        return bench(lab, names, repetitions)
    finally:
        lab.down()


def bench(lab: Lab, names: Sequence[str], repetitions: int) -> list[Figure]:
    later: list[float] = []
    questions: Counter[str] = Counter()
    number = 0
    for repetition in range(repetitions):
        position = lab.audit.position()
        with watcher([bare_watch.__file__]) as bare, watcher([known.__file__]) as gate:
            bare.start(str(lab.kubeconfig))
            gate.start(str(lab.kubeconfig), *LABEL, str(CHANGES / RATE + PATIENCE))
            made = change(lab, names, number)
            number += CHANGES
            seen, judged = bare.all_of(made), gate.all_of(made)
        delays = sorted(judged[one] - seen[one] for one in made)
        later.extend(delays)
        questions = asked(lab, position)
        print(
            f"run {repetition + 1}   later by: median {1000 * statistics.median(delays):.0f} ms, "
            f"99 % {1000 * percentile(delays, 99):.0f} ms, most {1000 * delays[-1]:.0f} ms   {load()}",
            flush=True,
        )
    print("lists and watches of one wait: " + ", ".join(f"{what} {times}" for what, times in sorted(questions.items())))
    return [
        Figure("known later than by a bare watch, median", 1000 * statistics.median(later), "ms"),
        Figure("known later than by a bare watch, 99th percentile", 1000 * percentile(later, 99), "ms", at_most=100),
        Figure("lists or watches of one kind in one wait", max(questions.values()), at_most=1),
    ]


class Watcher:
    """A program that prints what it knows and when."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program
        self._seen: Seen = {}
        self._watching = threading.Event()
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> None:
        command = [sys.executable, *self._program, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        if not self._watching.wait(PATIENCE):
            raise BenchError(f"{self._program} does not watch")

    def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line == "watching\n":
                self._watching.set()
                continue
            node, transition, at = line.split()
            self._seen.setdefault((node, transition), float(at))

    def all_of(self, made: Sequence[tuple[str, str]]) -> Seen:
        deadline = time.monotonic() + PATIENCE
        while not self._seen.keys() >= set(made):
            if time.monotonic() > deadline:
                raise BenchError(f"{self._program} missed {len(set(made) - self._seen.keys())} of {len(made)} changes")
            time.sleep(0.1)
        return self._seen


@contextmanager
def watcher(program: Sequence[str]) -> Iterator[Watcher]:
    made = Watcher(program)
    try:
        yield made
    finally:
        if made.process is not None:
            made.process.kill()
            made.process.wait()


def change(lab: Lab, names: Sequence[str], first: int) -> list[tuple[str, str]]:
    """One node after another becomes unready, or ready again; what was changed."""
    made = []
    began = time.monotonic()
    for index in range(CHANGES):
        number = first + index
        name, round_ = names[number % len(names)], number // len(names)
        when = (START + timedelta(seconds=number + 1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        time.sleep(max(0.0, began + index / RATE - time.monotonic()))
        lab.admin.patch(f"{PODS}/{name}/status", {"status": status(ready=bool(round_ % 2), since=when)})
        made.append((name, when))
    return made


def status(ready: bool, since: str) -> dict[str, Any]:
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": since}],
    }


def make_calico(lab: Lab, names: Sequence[str]) -> None:
    """What the DaemonSet controller would have made, without the controller."""
    admin = lab.admin
    admin.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    admin.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}})
    labels = {"k8s-app": "calico-node"}
    container = {"name": "calico-node", "image": "calico"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    daemonset = admin.create(f"{APPS}/daemonsets", {"metadata": {"name": "calico-node"}, "spec": spec})
    counts = {"currentNumberScheduled": len(names), "numberMisscheduled": 0, "numberReady": 0}
    # One more than there are: the gate stays shut, and the wait goes on.
    observed = {**counts, "observedGeneration": 1, "desiredNumberScheduled": len(names) + 1}
    admin.patch(f"{APPS}/daemonsets/calico-node/status", {"status": observed})
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "calico-node", "uid": daemonset["metadata"]["uid"]}
    revision_labels = {**labels, "controller-revision-hash": "first"}
    metadata = {"name": "calico-node-first", "labels": revision_labels, "ownerReferences": [owner]}
    admin.create(f"{APPS}/controllerrevisions", {"metadata": metadata, "revision": 1, "data": {}})

    def pod(name: str) -> None:
        body = {
            "metadata": {"name": name, "labels": revision_labels, "ownerReferences": [owner]},
            "spec": {"nodeName": name, "containers": [container]},
        }
        admin.create(PODS, body)
        admin.patch(f"{PODS}/{name}/status", {"status": status(ready=True, since="2025-01-01T00:00:00Z")})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(pod, names))


def asked(lab: Lab, position: int) -> Counter[str]:
    """How often the gate listed and watched each kind; the bare watch has the same account and no name of its own."""
    events = lab.audit.events(position, user=lab.collection_user)
    ours = [event for event in events if event.user_agent.startswith("calico-ops-rollout/")]
    # A list comes in pages, of which the first counts; a watch is logged when it begins and when it ends.
    requests = {(event.verb, event.resource, event.uri, event.time) for event in ours if "continue=" not in event.uri}
    return Counter(f"{verb} {resource}" for verb, resource, _uri, _time in requests if verb in ("list", "watch"))


def percentile(ordered: Sequence[float], percent: int) -> float:
    ordered = sorted(ordered)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * percent // 100) - 1)]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What labelling 1,000 nodes costs: this collection, a bare HTTP client, and a loop of kubernetes.core.k8s."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.contestants import LABEL, Playbook, bare_patches, k8s_loop, label_module
from tests.bench.figures import BenchError, Figure, load
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec

NODES = 1000
CONCURRENCY = 16
LOOP_ITEMS = 20
AFTERMATH = 3.0
"""Seconds for controllers and kwok to digest 1,000 changed nodes, lest the next contestant pays for it."""


def run(repetitions: int) -> list[Figure]:
    lab = Lab("bench-nodes")
    lab.up(operator=False)
    try:
        return bench(lab, NODES, repetitions, CONCURRENCY)
    finally:
        lab.down()


def bench(lab: Lab, count: int, repetitions: int, concurrency: int) -> list[Figure]:
    nodes = [f"bench-{number:04d}" for number in range(count)]
    print(f"registering {count} nodes")
    lab.add_nodes(NodeSpec(name, ready=True) for name in nodes)
    with tempfile.TemporaryDirectory() as directory:
        playbook = Playbook(Path(directory), lab.kubeconfig)
        # kubernetes.core.k8s reads each node before it patches it, which the collection's role does not allow.
        loop_playbook = Playbook(Path(directory), lab.admin_kubeconfig)
        module, bare, main_only, loop = [], [], [], []
        print("waiting until kwok is through with them", flush=True)
        wait_for_quiet(lab)
        # The first run of each fills caches (compiled files, Ansible's own, the API server's) that every later one finds.
        for repetition in range(-1, repetitions):
            # Whoever comes second finds the server warmer: they take turns.
            for who in ("module", "bare") if repetition % 2 else ("bare", "module"):
                if who == "module":
                    seconds = label_module(playbook, nodes, f"module-{repetition}", concurrency)
                else:
                    process, inside = bare_patches(lab.kubeconfig, nodes, f"bare-{repetition}", concurrency)
                require_written(lab, nodes, f"{who}-{repetition}")
                time.sleep(AFTERMATH)
            looped = k8s_loop(loop_playbook, nodes[:LOOP_ITEMS], f"loop-{repetition}") * count / LOOP_ITEMS
            require_written(lab, nodes[:LOOP_ITEMS], f"loop-{repetition}")
            what = f"run {repetition + 1}" if repetition >= 0 else "warm-up"
            print(
                f"{what:8} node_labels {seconds:7.2f} s   bare client {process:7.2f} s (its main {inside:.2f} s)   "
                f"k8s loop {looped:8.1f} s (scaled from {LOOP_ITEMS} items)   {load()}",
                flush=True,
            )
            if repetition >= 0:
                module.append(seconds)
                bare.append(process)
                main_only.append(inside)
                loop.append(looped)
    return report(module, bare, main_only, loop)


def report(module: list[float], bare: list[float], main_only: list[float], loop: list[float]) -> list[Figure]:
    middle = {name: statistics.median(runs) for name, runs in (("module", module), ("bare", bare), ("loop", loop))}
    return [
        Figure("node_labels, median", middle["module"], "s"),
        Figure("bare client, median", middle["bare"], "s"),
        Figure("loop of kubernetes.core.k8s, median", middle["loop"], "s"),
        Figure("node_labels / bare client", middle["module"] / middle["bare"], at_most=1.3),
        Figure("node_labels / bare client's main alone", middle["module"] / statistics.median(main_only)),
        Figure("k8s loop / node_labels", middle["loop"] / middle["module"], at_least=100),
    ]


def require_written(lab: Lab, nodes: list[str], value: str) -> None:
    """A run that wrote nothing would be the fastest of all."""
    listed = lab.admin.list("/api/v1/nodes", labelSelector=f"{LABEL}={value}")
    found = {node["metadata"]["name"] for node in listed}
    if not found.issuperset(nodes):
        raise BenchError(f"{len(set(nodes) - found)} of {len(nodes)} nodes were not labelled {value}")


def wait_for_quiet(lab: Lab, still: float = 5.0, at_most: float = 180.0) -> None:
    """Until kwok is through with the new nodes: no node changed for a while."""
    deadline = time.monotonic() + at_most
    version, since = "", time.monotonic()
    while time.monotonic() - since < still:
        if time.monotonic() > deadline:
            raise BenchError("the nodes do not come to rest")
        newest = max((node["metadata"]["resourceVersion"] for node in lab.admin.list("/api/v1/nodes")), key=int)
        if newest != version:
            version, since = newest, time.monotonic()
        time.sleep(1)

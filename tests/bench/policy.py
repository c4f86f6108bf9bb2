# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proving network policy on 3 real nodes costs: policy_probe, an exec after a sleep as in policy-assistant, a playbook by hand."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.request import ProbeRequest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.run import prove

from tests.bench.contestants import Playbook
from tests.bench.figures import Figure, columns, load
from tests.bench.policy_by_exec import SLEEP, WORKERS
from tests.bench.policy_contestants import Proof, by_exec, by_playbook, by_probe
from tests.lab.calico import Calico
from tests.lab.eventually import eventually
from tests.lab.lab import Lab
from tests.lab.pods import AGNHOST, kubelet_host
from tests.unit.cluster.policy_probe.world import World
from tests.unit.kube.fake_api import fake_api

NODES = ("w-1", "w-2", "w-3")
REPETITIONS = 3
"""At most: the ways that sleep take a minute each."""
STRENGTHS = ("2", "3", "full")
PROBE = "policy_probe, strength 2"
EXEC, BY_HAND = "exec after a sleep", "playbook by hand"
BATCH, CLUSTERS = 5, (50, 500)


# policy-assistant's default set, counted by its own generator and judged by its own model: `generate` without options.
CASES, STEPS = 112, 122
THROUGH, DROPPED = 50_037, 9_609
THEIR_PATIENCE = 10.0
"""Seconds until a connection is given up (`job-timeout-seconds`)."""

Proofs = dict[str, list[Proof]]


def run(repetitions: int) -> list[Figure]:
    counted = count()
    lab = Lab("bench-policy")
    lab.up([kubelet_host(name, groups=["core"], dual_stack=True) for name in NODES])
    try:
        start_calico(lab)
        return [*bench(lab, min(repetitions, REPETITIONS)), *counted]
    finally:
        lab.down()


def bench(lab: Lab, repetitions: int) -> list[Figure]:
    """All have the same account, which may do everything here: the audit log then has the requests of each."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": lab.collection_user}
    binding = {"metadata": {"name": "bench"}, "roleRef": role, "subjects": [subject]}
    lab.admin.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    with tempfile.TemporaryDirectory() as directory:
        playbook = Playbook(Path(directory), lab.kubeconfig, pipelining=True)
        ways: dict[str, Callable[[], Proof]] = {
            f"policy_probe, strength {one}": partial(by_probe, playbook, NODES, one) for one in STRENGTHS
        }
        ways[EXEC] = partial(by_exec, lab, NODES)
        ways[BY_HAND] = partial(by_playbook, lab, playbook, NODES)
        proofs: Proofs = {way: [] for way in ways}
        for repetition in range(repetitions):
            # Whoever comes second finds the machine as the first left it: they take turns.
            for way in reversed(ways) if repetition % 2 else ways:
                position = lab.audit.position()
                proof = ways[way]()
                proofs[way].append(replace(proof, requests=requests(lab, position)))
            print(f"run {repetition + 1}   {raw(proofs)}   {load()}", flush=True)
    print(f"\n{compared(proofs)}\n\n{default_set(proofs[EXEC])}")
    return figures(proofs)


def start_calico(lab: Lab) -> None:
    calico = Calico(lab)
    calico.install()
    eventually(lambda: calico.nodes_with(ready=True) == set(NODES))


def requests(lab: Lab, position: int) -> int:
    """Without watches; an exec is one. What takes long is logged when it begins and when it ends."""
    events = lab.audit.events(position, user=lab.collection_user)
    return len({(event.verb, event.uri, event.time) for event in events if event.verb != "watch"})


def count() -> list[Figure]:
    """Rows, pods and requests for the same batch in clusters of two sizes."""
    found = []
    for nodes in CLUSTERS:
        world = World()
        names = [f"n-{number}" for number in range(nodes)]
        with fake_api(world.answer) as api:
            report = prove(api.cluster(), ProbeRequest(AGNHOST), names[:BATCH], names[BATCH:])
        # The Lease is renewed by time.
        sent = [one for one in api.requests if "watch" not in one.query and "/leases" not in one.path]
        found.append({"rows": len(report["rows"]), "pods": len(world.pods), "requests": len(sent)})
        print(f"a batch of {BATCH} in a cluster of {nodes}: {found[-1]}", flush=True)
    few, many = found
    return [
        Figure(
            f"{what} for a batch of {BATCH}, {CLUSTERS[1]} nodes / {CLUSTERS[0]} nodes",
            many[what] / few[what],
            at_most=1,
        )
        for what in few
    ]


def raw(proofs: Proofs) -> str:
    return "   ".join(f"{way} {runs[-1].seconds:.1f} s" for way, runs in proofs.items())


def compared(proofs: Proofs) -> str:
    rows = [("", "wall time", "ratio", "connections", "requests", "resolution", "seconds of each run")]
    shortest = middle(proofs[PROBE], lambda proof: proof.seconds)
    for way, runs in proofs.items():
        seconds = middle(runs, lambda proof: proof.seconds)
        rows.append(
            (
                way,
                f"{seconds:.1f} s",
                f"{seconds / shortest:.1f}",
                f"{middle(runs, lambda proof: proof.connections):.0f}",
                f"{middle(runs, lambda proof: proof.requests):.0f}",
                f"{1000 * middle(runs, lambda proof: proof.resolution):.0f} ms",
                " ".join(f"{proof.seconds:.2f}" for proof in runs),
            )
        )
    return "\n\n".join([columns(rows), columns([*probes_parts(proofs)])])


def probes_parts(proofs: Proofs) -> list[tuple[str, ...]]:
    """Of our own proofs: where the time went, and how long policy took to be in force."""
    parts = ("process", "pods", "phases", "cleanup")
    settled = ("median", "p99", "longest")
    rows = [("", *parts, *(f"in force after, {one}" for one in settled))]
    for way, runs in proofs.items():
        if way in (EXEC, BY_HAND):
            continue
        took = [f"{statistics.median(proof.parts[part] for proof in runs):.2f} s" for part in parts]
        rows.append(
            (way, *took, *(f"{statistics.median(proof.settled[one] for proof in runs):.0f} ms" for one in settled))
        )
    return rows


def default_set(runs: Sequence[Proof]) -> str:
    through = middle(runs, lambda proof: proof.parts["a connection that comes through"])
    sleeps, connecting = STEPS * SLEEP, THROUGH * through + DROPPED * THEIR_PATIENCE / WORKERS
    return (
        f"computed, not run: policy-assistant's default set has {CASES} cases with {STEPS} steps and {THROUGH + DROPPED} "
        f"connections, {DROPPED} of them dropped.\nIt sleeps for {sleeps / 60:.0f} min and connects for {connecting / 60:.0f} min, "
        f"if {WORKERS} workers take {1000 * through:.0f} ms for each connection that comes through, as here, "
        f"and {THEIR_PATIENCE:g} s for a dropped one, as published."
    )


def figures(proofs: Proofs) -> list[Figure]:
    wall = {way: middle(runs, lambda proof: proof.seconds) for way, runs in proofs.items()}
    own = middle(proofs[PROBE], lambda proof: proof.parts["phases"] + proof.parts["cleanup"])
    return [
        Figure(f"{PROBE}: phases and cleanup, median", own, "s", at_most=5),
        Figure(f"{PROBE}: resolution, median", 1000 * middle(proofs[PROBE], lambda proof: proof.resolution), "ms"),
        Figure(f"{EXEC} / {PROBE}", wall[EXEC] / wall[PROBE]),
        Figure(f"{BY_HAND} / {PROBE}", wall[BY_HAND] / wall[PROBE]),
    ]


def middle(runs: Sequence[Proof], what: Callable[[Proof], float]) -> float:
    return statistics.median(what(proof) for proof in runs)

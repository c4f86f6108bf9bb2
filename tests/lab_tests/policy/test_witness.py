# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Witnesses see, to some milliseconds, what happens to real packets of a node between their start and their end."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe import witness
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.request import ProbeRequest
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import FlowWitness

from tests.lab.calico import Calico
from tests.lab.eventually import eventually
from tests.lab.lab import Lab
from tests.lab.pods import AGNHOST, faults

from .conftest import NAMESPACE, calico_node_is_ready, host

pytestmark = [
    pytest.mark.pods,
    pytest.mark.soak,
    pytest.mark.stand_in("it has calico-node be what a real kubelet of the lab can run"),
]

REQUEST = ProbeRequest(AGNHOST, timeout=60.0)
ONE_LOST = 100.0
"""Milliseconds: of four flows each one has a connection every 20 ms, and a gap ends with three that come through."""
JUDGED = 2.0
"""Seconds after which each connection is judged. What the last ones before the end would have become is not known."""
OURS = "app.kubernetes.io/managed-by=calico-ops-policy-witness"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
CALICO_NODES = "/api/v1/namespaces/calico-system/pods"


@pytest.fixture
def run(running: Lab, cluster: Cluster) -> Iterator[str]:
    """w-1 has a witness whose peer is w-2."""
    started = witness.start(cluster, REQUEST, witness.Wanted(["w-1"], ["w-2"], 600))
    assert (started.trouble, started.untold) == ({}, [])
    yield started.run
    witness.sweep(cluster, REQUEST)


def seen(cluster: Cluster, run: str) -> FlowWitness:
    (found,) = witness.finish(cluster, REQUEST, ["w-1"], run)
    assert found["reason"] is None
    return found


def test_where_nothing_happens_all_allowed_connections_come_through_and_no_denied_one(
    running: Lab, cluster: Cluster, run: str
) -> None:
    found = seen(cluster, run)
    assert (found["node"], found["peer"], found["denied_through"]) == ("w-1", "w-2", 0)
    # On a busy machine, an engine in user space loses a packet now and then.
    assert found["longest_gap"] is None or found["longest_gap"]["milliseconds"] <= ONE_LOST
    eventually(lambda: running.admin.list(f"{CORE}/pods", labelSelector=OURS) == [], 60)
    assert running.admin.list(f"{CORE}/configmaps", labelSelector=OURS) == []


def test_a_denied_flow_that_is_open_for_200_ms_is_seen_with_its_time(running: Lab, cluster: Cluster, run: str) -> None:
    before = time.time()
    faults.open_for(host(running, "w-1"), 0.2)
    after = time.time()
    found = seen(cluster, run)
    assert found["denied_through"] > 0
    assert found["open_directions"] == ["ingress"]
    assert instant(before) <= str(found["first_denied_through"]) <= instant(after)


def test_a_forwarding_fault_of_500_ms_is_a_gap_of_as_long(running: Lab, cluster: Cluster, run: str) -> None:
    before = time.monotonic()
    with faults.foreign_drop(host(running, "w-1")):
        begun = time.monotonic()
        time.sleep(0.5)
        ended = time.monotonic()
    after = time.monotonic()
    time.sleep(JUDGED)
    found = seen(cluster, run)
    assert found["longest_gap"] is not None
    exact = found["resolution_ms"] or 0.0
    assert (ended - begun) * 1000 - exact <= found["longest_gap"]["milliseconds"] <= (after - before) * 1000 + exact
    assert found["denied_through"] == 0


def test_a_restart_of_calico_node_is_a_gap_where_its_rules_wait_for_it(
    running: Lab, cluster: Cluster, run: str
) -> None:
    """The engine of the lab judges each first packet itself: until it is back, none comes through."""
    (old,) = engines(running)
    before = time.time()
    running.admin.delete(f"{CALICO_NODES}/{old}")
    eventually(lambda: old not in engines(running) and calico_node_is_ready(running, "w-1"), 120)
    found = seen(cluster, run)
    assert found["longest_gap"] is not None
    assert found["longest_gap"]["began"] >= instant(before)
    assert found["denied_through"] == 0


def engines(lab: Lab) -> list[str]:
    return [pod["metadata"]["name"] for pod in Calico(lab).pods() if pod["spec"].get("nodeName") == "w-1"]


def instant(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"

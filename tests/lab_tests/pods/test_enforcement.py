# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab host with a real kubelet is a node, and its calico-node enforces NetworkPolicy on real packets."""

from __future__ import annotations

import subprocess
import time
from functools import partial
from typing import Any

import pytest

from tests.lab.binaries import binaries
from tests.lab.claims import tell
from tests.lab.eventually import eventually
from tests.lab.pods.names import AGNHOST, ENGINE
from tests.lab.pods.traffic import ALLOWED, DENIED, TCP_PORT

from .conftest import ENFORCING, NETWORK_POLICIES, SIMULATED, UNFIT, Cluster

pytestmark = [
    pytest.mark.pods,
    pytest.mark.soak,
    pytest.mark.stand_in("it has calico-node be what a real kubelet of the lab can run"),
]

_PODS = "/api/v1/namespaces/default/pods"


def test_real_kubelets_serve_nodes_beside_those_of_kwok(running: Cluster) -> None:
    nodes = {node["metadata"]["name"]: node["status"] for node in running.lab.admin.list("/api/v1/nodes")}
    assert set(nodes) == {*ENFORCING, UNFIT, *SIMULATED}
    runtimes = {name: status["nodeInfo"]["containerRuntimeVersion"] for name, status in nodes.items()}
    assert runtimes["w-1"] != runtimes["kwok-1"]
    address = [one["address"] for one in nodes["w-1"]["addresses"] if one["type"] == "InternalIP"]
    assert address == [running.host("w-1").address, running.host("w-1").address_v6]


def test_calico_node_is_named_for_the_engine_that_it_is(running: Cluster) -> None:
    images = {name: running.calico_node(name)["spec"]["containers"][0]["image"] for name in (*ENFORCING, *SIMULATED)}
    assert set(images.values()) == {ENGINE}
    assert "kube-network-policies" in ENGINE


def test_calico_node_is_never_ready_where_the_kernel_refuses_an_ip_set(running: Cluster) -> None:
    def message() -> str:
        status = running.calico_node(UNFIT)["status"]["initContainerStatuses"][0]
        terminated: dict[str, Any] = status["lastState"].get("terminated") or status["state"].get("terminated") or {}
        return str(terminated.get("message", ""))

    assert "cannot make an IP set" in eventually(message)
    assert not running.ready(UNFIT)


def test_pods_reach_each_other_without_a_policy(cluster: Cluster) -> None:
    seen = cluster.verdicts(servers=("w-1", "w-2", UNFIT))
    assert len(seen) == 24
    assert {way: said for way, said in seen.items() if said != ALLOWED} == {}


def test_a_default_deny_is_in_force_on_every_way_to_a_pod(denied: Cluster) -> None:
    seen = denied.verdicts()
    assert len(seen) == 16
    assert {way: said for way, said in seen.items() if said != DENIED} == {}


def test_a_policy_allows_exactly_what_it_names(cluster: Cluster) -> None:
    """The clients' TCP, and neither their UDP nor the servers among each other."""
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "client"}}}], "ports": [{"port": TCP_PORT}]}
    spec = {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    cluster.lab.admin.create(NETWORK_POLICIES, {"metadata": {"name": "allow"}, "spec": spec})
    expected = {way: ALLOWED if way.endswith("tcp") else DENIED for way in cluster.verdicts()}
    eventually(lambda: cluster.verdicts() == expected)
    between = cluster.servers["w-2"].connect(cluster.servers["w-1"])
    assert between == DENIED


def test_no_denied_packet_gets_through_once_the_policy_is_in_force(cluster: Cluster) -> None:
    with cluster.clients["w-3"].witness(cluster.servers["w-1"]) as seen:
        written = time.time()
        cluster.deny()
        cluster.wait_until_denied("w-1")
    assert seen.allowed(until=written)
    assert not seen.allowed(since=min(seen.denied(since=written)))


def test_the_api_server_has_a_command_run_in_a_pod_and_shows_its_log(running: Cluster) -> None:
    kubectl = [str(binaries(tell)["kubectl"]), f"--kubeconfig={running.lab.admin_kubeconfig}"]

    def said(*command: str) -> str:
        return subprocess.run([*kubectl, *command], check=True, capture_output=True, text=True).stdout

    server = running.servers["w-2"]
    assert "Usage" in said("exec", server.name, "--", "/agnhost", "--help")
    assert said("logs", server.name)


def test_an_agnhost_client_reports_by_its_exit_and_its_termination_message(denied: Cluster) -> None:
    def ended(name: str) -> dict[str, Any]:
        statuses = denied.lab.admin.get(f"{_PODS}/{name}")["status"].get("containerStatuses") or [{"state": {}}]
        end: dict[str, Any] = statuses[0]["state"].get("terminated") or {}
        return end

    targets = {"reports-allowed": denied.servers[UNFIT], "reports-denied": denied.servers["w-1"]}
    for name, server in targets.items():
        container = {
            "name": "probe",
            "image": AGNHOST,
            "args": ["connect", f"{server.address()}:{TCP_PORT}", "--timeout=1s"],
            "terminationMessagePolicy": "FallbackToLogsOnError",
        }
        spec = {
            "nodeName": "w-3",
            "restartPolicy": "Never",
            "containers": [container],
            "terminationGracePeriodSeconds": 0,
        }
        denied.lab.admin.create(_PODS, {"metadata": {"name": name}, "spec": spec})
    seen = {name: eventually(partial(ended, name)) for name in targets}
    for name in targets:
        denied.lab.admin.delete(f"{_PODS}/{name}", gracePeriodSeconds=0)
    assert {name: (end["exitCode"], end.get("message", "").strip()) for name, end in seen.items()} == {
        "reports-allowed": (0, ""),
        "reports-denied": (1, DENIED),
    }

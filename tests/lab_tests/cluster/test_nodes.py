# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of the lab behave as real ones do before, with and after Calico."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.lab.eventually import eventually
from tests.lab.lab import Lab
from tests.lab.nodes import CNI_MISSING, NodeSpec
from tests.lab.workloads import PODS, condition, create_calico_node, create_pod_networked, is_ready, pods_of


def _node(lab: Lab, name: str) -> dict[str, Any]:
    node: dict[str, Any] = lab.admin.get(f"/api/v1/nodes/{name}")
    return node


def _taints(lab: Lab, name: str) -> set[str]:
    return {taint["key"] for taint in _node(lab, name)["spec"].get("taints", [])}


def _network(lab: Lab, name: str) -> tuple[str, str]:
    network = condition(_node(lab, name), "NetworkUnavailable")
    return network.get("status", ""), network.get("reason", "")


def _with_ready_calico_node(lab: Lab, name: str) -> None:
    lab.add_node(name)
    create_calico_node(lab.admin)
    eventually(lambda: is_ready(_node(lab, name)) and is_ready(pods_of(lab.admin, "calico-node").get(name, {})))


def _never(look: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert not look()
        time.sleep(0.1)


def test_the_control_plane_is_the_version_that_go_mod_names(cluster: Lab) -> None:
    version = cluster.admin.get("/version")
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitVersion"] == f"v{cluster.record()['kubernetes']}"


def test_a_new_node_is_not_ready_for_want_of_a_cni_and_tainted_by_the_node_controller(cluster: Lab) -> None:
    cluster.add_node("w-1")
    ready = condition(_node(cluster, "w-1"), "Ready")
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", "KubeletNotReady", CNI_MISSING)
    assert _taints(cluster, "w-1") == {"node.kubernetes.io/not-ready"}


def test_a_node_carries_the_identity_of_its_host(cluster: Lab) -> None:
    spec = NodeSpec("w-1", {}, {}, "198.18.0.9", "a" * 32, system_uuid="B-1", boot_id="c-1", architecture="arm64")
    status = cluster.add_nodes([spec])[0]["status"]
    info = status["nodeInfo"]
    assert [info[key] for key in ("machineID", "systemUUID", "bootID", "architecture")] == [
        "a" * 32,
        "B-1",
        "c-1",
        "arm64",
    ]
    assert {"type": "InternalIP", "address": "198.18.0.9"} in status["addresses"]


def test_a_node_is_ready_and_untainted_once_calico_node_runs_there(cluster: Lab) -> None:
    cluster.add_node("w-1")
    create_calico_node(cluster.admin)
    eventually(lambda: is_ready(_node(cluster, "w-1")))
    assert _network(cluster, "w-1") == ("False", "CalicoIsUp")
    eventually(lambda: not _taints(cluster, "w-1"))


def test_a_node_that_the_selector_leaves_out_stays_not_ready(cluster: Lab) -> None:
    cluster.add_node("w-1", {"calico": "yes"})
    cluster.add_node("w-2")
    create_calico_node(cluster.admin, {"calico": "yes"})
    eventually(lambda: is_ready(_node(cluster, "w-1")))
    _never(lambda: is_ready(_node(cluster, "w-2")), seconds=2)


def test_a_calico_node_that_goes_leaves_calico_is_down_on_a_node_that_stays_ready(cluster: Lab) -> None:
    _with_ready_calico_node(cluster, "w-1")
    cluster.admin.delete("/apis/apps/v1/namespaces/calico-system/daemonsets/calico-node")
    eventually(lambda: _network(cluster, "w-1") == ("True", "CalicoIsDown"))
    eventually(lambda: "node.kubernetes.io/network-unavailable" in _taints(cluster, "w-1"))
    assert is_ready(_node(cluster, "w-1"))


def test_a_calico_node_that_comes_back_clears_calico_is_down(cluster: Lab) -> None:
    began = cluster.audit.position()

    def written_by_the_agent() -> list[str]:
        events = cluster.audit.writes(began, user="system:serviceaccount:lab:node-agent")
        return [event.name for event in events if event.resource == "nodes"]

    _with_ready_calico_node(cluster, "w-1")
    # A write is in the audit log a little after it is in the cluster.
    eventually(lambda: written_by_the_agent() == ["w-1"])
    cluster.admin.delete(f"{PODS}/{pods_of(cluster.admin, 'calico-node')['w-1']['metadata']['name']}")
    eventually(lambda: _network(cluster, "w-1") == ("True", "CalicoIsDown"))
    eventually(lambda: _network(cluster, "w-1") == ("False", "CalicoIsUp"))
    eventually(lambda: len(written_by_the_agent()) >= 3)
    assert written_by_the_agent() == ["w-1"] * 3


def test_on_a_never_ready_node_calico_node_runs_and_is_not_ready(cluster: Lab) -> None:
    cluster.add_node("bad", fault="never-ready")
    create_calico_node(cluster.admin)
    eventually(lambda: pods_of(cluster.admin, "calico-node").get("bad", {}).get("status", {}).get("phase") == "Running")
    eventually(lambda: is_ready(_node(cluster, "bad")))
    _never(lambda: is_ready(pods_of(cluster.admin, "calico-node")["bad"]), seconds=4)


def test_a_cured_node_gets_its_calico_node_ready(cluster: Lab) -> None:
    cluster.add_node("bad", fault="never-ready")
    create_calico_node(cluster.admin)
    eventually(lambda: is_ready(_node(cluster, "bad")))
    cluster.set_fault("bad", None)
    eventually(lambda: is_ready(pods_of(cluster.admin, "calico-node")["bad"]))


def test_a_ready_calico_node_turns_unready_on_a_node_that_turns_bad(cluster: Lab) -> None:
    _with_ready_calico_node(cluster, "w-1")
    cluster.set_fault("w-1", "never-ready")
    eventually(lambda: not is_ready(pods_of(cluster.admin, "calico-node")["w-1"]))
    assert pods_of(cluster.admin, "calico-node")["w-1"]["status"]["phase"] == "Running"


def test_a_late_node_takes_as_long_as_it_was_told(cluster: Lab) -> None:
    cluster.add_node("late", fault="late:5")
    create_calico_node(cluster.admin)
    eventually(lambda: is_ready(_node(cluster, "late")))
    _never(lambda: is_ready(pods_of(cluster.admin, "calico-node")["late"]), seconds=3)
    eventually(lambda: is_ready(pods_of(cluster.admin, "calico-node")["late"]))


def test_a_pod_of_the_pod_network_waits_in_container_creating_until_its_node_is_ready(cluster: Lab) -> None:
    cluster.add_node("w-1")
    create_pod_networked(cluster.admin, "csi-node-driver")

    def waiting() -> bool:
        (container,) = pods_of(cluster.admin, "csi-node-driver")["w-1"]["status"].get("containerStatuses") or [{}]
        return bool(container.get("state", {}).get("waiting", {}).get("reason") == "ContainerCreating")

    eventually(lambda: "w-1" in pods_of(cluster.admin, "csi-node-driver") and waiting())
    _never(lambda: not waiting(), seconds=2)
    create_calico_node(cluster.admin)
    eventually(lambda: is_ready(pods_of(cluster.admin, "csi-node-driver")["w-1"]))


def test_a_reset_leaves_neither_nodes_nor_pods_nor_calico(cluster: Lab) -> None:
    _with_ready_calico_node(cluster, "w-1")
    cluster.admin.create(
        "/apis/operator.tigera.io/v1/installations",
        {"apiVersion": "operator.tigera.io/v1", "kind": "Installation", "metadata": {"name": "default"}},
    )
    cluster.reset()
    for path in ("/api/v1/nodes", "/api/v1/pods", "/apis/operator.tigera.io/v1/installations"):
        assert cluster.admin.list(path) == []
    assert cluster.admin.get_or_none("/api/v1/namespaces/calico-system") is None

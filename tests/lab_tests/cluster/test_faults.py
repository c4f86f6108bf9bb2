# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's fault shows in the status of its pod and Node as a kubelet, calico-node and the node controller write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.errors import LabError
from tests.lab.eventually import eventually
from tests.lab.lab import Lab
from tests.lab.workloads import PODS, condition, create_calico_node, create_pod_networked, is_ready, pods_of

INIT = ["flexvol-driver", "install-cni"]
Raw = dict[str, Any]


class Cluster:
    """A cluster of one node with a fault, and calico-node on it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def start(self, fault: str = "") -> None:
        self.lab.add_node("w-1", fault=fault)
        create_calico_node(self.lab.admin, init=INIT)

    @property
    def pod(self) -> Raw:
        found: Raw = pods_of(self.lab.admin, "calico-node").get("w-1", {"status": {}})
        return found

    @property
    def node(self) -> Raw:
        found: Raw = self.lab.admin.get("/api/v1/nodes/w-1")
        return found

    def statuses(self) -> list[Raw]:
        status = self.pod["status"]
        return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]

    def states(self) -> dict[str, str]:
        """What each container does, as kubectl would say it."""
        found = {}
        for one in self.statuses():
            ((kind, state),) = one["state"].items()
            found[one["name"]] = state.get("reason", kind)
        return found

    def until(self, look: Callable[[], Any]) -> Any:
        return eventually(look)


@pytest.fixture
def one(cluster: Lab) -> Cluster:
    return Cluster(cluster)


def test_a_crash_loop_backs_off_with_the_last_exit_and_starts_again(one: Cluster) -> None:
    one.start("crash-loop:2")
    one.until(lambda: one.states().get("calico-node") == "CrashLoopBackOff")
    (container,) = one.pod["status"]["containerStatuses"]
    last = container["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"], last["startedAt"] <= last["finishedAt"]) == (2, "Error", True)
    assert container["state"]["waiting"]["message"].startswith(
        "back-off 10s restarting failed container=calico-node pod=calico-node-"
    )
    assert (one.pod["status"]["phase"], is_ready(one.pod)) == ("Running", False)
    assert condition(one.pod, "ContainersReady")["message"] == "containers with unready status: [calico-node]"
    one.until(lambda: one.statuses()[-1]["restartCount"] >= 1)
    assert one.statuses()[-1]["lastState"]["terminated"]["exitCode"] == 2
    one.lab.set_fault("w-1", None)
    one.until(lambda: is_ready(one.pod))
    assert one.statuses()[-1]["restartCount"] >= 1


def test_a_ready_calico_node_that_starts_to_crash_is_not_said_to_be_down(one: Cluster) -> None:
    one.start()
    one.until(lambda: is_ready(one.pod))
    one.lab.set_fault("w-1", "crash-loop")
    one.until(lambda: one.states()["calico-node"] == "CrashLoopBackOff")
    assert condition(one.node, "NetworkUnavailable")["reason"] == "CalicoIsUp"


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        ("init-stuck", {"flexvol-driver": "Completed", "install-cni": "running"}),
        ("init-stuck:flexvol-driver", {"flexvol-driver": "running", "install-cni": "PodInitializing"}),
        ("image-pull", {"flexvol-driver": "Completed", "install-cni": "ImagePullBackOff"}),
        ("image-pull:flexvol-driver", {"flexvol-driver": "ImagePullBackOff", "install-cni": "PodInitializing"}),
    ],
)
def test_a_pod_that_stops_at_an_init_container_is_pending(one: Cluster, fault: str, states: dict[str, str]) -> None:
    one.start(fault)
    one.until(lambda: one.states() == {**states, "calico-node": "PodInitializing"})
    assert (one.pod["status"]["phase"], is_ready(one.pod)) == ("Pending", False)
    initialized = condition(one.pod, "Initialized")
    incomplete = " ".join(name for name, state in states.items() if state != "Completed")
    assert (initialized["status"], initialized["message"]) == (
        "False",
        f"containers with incomplete status: [{incomplete}]",
    )
    one.lab.set_fault("w-1", None)
    one.until(lambda: is_ready(one.pod))
    assert one.states() == {"flexvol-driver": "Completed", "install-cni": "Completed", "calico-node": "running"}


def test_an_image_of_calico_node_itself_is_pulled_when_all_init_containers_have_ended(one: Cluster) -> None:
    one.start("image-pull:calico-node")
    one.until(lambda: one.states().get("calico-node") == "ImagePullBackOff")
    assert one.states()["install-cni"] == "Completed"
    assert condition(one.pod, "Initialized")["status"] == "True"
    assert one.statuses()[-1]["state"]["waiting"]["message"] == (
        'Back-off pulling image "lab.calico-ops.dev/calico-node": ErrImagePull: failed to resolve reference '
        '"lab.calico-ops.dev/calico-node": lab.calico-ops.dev/calico-node: not found'
    )


def test_a_kubelet_that_goes_leaves_node_and_pods_to_the_node_controller_and_takes_them_back(one: Cluster) -> None:
    one.start()
    create_pod_networked(one.lab.admin, "csi-node-driver")

    def pods_ready() -> list[bool]:
        return [is_ready(pods_of(one.lab.admin, app).get("w-1", {})) for app in ("calico-node", "csi-node-driver")]

    one.until(lambda: pods_ready() == [True, True])
    heartbeat = condition(one.node, "Ready")["lastHeartbeatTime"]
    one.lab.set_fault("w-1", "kubelet-gone")
    one.until(lambda: pods_ready() == [False, False])
    ready = condition(one.node, "Ready")
    assert (ready["status"], ready["reason"], ready["message"], ready["lastHeartbeatTime"]) == (
        "Unknown",
        "NodeStatusUnknown",
        "Kubelet stopped posting node status.",
        heartbeat,
    )
    assert condition(one.node, "DiskPressure")["status"] == "Unknown"
    assert condition(one.node, "NetworkUnavailable")["reason"] == "CalicoIsUp"
    assert one.states()["calico-node"] == "running"  # nobody is there to say otherwise
    one.until(
        lambda: "node.kubernetes.io/unreachable" in {taint["key"] for taint in one.node["spec"].get("taints", [])}
    )

    name = one.pod["metadata"]["name"]
    one.lab.admin.delete(f"{PODS}/{name}")
    assert one.lab.admin.get(f"{PODS}/{name}")["metadata"]["deletionTimestamp"]  # and nobody to end its containers
    one.lab.set_fault("w-1", None)
    one.until(lambda: pods_ready() == [True, True] and is_ready(one.node))
    assert one.lab.admin.get_or_none(f"{PODS}/{name}") is None
    one.until(lambda: not one.node["spec"].get("taints"))


def test_a_network_that_stays_unavailable_is_so_beside_a_ready_calico_node(one: Cluster) -> None:
    one.start("network-unavailable")
    one.until(lambda: is_ready(one.pod) and is_ready(one.node))
    network = condition(one.node, "NetworkUnavailable")
    assert (network["status"], network["reason"]) == ("True", "CalicoIsDown")
    one.lab.set_fault("w-1", None)
    one.until(lambda: condition(one.node, "NetworkUnavailable")["status"] == "False")


def test_a_fault_that_there_is_not_is_refused_before_anything_is_changed(one: Cluster) -> None:
    one.lab.add_node("w-1")
    with pytest.raises(LabError, match="cannot have the fault 'crashes'"):
        one.lab.set_fault("w-1", "crashes")
    assert "lab.calico-ops.dev/fault" not in one.node["metadata"].get("annotations", {})

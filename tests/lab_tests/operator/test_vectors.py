# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What collection and tests rely on in tigera-operator, asked of the stand-in on a real control plane."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.calico import Calico, during, wait_for
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec

pytestmark = [pytest.mark.crds, pytest.mark.operator]

GOOD = ["w-0", "w-1"]
BAD = "bad-0"


@pytest.fixture(scope="module")
def installed(lab: Lab) -> Calico:
    """Two good nodes, and one where calico-node never becomes ready."""
    lab.reset()
    calico = Calico(lab)
    lab.add_nodes([*(NodeSpec(name) for name in GOOD), NodeSpec(BAD, fault="never-ready")])
    calico.install()
    calico.wait_until_settled(len(GOOD))
    return calico


@pytest.fixture
def calico(installed: Calico) -> Iterator[Calico]:
    """As installed; what a test overrides is taken back after it."""
    yield installed
    installed.patch({"nodeUpdateStrategy": {"type": "RollingUpdate"}})
    override(installed, {})


def override(calico: Calico, pod: dict[str, Any]) -> dict[str, Any]:
    """Override parts of calico-node's pod, and return its template once the stand-in has acted on it."""
    mark = str(time.monotonic_ns())
    template = {"metadata": {"annotations": {"example.org/mark": mark}}, "spec": pod}
    calico.patch({"calicoNodeDaemonSet": None})
    calico.patch({"calicoNodeDaemonSet": {"spec": {"template": template}}})

    def taken() -> dict[str, Any] | None:
        seen: dict[str, Any] = calico.daemonset()["spec"]["template"]
        return seen if seen["metadata"].get("annotations", {}).get("example.org/mark") == mark else None

    found: dict[str, Any] | None = wait_for(taken, lambda: f"{calico.daemonset()['spec']['template']}")
    assert found is not None
    spec: dict[str, Any] = found["spec"]
    return spec


def test_g_an_unready_node_is_awaited(installed: Calico) -> None:
    awaiting = 'DaemonSet "calico-system/calico-node" is not available (awaiting 1 nodes)'
    told = {
        "Available": ("False", "Unknown", ""),
        "Progressing": ("True", "ResourceNotReady", awaiting),
        "Degraded": ("False", "Unknown", ""),
    }
    wait_for(lambda: installed.said() == told, lambda: f"{installed.said()}")


def test_k_an_unready_pod_within_its_grace_is_no_failure(installed: Calico) -> None:
    assert BAD in installed.nodes_with() - installed.nodes_with(ready=True)
    for _tick in during(6):
        assert installed.conditions()["Degraded"]["status"] == "False"


def test_h_a_crash_loop_is_a_pod_failure_for_as_long_as_it_backs_off(installed: Calico) -> None:
    (name,) = (pod["metadata"]["name"] for pod in installed.pods() if pod["spec"]["nodeName"] == BAD)
    installed.lab.set_fault(BAD, "crash-loop:1")
    crashing = f"Pod calico-system/{name} has crash looping container: calico-node (Error, exit code 1)"
    wait_for(
        lambda: installed.said().get("Degraded") == ("True", "PodFailure", crashing), lambda: f"{installed.said()}"
    )
    assert installed.said()["Progressing"] == ("False", "Unknown", "")
    installed.lab.set_fault(BAD, "never-ready")
    wait_for(lambda: installed.said()["Degraded"][0] == "False", lambda: f"{installed.said()}")


def test_h_an_image_that_cannot_be_pulled_is_a_pod_failure(installed: Calico) -> None:
    installed.lab.set_fault(BAD, "image-pull")
    (old,) = (pod["metadata"]["name"] for pod in installed.pods() if pod["spec"]["nodeName"] == BAD)
    installed.admin.delete(f"/api/v1/namespaces/calico-system/pods/{old}")
    wait_for(lambda: installed.said()["Degraded"][1] == "PodFailure", lambda: f"{installed.said()}")
    status, _reason, message = installed.said()["Degraded"]
    assert status == "True"
    assert re.fullmatch(
        r'Pod calico-system/calico-node-\w+ failed to pull container image "\S+/\w+:\S+" for container install-cni',
        message,
    )
    installed.lab.set_fault(BAD, "never-ready")
    wait_for(lambda: installed.said()["Degraded"][0] == "False", lambda: f"{installed.said()}")


def test_a_stuck_init_container_never_degrades(installed: Calico) -> None:
    installed.lab.set_fault(BAD, "init-stuck")
    (old,) = (pod["metadata"]["name"] for pod in installed.pods() if pod["spec"]["nodeName"] == BAD)
    installed.admin.delete(f"/api/v1/namespaces/calico-system/pods/{old}")
    pending = r"(?s).*\nPod calico-system/calico-node-\w+ is pending"
    wait_for(lambda: re.fullmatch(pending, installed.said()["Progressing"][2]), lambda: f"{installed.said()}")
    for _tick in during(6):
        assert installed.conditions()["Degraded"]["status"] == "False"
    installed.lab.set_fault(BAD, "never-ready")


def test_a_a_selector_key_of_the_operators_domain_is_dropped(calico: Calico) -> None:
    pod = override(calico, {"nodeSelector": {"rollout.operator.tigera.io/x": "true", "operator.tigera.io/x": "true"}})
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_b_the_operating_system_stays_linux(calico: Calico) -> None:
    pod = override(calico, {"nodeSelector": {"kubernetes.io/os": "windows"}})
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_c_an_affinity_replaces_the_default_one(calico: Calico) -> None:
    calico.patch({"kubernetesProvider": "EKS"})
    fargate = override(calico, {})["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert fargate["nodeSelectorTerms"][0]["matchExpressions"][0]["key"] == "eks.amazonaws.com/compute-type"
    expression = {"key": "example.org/edge", "operator": "DoesNotExist"}
    wanted = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [expression]}]
            }
        }
    }
    pod = override(calico, {"affinity": wanted})
    calico.patch({"kubernetesProvider": None})
    assert pod["affinity"] == wanted


def test_d_no_tolerations_tolerate_nothing(calico: Calico) -> None:
    assert "tolerations" not in override(calico, {"tolerations": []})


def test_e_l_on_delete_is_rejected_and_its_generation_observed(calico: Calico) -> None:
    before = calico.daemonset()["metadata"]["generation"]
    patched = calico.patch({"nodeUpdateStrategy": {"type": "OnDelete"}})
    wait_for(
        lambda: all(
            condition["observedGeneration"] == patched["metadata"]["generation"]
            for condition in calico.conditions().values()
        ),
        lambda: f"{calico.conditions()}",
    )
    status, reason, message = calico.said()["Degraded"]
    assert (status, reason) == ("True", "InvalidConfigurationError")
    assert message.startswith("Invalid Installation provided: installation spec.NodeUpdateStrategy.type '")
    assert calico.said()["Available"][0] == "False"
    assert calico.daemonset()["metadata"]["generation"] == before


def test_f_a_selector_that_no_node_has_is_available(calico: Calico) -> None:
    override(calico, {"nodeSelector": {"example.org/nobody": "true"}})
    calico.wait_until_available()
    assert calico.daemonset()["status"]["desiredNumberScheduled"] == 0


def test_typha_follows_the_number_of_uncordoned_nodes(calico: Calico) -> None:
    assert calico.deployment("calico-typha")["spec"]["replicas"] == 2
    calico.admin.patch(f"/api/v1/nodes/{BAD}", {"spec": {"unschedulable": True}})
    wait_for(lambda: calico.deployment("calico-typha")["spec"]["replicas"] == 1, lambda: "still 2 replicas")
    calico.admin.patch(f"/api/v1/nodes/{BAD}", {"spec": {"unschedulable": None}})


def test_j_without_enabled_pools_nothing_is_installed(cluster: Lab) -> None:
    calico = Calico(cluster)
    cluster.add_node("w-0")
    calico.install({"calicoNetwork": {"ipPools": []}})
    said = ("True", "ResourceNotFound", "waiting for enabled IP pools to be created")
    wait_for(lambda: calico.said().get("Degraded") == said, lambda: f"{calico.conditions()}")
    assert not calico.daemonset()


def test_i_without_linux_nodes_nothing_is_installed(cluster: Lab) -> None:
    calico = Calico(cluster)
    cluster.stop_operator()
    cluster.add_node("win-0", operating_system="windows")
    cluster.start_operator()  # one that counted other nodes less than 10 s ago would go by these
    calico.install()
    wait_for(lambda: "Degraded" in calico.said(), lambda: f"{calico.conditions()}")
    status, reason, message = calico.said()["Degraded"]
    assert (status, reason) == ("True", "ResourceScalingError")
    assert message.endswith("not enough linux nodes to schedule typha pods on, require 1 and have 0")
    assert not calico.daemonset()

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The typha autoscaler of the stand-in: what it counts, what it overwrites, and what its error holds up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.calico import Calico, during, wait_for
from tests.lab.lab import Lab

pytestmark = pytest.mark.operator

NODES = ["w-0", "w-1", "w-2"]
PINNED = {"example.org/typha": "here"}
SHORT = "not enough linux nodes to schedule typha pods on, require 1 and have 0"


@pytest.fixture(scope="module")
def installed(lab: Lab) -> Calico:
    lab.reset()
    for name in NODES:
        lab.add_node(name)
    calico = Calico(lab)
    calico.install()
    calico.wait_until_settled(len(NODES))
    return calico


@pytest.fixture
def calico(installed: Calico) -> Iterator[Calico]:
    yield installed
    cordon(installed, None)
    installed.patch({"typhaDeployment": None, "nodeMetricsPort": None})


def cordon(calico: Calico, cordoned: bool | None) -> None:
    for name in NODES:
        calico.admin.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": cordoned}})


def replicas(calico: Calico) -> int:
    count: int = calico.deployment("calico-typha")["spec"]["replicas"]
    return count


def test_a_number_of_replicas_of_somebody_elses_is_overwritten(calico: Calico) -> None:
    path = "/apis/apps/v1/namespaces/calico-system/deployments/calico-typha"
    calico.admin.patch(path, {"spec": {"replicas": 3}}, fieldManager="kubectl-scale")
    wait_for(lambda: replicas(calico) == 2, lambda: f"still {replicas(calico)} replicas")


def test_with_every_node_cordoned_the_autoscaler_degrades_and_changes_wait_for_a_node(calico: Calico) -> None:
    cordon(calico, True)
    autoscaler = ("True", "ResourceScalingError", f"Failed to autoscale typha - {SHORT}")
    wait_for(lambda: calico.said().get("Degraded") == autoscaler, lambda: f"{calico.conditions()}")
    before = calico.daemonset()["metadata"]["generation"]
    calico.patch({"nodeMetricsPort": 9191})
    for _tick in during(8):
        assert calico.daemonset()["metadata"]["generation"] == before
    assert calico.nodes_with(ready=True) == set(NODES)  # what runs is left alone
    assert calico.said()["Degraded"][1] == "ResourceScalingError"
    cordon(calico, None)
    wait_for(lambda: calico.daemonset()["metadata"]["generation"] > before, lambda: f"{calico.conditions()}")
    wait_for(lambda: calico.said().get("Degraded", ("",))[0] == "False", lambda: f"{calico.conditions()}")


def test_replicas_without_a_node_for_their_port_are_pending_and_nobody_says_so(calico: Calico) -> None:
    calico.label(NODES[:1], dict(PINNED))
    calico.patch({"typhaDeployment": {"spec": {"template": {"spec": {"nodeSelector": PINNED}}}}})

    def phases() -> list[tuple[str, str]]:
        return sorted((pod["status"]["phase"], pod["spec"].get("nodeName", "")) for pod in calico.pods("calico-typha"))

    wait_for(lambda: ("Pending", "") in phases(), lambda: f"{phases()}")
    calico.wait_until_settled(len(NODES))
    calico.wait_until_available()
    assert ("Pending", "") in phases()

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen on the real tigera-operator beside a real control plane, replayed against the stand-in.

20 nodes, and calico-node never becomes ready on one of them. The steps build on each other, in the order of the tests;
each is carried out once, by a fixture that keeps what was to be seen.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.lab.calico import Calico, during, wait_for
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec
from tests.lab.stages import Readiness

pytestmark = pytest.mark.operator

HEALTHY = [f"w-{number:02d}" for number in range(19)]
BAD = "bad-0"
LABEL = {"example.org/admitted": "true"}
PLACED = ("calico-typha", "calico-kube-controllers", "calico-apiserver")
OPERATORS_FIELDS = {
    "f:calicoNetwork",
    "f:cni",
    "f:controlPlaneReplicas",
    "f:flexVolumePath",
    "f:kubeletVolumePluginPath",
    "f:logging",
    "f:nodeUpdateStrategy",
    "f:variant",
}


@dataclass
class Step:
    """What was to be seen during one step and after it."""

    calico: Calico
    seconds: float = 0.0
    ready: list[set[str]] = field(default_factory=list)
    pods: dict[str, str] = field(default_factory=dict)
    template: dict[str, Any] = field(default_factory=dict)
    said: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    conditions: dict[str, dict[str, Any]] = field(default_factory=dict)
    nodes: dict[str, set[str]] = field(default_factory=dict)
    installation: dict[str, Any] = field(default_factory=dict)


def after(calico: Calico, **more: Any) -> Step:
    return Step(
        calico,
        pods={pod["spec"]["nodeName"]: pod["metadata"]["uid"] for pod in calico.pods()},
        template=calico.daemonset()["spec"]["template"],
        said=calico.said(),
        conditions=calico.conditions(),
        nodes={app: calico.nodes_with(app) for app in ("calico-node", "csi-node-driver", *PLACED)},
        installation=calico.installation(),
        **more,
    )


def selector(labels: Mapping[str, str | None]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"nodeSelector": labels}}}}


@pytest.fixture(scope="module")
def unrestricted(lab: Lab) -> Step:
    """Installation and APIServer created, nothing restricted."""
    lab.reset()
    calico = Calico(lab)
    lab.add_nodes([*(NodeSpec(name) for name in HEALTHY), NodeSpec(BAD, fault="never-ready")])
    calico.install(apiserver=True)
    calico.wait_until_settled(len(HEALTHY))
    calico.wait_until_available("apiserver")
    # A tick and more: it does not become Available later either.
    for _tick in during(7):
        assert not calico.available()
    return after(calico)


@pytest.fixture(scope="module")
def three_labelled(unrestricted: Step) -> Step:
    """The selector patched in while three nodes carry the label."""
    calico = unrestricted.calico
    calico.label(HEALTHY[:3], dict(LABEL))
    begun = time.monotonic()
    calico.patch({"calicoNodeDaemonSet": selector(LABEL)})
    wait_for(lambda: len(calico.nodes_with()) <= 3, lambda: f"still on {calico.nodes_with()}")
    seconds = time.monotonic() - begun
    calico.wait_until_settled(3)
    calico.wait_until_available()
    return after(calico, seconds=seconds)


@pytest.fixture(scope="module")
def windows(three_labelled: Step) -> Step:
    calico = three_labelled.calico
    generation = calico.patch({"calicoNodeDaemonSet": selector({"kubernetes.io/os": "windows"})})["metadata"][
        "generation"
    ]
    wait_for(
        lambda: calico.conditions()["Available"]["observedGeneration"] >= generation,
        lambda: f"the stand-in has not seen generation {generation}: {calico.conditions()}",
    )
    return after(calico)


@pytest.fixture(scope="module")
def bad_key(windows: Step) -> Step:
    calico = windows.calico
    calico.patch({"calicoNodeDaemonSet": selector({"bad key!": "x", "kubernetes.io/os": None})})
    begun = time.monotonic()
    wait_for(lambda: calico.said().get("Degraded", ("",))[0] == "True", lambda: f"{calico.conditions()}")
    seconds = time.monotonic() - begun
    for _tick in during(3):
        assert calico.nodes_with(ready=True) == set(HEALTHY[:3])
    return after(calico, seconds=seconds)


@pytest.fixture(scope="module")
def adopted(bad_key: Step) -> Step:
    """Back to an unrestricted cluster; then all healthy nodes are labelled first, and one server-side apply follows."""
    calico = bad_key.calico
    calico.patch({"calicoNodeDaemonSet": None, "nodeUpdateStrategy": {"rollingUpdate": {"maxUnavailable": 10}}})
    calico.wait_until_settled(len(HEALTHY))
    calico.patch({"nodeUpdateStrategy": {"rollingUpdate": {"maxUnavailable": 1}}})
    wait_for(lambda: _max_unavailable(calico) == 1, lambda: "maxUnavailable was not restored")
    calico.label(HEALTHY, dict(LABEL))
    begun = time.monotonic()
    calico.apply(
        "test-scope",
        {
            "calicoNodeDaemonSet": selector(LABEL),
            "csiNodeDriverDaemonSet": selector(LABEL),
            "typhaDeployment": selector(LABEL),
            "controlPlaneNodeSelector": LABEL,
        },
    )
    ready: list[set[str]] = []

    def finished() -> bool:
        ready.append(calico.nodes_with(ready=True) & set(HEALTHY))
        status = calico.daemonset()["status"]
        counts = [status.get(name) for name in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")]
        return counts == [len(HEALTHY)] * 3

    wait_for(finished, lambda: f"{calico.daemonset()['status']}")
    seconds = time.monotonic() - begun
    calico.wait_until_available()
    calico.wait_until_available("apiserver")
    # Each has a rolling update of its own, and calico-node's is not always the last.
    calico.wait_until_rolled_out("csi-node-driver", *PLACED)
    return after(calico, seconds=seconds, ready=ready)


def _max_unavailable(calico: Calico) -> object:
    return calico.daemonset()["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"]


# -- Installation + APIServer created, nothing restricted


def test_unrestricted_calico_node_is_ready_on_all_nodes_but_the_bad_one(unrestricted: Step) -> None:
    assert unrestricted.calico.nodes_with() == {*HEALTHY, BAD}
    assert unrestricted.calico.nodes_with(ready=True) == set(HEALTHY)


def test_one_unready_node_keeps_calico_progressing_for_ever(unrestricted: Step) -> None:
    assert unrestricted.said["Available"] == ("False", "Unknown", "")
    awaiting = 'DaemonSet "calico-system/calico-node" is not available (awaiting 1 nodes)'
    assert unrestricted.said["Progressing"] == ("True", "ResourceNotReady", awaiting)
    assert unrestricted.said["Degraded"] == ("False", "Unknown", "")


def test_one_unready_node_leaves_the_installation_status_empty(unrestricted: Step) -> None:
    status = unrestricted.installation["status"]
    assert not {"variant", "calicoVersion", "computed"} & set(status)
    assert {condition["type"]: condition["status"] for condition in status["conditions"]}["Ready"] == "False"


def test_the_apiserver_does_not_wait_for_calico(unrestricted: Step) -> None:
    assert unrestricted.calico.deployment("calico-apiserver")["status"]["availableReplicas"] == 2
    assert unrestricted.calico.said("apiserver")["Available"][0] == "True"


def test_the_daemonset_has_the_operators_defaults(unrestricted: Step) -> None:
    rolling = unrestricted.calico.daemonset()["spec"]["updateStrategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 0, "maxUnavailable": 1}
    pod = unrestricted.template["spec"]
    assert "affinity" not in pod
    assert pod["tolerations"] == [
        {"key": "CriticalAddonsOnly", "operator": "Exists"},
        {"effect": "NoSchedule", "operator": "Exists"},
        {"effect": "NoExecute", "operator": "Exists"},
    ]


# -- merge patch of the nodeSelector with only 3 nodes labelled


def test_a_selector_takes_calico_node_from_the_unlabelled_nodes_within_seconds(three_labelled: Step) -> None:
    assert three_labelled.seconds < 10
    assert three_labelled.nodes["calico-node"] == set(HEALTHY[:3])


def test_a_selector_restarts_the_pods_that_stay(unrestricted: Step, three_labelled: Step) -> None:
    assert not set(unrestricted.pods.values()) & set(three_labelled.pods.values())


def test_seventeen_nodes_without_calico_count_as_available(three_labelled: Step) -> None:
    everything = "All objects available"
    assert three_labelled.said == {
        "Available": ("True", "AllObjectsAvailable", everything),
        "Progressing": ("False", "AllObjectsAvailable", everything),
        "Degraded": ("False", "AllObjectsAvailable", everything),
    }


def test_csi_stays_on_all_nodes_without_a_selector_of_its_own(three_labelled: Step) -> None:
    assert three_labelled.nodes["csi-node-driver"] == {*HEALTHY, BAD}


# -- nodeSelector kubernetes.io/os: windows


def test_the_operating_system_cannot_be_selected_away(three_labelled: Step, windows: Step) -> None:
    assert windows.template == three_labelled.template
    assert windows.template["spec"]["nodeSelector"] == {**LABEL, "kubernetes.io/os": "linux"}
    assert windows.said["Available"][0] == "True"


# -- nodeSelector key "bad key!"


def test_a_bad_selector_key_is_accepted_and_then_reported_with_the_operators_words(bad_key: Step) -> None:
    assert bad_key.seconds < 10
    assert bad_key.said["Available"][0] == "False"
    status, reason, message = bad_key.said["Degraded"]
    assert (status, reason) == ("True", "InvalidConfigurationError")
    assert message.startswith(
        "Invalid Installation provided: installation spec.CalicoNodeDaemonSet is not valid: "
        "spec.Template.Spec.NodeSelector is invalid: spec.template.spec.nodeSelector: "
        'Invalid value: "bad key!": name part must consist of alphanumeric characters'
    )


def test_a_bad_selector_key_leaves_daemonset_and_pods_as_they_are(windows: Step, bad_key: Step) -> None:
    assert bad_key.template == windows.template
    assert bad_key.pods == windows.pods


# -- all healthy nodes labelled first, then one server-side apply under an own field manager


def test_an_apply_conflicts_with_nothing_that_the_operator_owns(adopted: Step) -> None:
    owned = {
        (entry["manager"], entry["operation"]): set(entry["fieldsV1"].get("f:spec", {}))
        for entry in adopted.installation["metadata"]["managedFields"]
        if "subresource" not in entry
    }
    assert owned["operator", "Update"] == OPERATORS_FIELDS
    assert owned["test-scope", "Apply"] == {
        "f:calicoNodeDaemonSet",
        "f:csiNodeDriverDaemonSet",
        "f:typhaDeployment",
        "f:controlPlaneNodeSelector",
    }


def test_adoption_never_takes_more_than_one_ready_node(adopted: Step) -> None:
    assert min(len(seen) for seen in adopted.ready) >= len(HEALTHY) - 1


def test_adoption_restarts_node_after_node(unrestricted: Step, adopted: Step) -> None:
    assert not set(unrestricted.pods.values()) & set(adopted.pods.values())
    # One at a time: at least the pods' own readiness times, one after the other.
    assert adopted.seconds > len(HEALTHY) * Readiness().least_seconds


def test_adoption_ends_available(adopted: Step) -> None:
    assert adopted.said["Available"] == ("True", "AllObjectsAvailable", "All objects available")
    assert adopted.installation["status"]["calicoVersion"]


def test_after_adoption_everything_is_on_admitted_nodes(adopted: Step) -> None:
    assert adopted.nodes["calico-node"] == set(HEALTHY)
    assert adopted.nodes["csi-node-driver"] == set(HEALTHY)
    for app in PLACED:
        assert adopted.nodes[app] <= set(HEALTHY), app

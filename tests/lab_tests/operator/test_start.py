# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator does at its start, in a clean install, and how soon it tells what it refuses and what is well again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.lab import ready_operator
from tests.lab.calico import Calico, Conditions, during, wait_for
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec
from tests.lab.player import VARS

pytestmark = pytest.mark.operator

NODES = ["w-0", "w-1", "w-2"]
# A TigeraStatus is written every 5 s.
TICK = 5.0
# The stand-in sees its first pool so late that all pods of the first rendering are Ready before.
LATE = 6.0


@pytest.fixture
def calico(cluster: Lab) -> Calico:
    cluster.add_nodes(NodeSpec(name) for name in NODES)
    return Calico(cluster)


@pytest.fixture
def late(cluster: Lab) -> Iterator[Calico]:
    """An operator that may look for pools before there are any, as the real one does in some clean installs, and the stand-in here."""
    cluster.add_nodes(NodeSpec(name) for name in NODES)
    cluster.stop_operator()
    cluster.start_operator(*([] if ready_operator.program() else [f"--pools-seen-after={LATE}"]))
    yield Calico(cluster)
    cluster.stop_operator()
    cluster.start_operator()


def renderings(calico: Calico, seconds: float) -> list[tuple[str | None, str | None]]:
    """The ways in which calico-node is told to find its IPv4 address, one after the other, during that time."""
    seen: list[tuple[str | None, str | None]] = []
    for _tick in during(seconds):
        if calico.daemonset():
            (container,) = calico.pod_template()["containers"]
            environment = {entry["name"]: entry.get("value") for entry in container["env"]}
            method = (environment.get("IP"), environment.get("IP_AUTODETECTION_METHOD"))
            if seen[-1:] != [method]:
                seen.append(method)
    return seen


def pods_rendered(calico: Calico) -> int:
    """How many different pods calico-node's revisions hold.

    Annotations are left out: the operator notes the hash of its CA there, which it may make anew where an Installation follows on
    another within seconds.
    """
    path = "/apis/apps/v1/namespaces/calico-system/controllerrevisions"
    revisions = calico.admin.list(path, labelSelector="k8s-app=calico-node")
    return len({json.dumps(one["data"]["spec"]["template"]["spec"], sort_keys=True) for one in revisions})


@pytest.mark.stand_in("the operator does it only where its pool appears between two looks in one reconcile")
def test_without_an_address_method_a_clean_install_renders_calico_node_twice(late: Calico) -> None:
    late.install({"calicoNetwork": {}})
    assert renderings(late, LATE + 6) == [("none", None), ("autodetect", "first-found")]
    assert pods_rendered(late) == 2
    assert late.installation()["spec"]["calicoNetwork"]["nodeAddressAutodetectionV4"] == {"firstFound": True}


def test_with_the_spec_of_our_example_the_first_rendering_of_calico_node_is_final(late: Calico) -> None:
    spec = yaml.safe_load(VARS.read_text())["rollout_installation_spec"]
    assert spec["calicoNetwork"]["nodeAddressAutodetectionV4"] == {"firstFound": True}
    late.install(spec)
    assert renderings(late, LATE + 6) == [("autodetect", "first-found")]
    assert pods_rendered(late) == 1


def without_generation(conditions: Conditions) -> list[dict[str, Any]]:
    return [one for one in conditions.values() if "observedGeneration" not in one]


def test_the_status_of_the_tiers_carries_no_generation(calico: Calico) -> None:
    calico.install()
    calico.wait_until_settled(len(NODES))
    waiting = ("True", "ResourceNotReady", "Waiting for Tigera API server to be ready")

    def told() -> tuple[str, ...]:
        degraded = calico.conditions("tiers").get("Degraded", {})
        return tuple(degraded.get(field, "") for field in ("status", "reason", "message"))

    wait_for(lambda: told() == waiting, lambda: f"{calico.conditions('tiers')}")
    tiers = calico.conditions("tiers")
    assert without_generation(tiers) == list(tiers.values())
    assert without_generation(calico.conditions()) == []


@pytest.mark.stand_in("the operator shows it only where a tick falls into its first reconcile")
def test_at_its_start_calico_is_degraded_by_a_cache_and_without_a_generation(calico: Calico) -> None:
    calico.install()
    calico.wait_until_settled(len(NODES))
    calico.wait_until_available()
    calico.lab.stop_operator()
    before = calico.version()
    calico.lab.start_operator()
    # It lasts as long as the first reconcile, which may be less than from one look to the next.
    told = calico.told_since(before)
    (degraded,) = next(without_generation(conditions) for conditions in told if without_generation(conditions))
    assert (degraded["type"], degraded["status"], degraded["reason"]) == ("Degraded", "True", "ResourceScalingError")
    assert degraded["message"].endswith("could not list nodes: the cache is not started, can not read objects")
    assert any(conditions["Degraded"]["status"] == "False" for conditions in told)


def test_a_new_status_has_its_first_condition_a_tick_after_the_others(calico: Calico) -> None:
    """Who waits for Available must not take its absence for an answer."""
    before = calico.version()
    calico.install()
    told = calico.told_since(before)
    assert "Available" not in next(conditions for conditions in told if conditions)
    assert any("Available" in conditions for conditions in told)


def test_a_rejection_is_told_within_a_tick_and_so_is_its_cure(calico: Calico) -> None:
    calico.install()
    calico.wait_until_settled(len(NODES))
    calico.wait_until_available()

    def override(labels: dict[str, str | None]) -> float:
        calico.patch({"calicoNodeDaemonSet": {"spec": {"template": {"spec": {"nodeSelector": labels}}}}})
        return time.monotonic()

    begun = override({"bad key!": "x"})
    wait_for(lambda: calico.said().get("Degraded", ("",))[0] == "True", lambda: f"{calico.conditions()}")
    assert time.monotonic() - begun < TICK + 2
    assert calico.said()["Degraded"][1] == "InvalidConfigurationError"
    begun = override({"bad key!": None})
    calico.wait_until_available()
    assert time.monotonic() - begun < TICK + 2


def test_a_deleted_installation_takes_its_pods_within_seconds_and_its_namespace_soon_after(calico: Calico) -> None:
    calico.install()
    calico.wait_until_settled(len(NODES))
    calico.wait_until_available()
    begun = time.monotonic()
    calico.admin.delete("/apis/operator.tigera.io/v1/installations/default")
    gone: dict[str, float] = {}
    looks: dict[str, Callable[[], object]] = {
        "Installation": lambda: calico.admin.get_or_none("/apis/operator.tigera.io/v1/installations/default"),
        "pods": calico.nodes_with,
        "status": calico.conditions,
        "namespace": lambda: calico.admin.get_or_none("/api/v1/namespaces/calico-system"),
    }
    for _tick in during(30):
        for name, look in looks.items():
            if name not in gone and not look():
                gone[name] = time.monotonic() - begun
        if len(gone) == len(looks):
            break
    assert set(gone) == set(looks), gone
    assert max(gone["Installation"], gone["pods"]) < 5, gone
    # The status goes with the operator's next tick. The namespace controller waits some seconds for pods that are ending.
    assert gone["status"] < TICK + 3, gone
    assert gone["namespace"] < 15, gone

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the stand-in judges workloads and pods, and what a TigeraStatus says of it, without a cluster."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.lab.operator.conditions import Degraded, before_first_reconcile, judged, mirrored, written
from tests.lab.operator.defaults import with_defaults
from tests.lab.operator.health import (
    Health,
    daemonset_health,
    deployment_health,
    needs_diagnosis,
    pods_health,
    readiness_grace,
)
from tests.lab.operator.names import Document
from tests.lab.operator.pods import node

pytestmark = [pytest.mark.operator, pytest.mark.stand_in("its own functions are asked, without a cluster")]

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
DAEMONSET = 'DaemonSet "calico-system/calico-node"'


def daemonset(generation: int = 1, **status: int) -> Document:
    counts = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3, "numberReady": 3}
    return {
        "kind": "DaemonSet",
        "metadata": {"generation": generation},
        "status": {"observedGeneration": 1, **counts, **status},
    }


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (daemonset(updatedNumberScheduled=1, numberUnavailable=2), "update is rolling out (1 out of 3 updated)"),
        (daemonset(numberUnavailable=1, numberAvailable=2), "is not available (awaiting 1 nodes)"),
        (daemonset(numberAvailable=0), "is not yet scheduled on any nodes"),
        (daemonset(generation=2), "update is being processed (generation 2, observed generation 1)"),
    ],
)
def test_the_first_thing_wrong_with_a_daemonset_is_told(seen: Document, line: str) -> None:
    assert daemonset_health("calico-node", seen) == Health(progressing=[f"{DAEMONSET} {line}"])


def test_a_daemonset_that_no_node_wants_is_good() -> None:
    nothing = daemonset(desiredNumberScheduled=0, updatedNumberScheduled=0, numberAvailable=0, numberReady=0)
    assert daemonset_health("calico-node", nothing).good
    assert not needs_diagnosis(nothing)


def test_a_missing_workload_is_failing() -> None:
    assert daemonset_health("calico-node", None).failing == [f"{DAEMONSET} not found"]


def test_a_misscheduled_pod_is_looked_at_but_not_told() -> None:
    seen = daemonset(numberMisscheduled=1)
    assert daemonset_health("calico-node", seen).good
    assert needs_diagnosis(seen)


def test_a_deployment_that_awaits_replicas_is_progressing() -> None:
    seen = {
        "kind": "Deployment",
        "metadata": {"generation": 1},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 1, "unavailableReplicas": 1, "availableReplicas": 1},
    }
    line = 'Deployment "calico-system/calico-apiserver" is not available (awaiting 1 replicas)'
    assert deployment_health("calico-apiserver", seen).progressing == [line]


# -- pods


def pod(name: str = "p", revision: str = "new", **status: Any) -> Document:
    return {
        "metadata": {"namespace": "calico-system", "name": name, "labels": {"controller-revision-hash": revision}},
        "spec": {"containers": [{"name": "c"}]},
        "status": {"phase": "Running", **status},
    }


def waiting(reason: str, last: Document | None = None) -> list[Document]:
    state = {"name": "c", "image": "i", "state": {"waiting": {"reason": reason}}}
    return [{**state, "lastState": {"terminated": last}} if last else state]


def unready(seconds: int) -> list[Document]:
    since = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [{"type": "ContainersReady", "status": "False", "lastTransitionTime": since}]


def seen(*pods: Document, annotations: dict[str, str] | None = None) -> Health:
    return pods_health(pods, "new", annotations or {}, NOW)


def test_a_crash_loop_names_its_container_and_exit() -> None:
    crashed = pod(containerStatuses=waiting("CrashLoopBackOff", {"reason": "Error", "exitCode": 2}))
    assert seen(crashed).failing == ["Pod calico-system/p has crash looping container: c (Error, exit code 2)"]


def test_a_killed_container_may_have_failed_its_liveness_probe() -> None:
    killed = pod(containerStatuses=waiting("CrashLoopBackOff", {"reason": "Error", "exitCode": 137}))
    assert "(exit code 137, possible liveness probe failure)" in seen(killed).failing[0]


def test_an_image_that_cannot_be_pulled_is_a_failure() -> None:
    stuck = pod(phase="Pending", initContainerStatuses=waiting("ImagePullBackOff"))
    assert seen(stuck).failing == ['Pod calico-system/p failed to pull container image "i" for container c']


def test_a_stuck_init_container_is_only_pending() -> None:
    stuck = pod(phase="Pending", initContainerStatuses=waiting("PodInitializing"))
    assert seen(stuck) == Health(progressing=["Pod calico-system/p is pending"])


def test_a_pending_pod_says_why_it_is_not_scheduled() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    assert seen(pod(phase="Pending", conditions=[condition])).progressing == [
        "Pod calico-system/p is pending: 0/3 nodes are available"
    ]


def test_an_unready_pod_fails_after_its_grace_only() -> None:
    assert seen(pod(conditions=unready(59))).good
    assert seen(pod(conditions=unready(61))).failing == ["Pod calico-system/p is running but not ready"]


def test_calico_node_has_eighteen_minutes_of_grace() -> None:
    filled = with_defaults({})
    assert readiness_grace({"spec": node(filled)}) == timedelta(seconds=1095)


def test_a_pod_of_an_old_revision_is_told_last_and_marked() -> None:
    crashing = waiting("CrashLoopBackOff")
    lines = seen(pod("old", "old", containerStatuses=crashing), pod("new", conditions=unready(99))).failing
    assert lines == [
        "Pod calico-system/new is running but not ready",
        "Pod calico-system/old has crash looping container: c (old revision)",
    ]


def test_the_same_trouble_is_told_once_with_the_number_of_pods() -> None:
    pods = [pod(f"p{number}", conditions=unready(99)) for number in range(3)]
    assert seen(*pods).failing == ["Pod calico-system/p0 is running but not ready (3 pods affected)"]


def test_three_kinds_of_trouble_are_told_at_most() -> None:
    pods = [
        pod("a", containerStatuses=waiting("CrashLoopBackOff", {"reason": "Error", "exitCode": code}))
        for code in range(5)
    ]
    assert len(seen(*pods).failing) == 3


# -- conditions


def told(conditions: list[Any]) -> dict[str, tuple[bool, str, str]]:
    return {one.type: (one.true, one.reason, one.message) for one in conditions}


def test_all_good_gives_the_three_conditions_one_reason() -> None:
    good = ("AllObjectsAvailable", "All objects available")
    assert told(judged(Health(), None)) == {
        "Available": (True, *good),
        "Progressing": (False, *good),
        "Degraded": (False, *good),
    }


def test_what_fails_hides_what_progresses() -> None:
    assert told(judged(Health(failing=["f"], progressing=["p"]), None)) == {
        "Available": (False, "Unknown", ""),
        "Progressing": (False, "Unknown", ""),
        "Degraded": (True, "PodFailure", "f"),
    }


def test_an_explicit_degrade_keeps_its_reason_and_is_followed_by_the_failures() -> None:
    seen = told(judged(Health(failing=["f"]), Degraded("InvalidConfigurationError", "why")))
    assert seen["Degraded"] == (True, "InvalidConfigurationError", "why\nf")
    assert told(judged(Health(progressing=["p"]), Degraded("X", "why")))["Progressing"][0] is True


def test_before_the_first_reconcile_only_degraded_is_told() -> None:
    assert told(before_first_reconcile(None)) == {"Degraded": (False, "Unknown", "")}
    assert told(before_first_reconcile(Degraded("R", "m"))) == {"Degraded": (True, "R", "m")}


def test_a_new_message_does_not_move_the_time_of_the_transition() -> None:
    first = written([], judged(Health(progressing=["a"]), None), 1, "t1")
    second = written(first, judged(Health(progressing=["b"]), None), 2, "t2")
    third = written(second, judged(Health(), None), 2, "t3")
    assert {one["lastTransitionTime"] for one in second} == {"t1"}
    assert {one["type"]: one["lastTransitionTime"] for one in third} == {
        "Available": "t3",
        "Progressing": "t3",
        "Degraded": "t1",
    }


def test_every_condition_carries_the_observed_generation() -> None:
    assert {one["observedGeneration"] for one in written([], judged(Health(), None), 7, "t")} == {7}


def test_a_mirrored_condition_is_called_ready_and_always_has_reason_and_message() -> None:
    (seen,) = mirrored([{"type": "Available", "status": "True", "lastTransitionTime": "t"}])
    assert (seen["type"], seen["reason"], seen["message"]) == ("Ready", "Unknown", "")

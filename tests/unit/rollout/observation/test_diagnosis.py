# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a pod is not ready is told as the person on call would want it, from what a kubelet writes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.observation.diagnosis import (
    LONGEST,
    pod_trouble,
)

from ...cluster import raw

AT = "2026-01-02T03:04:05Z"
KILLED = "(killed, perhaps for a probe that did not pass)"
AGAIN = f"is running again since {AT} after 4 restarts"
IMAGE = "quay.io/calico/node:v3.32.0"


def container(name: str = "calico-node", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": IMAGE, "ready": False, **fields}


def waiting(reason: str, message: str | None = None) -> dict[str, Any]:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def ended(code: int, reason: str = "Error", **fields: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": AT, **fields}}


RUNNING = {"running": {"startedAt": AT}}
STARTING = container(state=waiting("PodInitializing"))


def trouble(*main: dict[str, Any], init: list[dict[str, Any]] | None = None, **status: Any) -> str | None:
    statuses = {"containerStatuses": list(main), "initContainerStatuses": init or []}
    return pod_trouble(raw.pod("n", ready=False, **statuses, **status))


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (
            container(state=waiting("CrashLoopBackOff", "back-off 10s"), lastState=ended(2), restartCount=3),
            f"container calico-node crash loops after 3 restarts: exit code 2 at {AT}",
        ),
        (
            container(state=waiting("CrashLoopBackOff"), lastState=ended(137), restartCount=1),
            f"container calico-node crash loops after 1 restart: exit code 137 {KILLED} at {AT}",
        ),
        (
            container(state=waiting("CrashLoopBackOff"), lastState=ended(137, "OOMKilled")),
            f"container calico-node crash loops: exit code 137 (OOMKilled) at {AT}",
        ),
        (
            container(state=waiting("CrashLoopBackOff"), lastState=ended(1, message="no such\n device")),
            f"container calico-node crash loops: exit code 1 at {AT}: no such device",
        ),
        (
            container(state=waiting("CrashLoopBackOff")),
            "container calico-node crash loops: its exit code is not known",
        ),
        (
            container(state=ended(1)),
            f"container calico-node ended: exit code 1 at {AT}",
        ),
        (
            container(
                state=waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}": ErrImagePull: {IMAGE}: not found')
            ),
            f"image {IMAGE} of container calico-node cannot be pulled: {IMAGE}: not found",
        ),
        (
            container(state=waiting("ErrImagePull", "401 Unauthorized")),
            f"image {IMAGE} of container calico-node cannot be pulled: 401 Unauthorized",
        ),
        (
            container(state=waiting("InvalidImageName")),
            f"image {IMAGE} of container calico-node cannot be pulled: InvalidImageName",
        ),
        (
            container(state=waiting("CreateContainerConfigError", 'secret "node-certs" not found')),
            'container calico-node: CreateContainerConfigError: secret "node-certs" not found',
        ),
        (
            container(state=RUNNING, started=False),
            f"container calico-node has been running since {AT}, but its startup probe does not pass",
        ),
        (
            container(state=RUNNING, started=True),
            f"container calico-node has been running since {AT}, but its readiness probe does not pass",
        ),
        (
            container(state=RUNNING, started=False, lastState=ended(2), restartCount=4),
            f"container calico-node {AGAIN}, and its startup probe has not passed: before, exit code 2 at {AT}",
        ),
        (STARTING, "container calico-node has not started yet"),
    ],
)
def test_the_trouble_of_calico_node_names_it_and_tells_what_happened_and_when(one: dict[str, Any], told: str) -> None:
    assert trouble(one) == told


def test_an_init_container_that_does_not_end_is_named_with_its_start() -> None:
    done = container("flexvol-driver", ready=True, state=ended(0, "Completed"))
    stuck = container("install-cni", state=RUNNING)
    assert trouble(STARTING, init=[done, stuck]) == (
        f"init container install-cni has been running since {AT} and has not ended"
    )


def test_a_failure_is_told_before_what_merely_takes_its_time() -> None:
    failing = container("install-cni", state=waiting("CrashLoopBackOff"), lastState=ended(1))
    assert trouble(STARTING, init=[container("flexvol-driver", state=RUNNING), failing]) == (
        f"init container install-cni crash loops: exit code 1 at {AT}"
    )


def test_a_sidecar_that_runs_is_no_init_container_that_does_not_end() -> None:
    pod = raw.pod(
        "n", ready=False, initContainerStatuses=[container("side", state=RUNNING)], containerStatuses=[STARTING]
    )
    pod["spec"]["initContainers"] = [{"name": "side", "restartPolicy": "Always"}]
    assert pod_trouble(pod) == "container calico-node has not started yet"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]},
            "not scheduled: 0/3 nodes are available",
        ),
        ({"reason": "Evicted", "message": "disk is full"}, "Evicted: disk is full"),
        ({"conditions": [{"type": "Ready", "status": "False", "reason": "PodFailed"}]}, "PodFailed"),
        ({}, None),
    ],
)
def test_without_containers_the_scheduler_or_the_pod_itself_is_heard(status: dict[str, Any], told: str | None) -> None:
    assert pod_trouble({**raw.pod("n"), "status": status}) == told


def test_a_long_message_is_cut_and_stays_on_one_line() -> None:
    told = trouble(container(state=waiting("ErrImagePull", "failed\n" * 200))) or ""
    assert told.endswith(" failed fai...")
    assert len(told) < LONGEST + 100


@pytest.mark.parametrize(
    ("probe", "told"),
    [
        ({"periodSeconds": 2, "failureThreshold": 150}, " (the kubelet restarts it after 150 failures, every 2 s)"),
        ({"exec": {"command": ["x"]}}, " (the kubelet restarts it after 3 failures, every 10 s)"),
        (None, ""),
    ],
)
def test_a_start_that_takes_long_is_told_with_what_the_kubelet_makes_of_it(
    probe: dict[str, Any] | None, told: str
) -> None:
    """As operator 1.42 and newer render it: calico-node's startup probe every 2 s, 150 times."""
    pod = raw.pod("n", ready=False, containerStatuses=[container(state=RUNNING, started=False)])
    pod["spec"]["containers"] = [{"name": "other", "startupProbe": {"periodSeconds": 1}}, {"name": "calico-node"}]
    if probe:
        pod["spec"]["containers"][1]["startupProbe"] = probe
    said = f"container calico-node has been running since {AT}, but its startup probe does not pass"
    assert pod_trouble(pod) == said + told

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the operator judges its workloads and their pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.lab.operator.names import NAMESPACE, OVERRIDES_ANNOTATION, Document

# How long a running pod may be unready before it counts as failing, at the least.
_LEAST_GRACE = 60
# At most so many kinds of trouble are told of one workload.
_MOST_KINDS = 3
# More telling kinds of trouble come first.
_CRASH_LOOP, _IMAGE_PULL, _TERMINATED, _FAILED, _NOT_READY, _PENDING = range(6)


@dataclass
class Health:
    """What is wrong with the watched workloads: what failed, and what may still come right."""

    failing: list[str] = field(default_factory=list)
    progressing: list[str] = field(default_factory=list)

    def add(self, other: Health) -> None:
        self.failing += other.failing
        self.progressing += other.progressing

    @property
    def good(self) -> bool:
        return not self.failing and not self.progressing


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong with one pod."""

    kind: int
    message: str
    old_revision: bool
    exit_reason: str = ""
    exit_code: int = 0


def daemonset_health(name: str, daemonset: Document | None) -> Health:
    """The first line that applies; nothing desired and nothing missing is good."""
    quoted = f'DaemonSet "{NAMESPACE}/{name}"'
    if daemonset is None:
        return Health(failing=[f"{quoted} not found"])
    seen = _Counts(daemonset)
    desired = seen["desiredNumberScheduled"]
    if seen["updatedNumberScheduled"] < desired:
        line = f"{quoted} update is rolling out ({seen['updatedNumberScheduled']} out of {desired} updated)"
    elif seen["numberUnavailable"] > 0:
        line = f"{quoted} is not available (awaiting {seen['numberUnavailable']} nodes)"
    elif seen["numberAvailable"] == 0 and desired != 0:
        line = f"{quoted} is not yet scheduled on any nodes"
    elif seen.generation > seen["observedGeneration"]:
        line = f"{quoted} {_being_processed(seen)}"
    else:
        return Health()
    return Health(progressing=[line])


def deployment_health(name: str, deployment: Document | None) -> Health:
    quoted = f'Deployment "{NAMESPACE}/{name}"'
    if deployment is None:
        return Health(failing=[f"{quoted} not found"])
    seen = _Counts(deployment)
    if seen["unavailableReplicas"] > 0:
        line = f"{quoted} is not available (awaiting {seen['unavailableReplicas']} replicas)"
    elif seen["availableReplicas"] == 0:
        line = f"{quoted} is not yet scheduled on any nodes"
    elif seen.generation > seen["observedGeneration"]:
        line = f"{quoted} {_being_processed(seen)}"
    else:
        return Health()
    return Health(progressing=[line])


def needs_diagnosis(workload: Document) -> bool:
    """Are the workload's pods looked at, one by one?"""
    seen = _Counts(workload)
    if seen.generation != seen["observedGeneration"]:
        return True
    if workload["kind"] == "DaemonSet":
        desired = seen["desiredNumberScheduled"]
        return (
            seen["numberMisscheduled"] != 0
            or seen["numberUnavailable"] != 0
            or not desired == seen["numberAvailable"] == seen["numberReady"]
        )
    replicas = workload["spec"].get("replicas", 1)
    return seen["unavailableReplicas"] != 0 or not replicas == seen["availableReplicas"] == seen["readyReplicas"]


def pods_health(pods: Iterable[Document], newest_revision: str, annotations: dict[str, str], now: datetime) -> Health:
    """The pods of one workload: their troubles, each kind told once with the number of pods it has hit."""
    troubles = [trouble for pod in pods for trouble in _troubles(pod, newest_revision, annotations, now)]
    troubles.sort(key=lambda trouble: (trouble.old_revision, trouble.kind))
    kinds: dict[tuple[int, str, int], list[Trouble]] = {}
    for trouble in troubles:
        kinds.setdefault((trouble.kind, trouble.exit_reason, trouble.exit_code), []).append(trouble)
    health = Health()
    for alike in list(kinds.values())[:_MOST_KINDS]:
        message = alike[0].message
        if len(alike) > 1:
            message += f" ({len(alike)} pods affected)"
        if alike[0].old_revision:
            message += " (old revision)"
        (health.progressing if alike[0].kind == _PENDING else health.failing).append(message)
    return health


def readiness_grace(pod: Document) -> timedelta:
    """What the pod's probes allow it until it must be ready: about 18 minutes for calico-node."""
    settling = [
        _settling(container.get("startupProbe")) + _settling(container.get("readinessProbe"))
        for container in pod["spec"]["containers"]
    ]
    return timedelta(seconds=max([_LEAST_GRACE, *settling]))


def _settling(probe: Document | None) -> int:
    if probe is None:
        return 0
    attempt = (probe.get("periodSeconds") or 10) + (probe.get("timeoutSeconds") or 1)
    return int((probe.get("initialDelaySeconds") or 0) + (probe.get("failureThreshold") or 3) * attempt)


def _troubles(pod: Document, newest: str, annotations: dict[str, str], now: datetime) -> Iterator[Trouble]:
    """A pod's troubles: those of its init containers, else of its containers, else of the pod as a whole."""
    name = f"Pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
    old = bool(newest) and _revision(pod, newest) != newest
    status = pod.get("status") or {}
    phase = status.get("phase")
    if phase == "Failed":
        yield Trouble(_FAILED, f"{name} has failed", old)
        return
    for statuses in ("initContainerStatuses", "containerStatuses"):
        found = [trouble for one in status.get(statuses) or [] for trouble in _container_troubles(name, one, old)]
        if found:
            yield from found
            return
    if phase == "Pending":
        yield Trouble(_PENDING, f"{name} is pending{_why_pending(status)}", old)
    elif phase == "Running" and _unready_for(status, now) > readiness_grace(pod):
        overridden = annotations.get(OVERRIDES_ANNOTATION, "").split(",")
        hints = [
            f"; custom {kind} probe configuration is in effect"
            for kind in ("readiness", "startup")
            if f"{kind}Probe" in overridden
        ]
        yield Trouble(_NOT_READY, f"{name} is running but not ready{''.join(hints)}", old)


def _container_troubles(pod: str, status: Document, old: bool) -> Iterator[Trouble]:
    state, container = status.get("state") or {}, status["name"]
    reason = (state.get("waiting") or {}).get("reason")
    if reason == "CrashLoopBackOff":
        last = (status.get("lastState") or {}).get("terminated") or {}
        exit_reason, exit_code = last.get("reason", ""), last.get("exitCode", 0)
        message = f"{pod} has crash looping container: {container}"
        if (exit_reason, exit_code) == ("Error", 137):
            message += " (exit code 137, possible liveness probe failure)"
        elif last:
            message += f" ({exit_reason}, exit code {exit_code})"
        yield Trouble(_CRASH_LOOP, message, old, exit_reason, exit_code)
    elif reason in ("ImagePullBackOff", "ErrImagePull"):
        message = f'{pod} failed to pull container image "{status.get("image", "")}" for container {container}'
        yield Trouble(_IMAGE_PULL, message, old)
    if (state.get("terminated") or {}).get("reason") == "Error":
        yield Trouble(_TERMINATED, f"{pod} has terminated container: {container}", old)


def _why_pending(status: Document) -> str:
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False" and condition.get("message"):
            return f": {condition['message']}"
    return ""


def _unready_for(status: Document, now: datetime) -> timedelta:
    for condition in status.get("conditions") or []:
        if condition["type"] == "ContainersReady" and condition["status"] == "False":
            since = condition.get("lastTransitionTime")
            return now - datetime.fromisoformat(since) if since else timedelta()
    return timedelta()


def _revision(pod: Document, default: str) -> str:
    labels: dict[str, str] = pod["metadata"].get("labels") or {}
    return labels.get("controller-revision-hash") or labels.get("pod-template-hash") or default


def _being_processed(seen: _Counts) -> str:
    return f"update is being processed (generation {seen.generation}, observed generation {seen['observedGeneration']})"


class _Counts:
    """The numbers in a workload's status; one that is not there is 0."""

    def __init__(self, workload: Document) -> None:
        self.generation: int = workload["metadata"]["generation"]
        self._status: dict[str, int] = workload.get("status") or {}

    def __getitem__(self, name: str) -> int:
        return self._status.get(name, 0)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Why a pod or a Node is not ready, in one sentence for the person on call. Pure: dict in, text out.

A sentence holds for as long as the object does not change: it says since when, never for how long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..text.instant import moved

Raw = Mapping[str, Any]

LONGEST = 300
"""Characters of a message that a kubelet or a registry wrote; the rest is in the cluster."""

_STARTING = ("ContainerCreating", "PodInitializing")
# For a pull that fails, a kubelet reports one or the other by turns, and the cause in the message.
_PULLING = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable")
_PULL_CAUSE = "ErrImagePull: "
_KILLED = 137


def conditions(raw: Raw) -> dict[str, Raw]:
    return {str(condition.get("type")): condition for condition in (raw.get("status") or {}).get("conditions") or []}


def pod_trouble(raw: Raw) -> str | None:
    """In the words of the component that knows most: container, then scheduler, then the pod."""
    status = raw.get("status") or {}
    told = _containers_trouble(raw)
    if told:
        return told
    scheduled = conditions(raw).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return joined("not scheduled", scheduled.get("message") or scheduled.get("reason"))
    if status.get("reason") or status.get("message"):
        return joined(status.get("reason"), status.get("message"))
    return _unready(raw) or joined(*(conditions(raw).get("Ready", {}).get(part) for part in ("reason", "message")))


def node_trouble(raw: Raw) -> str | None:
    """Why a Node is not Ready."""
    ready = conditions(raw).get("Ready", {})
    if ready.get("status") == "True":
        return None
    if kubelet_silent(raw):
        return f"the kubelet has not reported{_since(ready.get('lastHeartbeatTime'))}"
    return joined(ready.get("reason"), ready.get("message"))


def kubelet_silent(raw: Raw) -> bool:
    """The node controller has given up waiting for the kubelet: what its pods' status says is old."""
    return conditions(raw).get("Ready", {}).get("status") == "Unknown"


def starting(raw: Raw) -> bool:
    """Nothing of the pod has run or failed yet: its sandbox, its volumes or its images are being made."""
    status = raw.get("status") or {}
    if status.get("phase") != "Pending" or conditions(raw).get("PodScheduled", {}).get("status") == "False":
        return False
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return _containers_trouble(raw) is None and not any(int(each.get("restartCount") or 0) for each in containers)


def last_ready(raw: Raw) -> bool:
    """As the kubelet said last: the node controller takes Ready from a silent node's pods, and leaves their containers alone."""
    containers = (raw.get("status") or {}).get("containerStatuses") or []
    return bool(containers) and all(each.get("ready") is True for each in containers)


def deletion_asked(raw: Raw) -> str | None:
    """When the pod's deletion was requested: the API server adds the grace period to the instant that it writes."""
    metadata = raw.get("metadata") or {}
    return moved(metadata.get("deletionTimestamp"), -int(metadata.get("deletionGracePeriodSeconds") or 0))


def joined(*parts: Any) -> str | None:
    """Parts that say something, on one line and at a readable length."""
    return ": ".join(_line(part) for part in parts if part) or None


def _containers_trouble(raw: Raw) -> str | None:
    """Only what is out of the ordinary, and of an ordinary start what it has come to."""
    status = raw.get("status") or {}
    sidecars = {
        container.get("name")
        for container in (raw.get("spec") or {}).get("initContainers") or []
        if container.get("restartPolicy") == "Always"
    }
    init = [one for one in status.get("initContainerStatuses") or [] if one.get("name") not in sidecars]
    main = status.get("containerStatuses") or []
    for what, containers in (("init container", init), ("container", main)):
        for container in containers:
            told = _failure(f"{what} {container.get('name')}", container)
            if told:
                return told
    for container in init:
        running = (container.get("state") or {}).get("running")
        if running is not None:
            return (
                f"init container {container.get('name')} has been running{_since(running.get('startedAt'))} and has "
                "not ended"
            )
    return None


def _failure(who: str, container: Raw) -> str | None:
    state = container.get("state") or {}
    waiting, terminated = state.get("waiting") or {}, state.get("terminated") or {}
    reason = waiting.get("reason")
    if reason == "CrashLoopBackOff":
        last = (container.get("lastState") or {}).get("terminated") or {}
        return joined(f"{who} crash loops{_restarts(container)}", _exit(last), last.get("message"))
    if reason in _PULLING:
        cause = str(waiting.get("message") or reason).rpartition(_PULL_CAUSE)[2]
        return joined(f"image {container.get('image')} of {who} cannot be pulled", cause)
    if reason and reason not in _STARTING:
        return joined(who, reason, waiting.get("message"))
    if terminated.get("reason") and terminated["reason"] != "Completed":
        return joined(f"{who} ended", _exit(terminated), terminated.get("message"))
    return None


def _unready(raw: Raw) -> str | None:
    """The first container that is not ready, though nothing of it failed just now."""
    for container in (raw.get("status") or {}).get("containerStatuses") or []:
        if container.get("ready") is False:
            return _not_ready_yet(f"container {container.get('name')}", container, _patience(raw, container))
    return None


def _patience(raw: Raw, container: Raw) -> str:
    """How long the kubelet lets the startup probe fail, as the pod says; a probe that times out takes longer than its period."""
    specs = (raw.get("spec") or {}).get("containers") or []
    probe = next((one.get("startupProbe") for one in specs if one.get("name") == container.get("name")), None) or {}
    # Kubernetes' defaults: every 10 s, three times.
    failures, period = int(probe.get("failureThreshold") or 3), int(probe.get("periodSeconds") or 10)
    return f" (the kubelet restarts it after {failures} failures, every {period} s)" if probe else ""


def _not_ready_yet(who: str, container: Raw, patience: str) -> str | None:
    state, last = container.get("state") or {}, (container.get("lastState") or {}).get("terminated")
    if "running" not in state:
        return f"{who} has not started yet"
    # A container without a startup probe counts as started at once.
    probe = "startup" if container.get("started") is False else "readiness"
    since = _since((state["running"] or {}).get("startedAt"))
    if not last:
        told = f"{who} has been running{since}, but its {probe} probe does not pass"
        return told + (patience if probe == "startup" else "")
    return joined(
        f"{who} is running again{since}{_restarts(container)}, and its {probe} probe has not passed",
        f"before, {_exit(last)}",
        last.get("message"),
    )


def _exit(terminated: Raw) -> str:
    code, reason = terminated.get("exitCode"), terminated.get("reason")
    if code is None:
        return "its exit code is not known"
    if reason in (None, "Error"):
        why = " (killed, perhaps for a probe that did not pass)" if code == _KILLED else ""
    else:
        why = f" ({reason})"
    at = f" at {terminated['finishedAt']}" if terminated.get("finishedAt") else ""
    return f"exit code {code}{why}{at}"


def _restarts(container: Raw) -> str:
    count = int(container.get("restartCount") or 0)
    return f" after {count} restart{'' if count == 1 else 's'}" if count else ""


def _since(instant: Any) -> str:
    return f" since {instant}" if instant else ""


def _line(text: Any) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."

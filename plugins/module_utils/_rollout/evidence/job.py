# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The precheck as a Job on one node: its manifests, and what its pod and its log say. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..documents.canonical import digest
from ..text.terminal import printable

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "calico-ops-rollout"
RUN = "rollout.calico-ops.dev/precheck"
EXPIRES = "rollout.calico-ops.dev/expires"
MARK = "HOST-PROBE "
"""What the line with the host's answer begins with: the container gets it as an argument."""

CONTAINER = "precheck"
_ARCHIVE, _ASKED, _FOLDER = "precheck.pyz", "asked.json", "/precheck"
# How long a finished Job stays if the run that made it was killed.
_LEFT_SECONDS = 300
_GRACE_SECONDS = 30
_TAIL = 300

Registered = dict[str, Any]
"""What stands for a node's result in the report, in the shape in which a host registers its own."""


@dataclass(frozen=True)
class Target:
    """A node, as its Node object describes it."""

    name: str
    operating_system: str
    machine_id: str
    boot_id: str
    uid: str = ""
    silent: bool = False
    """The node controller has given up waiting for its kubelet: what the Node says of its boot may be old."""


@dataclass(frozen=True)
class JobSettings:
    """What all Jobs of one run have in common."""

    run: str
    namespace: str
    image: str
    interpreter: str
    pull_secrets: Sequence[str]
    node_timeout: int
    expires: int
    """When nobody needs the ConfigMap any more, in seconds since 1970: the next run cleans up after one that was killed."""

    @property
    def config_map(self) -> str:
        return f"precheck-{self.run}"

    def job(self, node: str) -> str:
        # A node's name may be longer than what a Job's pods can be named after.
        return f"precheck-{self.run}-{digest(node)[-10:]}"

    @property
    def labels(self) -> dict[str, str]:
        return {MANAGED_BY: MANAGER, RUN: self.run}

    @property
    def selector(self) -> str:
        return ",".join(f"{key}={value}" for key, value in self.labels.items())


@dataclass(frozen=True)
class PodSeen:
    name: str
    job_uid: str
    node: str
    phase: str
    trouble: str
    """Why it does not run, or how it ended."""


def target(node: Mapping[str, Any]) -> Target:
    status = node.get("status", {})
    info = status.get("nodeInfo", {})
    ready = [condition for condition in status.get("conditions", []) if condition.get("type") == "Ready"]
    return Target(
        name=node["metadata"]["name"],
        operating_system=info.get("operatingSystem", ""),
        machine_id=info.get("machineID", ""),
        boot_id=info.get("bootID", ""),
        uid=node["metadata"].get("uid", ""),
        silent=any(condition.get("status") == "Unknown" for condition in ready),
    )


def config_map(settings: JobSettings, archive: bytes, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": settings.config_map,
            "namespace": settings.namespace,
            "labels": settings.labels,
            "annotations": {EXPIRES: str(settings.expires)},
        },
        "immutable": True,
        "binaryData": {_ARCHIVE: base64.b64encode(archive).decode("ascii")},
        "data": {_ASKED: json.dumps(asked, sort_keys=True)},
    }


def job(settings: JobSettings, node: str) -> dict[str, Any]:
    metadata = {"labels": settings.labels, "annotations": {"rollout.calico-ops.dev/node": node}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": settings.job(node), "namespace": settings.namespace, **metadata},
        "spec": {
            # A second try would answer the same, and the answer is awaited.
            "backoffLimit": 0,
            "activeDeadlineSeconds": settings.node_timeout + _GRACE_SECONDS,
            "ttlSecondsAfterFinished": _LEFT_SECONDS,
            "template": {"metadata": metadata, "spec": _pod(settings, node)},
        },
    }


def _pod(settings: JobSettings, node: str) -> dict[str, Any]:
    return {
        # Not by the scheduler: the node may be cordoned, tainted, or not ready for want of Calico.
        "nodeName": node,
        "tolerations": [{"operator": "Exists"}],
        # No CNI is needed for a pod on the host's network. hostPID leads to the host's first process, and so to its mounts.
        "hostNetwork": True,
        "hostPID": True,
        "dnsPolicy": "Default",
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": name} for name in settings.pull_secrets],
        "volumes": [{"name": "precheck", "configMap": {"name": settings.config_map, "defaultMode": 0o444}}],
        "containers": [
            {
                "name": CONTAINER,
                "image": settings.image,
                "command": [settings.interpreter, "-I", "-B", f"{_FOLDER}/{_ARCHIVE}", f"{_FOLDER}/{_ASKED}", MARK],
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
                "securityContext": {"privileged": True, "runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": False},
                "volumeMounts": [{"name": "precheck", "mountPath": _FOLDER, "readOnly": True}],
            }
        ],
    }


def pod_seen(raw: Mapping[str, Any]) -> PodSeen:
    metadata, spec, status = raw["metadata"], raw.get("spec", {}), raw.get("status", {})
    owners = [owner["uid"] for owner in metadata.get("ownerReferences", []) if owner.get("kind") == "Job"]
    return PodSeen(
        name=metadata["name"],
        job_uid=owners[0] if owners else "",
        node=spec.get("nodeName", ""),
        phase=status.get("phase", ""),
        trouble=_trouble(status),
    )


def _trouble(status: Mapping[str, Any]) -> str:
    for container in status.get("containerStatuses", []):
        state = container.get("state", {})
        found = state.get("waiting") or state.get("terminated") or {}
        code = found.get("exitCode")
        words = [f"exit code {code}" if code else "", found.get("reason", ""), found.get("message", "")]
        if any(words):
            return ", ".join(filter(None, words))
    return ": ".join(filter(None, [status.get("reason", ""), status.get("message", "")]))


def registered(node: Target, log: str, examine: Callable[[Any], Mapping[str, Any]]) -> Registered:
    """The result of what is in a container's log, bound to this node; or why there is none.

    `examine` makes a PrecheckResult of a host's answer, or raises ValueError.
    """
    lines = [line for line in log.splitlines() if line.startswith(MARK)]
    if not lines:
        said = " ".join(printable(line.strip()) for line in log.splitlines() if line.strip())[-_TAIL:]
        return failed(f"its container gave no answer and said: {said or 'nothing'}")
    try:
        answer = json.loads(lines[-1][len(MARK) :])
    except ValueError:
        return failed("the answer in its container's log was cut off")
    try:
        document = examine(answer)
    except ValueError as error:
        return failed(printable(str(error))[:_TAIL])
    strange = _of_another_machine(node, document["identity"])
    if strange:
        return failed(strange)
    return {"precheck": {**document, "node_name": node.name}}


def _of_another_machine(node: Target, identity: Mapping[str, Any]) -> str:
    """The container must have seen the machine that the Node's kubelet saw, or it was kept from entering the host."""
    for what, own, seen in (
        ("machine id", node.machine_id, identity.get("machine_id")),
        ("boot id", node.boot_id, identity.get("boot_id")),
    ):
        if own and seen and alike(own) != alike(str(seen)):
            return f"its container saw the {what} {printable(str(seen))}, but the Node has {own}: it is not this host's answer"
    return ""


def alike(identifier: str) -> str:
    """An identifier in one way of writing it."""
    return identifier.replace("-", "").lower()


def failed(reason: str) -> Registered:
    return {"failed": True, "msg": reason}


def skipped(reason: str) -> Registered:
    return {"skipped": True, "skip_reason": reason}


def not_in_check_mode() -> Registered:
    return {**skipped("check mode makes no Job"), "not_in_check_mode": True}


def timed(answer: Registered, began: float, seconds: float) -> Registered:
    """With when its Job was begun, and how long that took until it was read: the host read its clock at some time within it.

    An image that has to be pulled makes it long. So the clock is not judged by it, but compared as far as that is certain (clock_skew).
    """
    facts = answer["precheck"].get("facts", {})
    clock = facts.get("clock")
    offset = None if clock is None else round(clock - began, 3)
    precheck = {**answer["precheck"], "facts": {**facts, "clock_offset": offset}}
    return {**answer, "precheck": precheck, "checked_at": round(began, 3), "call_seconds": round(seconds, 3)}


def silent(pod: PodSeen | None, seconds: int, events: Sequence[str]) -> Registered:
    """A node whose container did not end in time."""
    if pod is None:
        why = "no pod was made for it"
    elif pod.phase == "Running":
        why = "its container is still running"
    else:
        why = f"its pod did not start{': ' + printable(pod.trouble) if pod.trouble else ''}"
    last = f" ({printable(events[-1])[:_TAIL]})" if events else ""
    return failed(f"no answer within {seconds} s: {why}{last}")

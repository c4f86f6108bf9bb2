# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw API objects as a cluster has them, and a Cluster whose API server is a function."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError, Cluster

KEY = "rollout.calico-ops.dev/admitted"
LABEL = {"key": KEY, "value": "true"}
Raw = dict[str, Any]


class Requests(Cluster):
    """Records every request and hands it to `answer(method, path, query, body)`."""

    def __init__(self, answer: Callable[[str, str, Mapping[str, Any], Any], Raw]) -> None:
        self.sent: list[tuple[str, str, dict[str, Any], Any]] = []
        self._answer = answer

    def request(self, method: str, path: str, *, query: Any = None, body: Any = None, **more: Any) -> Raw:  # type: ignore[override]
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        self.sent.append((method, path, asked, copy.deepcopy(body)))
        return copy.deepcopy(self._answer(method, path, asked, body))

    def real_writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, query, _body in self.sent if method != "GET" and "dryRun" not in query]


def refusal(status: int, reason: str, message: str = "no", causes: Any = ()) -> ApiError:
    return ApiError(status, reason, message, {"causes": list(causes)})


def node(name: str, *, admitted: bool = False, ready: bool = False, labels: Mapping[str, str] | None = None) -> Raw:
    own = {"kubernetes.io/os": "linux", **({KEY: "true"} if admitted else {}), **(labels or {})}
    conditions = [{"type": "Ready", "status": "True" if ready else "False", "reason": "KubeletNotReady"}]
    return {
        "metadata": {"name": name, "uid": "uid-" + name, "labels": own, "annotations": {}, "resourceVersion": "1"},
        "spec": {},
        "status": {"conditions": conditions},
    }


def pod(on: str, *, ready: bool = True, revision: str = "new", name: str | None = None, **status: Any) -> Raw:
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }
    return {
        "metadata": {
            "name": name or "calico-node-" + on,
            "namespace": "calico-system",
            "labels": {"k8s-app": "calico-node", "controller-revision-hash": revision},
            "creationTimestamp": "2026-01-02T03:00:00Z",
            "resourceVersion": "1",
        },
        "spec": {"nodeName": on},
        "status": {"phase": "Running", "conditions": [condition], **status},
    }


def daemonset(name: str = "calico-node", *, desired: int = 0, selector: Mapping[str, str] | None = None) -> Raw:
    return {
        "metadata": {
            "name": name,
            "namespace": "calico-system",
            "uid": "uid-" + name,
            "generation": 3,
            "resourceVersion": "1",
        },
        "spec": {
            "template": {"spec": {"nodeSelector": {"kubernetes.io/os": "linux", **(selector or {})}}},
            "updateStrategy": {"rollingUpdate": {"maxUnavailable": 1}},
        },
        "status": {
            "observedGeneration": 3,
            "desiredNumberScheduled": desired,
            "updatedNumberScheduled": desired,
            "numberAvailable": desired,
        },
    }


def revision(number: int, digest: str, owner: str = "uid-calico-node") -> Raw:
    return {
        "metadata": {
            "name": "revision-" + digest,
            "namespace": "calico-system",
            "labels": {"controller-revision-hash": digest},
            "ownerReferences": [{"uid": owner}],
            "resourceVersion": "1",
        },
        "revision": number,
        "data": {"spec": {"template": {}}},
    }


def installation(**spec: Any) -> Raw:
    return {
        "metadata": {
            "name": "default",
            "uid": "uid-1",
            "generation": 2,
            "resourceVersion": "10",
            "managedFields": [
                {"manager": "tigera-operator", "operation": "Update", "fieldsV1": {"f:spec": {}}},
                {"manager": "status-writer", "subresource": "status", "fieldsV1": {"f:status": {}}},
                {"manager": "labeller", "fieldsV1": {"f:metadata": {}}},
            ],
        },
        "spec": {"variant": "Calico", **spec},
    }


def selected(selector: Mapping[str, str]) -> Raw:
    return {"spec": {"template": {"spec": {"nodeSelector": dict(selector)}}}}


def scoped_installation(**spec: Any) -> Raw:
    admitted = {KEY: "true"}
    return installation(
        calicoNodeDaemonSet=selected(admitted),
        csiNodeDriverDaemonSet=selected(admitted),
        controlPlaneNodeSelector=admitted,
        **spec,
    )


def merged(target: Any, patch: Any) -> Any:
    """What a server-side apply of granular maps leaves, or a merge patch: every key of both, but for those that are null in the patch."""
    if not isinstance(target, dict) or not isinstance(patch, dict):
        return copy.deepcopy(patch)
    after = {**target, **{key: merged(target.get(key), value) for key, value in patch.items()}}
    return {key: value for key, value in after.items() if key not in patch or patch[key] is not None}

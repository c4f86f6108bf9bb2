# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DaemonSets for tests that want calico-node without an operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.lab.api import Api

NAMESPACE = "calico-system"
DAEMONSETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


def create_calico_node(admin: Api, node_selector: Mapping[str, str] | None = None, init: Sequence[str] = ()) -> None:
    """With those init containers."""
    init_containers = [{"name": name, "image": f"lab.calico-ops.dev/{name}"} for name in init]
    spec = {"hostNetwork": True, "nodeSelector": dict(node_selector or {}), "initContainers": init_containers}
    _create(admin, "calico-node", spec)


def create_pod_networked(admin: Api, name: str) -> None:
    _create(admin, name, {"hostNetwork": False})


def pods_of(admin: Api, name: str) -> dict[str, Any]:
    """The DaemonSet's pods by node; those on their way out are left out."""
    pods = admin.list(PODS, labelSelector=f"k8s-app={name}")
    return {
        pod["spec"]["nodeName"]: pod
        for pod in pods
        if "nodeName" in pod["spec"] and "deletionTimestamp" not in pod["metadata"]
    }


def condition(thing: Mapping[str, Any], kind: str) -> dict[str, str]:
    """A condition of a Node or Pod; empty where it has none of that kind."""
    conditions = thing.get("status", {}).get("conditions", [])
    return next((found for found in conditions if found["type"] == kind), {})


def is_ready(thing: Mapping[str, Any]) -> bool:
    return condition(thing, "Ready").get("status") == "True"


def _create(admin: Api, name: str, spec: Mapping[str, Any]) -> None:
    if admin.get_or_none(f"/api/v1/namespaces/{NAMESPACE}") is None:
        admin.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    labels = {"k8s-app": name}
    template = {
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": name, "image": f"lab.calico-ops.dev/{name}"}],
        **spec,
    }
    admin.create(
        DAEMONSETS,
        {
            "metadata": {"name": name},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": template},
            },
        },
    )

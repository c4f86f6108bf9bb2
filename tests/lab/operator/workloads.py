# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that a configuration asks for."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from tests.lab.operator import pods
from tests.lab.operator.names import (
    APISERVER,
    CSI,
    GROUP,
    KUBE_CONTROLLERS,
    NAMESPACE,
    NODE,
    TYPHA,
    WEBHOOKS,
    Document,
)
from tests.lab.operator.overrides import add_missing, overridden


def owned_by(owner: Document) -> list[Document]:
    """The owner reference that lets the garbage collector delete an object after its owner."""
    metadata = owner["metadata"]
    return [
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": owner["kind"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def for_installation(spec: Document, typha_replicas: int) -> list[Document]:
    """Namespace, service accounts and workloads of the core controller, in the order they are written."""
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {"name": NAMESPACE}}},
        *(_service_account(name) for name in (TYPHA, NODE, CSI, KUBE_CONTROLLERS)),
        _typha(spec, typha_replicas),
        _node(spec),
    ]
    if has_csi(spec):
        objects.append(_csi(spec))
    objects.append(_kube_controllers(spec))
    return objects


def for_apiserver(spec: Document, apiserver_spec: Document) -> list[Document]:
    """What the APIServer controller adds."""
    pod = pods.apiserver(spec)
    # Two pods of the host's network cannot share the port during an update.
    strategy = {"type": "Recreate" if pod.get("hostNetwork") else "RollingUpdate"}
    deployment = _deployment(APISERVER, pod, spec["controlPlaneReplicas"], strategy)
    deployment["metadata"]["labels"]["apiserver"] = "true"
    deployment["spec"]["template"]["metadata"]["labels"]["apiserver"] = "true"
    return [
        _service_account(APISERVER),
        _on_linux(overridden(deployment, apiserver_spec.get("apiServerDeployment"))),
    ]


def for_webhooks(spec: Document, apiserver_spec: Document) -> list[Document]:
    """What it adds where Calico's own API is made of CRDs."""
    deployment = _deployment(WEBHOOKS, pods.webhooks(spec), spec["controlPlaneReplicas"], {"type": "RollingUpdate"})
    return [
        _service_account(WEBHOOKS),
        _on_linux(overridden(deployment, apiserver_spec.get("calicoWebhooksDeployment"))),
    ]


def has_csi(spec: Document) -> bool:
    return bool(spec["kubeletVolumePluginPath"] != "None")


def merged(wanted: Document, current: Document) -> Document:
    """What is written over an object that exists: what is wanted, with the metadata that others added.

    So a label or annotation that an override no longer names stays, and `restartedAt` on the pod template survives.
    """
    result = copy.deepcopy(wanted)
    result["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
    _keep_metadata(result["metadata"], current["metadata"])
    if "template" in result.get("spec", {}):
        _keep_metadata(result["spec"]["template"]["metadata"], current["spec"]["template"].get("metadata") or {})
    if wanted["kind"] == "Namespace":
        result["spec"] = current.get("spec") or {}
    return result


def _node(spec: Document) -> Document:
    daemonset = _daemonset(NODE, pods.node(spec))
    daemonset["spec"]["updateStrategy"] = copy.deepcopy(spec["nodeUpdateStrategy"])
    return _on_linux(overridden(daemonset, spec.get("calicoNodeDaemonSet")))


def _csi(spec: Document) -> Document:
    return _on_linux(overridden(_daemonset(CSI, pods.csi(spec)), spec.get("csiNodeDriverDaemonSet")))


def _typha(spec: Document, replicas: int) -> Document:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": "100%"}}
    deployment = overridden(_deployment(TYPHA, pods.typha(spec), replicas, strategy), spec.get("typhaDeployment"))
    return _on_linux(deployment)


def _kube_controllers(spec: Document) -> Document:
    deployment = _deployment(KUBE_CONTROLLERS, pods.kube_controllers(spec), 1, {"type": "Recreate"})
    return _on_linux(overridden(deployment, spec.get("calicoKubeControllersDeployment")))


def _daemonset(name: str, pod: Document) -> Document:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": _metadata(name),
        "spec": {"selector": {"matchLabels": {"k8s-app": name}}, "template": _template(name, pod)},
    }


def _deployment(name: str, pod: Document, replicas: int, strategy: Document) -> Document:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(name),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"k8s-app": name}},
            "strategy": strategy,
            "template": _template(name, pod),
        },
    }


def _metadata(name: str) -> Document:
    return {"name": name, "namespace": NAMESPACE, "labels": {"k8s-app": name}, "annotations": {}}


def _template(name: str, pod: Document) -> Document:
    labels = {"k8s-app": name, "app.kubernetes.io/name": name}
    return {"metadata": {"labels": labels, "annotations": {}}, "spec": pod}


def _service_account(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}}


def _on_linux(workload: Document) -> Document:
    """Force the operating system, whatever the override said."""
    workload["spec"]["template"]["spec"].setdefault("nodeSelector", {})["kubernetes.io/os"] = "linux"
    return workload


def _keep_metadata(wanted: Document, current: Mapping[str, Document]) -> None:
    for field in ("labels", "annotations"):
        if current.get(field):
            add_missing(wanted.setdefault(field, {}), current[field])

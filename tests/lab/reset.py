# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back to an empty cluster in seconds: what a test left is taken out, the control plane stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from tests.lab.api import Api, ApiError
from tests.lab.errors import LabError
from tests.lab.pods.names import REAL_KUBELET

_OPERATOR = "operator.tigera.io"
# Calico's own objects: of the first group, or of the second where its API is made of CRDs.
_CALICO = ("crd.projectcalico.org", "projectcalico.org")
# As long as an operator runs that had an Installation once, it writes this one again.
_TIERS = f"/apis/{_OPERATOR}/v1/tigerastatuses/tiers"
_APISERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_OWN_NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease", "lab", "tigera-operator"})
# A run that a test killed, or that went on in no other call, may have left it.
_LOCK = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/calico-ops-rollout"
# A kubelet registers its node once, when it starts: a real one's stays.
_NODES = f"/api/v1/nodes?labelSelector=%21{quote(REAL_KUBELET, safe='')}"
_AT_ONCE: dict[str, str | int | bool] = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}


def reset(admin: Api, collection_namespaces: set[str], seconds: float = 60) -> None:
    """Remove nodes, Calico's resources and every namespace that a fresh lab does not have; wait until they are gone."""
    deadline = time.monotonic() + seconds
    kept = _OWN_NAMESPACES | collection_namespaces
    _delete_custom_resources(admin, _OPERATOR)
    admin.delete("/api/v1/nodes", labelSelector=f"!{REAL_KUBELET}", **_AT_ONCE)
    _wait(deadline, "the operator's resources", lambda: [p for p in _custom_resources(admin, _OPERATOR) if p != _TIERS])
    _delete_aggregated_api(admin)
    # The operator's certificates go with their Installation, but late: the next one would get others and restart calico-node.
    admin.delete("/api/v1/namespaces/tigera-operator/secrets")
    _delete_custom_resources(admin, *_CALICO)
    _wait(deadline, "Calico's resources", lambda: _custom_resources(admin, *_CALICO))
    for kind in ("/apis/coordination.k8s.io/v1/namespaces/{}/leases", "/api/v1/namespaces/{}/configmaps"):
        for namespace in collection_namespaces:
            admin.delete(kind.format(namespace))
    admin.delete("/api/v1/namespaces/tigera-operator/configmaps")
    admin.delete(_LOCK)
    for namespace in _names(admin, "/api/v1/namespaces"):
        for workload in ("daemonsets", "deployments", "replicasets"):
            admin.delete(f"/apis/apps/v1/namespaces/{namespace}/{workload}", **_AT_ONCE)
        admin.delete(f"/api/v1/namespaces/{namespace}/pods", **_AT_ONCE)
    _wait(deadline, "pods", lambda: _names(admin, "/api/v1/pods"))
    for namespace in set(_names(admin, "/api/v1/namespaces")) - kept:
        _delete_namespace(admin, namespace)
    _wait(deadline, "namespaces", lambda: sorted(set(_names(admin, "/api/v1/namespaces")) - kept))
    _wait(deadline, "nodes", lambda: _names(admin, _NODES))


def _delete_namespace(admin: Api, namespace: str) -> None:
    """At once; the namespace controller waits five seconds first.

    It must find nothing left to do: content that it deletes late, it deletes by the namespace's name, and that may be
    the next test's. A namespace without finalizers is none of its business, so these go before the namespace does.
    """
    path = f"/api/v1/namespaces/{namespace}"
    for collection in _namespaced_collections(admin):
        admin.delete(collection.format(namespace), **_AT_ONCE)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}, "spec": {"finalizers": []}}
    try:
        admin.replace(f"{path}/finalize", body)
    except ApiError as error:
        if error.status != 404:  # the namespace controller was quicker
            raise
    admin.delete(path)  # marks it
    admin.delete(path)  # removes it


def _namespaced_collections(admin: Api) -> list[str]:
    versions = [group["preferredVersion"]["groupVersion"] for group in admin.get("/apis")["groups"]]
    return [
        f"{root}/namespaces/{{}}/{resource['name']}"
        for root in ("/api/v1", *(f"/apis/{version}" for version in versions))
        for resource in admin.get(root)["resources"]
        if resource["namespaced"] and "deletecollection" in resource["verbs"]
    ]


def _delete_aggregated_api(admin: Api) -> None:
    """Calico's API behind calico-apiserver: a pod of kwok's answers nothing, and discovery would stumble over it."""
    for service in admin.list(_APISERVICES):
        if service["spec"].get("group") in _CALICO and service["spec"].get("service"):
            admin.delete(f"{_APISERVICES}/{service['metadata']['name']}")


def _delete_custom_resources(admin: Api, *groups: str) -> None:
    for path in _custom_resources(admin, *groups):
        admin.delete(path)
        try:
            # A deleted Installation waits for its operator; the lab's may not be running.
            admin.patch(path, {"metadata": {"finalizers": None}})
        except ApiError as error:
            if error.status != 404:
                raise


def _custom_resources(admin: Api, *groups: str) -> list[str]:
    """The paths of all objects of these groups that are in no namespace."""
    return [f"{kind}/{name}" for kind in _kinds(admin, *groups) for name in _names(admin, kind)]


def _kinds(admin: Api, *groups: str) -> list[str]:
    versions = [
        group["preferredVersion"]["groupVersion"] for group in admin.get("/apis")["groups"] if group["name"] in groups
    ]
    return [
        f"/apis/{version}/{resource['name']}"
        for version in versions
        for resource in admin.get(f"/apis/{version}")["resources"]
        if not resource["namespaced"] and "list" in resource["verbs"]
    ]


def _names(admin: Api, path: str) -> list[str]:
    answer = admin.get_or_none(path)
    return [item["metadata"]["name"] for item in answer["items"]] if answer else []


def _wait(deadline: float, what: str, remaining: Callable[[], list[str]]) -> None:
    while left := remaining():
        if time.monotonic() > deadline:
            raise LabError(f"the lab could not be reset: {what} still there: {', '.join(left[:10])}")
        time.sleep(0.1)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The namespace of a probe, and what lies in it. Outside it, one GlobalNetworkPolicy alone is written, and only on request."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from ..._kube.client import ApiError, Cluster
from ..._rollout.errors import RolloutError
from ..._rollout.kubernetes.names import DOMAIN
from ..._rollout.kubernetes.rbac import Right, right
from ..lease import Place
from ..lease import rights as lease_rights
from .lease import NAME as LEASE
from .pods import MANAGED_BY, MANAGER, PROBE, RUN, Owner, Purpose, manager
from .request import ProbeRequest

NAMESPACES = "/api/v1/namespaces"
GLOBAL_POLICIES = "/apis/projectcalico.org/v3/globalnetworkpolicies"
GLOBAL = DOMAIN + "/policy-probe-global"
"""Annotation of the ConfigMap of a run that wrote a GlobalNetworkPolicy, which no object of a namespace can own."""
GOES = 30
"""Seconds in which a namespace without pods is gone: the controller removes its content first."""
LOOK_AGAIN = 0.5


def path(namespace: str, kind: str) -> str:
    root = "/apis/networking.k8s.io/v1" if kind == "networkpolicies" else "/api/v1"
    return f"{root}/namespaces/{namespace}/{kind}"


def namespace_object(name: str) -> dict[str, Any]:
    labels = {
        MANAGED_BY: MANAGER,
        "pod-security.kubernetes.io/enforce": "restricted",
        "istio-injection": "disabled",
    }
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def exists(cluster: Cluster, name: str) -> bool:
    """Also where the account may not look: then it is not to make one."""
    try:
        return cluster.get_or_none(f"{NAMESPACES}/{name}") is not None
    except ApiError as error:
        if error.status != 403:
            raise
        return True


def ensure(cluster: Cluster, name: str) -> dict[str, Any]:
    """The namespace, made where it is missing. The end of an earlier run may still be removing it, so that is waited for."""
    until = time.monotonic() + GOES
    while (found := _present(cluster, name))["metadata"].get("deletionTimestamp"):
        if time.monotonic() > until:
            raise RolloutError(
                f"The namespace {name} has been going away for more than {GOES} s. Its status says what holds it: "
                f"kubectl get namespace {name} -o yaml"
            )
        time.sleep(LOOK_AGAIN)
    return found


def _present(cluster: Cluster, name: str) -> dict[str, Any]:
    found = cluster.get_or_none(f"{NAMESPACES}/{name}")
    if found is not None:
        return found
    try:
        return cluster.request("POST", NAMESPACES, body=namespace_object(name))
    except ApiError as error:
        if error.status != 409:  # another run was quicker
            raise
        return cluster.request("GET", f"{NAMESPACES}/{name}")


def own(cluster: Cluster, request: ProbeRequest, run: str, purpose: Purpose = PROBE) -> Owner:
    """The ConfigMap that owns all that the run makes."""
    owner = Owner(run, request.namespace, "", purpose)
    annotations = {GLOBAL: "true"} if request.calico_policy and purpose == PROBE else {}
    metadata = {"name": owner.name, "namespace": owner.namespace, "labels": owner.labels, "annotations": annotations}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    made = cluster.request("POST", path(owner.namespace, "configmaps"), body=body)
    return replace(owner, uid=made["metadata"]["uid"])


def left(cluster: Cluster, namespace: str, purpose: Purpose = PROBE) -> list[dict[str, Any]]:
    """The metadata of the ConfigMaps of runs that did not end by themselves, or that go on."""
    query = {"labelSelector": f"{MANAGED_BY}={manager(purpose)}"}
    found = cluster.list_all(path(namespace, "configmaps"), query=query, metadata_only=True)[0]
    return [one["metadata"] for one in found]


def sweep(cluster: Cluster, namespace: str, purpose: Purpose = PROBE) -> list[str]:
    """Remove what runs left that were killed, once their Lease is ours; the names of what owned it."""
    found = left(cluster, namespace, purpose)
    for metadata in found:
        owner = Owner(metadata["labels"].get(RUN, ""), namespace, metadata["uid"], purpose)
        remove(cluster, owner, with_global=GLOBAL in (metadata.get("annotations") or {}))
    return [metadata["name"] for metadata in found]


def remove(cluster: Cluster, owner: Owner, with_global: bool) -> None:
    """All that one run made. Policies first: until its end, a run is judged by what they do."""
    remove_policies(cluster, owner, with_global)
    cluster.request("DELETE", path(owner.namespace, "pods"), query=owner.selector)
    _delete(cluster, f"{path(owner.namespace, 'configmaps')}/{owner.name}")


def remove_policies(cluster: Cluster, owner: Owner, with_global: bool) -> None:
    if with_global:
        _delete(cluster, f"{GLOBAL_POLICIES}/{owner.name}")
    cluster.request("DELETE", path(owner.namespace, "networkpolicies"), query=owner.selector)


def is_ours(found: dict[str, Any]) -> bool:
    """Did a probe make this namespace? Else it stays."""
    return (found["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER


def remove_namespace(cluster: Cluster, name: str) -> bool:
    """Is it gone, or going, by our hand?"""
    found = cluster.get_or_none(f"{NAMESPACES}/{name}")
    if found is None or found["metadata"].get("deletionTimestamp") or not is_ours(found):
        return False
    _delete(cluster, f"{NAMESPACES}/{name}")
    return True


def rights(request: ProbeRequest, existed: bool) -> list[Right]:
    """What a run takes in its namespace, and the namespace itself, which is to be made unless it existed."""
    name = request.namespace
    own_verbs = {
        "configmaps": ("list", "create", "delete"),
        "pods": ("list", "watch", "create", "patch", "deletecollection"),
        "networkpolicies": ("list", "create", "deletecollection"),
    }
    inside = [right(verb, path(name, kind)) for kind, verbs in own_verbs.items() for verb in verbs]
    # The namespace itself is named without one: its rule belongs into a ClusterRole.
    outside = [right("get", f"{NAMESPACES}/{name}"), *([] if existed else [right("create", NAMESPACES)])]
    if request.calico_policy:
        outside += [right(verb, GLOBAL_POLICIES) for verb in ("create", "delete")]
    return [*outside, *inside, *lease_rights(Place(name, LEASE))]


def _delete(cluster: Cluster, where: str) -> None:
    try:
        cluster.request("DELETE", where, query={"propagationPolicy": "Background"})
    except ApiError as error:
        if error.status != 404:
            raise

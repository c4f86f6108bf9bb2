# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What things are called, and where they are in the API."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

# How the API server names who writes by default: after the program, which is /usr/bin/operator in the image.
FIELD_MANAGER = "operator"
GROUP = "operator.tigera.io"
NAMESPACE = "calico-system"

NODE = "calico-node"
CSI = "csi-node-driver"
TYPHA = "calico-typha"
KUBE_CONTROLLERS = "calico-kube-controllers"
APISERVER = "calico-apiserver"
WEBHOOKS = "calico-webhooks"

OPERATOR_FINALIZER = "tigera.io/operator-cleanup"
INSTALLATION_FINALIZER = "operator.tigera.io/installation-controller"
APISERVER_FINALIZER = "operator.tigera.io/apiserver-controller"

# An object with this annotation is left as its owner made it.
IGNORE_ANNOTATION = "unsupported.operator.tigera.io/ignore"
# Says on a workload which container settings were overridden.
OVERRIDES_ANNOTATION = "operator.tigera.io/custom-overrides"

INSTALLATIONS = f"/apis/{GROUP}/v1/installations"
INSTALLATION = f"{INSTALLATIONS}/default"
OVERLAY = f"{INSTALLATIONS}/overlay"
APISERVERS = f"/apis/{GROUP}/v1/apiservers"
# Calico's own API is served by calico-apiserver on objects of the first group, or is made of CRDs of the second itself.
CRD_GROUP = "/apis/crd.projectcalico.org"
V3_GROUP = "/apis/projectcalico.org"
TIGERA_STATUSES = f"/apis/{GROUP}/v1/tigerastatuses"

_COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts",
    "DaemonSet": f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets",
    "Deployment": f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
    "ReplicaSet": f"/apis/apps/v1/namespaces/{NAMESPACE}/replicasets",
    "ControllerRevision": f"/apis/apps/v1/namespaces/{NAMESPACE}/controllerrevisions",
    "Pod": f"/api/v1/namespaces/{NAMESPACE}/pods",
}


def collection(kind: str) -> str:
    return _COLLECTIONS[kind]


def path(kind: str, name: str) -> str:
    return f"{_COLLECTIONS[kind]}/{name}"

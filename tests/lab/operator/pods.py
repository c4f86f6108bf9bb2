# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods that the stand-in's workloads run. kwok plays their containers, so what they mount and run is left out;
what a rollout sees is here: placement, probes (the grace before Degraded is counted from them), and in the environment
every setting whose change restarts calico-node."""

from __future__ import annotations

import copy
from typing import Any

from tests.lab.operator.names import APISERVER, CSI, KUBE_CONTROLLERS, NODE, TYPHA, WEBHOOKS, Document

CALICO_VERSION = "v3.32.0"

_CRITICAL_ADDONS = {"key": "CriticalAddonsOnly", "operator": "Exists"}
_CONTROL_PLANE = [
    {"key": "node-role.kubernetes.io/master", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
]
_TOLERATE_ALL = [
    _CRITICAL_ADDONS,
    {"effect": "NoSchedule", "operator": "Exists"},
    {"effect": "NoExecute", "operator": "Exists"},
]
# Typha starts before there is a network, and still keeps away from cordoned nodes.
_TOLERATE_BOOTSTRAP = [
    _CRITICAL_ADDONS,
    *_CONTROL_PLANE,
    *(
        {"key": key, "operator": "Exists", "effect": "NoSchedule"}
        for key in (
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/network-unavailable",
            "node.cloudprovider.kubernetes.io/uninitialized",
        )
    ),
]
_TYPHA_PORT = 5473


def node(spec: Document) -> Document:
    """calico-node: on the host's network, tolerates every taint."""
    network = spec["calicoNetwork"]
    probe = {"exec": {"command": ["/usr/bin/calico", "component", "node", "health"]}}
    container = {
        **_container(spec, NODE, "node"),
        "env": _environment(
            {
                "CALICO_NETWORKING_BACKEND": "bird" if network["bgp"] == "Enabled" else "vxlan",
                "FELIX_BPFENABLED": network["linuxDataplane"] == "BPF",
                "FELIX_NFTABLESMODE": "Enabled" if network["linuxDataplane"] == "Nftables" else "Disabled",
                "FELIX_PROMETHEUSMETRICSPORT": spec.get("nodeMetricsPort"),
                "FELIX_MTU": network.get("mtu"),
                **_address("IP", network.get("nodeAddressAutodetectionV4")),
                **_address("IP6", network.get("nodeAddressAutodetectionV6")),
            }
        ),
        "livenessProbe": {**copy.deepcopy(probe), "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 5},
        "readinessProbe": {**copy.deepcopy(probe), "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 5},
        "startupProbe": {**copy.deepcopy(probe), "periodSeconds": 2, "failureThreshold": 150, "timeoutSeconds": 5},
        "lifecycle": {"preStop": {"exec": {"command": ["/usr/bin/calico", "component", "node", "shutdown"]}}},
        "securityContext": {"privileged": True},
    }
    init = [_container(spec, "ebpf-bootstrap", "node")]
    if spec["flexVolumePath"] != "None":
        init.insert(0, _container(spec, "flexvol-driver", "pod2daemon-flexvol"))
    if spec["cni"]["type"] == "Calico":
        init.append(_container(spec, "install-cni", "cni"))
    pod = _pod(NODE, [container], "system-node-critical", copy.deepcopy(_TOLERATE_ALL))
    affinity = _provider_affinity(spec.get("kubernetesProvider", ""))
    if affinity:
        pod["affinity"] = affinity
    return {**pod, "hostNetwork": True, "initContainers": init, "terminationGracePeriodSeconds": 5}


def csi(spec: Document) -> Document:
    """csi-node-driver: on the pods' network, tolerates every taint, has a selector of its own."""
    containers = [
        _container(spec, "calico-csi", "csi"),
        _container(spec, "csi-node-driver-registrar", "node-driver-registrar"),
    ]
    pod = _pod(CSI, containers, "system-node-critical", copy.deepcopy(_TOLERATE_ALL))
    affinity = _provider_affinity(spec.get("kubernetesProvider", ""))
    return {**pod, "affinity": affinity} if affinity else pod


def typha(spec: Document) -> Document:
    """typha: on the host's network, one a node because of its port; controlPlaneNodeSelector does not reach it."""
    container = {
        **_container(spec, TYPHA, "typha"),
        "ports": [{"name": TYPHA, "containerPort": _TYPHA_PORT, "hostPort": _TYPHA_PORT, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/readiness", "port": 9098, "host": "localhost"}, "timeoutSeconds": 10},
    }
    tolerations = spec.get("controlPlaneTolerations") or _TOLERATE_BOOTSTRAP
    pod = _pod(TYPHA, [container], "system-cluster-critical", copy.deepcopy(tolerations))
    affinity: Document = {"podAntiAffinity": _preferred_anti_affinity(TYPHA, "topology.kubernetes.io/zone")}
    if (spec.get("typhaAffinity") or {}).get("nodeAffinity"):
        affinity["nodeAffinity"] = copy.deepcopy(spec["typhaAffinity"]["nodeAffinity"])
    # The operator gives typha 300 s to end. The namespace controller would sleep for half of that before it looks again
    # whether the pods of a deleted namespace are gone, and kwok's are gone at once.
    return {**pod, "hostNetwork": True, "affinity": affinity, "terminationGracePeriodSeconds": 5}


def kube_controllers(spec: Document) -> Document:
    """calico-kube-controllers: on the pods' network."""
    container = {
        **_container(spec, KUBE_CONTROLLERS, "kube-controllers"),
        "readinessProbe": {"exec": {"command": ["/usr/bin/check-status", "-r"]}, "timeoutSeconds": 10},
    }
    return _control_plane_pod(spec, KUBE_CONTROLLERS, container, [*_CONTROL_PLANE, _CRITICAL_ADDONS])


def apiserver(spec: Document) -> Document:
    """calico-apiserver: on the pods' network, but for the clouds that cannot reach it there."""
    container = {
        **_container(spec, APISERVER, "apiserver"),
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 5443, "scheme": "HTTPS"}, "periodSeconds": 60},
    }
    pod = _control_plane_pod(spec, APISERVER, container, _CONTROL_PLANE)
    if spec.get("kubernetesProvider") in ("EKS", "TKG") and spec["cni"]["type"] == "Calico":
        pod.update(hostNetwork=True, tolerations=copy.deepcopy(_TOLERATE_BOOTSTRAP))
    if spec["controlPlaneReplicas"] > 1:
        pod["affinity"] = {"podAntiAffinity": _preferred_anti_affinity(APISERVER, "kubernetes.io/hostname")}
    return pod


def webhooks(spec: Document) -> Document:
    """calico-webhooks, in place of calico-apiserver: controlPlaneNodeSelector does not reach it."""
    container = {
        **_container(spec, WEBHOOKS, "webhooks"),
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 6443, "scheme": "HTTPS"}},
    }
    return {**_control_plane_pod(spec, WEBHOOKS, container, _CONTROL_PLANE), "nodeSelector": {}}


def _control_plane_pod(spec: Document, name: str, container: Document, tolerations: list[Document]) -> Document:
    own: list[Document] = copy.deepcopy(spec.get("controlPlaneTolerations") or [])
    added = [toleration for toleration in copy.deepcopy(tolerations) if toleration not in own]
    pod = _pod(name, [container], "system-cluster-critical", own + added)
    return {**pod, "nodeSelector": dict(spec.get("controlPlaneNodeSelector") or {})}


def _pod(account: str, containers: list[Document], priority: str, tolerations: list[Document]) -> Document:
    return {
        "serviceAccountName": account,
        "priorityClassName": priority,
        "tolerations": tolerations,
        "containers": containers,
    }


def _container(spec: Document, name: str, image: str) -> Document:
    registry = spec.get("registry") or "quay.io/"
    repository = f"{spec.get('imagePath') or 'calico'}/{spec.get('imagePrefix') or ''}{image}"
    container = {"name": name, "image": f"{registry}{repository}:{CALICO_VERSION}"}
    return {**container, "imagePullPolicy": spec["imagePullPolicy"]} if spec.get("imagePullPolicy") else container


def _environment(settings: dict[str, Any]) -> list[Document]:
    shown = {True: "true", False: "false"}
    return [
        {"name": name, "value": shown[value] if isinstance(value, bool) else str(value)}
        for name, value in settings.items()
        if value not in (None, "")
    ]


def _address(variable: str, method: Document | None) -> dict[str, str | None]:
    """How calico-node finds its address of one family; without a method it has none (nodeEnvVars, pkg/render/node.go).

    The pools themselves are not in the template: to add one of a family that is there restarts nothing.
    """
    detected = _autodetection(method)
    return {variable: "autodetect" if detected else "none", f"{variable}_AUTODETECTION_METHOD": detected}


def _autodetection(method: Document | None) -> str | None:
    method = method or {}
    if method.get("firstFound"):
        return "first-found"
    if method.get("kubernetes"):
        return "kubernetes-internal-ip"
    for field, shown in (("interface", "interface"), ("skipInterface", "skip-interface"), ("canReach", "can-reach")):
        if method.get(field):
            return f"{shown}={method[field]}"
    return f"cidr={','.join(method['cidrs'])}" if method.get("cidrs") else None


def _provider_affinity(provider: str) -> Document | None:
    label = {
        "AKS": ("type", "virtual-kubelet"),
        "EKS": ("eks.amazonaws.com/compute-type", "fargate"),
    }.get(provider)
    if label is None:
        return None
    expression = {"key": label[0], "operator": "NotIn", "values": [label[1]]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def _preferred_anti_affinity(app: str, topology: str) -> Document:
    term = {"labelSelector": {"matchLabels": {"k8s-app": app}}, "topologyKey": topology}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]}

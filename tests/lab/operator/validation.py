# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator rejects although the API server accepted it: the first fault, in the operator's words.

Rejected means: TigeraStatus says so, and the workloads stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.lab.operator.fields import joined, label_errors
from tests.lab.operator.names import Document
from tests.lab.operator.scheduling import affinity_errors, toleration_errors

_IPAM_OF_CNI = {
    "Calico": ("Calico", "HostLocal"),
    "GKE": ("HostLocal",),
    "AmazonVPC": ("AmazonVPC",),
    "AzureVNET": ("AzureVNET",),
}
_PROVIDER_OF_CNI = {"GKE": "GKE", "AmazonVPC": "EKS", "AzureVNET": "AKS"}

# The order is the operator's.
_OVERRIDES = {
    "calicoNodeDaemonSet": "CalicoNodeDaemonSet",
    "calicoNodeWindowsDaemonSet": "CalicoNodeWindowsDaemonSet",
    "calicoKubeControllersDeployment": "CalicoKubeControllersDeployment",
    "typhaDeployment": "TyphaDeployment",
    "csiNodeDriverDaemonSet": "CSINodeDriverDaemonSet",
}


def installation_fault(spec: Document) -> str | None:
    """Why a spec with its defaults filled in is rejected."""
    for rule in _RULES:
        fault = rule(spec)
        if fault:
            return fault
    return None


def apiserver_fault(spec: Document) -> str | None:
    for field, shown in (
        ("apiServerDeployment", "APIServerDeployment"),
        ("calicoWebhooksDeployment", "CalicoWebhooksDeployment"),
    ):
        fault = _override_fault(spec.get(field) or {})
        if fault:
            return f"APIServer spec.{shown} is not valid: {fault}"
    return None


def _cni(spec: Document) -> str | None:
    cni, ipam, provider = spec["cni"]["type"], spec["cni"]["ipam"]["type"], spec.get("kubernetesProvider", "")
    if provider and provider != _PROVIDER_OF_CNI.get(cni, provider):
        return f"spec.kubernetesProvider {provider} is not compatible with spec.cni.type {cni}"
    if ipam not in _IPAM_OF_CNI[cni]:
        valid = ",".join(_IPAM_OF_CNI[cni])
        return f"spec.cni.ipam.type {ipam} is not compatible with spec.cni.type {cni}, valid IPAM values {valid}"
    return None


def _pools(spec: Document) -> str | None:
    network = spec["calicoNetwork"]
    bgp_enabled = network.get("bgp") == "Enabled"
    for pool in network.get("ipPools") or []:
        ipv6, encapsulation = ":" in pool["cidr"], pool.get("encapsulation", "")
        if ipv6 and encapsulation in ("IPIP", "IPIPCrossSubnet"):
            return f"IPIP encapsulation is not supported by IPv6 pools, but it is set for {pool['cidr']}"
        if spec["cni"]["type"] != "Calico":
            if encapsulation not in ("", "None"):
                return f"{encapsulation} is invalid for ipPool.encapsulation when using non-Calico CNI, should be None"
            if bgp_enabled:
                return "BGP is not supported when using non-Calico CNI"
        elif spec["cni"]["ipam"]["type"] == "Calico" and not bgp_enabled:
            if encapsulation in ("IPIP", "IPIPCrossSubnet"):
                return "with BIRD cluster routing mode, IPIP encapsulation requires that BGP is enabled"
            if encapsulation == "None":
                return "with BIRD cluster routing mode, unencapsulated IP pools require that BGP is enabled"
    return None


def _paths(spec: Document) -> str | None:
    for field in ("flexVolumePath", "kubeletVolumePluginPath"):
        if spec[field] != "None" and not spec[field].startswith("/"):
            return f"installation spec.{field[0].upper()}{field[1:]} '{spec[field]}' is not an absolute path"
    return None


def _update_strategy(spec: Document) -> str | None:
    strategy = spec["nodeUpdateStrategy"]
    if strategy["type"] == "RollingUpdate":
        return None
    # The operator prints the parameters here, not the type.
    parameters = strategy["rollingUpdate"]
    shown = (
        f"&RollingUpdateDaemonSet{{MaxUnavailable:{parameters['maxUnavailable']},"
        f"MaxSurge:{parameters.get('maxSurge', '<nil>')},}}"
    )
    return f"installation spec.NodeUpdateStrategy.type '{shown}' is not supported"


def _control_plane(spec: Document) -> str | None:
    for key in ("beta.kubernetes.io/os", "kubernetes.io/os"):
        value = (spec.get("controlPlaneNodeSelector") or {}).get(key, "linux")
        if value != "linux":
            return f"installation spec.ControlPlaneNodeSelector '{key}={value}' is not supported"
    if spec["controlPlaneReplicas"] <= 0:
        return "installation spec.ControlPlaneReplicas should be greater than 0"
    return None


def _non_privileged(spec: Document) -> str | None:
    if spec.get("nonPrivileged") == "Enabled":
        return "non-privileged Calico is deprecated and cannot be Enabled; please, remove this field from your installation spec"
    return None


def _overrides(spec: Document) -> str | None:
    for field, shown in _OVERRIDES.items():
        fault = _override_fault(spec.get(field) or {})
        if fault:
            return f"installation spec.{shown} is not valid: {fault}"
    return None


def _windows(spec: Document) -> str | None:
    if spec["calicoNetwork"]["windowsDataplane"] == "Disabled" and spec.get("windowsNodes") is not None:
        return (
            "installation spec.WindowsNodes is not valid and should not be provided when Calico for Windows is disabled"
        )
    return None


def _modes(spec: Document) -> str | None:
    if spec.get("fipsMode") == "Enabled":
        return "installation spec.FIPSMode=Enabled is not supported; FIPS mode has been removed"
    if spec.get("kubernetesProvider") != "AKS" and spec.get("azure") is not None:
        return "installation spec.Azure should be set only for AKS provider"
    return None


_RULES: tuple[Callable[[Document], str | None], ...] = (
    _cni,
    _pools,
    _paths,
    _update_strategy,
    _control_plane,
    _non_privileged,
    _overrides,
    _windows,
    _modes,
)


def _override_fault(override: Document) -> str | None:
    """The first fault of an override; empty selectors, tolerations and absent parts are not looked at."""
    spec = override.get("spec") or {}
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    fault = _metadata_fault(override.get("metadata") or {})
    if fault:
        return f"metadata is invalid: {fault}"
    if spec.get("minReadySeconds", 0) < 0:
        return "spec.MinReadySeconds must be greater than or equal to 0"
    fault = _metadata_fault(template.get("metadata") or {})
    if fault:
        return f"spec.Template.Metadata is invalid: {fault}"
    path = "spec.template.spec"
    fault = joined(affinity_errors(pod.get("affinity") or {}, f"{path}.affinity"))
    if fault:
        return f"spec.Template.Spec.Affinity is invalid: {fault}"
    fault = joined(label_errors(pod.get("nodeSelector") or {}, f"{path}.nodeSelector"))
    if fault:
        return f"spec.Template.Spec.NodeSelector is invalid: {fault}"
    fault = joined(toleration_errors(pod.get("tolerations") or [], f"{path}.tolerations"))
    if fault:
        return f"spec.Template.Spec.Tolerations is invalid: {fault}"
    return None


def _metadata_fault(metadata: Document) -> str | None:
    return joined(label_errors(metadata.get("labels") or {}, "metadata.labels"))

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The defaults that are written back into the Installation's spec."""

from __future__ import annotations

import copy
from typing import Any

from tests.lab.operator.names import Document

_CNI_OF_PROVIDER = {"AKS": "AzureVNET", "EKS": "AmazonVPC", "GKE": "GKE"}
_IPAM_OF_CNI = {"AzureVNET": "AzureVNET", "AmazonVPC": "AmazonVPC", "GKE": "HostLocal"}
_CNI_DIRECTORIES = {
    "OpenShift": ("/etc/cni/net.d", "/var/lib/cni/bin"),
    "GKE": ("/etc/cni/net.d", "/home/kubernetes/bin"),
}
_FLEX_VOLUME_PATHS = {
    "OpenShift": "/etc/kubernetes/kubelet-plugins/volume/exec/",
    "GKE": "/home/kubernetes/flexvolume/",
    "AKS": "/etc/kubernetes/volumeplugins/",
    "RKE2": "/var/lib/kubelet/volumeplugins/",
}
_AUTODETECTION_OF_PROVIDER = {"DockerEnterprise": {"skipInterface": "^br-.*"}, "EKS": {"canReach": "8.8.8.8"}}
_AKS_TYPHA_AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {
                    "matchExpressions": [
                        {"key": "type", "operator": "NotIn", "values": ["virtual-node"]},
                        {"key": "kubernetes.azure.com/cluster", "operator": "Exists"},
                    ]
                }
            ]
        }
    }
}


def with_defaults(spec: Document, pools_seen: bool = True) -> Document:
    """The spec with everything filled in that the core controller fills in.

    Which addresses calico-node is to find, it goes by the pools that are there when it looks: not seen, they ask for none.
    """
    filled = copy.deepcopy(spec)
    provider = filled.get("kubernetesProvider", "")
    _default(filled, "variant", "Calico")
    if provider == "AKS":
        _default(filled, "typhaAffinity", copy.deepcopy(_AKS_TYPHA_AFFINITY))
        _default(filled, "azure", {"policyMode": "Default"})

    cni = filled.setdefault("cni", {})
    _default(cni, "type", _CNI_OF_PROVIDER.get(provider, "Calico"))
    _default(cni.setdefault("ipam", {}), "type", _IPAM_OF_CNI.get(cni["type"], "Calico"))
    calico_cni = cni["type"] == "Calico"
    if calico_cni:
        _default(cni, "specVersion", "Auto")
    conf_dir, bin_dir = _CNI_DIRECTORIES.get(provider, ("/etc/cni/net.d", "/opt/cni/bin"))
    _default(cni, "confDir", conf_dir)
    _default(cni, "binDir", bin_dir)
    _default(cni, "installMode", "All")

    network = filled.setdefault("calicoNetwork", {})
    _default(network, "linuxDataplane", "Iptables")
    _default(network, "windowsDataplane", "Disabled")
    _default(network, "bgp", "Enabled" if calico_cni and provider != "EKS" else "Disabled")
    _default_autodetection(network, provider, (network.get("ipPools") or []) if pools_seen else [])
    if calico_cni:
        if network["linuxDataplane"] == "Iptables":
            _default(network, "linuxPolicySetupTimeoutSeconds", 0)
        _default(network, "hostPorts", "Enabled")
        _default(network, "multiInterfaceMode", "None")
        logging = filled.setdefault("logging", {}).setdefault("cni", {})
        _default(logging, "logSeverity", "Info")
        _default(logging, "logFileMaxCount", 10)
        _default(logging, "logFileMaxAgeDays", 30)
        _default(logging, "logFileMaxSize", "100Mi")

    _default(filled, "controlPlaneReplicas", 2)
    _default(
        filled,
        "flexVolumePath",
        _FLEX_VOLUME_PATHS.get(provider, "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"),
    )
    _default(filled, "kubeletVolumePluginPath", "/var/lib/kubelet")
    strategy = filled.setdefault("nodeUpdateStrategy", {})
    _default(strategy.setdefault("rollingUpdate", {}), "maxUnavailable", 1)
    _default(strategy, "type", "RollingUpdate")
    return filled


def with_pool_defaults(spec: Document) -> Document:
    """The spec with the pools filled in that the IP pool controller fills in, once the CNI type is known.

    No `ipPools` gets the default pool; an empty list means that the pools are managed elsewhere and stays empty.
    """
    filled = copy.deepcopy(spec)
    network = filled.setdefault("calicoNetwork", {})
    on_eks = filled.get("kubernetesProvider") == "EKS"
    if network.get("ipPools") is None and filled["cni"]["ipam"]["type"] == "Calico":
        pool = {"name": "default-ipv4-ippool", "cidr": "172.16.0.0/16" if on_eks else "192.168.0.0/16"}
        network["ipPools"] = [{**pool, "encapsulation": "VXLAN"} if on_eks else pool]
    for pool in network.get("ipPools") or []:
        ipv6 = ":" in pool["cidr"]
        _default(pool, "allowedUses", ["Workload", "Tunnel"])
        _default(pool, "encapsulation", "IPIP" if filled["cni"]["type"] == "Calico" and not ipv6 else "None")
        _default(pool, "natOutgoing", "Disabled" if ipv6 else "Enabled")
        _default(pool, "nodeSelector", "all()")
        _default(pool, "blockSize", 122 if ipv6 else 26)
        _default(pool, "assignmentMode", "Automatic")
        _default(pool, "disableNewAllocations", False)
    return filled


def enabled_pools(spec: Document) -> list[Document]:
    pools: list[Document] = (spec.get("calicoNetwork") or {}).get("ipPools") or []
    return [pool for pool in pools if not pool.get("disableNewAllocations")]


def merge_patch(before: Any, after: Any) -> Any:
    """The JSON merge patch that turns one document into the other; only the fields that differ get a new owner."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    patch: Document = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif before[key] != value:
            patch[key] = merge_patch(before[key], value)
    return patch


def _default_autodetection(network: Document, provider: str, pools: list[Document]) -> None:
    families = {":" in pool["cidr"] for pool in pools}
    # A pool of the family asks for an address of the family; the BPF dataplane needs an IPv4 one in any case.
    if (False in families or network["linuxDataplane"] == "BPF") and not network.get("nodeAddressAutodetectionV4"):
        method = _AUTODETECTION_OF_PROVIDER.get(provider, {"firstFound": True})
        network["nodeAddressAutodetectionV4"] = dict(method)
    if True in families and not network.get("nodeAddressAutodetectionV6"):
        network["nodeAddressAutodetectionV6"] = {"firstFound": True}


def _default(document: Document, key: str, value: Any) -> None:
    if document.get(key) in (None, ""):
        document[key] = value

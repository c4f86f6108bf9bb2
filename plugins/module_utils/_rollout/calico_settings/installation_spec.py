# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The Installation as tigera-operator works with it: spec, overlay, what it filled in before, and its defaults.

Sources, the same at operator 1.34 to 1.44: pkg/controller/installation/core_controller.go `fillDefaults`,
pkg/controller/ippool/defaults.go `fillDefaults` and `mergePlatformPodCIDRs`, pkg/controller/utils/merge.go `OverrideInstallationSpec`,
pkg/render/node.go `DefaultCNIDirectories`.

Operators write their defaults into `spec`; newer ones may only publish them in `status.computed`. So a field that the operator fills in
is read from `spec`, then from `status.computed`. A field that it never fills in is read from `spec` alone: `status.computed` is written
only when all is Available, and may be old.
"""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

FROM_OPERATOR = "default of tigera-operator"

# What merge.go merges field by field; every other field of the overlay replaces the Installation's as a whole.
_MERGED = ("cni", "calicoNetwork")
_FILLED_IN: tuple[tuple[str, ...], ...] = (
    ("kubernetesProvider",),
    ("flexVolumePath",),
    *(("cni", field) for field in ("type", "binDir", "confDir", "ipam")),
    *(("calicoNetwork", field) for field in ("linuxDataplane", "bgp", "ipPools")),
    *(("calicoNetwork", field) for field in ("nodeAddressAutodetectionV4", "nodeAddressAutodetectionV6")),
)
_CNI_OF = {"AKS": "AzureVNET", "EKS": "AmazonVPC", "GKE": "GKE"}
_IPAM_OF = {"AzureVNET": "AzureVNET", "AmazonVPC": "AmazonVPC", "GKE": "HostLocal"}
_FLEXVOLUMES = {
    "OpenShift": "/etc/kubernetes/kubelet-plugins/volume/exec/",
    "GKE": "/home/kubernetes/flexvolume/",
    "AKS": "/etc/kubernetes/volumeplugins/",
    "RKE2": "/var/lib/kubelet/volumeplugins/",
}
_FLEXVOLUME = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"
_CNI_DIRECTORIES = {
    "OpenShift": ("/var/lib/cni/bin", "/var/run/multus/cni/net.d"),
    "GKE": ("/home/kubernetes/bin", "/etc/cni/net.d"),
}
_DETECTION = {"DockerEE": {"skipInterface": "^br-.*"}, "EKS": {"canReach": "8.8.8.8"}}


class Spec:
    """The effective spec, each field with where it comes from."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._fields: dict[tuple[str, ...], tuple[Any, str]] = {}

    def put(self, path: tuple[str, ...], value: Any, source: str) -> None:
        self._fields[path] = (copy.deepcopy(value), source)

    def fill(self, path: tuple[str, ...], value: Any, source: str) -> None:
        """An empty text counts as not set, as Go's zero value does."""
        if self.at(*path)[0] in (None, ""):
            self.put(path, value, source)

    def at(self, *path: str) -> tuple[Any, str]:
        return self._fields.get(path, (None, ""))

    @property
    def provider(self) -> str:
        return str(self.at("kubernetesProvider")[0] or "")


def filled(
    installation: Mapping[str, Any] | None,
    overlay: Mapping[str, Any] | None,
    live_pools: Sequence[str],
    pod_subnets: Sequence[str],
    given: str,
) -> Spec | None:
    """None without an Installation. `live_pools`: CIDRs of the enabled IPPools; `given`: its source where it is not in the cluster."""
    if installation is None:
        return None
    name = given or "Installation/default"
    spec = Spec(name)
    _take(spec, installation.get("spec") or {}, name)
    # The operator fills in defaults before it merges the overlay; what an overlay says has the last word either way.
    computed = (installation.get("status") or {}).get("computed") or {}
    for path in _FILLED_IN:
        value = computed
        for key in path:
            value = (value or {}).get(key) if isinstance(value, Mapping) else None
        if value not in (None, "", {}):
            spec.fill(path, value, f"{name} status.computed")
    if overlay is not None:
        _take(spec, overlay.get("spec") or {}, "Installation/overlay")
    _defaults(spec, live_pools, pod_subnets)
    return spec


def cidr_version(cidr: str) -> int:
    """4 or 6; 0 for what is no CIDR, which the operator refuses."""
    try:
        return ipaddress.ip_network(cidr, strict=False).version
    except ValueError:
        return 0


def _take(spec: Spec, fields: Mapping[str, Any], source: str) -> None:
    """What is set: merge.go compares with Go's zero value, so that an empty text, 0 or an empty list by pointer keeps the other."""
    for key, value in fields.items():
        if key in _MERGED and isinstance(value, Mapping):
            for inner, part in value.items():
                if part not in (None, "", {}):
                    spec.put((key, inner), part, f"{source} {key}.{inner}")
        elif value not in (None, "", {}):
            spec.put((key,), value, f"{source} {key}")


def _defaults(spec: Spec, live_pools: Sequence[str], pod_subnets: Sequence[str]) -> None:
    provider = spec.provider
    why = f"{FROM_OPERATOR} for {provider}"
    spec.fill(("cni", "type"), _CNI_OF.get(provider, "Calico"), why if provider in _CNI_OF else FROM_OPERATOR)
    cni = spec.at("cni", "type")[0]
    spec.fill(("cni", "ipam"), {"type": _IPAM_OF.get(cni, "Calico")}, FROM_OPERATOR)
    spec.fill(("calicoNetwork", "linuxDataplane"), "Iptables", FROM_OPERATOR)
    # On EKS with Calico's CNI it uses VXLAN; without Calico's CNI it assumes that BGP is off.
    if cni != "Calico":
        spec.fill(("calicoNetwork", "bgp"), "Disabled", f"{FROM_OPERATOR} for CNI {cni}")
    elif provider == "EKS":
        spec.fill(("calicoNetwork", "bgp"), "Disabled", why)
    else:
        spec.fill(("calicoNetwork", "bgp"), "Enabled", FROM_OPERATOR)
    _pools(spec, cni, live_pools, pod_subnets)
    _detection(spec, live_pools)
    binary, configuration = _CNI_DIRECTORIES.get(provider, ("/opt/cni/bin", "/etc/cni/net.d"))
    where = why if provider in _CNI_DIRECTORIES else FROM_OPERATOR
    spec.fill(("cni", "binDir"), binary, where)
    spec.fill(("cni", "confDir"), configuration, where)
    where = why if provider in _FLEXVOLUMES else FROM_OPERATOR
    spec.fill(("flexVolumePath",), _FLEXVOLUMES.get(provider, _FLEXVOLUME), where)


def _pools(spec: Spec, cni: str, live_pools: Sequence[str], pod_subnets: Sequence[str]) -> None:
    path = ("calicoNetwork", "ipPools")
    pools, source = spec.at(*path)
    if pools is None:
        if live_pools:
            pools, source = [], FROM_OPERATOR
        elif pod_subnets and cni == "Calico":
            firsts = {cidr_version(cidr): cidr for cidr in reversed(pod_subnets) if cidr_version(cidr)}
            pools, source = (
                [{"cidr": firsts[version]} for version in sorted(firsts)],
                f"{FROM_OPERATOR}, by the cluster's pod network",
            )
        elif (spec.at("cni", "ipam")[0] or {}).get("type") == "Calico":
            eks = spec.provider == "EKS"
            pools = [{"cidr": "172.16.0.0/16", "encapsulation": "VXLAN"} if eks else {"cidr": "192.168.0.0/16"}]
            source = f"{FROM_OPERATOR} for EKS" if eks else FROM_OPERATOR
        else:
            pools, source = [], FROM_OPERATOR
    default = {4: "IPIP" if cni == "Calico" else "None", 6: "None"}
    complete = []
    for pool in pools:
        encapsulation = pool.get("encapsulation") or default.get(cidr_version(pool.get("cidr") or ""), "None")
        complete.append({**pool, "encapsulation": encapsulation})
    spec.put(path, complete, source)


def _detection(spec: Spec, live_pools: Sequence[str]) -> None:
    """By the pools that there are, or will be: the operator renders again once it sees its own (operator.md, clean install)."""
    pools = [pool.get("cidr") or "" for pool in spec.at("calicoNetwork", "ipPools")[0]]
    families = {cidr_version(cidr) for cidr in (*pools, *live_pools)}
    if 6 in families:
        spec.fill(("calicoNetwork", "nodeAddressAutodetectionV6"), {"firstFound": True}, FROM_OPERATOR)
    if 4 in families or spec.at("calicoNetwork", "linuxDataplane")[0] == "BPF":
        own = spec.provider in _DETECTION
        spec.fill(
            ("calicoNetwork", "nodeAddressAutodetectionV4"),
            _DETECTION.get(spec.provider, {"firstFound": True}),
            f"{FROM_OPERATOR} for {spec.provider}" if own else FROM_OPERATOR,
        )

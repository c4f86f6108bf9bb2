# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the Calico of a cluster asks of its hosts: the settings of a precheck, each with its source.

Calico decides in this order, and the same order is kept here. Defaults were compared at operator 1.34 to 1.44 and in config_params.go at
Calico 3.28 to 3.33; how encapsulation and FelixConfiguration are resolved was read in the development line after 3.33:

- tigera-operator fills the Installation (core_controller.go `fillDefaults`, ippool/defaults.go `fillDefaults`), then merges an overlay
  over it (utils/merge.go `OverrideInstallationSpec`): see installation_spec.py.
- It writes into FelixConfiguration/default what follows from the Installation (`setNftablesMode`, `setDefaultsOnFelixConfiguration`,
  `setBPFUpdatesOnFelixConfiguration`), and gives calico-node environment variables (render/node.go `nodeEnvVars`).
- Felix takes a value from its environment, else from FelixConfiguration/node.NAME, else from FelixConfiguration/default, else its own
  default (felix/config/config_params.go `SourcesInDescendingOrder`).
- Felix turns on an encapsulation when an IPPool has it, disabled pools included, unless FelixConfiguration says so itself
  (felix/calc/encapsulation_resolver.go `EncapsulationCalculator`).

A FelixConfiguration with a nodeSelector (Calico 3.32) is not followed: a note names it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ..documents import DOCUMENT_VERSION, CalicoSettings, ClusterName, NodeSettings, PrecheckSettings, UnreadObjects
from .installation_spec import FROM_OPERATOR, Spec, cidr_version, filled
from .release import release_of

NODE_PREFIX = "node."
DEFAULT = "default"
BPF_ANNOTATION = "operator.tigera.io/bpfEnabled"
"""What the operator last wrote into bpfEnabled; where the two differ, somebody else did, and the operator leaves it (bpf.go)."""

_DATAPLANES = {"Iptables": "iptables", "BPF": "bpf", "Nftables": "nftables"}
_ENCAPSULATIONS = {
    "IPIP": "ipip",
    "IPIPCrossSubnet": "ipip",
    "VXLAN": "vxlan",
    "VXLANCrossSubnet": "vxlan",
    "None": "none",
}


class CalicoObjects(NamedTuple):
    """What decides, as it was read or given. An object is as the API has it, in either of Calico's API groups."""

    installation: Mapping[str, Any] | None = None
    overlay: Mapping[str, Any] | None = None
    felix: Sequence[Mapping[str, Any]] = ()
    pools: Sequence[Mapping[str, Any]] = ()
    bgp: Sequence[Mapping[str, Any]] = ()
    """BGPConfigurations."""
    peers: Sequence[Mapping[str, Any]] = ()
    """BGPPeers."""
    host_endpoints: Sequence[Mapping[str, Any]] = ()
    operator_image: str = ""
    """Of the Deployment tigera-operator."""
    node_image: str = ""
    """Of the DaemonSet calico-node."""
    pod_subnets: Sequence[str] = ()
    """podSubnet of kubeadm, or clusterNetwork of OpenShift: tigera-operator makes pools of them where no pool is named."""
    service_cidrs: Sequence[str] = ()
    services_from: str = ""
    apiserver: str = ""
    """HOST:PORT."""
    apiserver_from: str = ""
    given: str = ""
    """Where an Installation comes from that is not in the cluster yet, as `rollout_installation_spec`."""
    unread: Mapping[str, str] = {}
    """By kind of object (a key of UNREAD), why it was not read."""


UNREAD: dict[str, tuple[str, ...]] = {
    "Installation": (),
    "FelixConfiguration": (
        *("wireguard", "iptables_backend", "mtu_interface_pattern", "cgroup_v2_path", "vxlan_port", "vxlan_vni"),
        *("health_port", "wireguard_port", "wireguard_port_v6", "flow_offload", "flow_logs"),
        "bpf_data_interface_pattern",
    ),
    "IPPool": ("encapsulation", "pod_cidrs"),
    "BGPConfiguration": ("bgp_port",),
    "BGPPeer": (),
    "HostEndpoint": ("host_endpoints",),
    "Deployment tigera-operator": ("calico_version",),
    "service CIDRs": ("service_cidrs",),
    "API server's address": ("apiserver",),
}
"""What each kind of object decides. Where it was not read, these settings have the default, and no evidence is held against them."""


class _Found:
    """Settings as they are found, each with its source. A later one has the last word."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self.settings: dict[str, Any] = {name: _copied(value) for name, value in defaults.items()}
        self.sources = dict.fromkeys(defaults, DEFAULT)

    def put(self, name: str, value: Any, source: str) -> None:
        if value is not None:
            self.settings[name], self.sources[name] = _copied(value), source


def calico_settings(
    objects: CalicoObjects, defaults: Mapping[str, Any], cluster: ClusterName | None = None
) -> CalicoSettings:
    """The settings for every node, those that differ on some, and what could not be read. `defaults` has every setting."""
    notes: list[str] = []
    spec = filled(objects.installation, objects.overlay, _pools_in_force(objects), objects.pod_subnets, objects.given)
    felix = {_name(one): one for one in objects.felix}
    found = _found(objects, spec, felix, "", defaults, notes)
    nodes = {}
    names = {name[len(NODE_PREFIX) :] for name in felix if name.startswith(NODE_PREFIX)}
    names |= {_name(one)[len(NODE_PREFIX) :] for one in objects.bgp if _name(one).startswith(NODE_PREFIX)}
    for node in sorted(names):
        own = _found(objects, spec, felix, node, defaults, [])
        differing = [name for name in own.settings if own.settings[name] != found.settings[name]]
        if differing:
            nodes[node] = NodeSettings(
                settings={name: own.settings[name] for name in differing},
                sources={name: own.sources[name] for name in differing},
            )
    selecting = [
        name
        for name, one in felix.items()
        if name != DEFAULT and not name.startswith(NODE_PREFIX) and _spec(one).get("nodeSelector")
    ]
    if selecting:
        notes.append(
            f"FelixConfiguration {', '.join(sorted(selecting))} applies by nodeSelector and was not taken into account: set what it "
            "asks for with precheck_* for these hosts"
        )
    return CalicoSettings(
        kind="CalicoSettings",
        version=DOCUMENT_VERSION,
        cluster=cluster,
        settings=cast(PrecheckSettings, found.settings),
        sources=found.sources,
        nodes=nodes,
        unread=[
            UnreadObjects(what=what, why=why, settings=_left_at_default(what, found))
            for what, why in sorted(objects.unread.items())
        ],
        notes=notes,
    )


def for_node(asked: CalicoSettings, node: str | None) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings and sources of this Node; those of every node where it has none of its own."""
    own = asked["nodes"].get(node or "")
    if own is None:
        return dict(asked["settings"]), dict(asked["sources"])
    return {**asked["settings"], **own["settings"]}, {**asked["sources"], **own["sources"]}


def _left_at_default(what: str, found: _Found) -> list[str]:
    return [name for name in UNREAD.get(what, ()) if found.sources.get(name) == DEFAULT]


def _found(
    objects: CalicoObjects,
    spec: Spec | None,
    felix: Mapping[str, Mapping[str, Any]],
    node: str,
    defaults: Mapping[str, Any],
    notes: list[str],
) -> _Found:
    found = _Found(defaults)
    release, source = release_of(objects, spec, notes)
    found.put("calico_version", release, source)
    release = found.settings["calico_version"]
    if spec is not None:
        _of_installation(found, spec, release, notes)
    config = _Felix(felix, node)
    _dataplane(found, spec, config, release, notes)
    _of_felix(found, spec, config)
    _of_pools(found, objects, spec, config)
    _of_mtu(found, spec, config)
    _of_bgp(found, objects, node)
    if objects.host_endpoints:
        first = min(_name(one) for one in objects.host_endpoints)
        more = f" and {len(objects.host_endpoints) - 1} more" if len(objects.host_endpoints) > 1 else ""
        found.put("host_endpoints", True, f"HostEndpoint/{first}{more}")
    if objects.service_cidrs and found.sources["service_cidrs"] == DEFAULT:
        found.put("service_cidrs", list(objects.service_cidrs), objects.services_from)
    if objects.apiserver:
        found.put("apiserver", objects.apiserver, objects.apiserver_from)
    return found


def _of_installation(found: _Found, spec: Spec, release: str, notes: list[str]) -> None:
    """What render/node.go takes from the Installation alone."""
    network = "calicoNetwork"
    bgp, source = spec.at(network, "bgp")
    found.put("bgp", bgp == "Enabled", source)
    for setting, field in (
        ("ip_autodetection", "nodeAddressAutodetectionV4"),
        ("ip6_autodetection", "nodeAddressAutodetectionV6"),
    ):
        detection, source = spec.at(network, field)
        method = autodetection_method(detection)
        if setting == "ip6_autodetection":
            found.put("ipv6", bool(method), source if method else f"no {field} in {spec.name}")
            found.put(setting, method or None, source)
        else:
            found.put(setting, method or "none", source if method else f"no {field} in {spec.name}")
    for setting, field in (("cni_bin_dir", "binDir"), ("cni_conf_dir", "confDir")):
        value, source = spec.at("cni", field)
        found.put(setting, value, source)
    flexvolume, source = spec.at("flexVolumePath")
    found.put("flexvolume_path", "" if flexvolume == "None" else flexvolume, source)
    for setting, path in (
        ("mtu", (network, "mtu")),
        ("metrics_port", ("nodeMetricsPort",)),
        ("service_cidrs", ("serviceCIDRs",)),
    ):
        value, source = spec.at(*path)
        found.put(setting, value or None, source)
    provider = spec.provider
    why = f"{FROM_OPERATOR} for {provider}"
    if provider == "OpenShift":
        found.put("health_port", 9199, why)
    if provider == "DockerEE":
        found.put("vxlan_vni", 10000, why)
        # core_controller.go setDefaultsOnFelixConfiguration, from operator 1.40 (Calico 3.31) on.
        if spec.at(network, "linuxDataplane")[0] == "BPF" and _at_least(release, 31):
            found.put("vxlan_port", 8472, why)


def autodetection_method(detection: Mapping[str, Any] | None) -> str:
    """As render/node.go `getAutodetectionMethod` has it, in its order; empty where the family has no address."""
    asked = detection or {}
    for key, prefix in (("interface", "interface="), ("skipInterface", "skip-interface="), ("canReach", "can-reach=")):
        if asked.get(key):
            return f"{prefix}{asked[key]}"
    if asked.get("firstFound"):
        return "first-found"
    if asked.get("cidrs"):
        return f"cidr={','.join(asked['cidrs'])}"
    return "kubernetes-internal-ip" if asked.get("kubernetes") == "NodeInternalIP" else ""


class _Felix:
    """FelixConfiguration as a Felix sees it, each value with the object that has it."""

    def __init__(self, objects: Mapping[str, Mapping[str, Any]], node: str) -> None:
        self.default = objects.get(DEFAULT) or {}
        self._own = objects.get(NODE_PREFIX + node) or {} if node else {}
        self._chain = [(f"FelixConfiguration/{_name(one)}", _spec(one)) for one in (self._own, self.default) if one]

    def at(self, field: str) -> tuple[Any, str]:
        return next(((spec[field], name) for name, spec in self._chain if spec.get(field) is not None), (None, ""))

    def own(self, field: str) -> tuple[Any, str]:
        """Only of this node."""
        return _spec(self._own).get(field), f"FelixConfiguration/{_name(self._own)}" if self._own else ""


def _dataplane(found: _Found, spec: Spec | None, felix: _Felix, release: str, notes: list[str]) -> None:
    """FelixConfiguration has it at last. There the operator writes what the Installation asks for, so that this goes before."""
    asked = source = None
    if spec is not None:
        asked, source = spec.at("calicoNetwork", "linuxDataplane")
        if asked not in _DATAPLANES:
            notes.append(
                f"linuxDataplane {asked} cannot be prechecked: the hosts were checked for {found.settings['dataplane']}"
            )
        found.put("dataplane", _DATAPLANES.get(asked), source)
        nftables, where = felix.own("nftablesMode")
    else:
        # Without an operator FelixConfiguration alone decides. `Auto` (the default from Calico 3.32 on) goes by kube-proxy.
        nftables, where = felix.at("nftablesMode")
    if nftables == "Enabled" and asked != "BPF":
        found.put("dataplane", "nftables", where)
    elif nftables == "Disabled" and asked == "Nftables":
        found.put("dataplane", "iptables", where)
    bpf, where = felix.own("bpfEnabled")
    if bpf is None and asked != "BPF" and (spec is None or _foreign_bpf(felix.default)):
        bpf, where = felix.at("bpfEnabled")
    if bpf:
        found.put("dataplane", "bpf", where)
    elif bpf is False and asked == "BPF":
        # The operator has nftablesMode Enabled beside BPF wherever the version knows it (`IsNftables`; operator 1.42).
        found.put("dataplane", "nftables" if _at_least(release, 32) else "iptables", where)


def _foreign_bpf(default: Mapping[str, Any]) -> bool:
    """bpf.go `bpfValidateAnnotations`: somebody else has set bpfEnabled, and the operator does not override it."""
    value = _spec(default).get("bpfEnabled")
    noted = ((default.get("metadata") or {}).get("annotations") or {}).get(BPF_ANNOTATION)
    if value is None or not noted:
        return value is not None
    written = noted.lower() in ("1", "t", "true")
    return written is not bool(value)


def _of_felix(found: _Found, spec: Spec | None, felix: _Felix) -> None:
    for setting, field in (
        ("vxlan_port", "vxlanPort"),
        ("vxlan_vni", "vxlanVNI"),
        ("wireguard_port", "wireguardListeningPort"),
        ("wireguard_port_v6", "wireguardListeningPortV6"),
        ("mtu_interface_pattern", "mtuIfacePattern"),
        ("cgroup_v2_path", "cgroupV2Path"),
        ("bpf_data_interface_pattern", "bpfDataIfacePattern"),
    ):
        value, source = felix.at(field)
        found.put(setting, value or None, source)
    for field in ("wireguardEnabledV6", "wireguardEnabled"):
        value, source = felix.at(field)
        if value or not found.settings["wireguard"]:
            found.put("wireguard", value, source)
    backend, source = felix.at("iptablesBackend")
    found.put("iptables_backend", (backend or "").lower() or None, source)
    offload, source = felix.at("nftablesFlowTableOffload")
    found.put("flow_offload", None if offload is None else offload == "All", source)
    # Felix' own FlowLogsEnabled(): either is enough.
    for field, off in (("flowLogsLocalReporter", "Disabled"), ("flowLogsGoldmaneServer", "")):
        value, source = felix.at(field)
        if value and value != off:
            found.put("flow_logs", True, source)
    # The operator hands FelixConfiguration/default's to calico-node's environment, where Felix heeds no other.
    port = _spec(felix.default).get("healthPort") if spec is not None else felix.at("healthPort")[0]
    found.put("health_port", port, "FelixConfiguration/default" if spec is not None else felix.at("healthPort")[1])
    enabled, source = felix.at("prometheusMetricsEnabled")
    if enabled and found.sources["metrics_port"] == DEFAULT:
        port, where = felix.at("prometheusMetricsPort")
        found.put("metrics_port", port or 9091, where or source)


def _of_pools(found: _Found, objects: CalicoObjects, spec: Spec | None, felix: _Felix) -> None:
    pools = list(_pools(objects, spec))
    known = spec is not None or bool(pools)
    by_kind: dict[str, str] = {}
    for _cidr, kind, source in pools:
        by_kind.setdefault(kind, source)
    for kind, field in (("ipip", "ipipEnabled"), ("vxlan", "vxlanEnabled")):
        says, source = felix.at(field)
        if says is not None:
            known = True
            by_kind.pop(kind, None)
            # The IPv6 pools' VXLAN is not FelixConfiguration's to switch off (`VXLANEnabledV6`).
            remaining = [where for cidr, has, where in pools if has == kind == "vxlan" and cidr_version(cidr) == 6]
            if says or remaining:
                by_kind[kind] = source if says else remaining[0]
    if known:
        on = [kind for kind in ("ipip", "vxlan") if kind in by_kind]
        source = " and ".join(dict.fromkeys(by_kind[kind] for kind in on)) or by_kind.get("none", "there is no IP pool")
        found.put("encapsulation", "_and_".join(on) or "none", source)
    if pools:
        where = " and ".join(dict.fromkeys(source for _cidr, _kind, source in pools))
        found.put("pod_cidrs", [cidr for cidr, _kind, _source in pools], where)


def _pools(objects: CalicoObjects, spec: Spec | None) -> Iterator[tuple[str, str, str]]:
    """CIDR, encapsulation and source of each pool: the Installation's, which the operator brings into force, then the others."""
    own: set[Any] = set()
    pools, source = spec.at("calicoNetwork", "ipPools") if spec is not None else ((), "")
    for pool in pools or ():
        own.add(_network(pool["cidr"]))
        yield pool["cidr"], _ENCAPSULATIONS.get(pool.get("encapsulation") or "None", "none"), source
    for one in objects.pools:
        pool = _spec(one)
        if pool.get("cidr") and _network(pool["cidr"]) not in own:
            yield pool["cidr"], _mode(pool), f"IPPool/{_name(one)}"


def _mode(pool: Mapping[str, Any]) -> str:
    """An unset mode is Never (libcalico-go resources/ippool.go `IPPoolV3ToV1`)."""
    if (pool.get("vxlanMode") or "Never") != "Never":
        return "vxlan"
    return "none" if (pool.get("ipipMode") or "Never") == "Never" else "ipip"


def _pools_in_force(objects: CalicoObjects) -> list[str]:
    """core_controller.go `GetActivePools`."""
    return [_spec(one)["cidr"] for one in objects.pools if _spec(one).get("cidr") and not _spec(one).get("disabled")]


def _of_mtu(found: _Found, spec: Spec | None, felix: _Felix) -> None:
    """Without an MTU in the Installation, Felix' own for what is on; the largest has to fit."""
    if found.settings["mtu"]:
        return
    on = {
        "ipipMTU": "ipip" in found.settings["encapsulation"],
        "vxlanMTU": "vxlan" in found.settings["encapsulation"],
        "vxlanMTUV6": "vxlan" in found.settings["encapsulation"] and found.settings["ipv6"],
        "wireguardMTU": found.settings["wireguard"],
        "wireguardMTUV6": found.settings["wireguard"] and found.settings["ipv6"],
    }
    told = [felix.at(field) for field, applies in on.items() if applies and felix.at(field)[0]]
    if told:
        value, source = max(told, key=lambda one: int(one[0]))
        found.put("mtu", value, source)


def _of_bgp(found: _Found, objects: CalicoObjects, node: str) -> None:
    """confd's template of BIRD: the port of BGPConfiguration/node.NAME, else that of BGPConfiguration/default."""
    by_name = {_name(one): _spec(one) for one in objects.bgp}
    for name in (f"{NODE_PREFIX}{node}" if node else "", DEFAULT):
        port = (by_name.get(name) or {}).get("listenPort")
        if port:
            found.put("bgp_port", port, f"BGPConfiguration/{name}")
            return


def _at_least(release: str, minor: int) -> bool:
    major, _dot, rest = release.partition(".")
    return (int(major), int(rest)) >= (3, minor)


def _network(cidr: str) -> Any:
    try:
        return ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return cidr


def _name(one: Mapping[str, Any]) -> str:
    return str((one.get("metadata") or {}).get("name") or "")


def _spec(one: Mapping[str, Any]) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = one.get("spec") or {}
    return spec


def _copied(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value

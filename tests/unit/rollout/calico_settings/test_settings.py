# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster's objects ask of its hosts, setting by setting, each with its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import DEFAULTS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_settings.given_objects import (
    with_given,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_settings.settings import (
    UNREAD,
    CalicoObjects,
    autodetection_method,
    calico_settings,
    for_node,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import CalicoSettings
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.validate import flaw_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError

RENDERED = Path(__file__).parent / "rendered"
OPERATOR = "quay.io/tigera/operator:v1.44.2"


def named(name: str, annotations: Any = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "annotations": annotations or {}}, "spec": spec}


def installation(network: Any = None, status: Any = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "default"}, "spec": {"calicoNetwork": network or {}, **spec}, "status": status or {}}


def asked(objects: CalicoObjects) -> CalicoSettings:
    found = calico_settings(objects, DEFAULTS)
    assert flaw_of(found, CalicoSettings) is None
    assert found["settings"].keys() == found["sources"].keys() == DEFAULTS.keys()
    return found


def setting(name: str, objects: CalicoObjects, node: str = "") -> tuple[Any, str]:
    settings, sources = for_node(asked(objects), node)
    return settings[name], sources[name]


def of(network: Any = None, status: Any = None, **more: Any) -> CalicoObjects:
    """Objects with an Installation whose spec says this."""
    kinds = {key: more.pop(key) for key in list(more) if key in CalicoObjects._fields}
    return CalicoObjects(installation=installation(network, status, **more), **kinds)


V4, V6 = {"cidr": "10.0.0.0/16"}, {"cidr": "fd00::/48"}
SPEC = "Installation/default"
BY_OPERATOR = "default of tigera-operator"
CASES: tuple[tuple[str, CalicoObjects, Any, str], ...] = (
    # --- Installation
    ("dataplane", of(), "iptables", BY_OPERATOR),
    ("dataplane", of({"linuxDataplane": "BPF"}), "bpf", f"{SPEC} calicoNetwork.linuxDataplane"),
    ("dataplane", of({"linuxDataplane": "Nftables"}), "nftables", f"{SPEC} calicoNetwork.linuxDataplane"),
    # The spec goes before what was published of it when all was last Available.
    (
        "dataplane",
        of({"linuxDataplane": "Nftables"}, {"computed": {"calicoNetwork": {"linuxDataplane": "BPF"}}}),
        "nftables",
        f"{SPEC} calicoNetwork.linuxDataplane",
    ),
    ("dataplane", of({}, {"computed": {"calicoNetwork": {"linuxDataplane": "BPF"}}}), "bpf", f"{SPEC} status.computed"),
    (
        "dataplane",
        of({"linuxDataplane": "Nftables"}, overlay=installation({"linuxDataplane": "BPF"})),
        "bpf",
        "Installation/overlay calicoNetwork.linuxDataplane",
    ),
    # An overlay's field that says nothing leaves the Installation's.
    (
        "dataplane",
        of({"linuxDataplane": "Nftables"}, overlay=installation({"mtu": 1400})),
        "nftables",
        f"{SPEC} calicoNetwork.linuxDataplane",
    ),
    (
        "dataplane",
        of({"linuxDataplane": "Nftables"}, overlay=installation({"linuxDataplane": ""})),
        "nftables",
        f"{SPEC} calicoNetwork.linuxDataplane",
    ),
    ("mtu", of({"mtu": 1450}, overlay=installation({"mtu": 1400})), 1400, "Installation/overlay calicoNetwork.mtu"),
    ("bgp", of(), True, BY_OPERATOR),
    ("bgp", of({"bgp": "Disabled"}), False, f"{SPEC} calicoNetwork.bgp"),
    ("bgp", of(kubernetesProvider="EKS", cni={"type": "Calico"}), False, f"{BY_OPERATOR} for EKS"),
    ("bgp", of(kubernetesProvider="EKS"), False, f"{BY_OPERATOR} for CNI AmazonVPC"),
    ("encapsulation", of(), "ipip", BY_OPERATOR),
    ("encapsulation", of({"ipPools": [V4]}), "ipip", f"{SPEC} calicoNetwork.ipPools"),
    ("encapsulation", of({"ipPools": [V6]}), "none", f"{SPEC} calicoNetwork.ipPools"),
    (
        "encapsulation",
        of({"ipPools": [{**V4, "encapsulation": "VXLANCrossSubnet"}]}),
        "vxlan",
        f"{SPEC} calicoNetwork.ipPools",
    ),
    (
        "encapsulation",
        of({"ipPools": [{**V4, "encapsulation": "IPIPCrossSubnet"}]}),
        "ipip",
        f"{SPEC} calicoNetwork.ipPools",
    ),
    ("encapsulation", of({"ipPools": [{**V4, "encapsulation": "None"}]}), "none", f"{SPEC} calicoNetwork.ipPools"),
    (
        "encapsulation",
        of({"ipPools": [{**V4, "encapsulation": "IPIP"}, {**V6, "encapsulation": "VXLAN"}]}),
        "ipip_and_vxlan",
        f"{SPEC} calicoNetwork.ipPools",
    ),
    ("encapsulation", of({"ipPools": [V4]}, cni={"type": "AmazonVPC"}), "none", f"{SPEC} calicoNetwork.ipPools"),
    ("encapsulation", of(kubernetesProvider="EKS", cni={"type": "Calico"}), "vxlan", f"{BY_OPERATOR} for EKS"),
    ("pod_cidrs", of(), ["192.168.0.0/16"], BY_OPERATOR),
    ("pod_cidrs", of(kubernetesProvider="EKS", cni={"type": "Calico"}), ["172.16.0.0/16"], f"{BY_OPERATOR} for EKS"),
    ("pod_cidrs", of(kubernetesProvider="AKS"), [], "default"),
    (
        "pod_cidrs",
        of(pod_subnets=("10.1.0.0/16", "fd01::/48", "10.2.0.0/16")),
        ["10.1.0.0/16", "fd01::/48"],
        f"{BY_OPERATOR}, by the cluster's pod network",
    ),
    ("ip_autodetection", of(), "first-found", BY_OPERATOR),
    ("ip_autodetection", of(kubernetesProvider="DockerEE"), "skip-interface=^br-.*", f"{BY_OPERATOR} for DockerEE"),
    (
        "ip_autodetection",
        of(kubernetesProvider="EKS", cni={"type": "Calico"}),
        "can-reach=8.8.8.8",
        f"{BY_OPERATOR} for EKS",
    ),
    (
        "ip_autodetection",
        of({"nodeAddressAutodetectionV4": {"kubernetes": "NodeInternalIP"}}),
        "kubernetes-internal-ip",
        f"{SPEC} calicoNetwork.nodeAddressAutodetectionV4",
    ),
    # A cluster of IPv6 alone: no IPv4 pool, and so no address of that family.
    ("ip_autodetection", of({"ipPools": [V6]}), "none", f"no nodeAddressAutodetectionV4 in {SPEC}"),
    ("ip_autodetection", of({"ipPools": [V6], "linuxDataplane": "BPF"}), "first-found", BY_OPERATOR),
    ("ipv6", of({"ipPools": [V6]}), True, BY_OPERATOR),
    ("ipv6", of({"ipPools": [V4]}), False, f"no nodeAddressAutodetectionV6 in {SPEC}"),
    (
        "ip6_autodetection",
        of({"ipPools": [V4, V6], "nodeAddressAutodetectionV6": {"cidrs": ["fd00::/64", "fd01::/64"]}}),
        "cidr=fd00::/64,fd01::/64",
        f"{SPEC} calicoNetwork.nodeAddressAutodetectionV6",
    ),
    ("cni_bin_dir", of(kubernetesProvider="OpenShift"), "/var/lib/cni/bin", f"{BY_OPERATOR} for OpenShift"),
    ("cni_conf_dir", of(kubernetesProvider="OpenShift"), "/var/run/multus/cni/net.d", f"{BY_OPERATOR} for OpenShift"),
    ("cni_bin_dir", of(cni={"binDir": "/usr/lib/cni"}), "/usr/lib/cni", f"{SPEC} cni.binDir"),
    ("cni_conf_dir", of(cni={"confDir": "/etc/k0s/net.d"}), "/etc/k0s/net.d", f"{SPEC} cni.confDir"),
    ("flexvolume_path", of(), "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/", BY_OPERATOR),
    ("flexvolume_path", of(kubernetesProvider="RKE2"), "/var/lib/kubelet/volumeplugins/", f"{BY_OPERATOR} for RKE2"),
    ("flexvolume_path", of(flexVolumePath="None"), "", f"{SPEC} flexVolumePath"),
    ("metrics_port", of(nodeMetricsPort=9091), 9091, f"{SPEC} nodeMetricsPort"),
    ("service_cidrs", of(serviceCIDRs=["10.96.0.0/12"]), ["10.96.0.0/12"], f"{SPEC} serviceCIDRs"),
    ("health_port", of(kubernetesProvider="OpenShift"), 9199, f"{BY_OPERATOR} for OpenShift"),
    ("vxlan_vni", of(kubernetesProvider="DockerEE"), 10000, f"{BY_OPERATOR} for DockerEE"),
    # Operator 1.40 and later; before, FelixConfiguration keeps Felix' default.
    (
        "vxlan_port",
        of({"linuxDataplane": "BPF"}, kubernetesProvider="DockerEE", operator_image="quay.io/tigera/operator:v1.40.1"),
        8472,
        f"{BY_OPERATOR} for DockerEE",
    ),
    (
        "vxlan_port",
        of({"linuxDataplane": "BPF"}, kubernetesProvider="DockerEE", operator_image="quay.io/tigera/operator:v1.38.1"),
        4789,
        "default",
    ),
    # --- FelixConfiguration
    ("wireguard", CalicoObjects(felix=[named("default", wireguardEnabled=True)]), True, "FelixConfiguration/default"),
    ("wireguard", of(felix=[named("default", wireguardEnabled=True)]), True, "FelixConfiguration/default"),
    ("wireguard", of(felix=[named("default", wireguardEnabledV6=True)]), True, "FelixConfiguration/default"),
    (
        "wireguard",
        of(felix=[named("default", wireguardEnabled=False, wireguardEnabledV6=True)]),
        True,
        "FelixConfiguration/default",
    ),
    ("wireguard", of(felix=[named("default", wireguardEnabled=False)]), False, "FelixConfiguration/default"),
    ("iptables_backend", of(felix=[named("default", iptablesBackend="NFT")]), "nft", "FelixConfiguration/default"),
    (
        "mtu_interface_pattern",
        of(felix=[named("default", mtuIfacePattern="^bond0$")]),
        "^bond0$",
        "FelixConfiguration/default",
    ),
    ("cgroup_v2_path", of(felix=[named("default", cgroupV2Path="/run/cg")]), "/run/cg", "FelixConfiguration/default"),
    ("vxlan_port", of(felix=[named("default", vxlanPort=8472)]), 8472, "FelixConfiguration/default"),
    ("vxlan_vni", of(felix=[named("default", vxlanVNI=7)]), 7, "FelixConfiguration/default"),
    ("health_port", of(felix=[named("default", healthPort=9100)]), 9100, "FelixConfiguration/default"),
    ("wireguard_port", of(felix=[named("default", wireguardListeningPort=51)]), 51, "FelixConfiguration/default"),
    ("wireguard_port_v6", of(felix=[named("default", wireguardListeningPortV6=52)]), 52, "FelixConfiguration/default"),
    ("flow_offload", of(felix=[named("default", nftablesFlowTableOffload="All")]), True, "FelixConfiguration/default"),
    ("flow_logs", of(felix=[named("default", flowLogsLocalReporter="Enabled")]), True, "FelixConfiguration/default"),
    ("flow_logs", of(felix=[named("default", flowLogsGoldmaneServer="g:7443")]), True, "FelixConfiguration/default"),
    ("flow_logs", of(felix=[named("default", flowLogsLocalReporter="Disabled")]), False, "default"),
    (
        "bpf_data_interface_pattern",
        of(felix=[named("default", bpfDataIfacePattern="^team")]),
        "^team",
        "FelixConfiguration/default",
    ),
    (
        "flow_offload",
        of(felix=[named("default", nftablesFlowTableOffload="Disabled")]),
        False,
        "FelixConfiguration/default",
    ),
    ("metrics_port", of(felix=[named("default", prometheusMetricsEnabled=True)]), 9091, "FelixConfiguration/default"),
    ("metrics_port", of(felix=[named("default", prometheusMetricsPort=9092)]), 0, "default"),
    # The operator hands its port to Felix' environment, which goes before every object.
    (
        "metrics_port",
        of(nodeMetricsPort=9081, felix=[named("default", prometheusMetricsEnabled=True, prometheusMetricsPort=9092)]),
        9081,
        f"{SPEC} nodeMetricsPort",
    ),
    ("mtu", of(felix=[named("default", ipipMTU=1440, vxlanMTU=1410)]), 1440, "FelixConfiguration/default"),
    (
        "mtu",
        of(
            {"ipPools": [V4, {**V6, "encapsulation": "VXLAN"}]}, felix=[named("default", ipipMTU=1440, vxlanMTUV6=1410)]
        ),
        1440,
        "FelixConfiguration/default",
    ),
    ("mtu", of({"mtu": 1300}, felix=[named("default", ipipMTU=1440)]), 1300, f"{SPEC} calicoNetwork.mtu"),
    ("encapsulation", of(felix=[named("default", ipipEnabled=False)]), "none", "there is no IP pool"),
    (
        "encapsulation",
        of(felix=[named("default", vxlanEnabled=True)]),
        "ipip_and_vxlan",
        f"{BY_OPERATOR} and FelixConfiguration/default",
    ),
    # FelixConfiguration's switch is for IPv4 alone.
    (
        "encapsulation",
        of({"ipPools": [{**V6, "encapsulation": "VXLAN"}]}, felix=[named("default", vxlanEnabled=False)]),
        "vxlan",
        f"{SPEC} calicoNetwork.ipPools",
    ),
    # What the operator wrote follows the Installation; what somebody else wrote stays, and Felix goes by it.
    (
        "dataplane",
        of(felix=[named("default", {"operator.tigera.io/bpfEnabled": "true"}, bpfEnabled=True)]),
        "iptables",
        BY_OPERATOR,
    ),
    ("dataplane", of(felix=[named("default", bpfEnabled=True)]), "bpf", "FelixConfiguration/default"),
    (
        "dataplane",
        of(felix=[named("default", {"operator.tigera.io/bpfEnabled": "false"}, bpfEnabled=True)]),
        "bpf",
        "FelixConfiguration/default",
    ),
    # The operator overwrites nftablesMode whatever it is; without an operator FelixConfiguration decides.
    ("dataplane", of(felix=[named("default", nftablesMode="Enabled")]), "iptables", BY_OPERATOR),
    (
        "dataplane",
        CalicoObjects(felix=[named("default", nftablesMode="Enabled")]),
        "nftables",
        "FelixConfiguration/default",
    ),
    ("dataplane", CalicoObjects(felix=[named("default", nftablesMode="Auto")]), "iptables", "default"),
    ("dataplane", CalicoObjects(felix=[named("default", bpfEnabled=True)]), "bpf", "FelixConfiguration/default"),
    # --- IPPool, BGPConfiguration, HostEndpoint, and the rest
    ("encapsulation", CalicoObjects(pools=[named("p", cidr="10.9.0.0/16", vxlanMode="Always")]), "vxlan", "IPPool/p"),
    (
        "encapsulation",
        CalicoObjects(pools=[named("p", cidr="10.9.0.0/16", ipipMode="CrossSubnet")]),
        "ipip",
        "IPPool/p",
    ),
    ("encapsulation", CalicoObjects(pools=[named("p", cidr="10.9.0.0/16", ipipMode="Never")]), "none", "IPPool/p"),
    # A disabled pool gives no new addresses, and its encapsulation is on all the same.
    (
        "encapsulation",
        of(pools=[named("a", cidr="10.9.0.0/16"), named("b", cidr="10.8.0.0/16", vxlanMode="Always", disabled=True)]),
        "vxlan",
        "IPPool/b",
    ),
    # The Installation's own pool is about to be changed to what it says.
    (
        "encapsulation",
        of({"ipPools": [{**V4, "encapsulation": "VXLAN"}]}, pools=[named("p", cidr="10.0.0.0/16", ipipMode="Always")]),
        "vxlan",
        f"{SPEC} calicoNetwork.ipPools",
    ),
    # With pools in the cluster the operator makes none of its own.
    ("pod_cidrs", of(pools=[named("p", cidr="10.9.0.0/16")]), ["10.9.0.0/16"], "IPPool/p"),
    ("ip_autodetection", of(pools=[named("p", cidr="fd09::/48")]), "none", f"no nodeAddressAutodetectionV4 in {SPEC}"),
    ("bgp_port", of(bgp=[named("default", listenPort=178)]), 178, "BGPConfiguration/default"),
    ("host_endpoints", of(host_endpoints=[named("b"), named("a")]), True, "HostEndpoint/a and 1 more"),
    (
        "service_cidrs",
        of(service_cidrs=("10.96.0.0/12",), services_from="ServiceCIDR/kubernetes"),
        ["10.96.0.0/12"],
        "ServiceCIDR/kubernetes",
    ),
    ("apiserver", of(apiserver="10.0.0.1:6443", apiserver_from="ConfigMap x"), "10.0.0.1:6443", "ConfigMap x"),
    # --- versions
    ("calico_version", of(operator_image="quay.io/tigera/operator:v1.38.3"), "3.30", "tigera-operator v1.38"),
    ("calico_version", of(operator_image="r.example:5000/operator:v1.35.0"), "3.28", "tigera-operator v1.35"),
    ("calico_version", of(operator_image="quay.io/tigera/operator:v1.43.0@sha256:ab"), "3.32", "tigera-operator v1.43"),
    # The operator brings its own, whatever ran before it was through.
    ("calico_version", of({}, {"calicoVersion": "v3.29.1"}, operator_image=OPERATOR), "3.33", "tigera-operator v1.44"),
    ("calico_version", of({}, {"calicoVersion": "v3.29.1"}), "3.29", f"{SPEC} status.calicoVersion"),
    ("calico_version", of({}, {"calicoVersion": "master"}), "3.33", "default"),
    (
        "calico_version",
        CalicoObjects(node_image="docker.io/calico/node:v3.31.2"),
        "3.31",
        "image of DaemonSet calico-node",
    ),
    (
        "calico_version",
        CalicoObjects(node_image="docker.io/calico/node:v3.20.0"),
        "3.28",
        "image of DaemonSet calico-node",
    ),
)


@pytest.mark.parametrize(("name", "objects", "value", "source"), CASES)
def test_a_setting_follows_from_the_objects_and_names_its_source(
    name: str, objects: CalicoObjects, value: Any, source: str
) -> None:
    assert setting(name, objects) == (value, source)


# Which a precheck cannot read off a cluster: they are the owner's to say.
UNTOLD = {"typha", "sctp", "allow_module_load"}


def test_every_setting_has_a_case() -> None:
    assert {name for name, *_rest in CASES} == DEFAULTS.keys() - UNTOLD


def test_without_any_object_all_is_default() -> None:
    found = asked(CalicoObjects())
    assert found["settings"] == DEFAULTS
    assert set(found["sources"].values()) == {"default"}


@pytest.mark.parametrize(
    ("name", "own", "value", "source"),
    [
        ("wireguard", {"wireguardEnabled": True}, True, "FelixConfiguration/node.w-1"),
        ("mtu_interface_pattern", {"mtuIfacePattern": "^ens"}, "^ens", "FelixConfiguration/node.w-1"),
        ("dataplane", {"bpfEnabled": True}, "bpf", "FelixConfiguration/node.w-1"),
        ("dataplane", {"nftablesMode": "Enabled"}, "nftables", "FelixConfiguration/node.w-1"),
        ("vxlan_port", {"vxlanPort": 1}, 1, "FelixConfiguration/node.w-1"),
        # Felix heeds its environment here, which has the default's.
        ("health_port", {"healthPort": 1}, 9101, "FelixConfiguration/default"),
    ],
)
def test_a_node_may_have_settings_of_its_own(name: str, own: Any, value: Any, source: str) -> None:
    objects = of(felix=[named("default", healthPort=9101, vxlanPort=4790), named("node.w-1", **own)])
    assert setting(name, objects, "w-1") == (value, source)
    assert setting(name, objects, "w-2") == setting(name, objects)
    assert setting(name, objects)[1] != "FelixConfiguration/node.w-1"


def test_a_node_with_bpf_switched_off_runs_what_the_operator_sets_beside_it() -> None:
    objects = of({"linuxDataplane": "BPF"}, felix=[named("node.w-1", bpfEnabled=False)])
    assert setting("dataplane", objects._replace(operator_image=OPERATOR), "w-1")[0] == "nftables"
    older = objects._replace(operator_image="quay.io/tigera/operator:v1.38.0")
    assert setting("dataplane", older, "w-1")[0] == "iptables"


def test_a_node_may_have_a_bgp_port_of_its_own() -> None:
    objects = of(bgp=[named("default", listenPort=178), named("node.w-1", listenPort=177)])
    assert setting("bgp_port", objects, "w-1") == (177, "BGPConfiguration/node.w-1")
    assert setting("bgp_port", objects, "w-2") == (178, "BGPConfiguration/default")


def test_what_could_not_be_read_is_named_with_the_settings_that_stay_at_their_default() -> None:
    found = asked(of(felix=(), unread={"FelixConfiguration": "may not list felixconfigurations", "IPPool": "gone"}))
    by_kind = {one["what"]: one for one in found["unread"]}
    assert by_kind["FelixConfiguration"]["why"] == "may not list felixconfigurations"
    assert "wireguard" in by_kind["FelixConfiguration"]["settings"]
    # The Installation tells of its own pools, so that they are known although no IPPool was read.
    assert by_kind["IPPool"]["settings"] == []


def test_what_an_unread_object_decides_are_settings() -> None:
    assert {name for names in UNREAD.values() for name in names} <= DEFAULTS.keys()


def test_a_felixconfiguration_for_selected_nodes_is_named_as_not_followed() -> None:
    found = asked(of(felix=[named("gpu", nodeSelector="has(gpu)", wireguardEnabled=True), named("default")]))
    assert [note for note in found["notes"] if "FelixConfiguration gpu" in note]
    assert found["settings"]["wireguard"] is False


@pytest.mark.parametrize(
    ("detection", "method"),
    [
        (None, ""),
        ({}, ""),
        ({"firstFound": False}, ""),
        ({"firstFound": True}, "first-found"),
        ({"interface": "eth.*", "firstFound": True}, "interface=eth.*"),
        ({"skipInterface": "br.*"}, "skip-interface=br.*"),
        ({"canReach": "1.1.1.1", "cidrs": ["10.0.0.0/8"]}, "can-reach=1.1.1.1"),
        ({"cidrs": ["10.0.0.0/8", "11.0.0.0/8"], "kubernetes": "NodeInternalIP"}, "cidr=10.0.0.0/8,11.0.0.0/8"),
        ({"kubernetes": "NodeInternalIP"}, "kubernetes-internal-ip"),
    ],
)
def test_the_method_is_chosen_in_the_operators_order(detection: Any, method: str) -> None:
    assert autodetection_method(detection) == method


def test_what_the_newest_operator_rendered_is_read_as_it_runs() -> None:
    """The data plane is BPF in status.computed, of before, and Nftables in the spec; FelixConfiguration follows the spec."""
    objects = with_given(
        CalicoObjects(installation=json.loads((RENDERED / "installation.json").read_text(encoding="utf-8"))),
        [json.loads((RENDERED / "calico.json").read_text(encoding="utf-8"))],
        "rendered",
    )
    found = asked(objects._replace(operator_image=OPERATOR))
    differing = {name: value for name, value in found["settings"].items() if value != DEFAULTS[name]}
    assert differing == {
        "dataplane": "nftables",
        "encapsulation": "vxlan",
        "bgp": False,
        "pod_cidrs": ["10.244.0.0/16"],
    }
    assert found["sources"]["encapsulation"] == "Installation/default calicoNetwork.ipPools"
    assert found["sources"]["vxlan_port"] == "FelixConfiguration/default"


# --- what is given ------------------------------------------------------------------------------------------------

INSTALLATION = {"apiVersion": "operator.tigera.io/v1", "kind": "Installation", **installation({"bgp": "Disabled"})}
FELIX = {"apiVersion": "projectcalico.org/v3", "kind": "FelixConfiguration", **named("default", wireguardEnabled=True)}
OLDER = {
    "apiVersion": "crd.projectcalico.org/v1",
    "kind": "IPPool",
    **named("p", cidr="10.9.0.0/16", vxlanMode="Always"),
}


@pytest.mark.parametrize(
    "given",
    [
        [INSTALLATION, FELIX, OLDER],
        [{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"}}, None, INSTALLATION, FELIX, OLDER],
        [{"kind": "List", "apiVersion": "v1", "items": [INSTALLATION, FELIX, OLDER]}],
        [[INSTALLATION], [FELIX, OLDER]],
        [
            INSTALLATION["spec"],
            FELIX,
            {
                "kind": "IPPoolList",
                "apiVersion": "crd.projectcalico.org/v1",
                "items": [{"metadata": {"name": "p"}, "spec": OLDER["spec"]}],
            },
        ],
    ],
)
def test_manifests_are_taken_in_every_form_in_which_people_have_them(given: Any) -> None:
    there = CalicoObjects(
        felix=[named("default", wireguardEnabled=False)], pools=[named("p", cidr="10.9.0.0/16", ipipMode="Always")]
    )
    objects = with_given(there, given, "calico.yaml")
    assert setting("bgp", objects) == (False, "Installation in calico.yaml calicoNetwork.bgp")
    assert setting("wireguard", objects)[0] is True
    assert setting("encapsulation", objects) == ("vxlan", "IPPool/p")


def test_a_given_overlay_is_merged() -> None:
    overlay = {**INSTALLATION, "metadata": {"name": "overlay"}, "spec": {"calicoNetwork": {"bgp": "Enabled"}}}
    assert setting("bgp", with_given(CalicoObjects(), [INSTALLATION, overlay], "x"))[0] is True


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["calico"], "a mapping with apiVersion and kind, not str"),
        ([{"kind": "Installation", "apiVersion": "v1"}], "there is no Installation"),
        ([{"kind": "ConfigMap", "apiVersion": "v1"}], "there is no Installation"),
    ],
)
def test_what_holds_nothing_of_use_is_refused(given: Any, told: str) -> None:
    with pytest.raises(RolloutError, match=f"calico.yaml: .*{told}"):
        with_given(CalicoObjects(), given, "calico.yaml")

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's rules, without a cluster: defaults, overlay, overrides, typha."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.lab.operator.defaults import enabled_pools, merge_patch, with_defaults, with_pool_defaults
from tests.lab.operator.names import Document
from tests.lab.operator.overlay import overlaid
from tests.lab.operator.typha import NotEnoughNodes, expected_scale, replicas
from tests.lab.operator.workloads import for_apiserver, for_installation, for_webhooks, merged

pytestmark = [pytest.mark.operator, pytest.mark.stand_in("its own functions are asked, without a cluster")]

LINUX = {"kubernetes.io/os": "linux"}


def computed(**spec: Any) -> Document:
    return with_pool_defaults(with_defaults(spec))


def pod_override(**pod: Any) -> Document:
    return {"spec": {"template": {"spec": pod}}}


def workload(name: str, **spec: Any) -> Document:
    objects = for_installation(computed(**spec), typha_replicas=3)
    return next(
        one for one in objects if one["metadata"]["name"] == name and one["kind"] in ("DaemonSet", "Deployment")
    )


def pod(name: str, **spec: Any) -> Document:
    template: Document = workload(name, **spec)["spec"]["template"]["spec"]
    return template


# -- defaults


def test_an_empty_spec_gets_calico_with_an_ipip_pool() -> None:
    spec = computed()
    assert (spec["variant"], spec["cni"]["type"], spec["cni"]["ipam"]["type"]) == ("Calico", "Calico", "Calico")
    (pool,) = spec["calicoNetwork"]["ipPools"]
    assert (pool["cidr"], pool["encapsulation"], pool["blockSize"]) == ("192.168.0.0/16", "IPIP", 26)
    assert spec["nodeUpdateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
    assert spec["controlPlaneReplicas"] == 2


def test_defaults_change_nothing_that_is_set() -> None:
    own = {
        "cni": {"type": "Calico", "ipam": {"type": "HostLocal"}},
        "calicoNetwork": {"bgp": "Disabled", "linuxDataplane": "Nftables"},
        "nodeUpdateStrategy": {"rollingUpdate": {"maxUnavailable": "25%"}},
        "controlPlaneReplicas": 1,
    }
    filled = computed(**copy.deepcopy(own))
    assert (filled["cni"]["ipam"]["type"], filled["controlPlaneReplicas"]) == ("HostLocal", 1)
    assert filled["nodeUpdateStrategy"]["rollingUpdate"] == {"maxUnavailable": "25%"}
    assert filled["calicoNetwork"]["linuxDataplane"] == "Nftables"


def test_defaults_once_written_stay_as_they_are() -> None:
    once = with_defaults(computed())
    assert computed(**once) == once


def test_an_empty_list_of_pools_stays_empty() -> None:
    assert computed(calicoNetwork={"ipPools": []})["calicoNetwork"]["ipPools"] == []


def test_each_provider_has_its_own_cni() -> None:
    assert computed(kubernetesProvider="EKS")["cni"]["type"] == "AmazonVPC"
    assert computed(kubernetesProvider="AKS")["cni"]["type"] == "AzureVNET"
    assert computed(kubernetesProvider="GKE")["cni"]["ipam"]["type"] == "HostLocal"


def test_a_pool_without_new_allocations_is_not_enabled() -> None:
    spec = computed(calicoNetwork={"ipPools": [{"cidr": "10.0.0.0/16", "disableNewAllocations": True}]})
    assert enabled_pools(spec) == []
    assert len(enabled_pools(computed())) == 1


def test_a_merge_patch_holds_what_differs_only() -> None:
    before = {"a": {"kept": 1, "changed": 1, "gone": 1}, "list": [1]}
    after = {"a": {"kept": 1, "changed": 2}, "list": [1, 2], "new": {"x": 1}}
    assert merge_patch(before, after) == {"a": {"changed": 2, "gone": None}, "list": [1, 2], "new": {"x": 1}}


# -- overrides


def test_a_node_selector_adds_to_the_operating_system() -> None:
    seen = pod(
        "calico-node", calicoNodeDaemonSet=pod_override(nodeSelector={"a/b": "c", "kubernetes.io/os": "windows"})
    )
    assert seen["nodeSelector"] == {"a/b": "c", **LINUX}


@pytest.mark.parametrize(
    "key", ["operator.tigera.io/x", "rollout.operator.tigera.io/x", "my-operator.tigera.io.example/x"]
)
def test_a_key_that_contains_the_operators_domain_is_dropped(key: str) -> None:
    override = {**pod_override(nodeSelector={key: "1"}), "metadata": {"labels": {key: "1", "kept": "1"}}}
    seen = workload("calico-node", calicoNodeDaemonSet=override)
    assert seen["spec"]["template"]["spec"]["nodeSelector"] == LINUX
    assert seen["metadata"]["labels"] == {"k8s-app": "calico-node", "kept": "1"}


def test_a_label_of_the_operator_cannot_be_overridden() -> None:
    seen = workload("calico-node", calicoNodeDaemonSet={"metadata": {"labels": {"k8s-app": "mine"}}})
    assert seen["metadata"]["labels"] == {"k8s-app": "calico-node"}


def test_the_control_planes_selector_keeps_a_key_of_the_operators_domain() -> None:
    selector = {"operator.tigera.io/x": "1"}
    assert pod("calico-kube-controllers", controlPlaneNodeSelector=selector)["nodeSelector"] == {**selector, **LINUX}


def test_csi_has_a_selector_of_its_own() -> None:
    only_node = {"calicoNodeDaemonSet": pod_override(nodeSelector={"a": "b"})}
    assert pod("csi-node-driver", **only_node)["nodeSelector"] == LINUX
    own = pod_override(nodeSelector={"a": "b"})
    assert pod("csi-node-driver", csiNodeDriverDaemonSet=own)["nodeSelector"] == {"a": "b", **LINUX}


def test_the_control_planes_selector_does_not_reach_typha() -> None:
    assert pod("calico-typha", controlPlaneNodeSelector={"a": "b"})["nodeSelector"] == LINUX


def test_the_control_planes_tolerations_replace_typhas_and_add_to_the_others() -> None:
    own = [{"key": "mine", "operator": "Exists"}]
    assert pod("calico-typha", controlPlaneTolerations=own)["tolerations"] == own
    seen = pod("calico-kube-controllers", controlPlaneTolerations=own)["tolerations"]
    assert seen[0] == own[0]
    assert {"key": "CriticalAddonsOnly", "operator": "Exists"} in seen


def test_an_affinity_replaces_that_of_the_provider() -> None:
    eks = {"kubernetesProvider": "EKS", "cni": {"type": "Calico"}}
    assert "fargate" in str(pod("calico-node", **eks)["affinity"])
    own: Document = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    assert pod("calico-node", **eks, calicoNodeDaemonSet=pod_override(affinity=own))["affinity"] == own


def test_empty_tolerations_replace_tolerating_everything() -> None:
    assert len(pod("calico-node")["tolerations"]) == 3
    assert pod("calico-node", calicoNodeDaemonSet=pod_override(tolerations=[]))["tolerations"] == []


def test_probe_timings_and_resources_are_overridden_and_noted() -> None:
    container = {
        "name": "calico-node",
        "resources": {"limits": {"cpu": "1"}},
        "readinessProbe": {"periodSeconds": 5, "exec": {"command": ["/bin/true"]}},
    }
    seen = workload("calico-node", calicoNodeDaemonSet=pod_override(containers=[container]))
    (calico_node,) = seen["spec"]["template"]["spec"]["containers"]
    assert calico_node["resources"] == {"limits": {"cpu": "1"}}
    assert calico_node["readinessProbe"]["periodSeconds"] == 5
    assert calico_node["readinessProbe"]["exec"] != {"command": ["/bin/true"]}
    assert seen["metadata"]["annotations"]["operator.tigera.io/custom-overrides"] == "readinessProbe,resources"


def test_calico_node_is_on_the_hosts_network_and_csi_is_not() -> None:
    assert pod("calico-node")["hostNetwork"] is True
    assert "hostNetwork" not in pod("csi-node-driver")
    assert pod("calico-typha")["hostNetwork"] is True
    assert "hostNetwork" not in pod("calico-kube-controllers")


@pytest.mark.parametrize(
    "change",
    [
        {"calicoNetwork": {"linuxDataplane": "Nftables"}},
        {"calicoNetwork": {"mtu": 1400}},
        {"calicoNetwork": {"bgp": "Disabled", "ipPools": [{"cidr": "10.0.0.0/16", "encapsulation": "VXLAN"}]}},
        {"calicoNetwork": {"nodeAddressAutodetectionV4": {"interface": "eth.*"}}},
        {"nodeMetricsPort": 9091},
        {"registry": "mirror.example/"},
    ],
)
def test_settings_of_calico_node_change_its_template(change: Document) -> None:
    assert workload("calico-node", **change)["spec"]["template"] != workload("calico-node")["spec"]["template"]


def test_the_update_strategy_does_not_change_the_template() -> None:
    seen = workload("calico-node", nodeUpdateStrategy={"rollingUpdate": {"maxUnavailable": 7}})
    assert seen["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 7}
    assert seen["spec"]["template"] == workload("calico-node")["spec"]["template"]


def test_the_apiserver_is_placed_with_the_control_plane() -> None:
    spec = computed(controlPlaneNodeSelector={"a": "b"}, controlPlaneReplicas=3)
    deployment = for_apiserver(spec, {"apiServerDeployment": pod_override(nodeSelector={"c": "d"})})[-1]
    assert deployment["spec"]["replicas"] == 3
    assert deployment["spec"]["template"]["spec"]["nodeSelector"] == {"a": "b", "c": "d", **LINUX}


def test_an_update_keeps_the_metadata_of_others_and_drops_everything_else() -> None:
    current = workload("calico-node", calicoNodeDaemonSet=pod_override(nodeSelector={"old": "key"}))
    current["metadata"].update(resourceVersion="7", annotations={"theirs": "1", "operator.tigera.io/x": "1"})
    current["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    result = merged(workload("calico-node"), current)
    assert result["metadata"]["annotations"] == {"theirs": "1"}
    assert result["metadata"]["resourceVersion"] == "7"
    assert result["spec"]["template"]["metadata"]["annotations"] == {"kubectl.kubernetes.io/restartedAt": "now"}
    assert result["spec"]["template"]["spec"]["nodeSelector"] == LINUX


# -- overlay


def test_an_overlay_replaces_selector_and_tolerations_as_a_whole() -> None:
    base = {
        "calicoNodeDaemonSet": pod_override(nodeSelector={"a": "1"}, tolerations=[{"key": "a"}], affinity={"x": {}})
    }
    over = {"calicoNodeDaemonSet": pod_override(nodeSelector={"b": "2"}, tolerations=[])}
    seen = overlaid(base, over)["calicoNodeDaemonSet"]["spec"]["template"]["spec"]
    assert seen == {"nodeSelector": {"b": "2"}, "tolerations": [], "affinity": {"x": {}}}


def test_an_overlay_replaces_labels_as_a_whole() -> None:
    base = {"calicoNodeDaemonSet": {"metadata": {"labels": {"a": "1"}, "annotations": {"c": "3"}}}}
    seen = overlaid(base, {"calicoNodeDaemonSet": {"metadata": {"labels": {"b": "2"}}}})
    assert seen["calicoNodeDaemonSet"]["metadata"] == {"labels": {"b": "2"}, "annotations": {"c": "3"}}


def test_an_overlay_changes_single_fields_of_the_network() -> None:
    seen = overlaid({"calicoNetwork": {"bgp": "Enabled", "mtu": 1}, "variant": "Calico"}, {"calicoNetwork": {"mtu": 2}})
    assert seen == {"calicoNetwork": {"bgp": "Enabled", "mtu": 2}, "variant": "Calico"}


# -- typha


@pytest.mark.parametrize(
    ("nodes", "scale"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (399, 3), (400, 4), (1000, 7), (3600, 20)]
)
def test_typha_scales_with_the_nodes(nodes: int, scale: int) -> None:
    assert expected_scale(nodes) == scale


def test_all_nodes_count_but_typha_needs_linux() -> None:
    assert replicas([LINUX] * 3 + [{"kubernetes.io/os": "windows"}] * 2) == 3
    with pytest.raises(NotEnoughNodes, match="require 3 and have 2"):
        replicas([LINUX] * 2 + [{"kubernetes.io/os": "windows"}] * 3)
    assert replicas([LINUX] + [{"kubernetes.azure.com/cluster": "", "type": "virtual-kubelet"}] * 9) == 1


def test_webhooks_follow_their_own_override_alone() -> None:
    spec = computed(controlPlaneNodeSelector={"a": "b"}, controlPlaneReplicas=3)
    _account, plain = for_webhooks(spec, {})
    assert (plain["metadata"]["name"], plain["spec"]["replicas"]) == ("calico-webhooks", 3)
    assert plain["spec"]["template"]["spec"]["nodeSelector"] == LINUX
    _account, placed = for_webhooks(spec, {"calicoWebhooksDeployment": pod_override(nodeSelector={"c": "d"})})
    assert placed["spec"]["template"]["spec"]["nodeSelector"] == {"c": "d", **LINUX}

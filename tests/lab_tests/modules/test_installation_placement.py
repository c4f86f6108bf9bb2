# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Calico's components go beyond the admission label: on a real API server, carried out by the stand-in operator."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.calico import ADDRESSES, INSTALLATION, Calico
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome, eventually
from tests.lab.nodes import NodeSpec

KEY = "rollout.calico-ops.dev/admitted"
ADMITTED = {KEY: "true"}
APISERVER = "/apis/operator.tigera.io/v1/apiservers/default"
EVERYTHING = [{"operator": "Exists"}]
NO_FARGATE = {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]}

pytestmark = [pytest.mark.crds, pytest.mark.operator]


@pytest.fixture
def calico(cluster: Lab) -> Calico:
    """Calico without any selector, ready on three core nodes that carry the label, and on two edge nodes that do too."""
    tiers = {"core-1": "core", "core-2": "core", "core-3": "core", "edge-1": "edge", "edge-2": "edge"}
    cluster.add_nodes(NodeSpec(name, {"tier": tier, "arch": "amd64", **ADMITTED}) for name, tier in tiers.items())
    calico = Calico(cluster)
    calico.install({}, apiserver=True)
    eventually(lambda: len(calico.nodes_with(ready=True)) == 5, "calico-node is ready on five nodes")
    return calico


def required(*expressions: dict[str, Any]) -> dict[str, Any]:
    terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def in_arch(*values: str) -> dict[str, Any]:
    return {"key": "arch", "operator": "In", "values": list(values)}


def selected_by(calico: Calico, workload: str, labels: dict[str, str]) -> None:
    wanted = {"kubernetes.io/os": "linux", **labels}
    eventually(lambda: calico.pod_template(workload)["nodeSelector"] == wanted, f"{workload} is selected by {wanted}")


def managers(outcome: Outcome) -> list[str | None]:
    return [event.field_manager for event in outcome.writes]


def test_affinity_and_tolerations_come_with_the_selector_in_one_write_and_reach_both_daemonsets(
    calico: Calico, modules: Modules
) -> None:
    asked: dict[str, Any] = {"affinity": required(in_arch("amd64", "arm64")), "tolerations": EVERYTHING}
    rehearsed = modules.run("installation_scope", check=True, **asked)
    outcome = modules.run("installation_scope", **asked)
    assert not outcome.failed, outcome["msg"]
    assert managers(outcome) == ["calico-ops-scope"]
    assert rehearsed["diff"] == outcome["diff"]
    for name in ("calico-node", "csi-node-driver"):
        pod = calico.pod_template(name)
        assert (pod["affinity"], pod["tolerations"]) == (asked["affinity"], EVERYTHING)
        assert pod["nodeSelector"] == {"kubernetes.io/os": "linux", **ADMITTED}
    again = modules.run("installation_scope", **asked)
    assert (again["changed"], again.writes) == (False, [])
    without = modules.run("installation_scope")
    assert (without["changed"], without.writes) == (False, [])


def test_on_eks_fargate_stays_out_whatever_the_affinity_says(cluster: Lab, modules: Modules) -> None:
    cluster.add_nodes(NodeSpec(name, {"arch": "amd64", **ADMITTED}) for name in ("a", "b"))
    cluster.add_node("fargate-1", {"arch": "amd64", "eks.amazonaws.com/compute-type": "fargate"})
    calico = Calico(cluster)
    calico.install({"kubernetesProvider": "EKS", "cni": {"type": "Calico"}})
    eventually(lambda: calico.nodes_with(ready=True) == {"a", "b"}, "the operator's own affinity keeps Fargate out")
    outcome = modules.run("installation_scope", affinity=required(in_arch("amd64")))
    assert not outcome.failed, outcome["msg"]
    for name in ("calico-node", "csi-node-driver"):
        assert calico.pod_template(name)["affinity"] == required(in_arch("amd64"), NO_FARGATE)
    assert modules.run("installation_scope", affinity=required(in_arch("amd64")))["changed"] is False


def test_an_affinity_that_would_take_calico_node_from_an_admitted_node_is_refused_by_name(
    calico: Calico, modules: Modules
) -> None:
    term = {"key": "tier", "operator": "In", "values": ["core"]}
    outcome = modules.run("installation_scope", affinity=required(term))
    assert outcome.failed
    assert "keep it off 2 nodes that must run it: edge-1 does not match the required node affinity" in outcome["msg"]
    assert outcome.writes == []
    spared = modules.run("installation_scope", affinity=required(term), may_lose_calico=["edge-1", "edge-2"])
    assert not spared.failed, spared["msg"]
    eventually(lambda: calico.nodes_with() == {"core-1", "core-2", "core-3"}, "calico-node runs on core alone")


def test_tolerations_that_leave_an_admitted_node_out_are_refused_by_its_taint(calico: Calico, modules: Modules) -> None:
    taint = {"key": "dedicated", "value": "edge", "effect": "NoSchedule"}
    calico.admin.patch("/api/v1/nodes/edge-1", {"spec": {"taints": [taint]}})
    needed = [
        {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": "NoSchedule"}
        for name in ("not-ready", "network-unavailable")
    ]
    outcome = modules.run("installation_scope", tolerations=needed)
    assert outcome.failed
    assert "edge-1 has the taint dedicated=edge:NoSchedule, which is not tolerated" in outcome["msg"]
    assert outcome.writes == []
    taken = modules.run("installation_scope", tolerations=[*needed, {"key": "dedicated", "operator": "Exists"}])
    assert not taken.failed, taken["msg"]
    eventually(lambda: len(calico.nodes_with(ready=True)) == 5, "calico-node is ready on all five again")


def test_tolerations_that_lack_what_every_node_needs_are_refused_before_anything_is_asked(modules: Modules) -> None:
    for tolerations, told in (
        ([], "an empty list tolerates no taint at all"),
        ([{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}], "network-unavailable:NoSchedule"),
    ):
        outcome = modules.run("installation_scope", tolerations=tolerations)
        assert outcome.failed
        assert told in outcome["msg"]
        assert "- key: node.kubernetes.io/network-unavailable\n" in outcome["msg"]


def test_typha_is_pinned_where_the_autoscaler_finds_enough_nodes(calico: Calico, modules: Modules) -> None:
    outcome = modules.run("installation_scope", typha_label={"key": "tier", "value": "core"})
    assert not outcome.failed, outcome["msg"]
    assert managers(outcome) == ["calico-ops-typha", "calico-ops-scope"]
    assert calico.pod_template("calico-typha")["nodeSelector"] == {"kubernetes.io/os": "linux", "tier": "core"}
    eventually(
        lambda: calico.nodes_with("calico-typha", ready=True) == {"core-1", "core-2", "core-3"},
        "three replicas of typha are ready, one on each core node",
    )


def test_a_typha_pin_with_too_few_nodes_is_refused_with_the_figures_that_the_autoscaler_then_has(
    calico: Calico, modules: Modules
) -> None:
    outcome = modules.run("installation_scope", typha_label={"key": "tier", "value": "edge"})
    assert outcome.failed
    assert "typha pinned to tier=edge has 2 nodes to run on (edge-1, edge-2)" in outcome["msg"]
    assert "counts all 5 nodes that are not cordoned and asks for 3 replicas" in outcome["msg"]
    assert outcome.writes == []
    # What the refusal spares: the third replica finds no node, and TigeraStatus says nothing of it.
    calico.patch({"typhaDeployment": {"spec": {"template": {"spec": {"nodeSelector": {"tier": "edge"}}}}}})
    eventually(lambda: calico.nodes_with("calico-typha") == {"edge-1", "edge-2"}, "typha has moved to the edge")
    assert calico.deployment("calico-typha")["spec"]["replicas"] == 3
    calico.wait_until_available()


def test_the_control_plane_goes_where_it_is_told(calico: Calico, modules: Modules) -> None:
    core = {"node_selector": {"tier": "core"}}
    asked: dict[str, Any] = {"kube_controllers": core, "apiserver": {**core, "tolerations": EVERYTHING}}
    rehearsed = modules.run("installation_scope", check=True, **asked)
    assert (rehearsed["changed"], rehearsed.writes) == (True, [])
    outcome = modules.run("installation_scope", **asked)
    assert not outcome.failed, outcome["msg"]
    # One that met a write of the operator was refused, and made again.
    written = [(event.resource, event.field_manager) for event in outcome.writes if event.code != 409]
    assert written == [
        ("apiservers", "calico-ops-control-plane"),
        ("installations", "calico-ops-control-plane"),
        ("installations", "calico-ops-scope"),
    ]
    assert outcome["diff"] == rehearsed["diff"]
    assert [part["after_header"] for part in outcome["diff"]] == ["Installation/default", "APIServer/default"]
    for name in ("calico-kube-controllers", "calico-apiserver"):
        selected_by(calico, name, {"tier": "core", **ADMITTED})
    assert calico.pod_template("calico-apiserver")["tolerations"] == EVERYTHING
    eventually(
        lambda: {"core-1", "core-2", "core-3"} >= calico.nodes_with("calico-apiserver", ready=True) != set(),
        "calico-apiserver is ready on core nodes",
    )
    assert modules.run("installation_scope", **asked).writes == []


def test_an_apiserver_without_a_node_for_its_pods_is_refused(calico: Calico, modules: Modules) -> None:
    outcome = modules.run("installation_scope", apiserver={"node_selector": {"tier": "nowhere"}})
    assert outcome.failed
    assert "no node would take calico-apiserver" in outcome["msg"]
    assert "tier=nowhere" in outcome["msg"]
    assert outcome.writes == []


def test_an_apiserver_that_somebody_else_keeps_off_every_admitted_node_is_refused_too(
    calico: Calico, modules: Modules
) -> None:
    theirs = {"spec": {"template": {"spec": {"nodeSelector": {"disk": "fast"}}}}}
    calico.admin.patch(APISERVER, {"spec": {"apiServerDeployment": theirs}})
    outcome = modules.run("installation_scope")
    assert outcome.failed
    assert "no node would take calico-apiserver" in outcome["msg"]
    assert "disk=fast" in outcome["msg"]
    assert outcome.writes == []


def test_placing_an_apiserver_that_is_not_there_is_refused(cluster: Lab, modules: Modules) -> None:
    cluster.add_node("a", ADMITTED)
    Calico(cluster).install({})
    outcome = modules.run("installation_scope", apiserver={"node_selector": {"tier": "core"}})
    assert outcome.failed
    assert "apiserver: there is no APIServer/default" in outcome["msg"]
    assert outcome.writes == []


def test_a_clean_install_has_all_of_it_from_its_first_moment(cluster: Lab, modules: Modules) -> None:
    cluster.add_nodes(NodeSpec(name, {"tier": "core", **ADMITTED}) for name in ("a", "b"))
    asked: dict[str, Any] = {
        "create": True,
        "spec": {**ADDRESSES, "controlPlaneReplicas": 1},
        "tolerations": EVERYTHING,
        "typha_label": {"key": "tier", "value": "core"},
        "kube_controllers": {"node_selector": {"tier": "core"}},
    }
    outcome = modules.run("installation_scope", **asked)
    assert not outcome.failed, outcome["msg"]
    assert [(event.verb, event.field_manager) for event in outcome.writes] == [("create", "calico-ops-install")]
    spec = cluster.admin.get(INSTALLATION)["spec"]
    assert spec["typhaDeployment"]["spec"]["template"]["spec"] == {"nodeSelector": {"tier": "core"}}
    assert spec["calicoNodeDaemonSet"]["spec"]["template"]["spec"]["tolerations"] == EVERYTHING
    assert modules.run("installation_scope", **asked).writes == []


def test_typha_and_calico_node_are_not_left_to_wait_for_each_other(cluster: Lab, modules: Modules) -> None:
    """A new node has not-ready until calico-node runs there; the Installation's tolerations keep typha off until then."""
    cluster.add_nodes(NodeSpec(name, dict(ADMITTED)) for name in ("a", "b"))
    own = [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}]
    asked: dict[str, Any] = {"create": True, "spec": {"controlPlaneReplicas": 1, "controlPlaneTolerations": own}}
    for check in (True, False):
        outcome = modules.run("installation_scope", check=check, **asked)
        assert outcome.failed
        assert "typha and calico-node would wait for each other: controlPlaneTolerations replaces" in outcome["msg"]
        assert "{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoSchedule}" in outcome["msg"]
        assert outcome.writes == []
    # What the refusal spares. With the toleration that it names all is well.
    needed = [*own, {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"}]
    asked["spec"]["controlPlaneTolerations"] = [
        *needed,
        {"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"},
    ]
    outcome = modules.run("installation_scope", **asked)
    assert not outcome.failed, outcome["msg"]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""installation_scope on a real API server with the stand-in operator."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.api import APPLY
from tests.lab.calico import ADDRESSES
from tests.lab.lab import Lab
from tests.lab.modules import Modules, eventually

pytestmark = [pytest.mark.crds, pytest.mark.operator]

KEY = "rollout.calico-ops.dev/admitted"
INSTALLATION = "/apis/operator.tigera.io/v1/installations/default"
DAEMONSETS = "/apis/apps/v1/namespaces/calico-system/daemonsets/"
PODS = "/api/v1/namespaces/calico-system/pods"


@pytest.fixture
def brownfield(cluster: Lab) -> Lab:
    """Calico as the operator installs it, without any selector, ready on three nodes."""
    for name in ("a", "b", "c"):
        cluster.add_node(name)
    create_installation(cluster)
    eventually(lambda: len(ready_nodes(cluster)) == 3, "calico-node is ready on three nodes")
    return cluster


def create_installation(lab: Lab, **spec: Any) -> None:
    """With that spec and ADDRESSES, of which the spec may say otherwise."""
    body = {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "Installation",
        "metadata": {"name": "default"},
        "spec": {**ADDRESSES, **spec},
    }
    lab.admin.create(INSTALLATION.rpartition("/")[0], body)


def ready_nodes(lab: Lab) -> set[str]:
    pods = lab.admin.list(PODS, labelSelector="k8s-app=calico-node")
    return {
        pod["spec"]["nodeName"]
        for pod in pods
        for condition in pod.get("status", {}).get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def admit(lab: Lab, *nodes: str) -> None:
    for node in nodes:
        lab.admin.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {KEY: "true"}}})


def selector(lab: Lab, daemonset: str) -> dict[str, str]:
    found: dict[str, str] = lab.admin.get(DAEMONSETS + daemonset)["spec"]["template"]["spec"]["nodeSelector"]
    return found


def test_refuses_a_selector_that_would_strand_ready_nodes_by_name_and_writes_nothing(
    brownfield: Lab, modules: Modules
) -> None:
    admit(brownfield, "a")
    before = brownfield.admin.get(INSTALLATION)["spec"]
    outcome = modules.run("installation_scope")
    assert outcome.failed
    assert "2 nodes run a Ready calico-node" in outcome["msg"]
    assert "b, c" in outcome["msg"]
    assert outcome.writes == []
    assert brownfield.admin.get(INSTALLATION)["spec"] == before


def test_the_selector_is_in_force_when_the_module_returns_and_a_second_run_changes_nothing(
    brownfield: Lab, modules: Modules
) -> None:
    admit(brownfield, "a", "b", "c")
    rehearsed = modules.run("installation_scope", check=True)
    assert (rehearsed["changed"], rehearsed.writes) == (True, [])
    outcome = modules.run("installation_scope")
    assert not outcome.failed, outcome["msg"]
    for daemonset in ("calico-node", "csi-node-driver"):
        assert selector(brownfield, daemonset) == {"kubernetes.io/os": "linux", KEY: "true"}
    assert outcome["diff"] == rehearsed["diff"]
    assert [(part["after_header"], part["before"]) for part in outcome["diff"]] == [("Installation/default", {})]
    assert [event.field_manager for event in outcome.writes] == ["calico-ops-scope"]
    again = modules.run("installation_scope")
    assert (again["changed"], again.writes) == (False, [])


def test_only_nodes_named_beforehand_lose_their_calico_node(brownfield: Lab, modules: Modules) -> None:
    admit(brownfield, "a", "b")
    outcome = modules.run("installation_scope", may_lose_calico=["c"])
    assert not outcome.failed, outcome["msg"]
    eventually(lambda: ready_nodes(brownfield) == {"a", "b"}, "calico-node runs on a and b alone")


def test_a_field_that_another_manager_holds_is_told_by_manager_and_field(brownfield: Lab, modules: Modules) -> None:
    admit(brownfield, "a", "b", "c")
    theirs = {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "Installation",
        "spec": {"controlPlaneNodeSelector": {KEY: "false"}},
    }
    brownfield.admin.patch(INSTALLATION, theirs, APPLY, fieldManager="argocd", force=True)
    outcome = modules.run("installation_scope")
    assert outcome.failed
    assert "spec.controlPlaneNodeSelector" in outcome["msg"]
    assert "is held by argocd" in outcome["msg"]
    assert outcome.writes == []


def test_keys_of_another_manager_that_would_narrow_the_selector_are_refused(brownfield: Lab, modules: Modules) -> None:
    admit(brownfield, "a", "b", "c")
    override = {"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": "a"}}}}}
    brownfield.admin.patch(INSTALLATION, {"spec": {"csiNodeDriverDaemonSet": override}})
    outcome = modules.run("installation_scope")
    assert outcome.failed
    assert "kubernetes.io/hostname=a" in outcome["msg"]
    assert outcome.writes == []


def test_an_overlay_is_refused(brownfield: Lab, modules: Modules) -> None:
    admit(brownfield, "a", "b", "c")
    overlay = {"apiVersion": "operator.tigera.io/v1", "kind": "Installation", "metadata": {"name": "overlay"}}
    brownfield.admin.create(INSTALLATION.rpartition("/")[0], {**overlay, "spec": {}})
    outcome = modules.run("installation_scope")
    assert outcome.failed
    assert "overlay" in outcome["msg"]
    assert outcome.writes == []


def test_create_makes_the_installation_with_the_selector_in_it_and_is_idempotent(
    cluster: Lab, modules: Modules
) -> None:
    for name in ("a", "b"):
        cluster.add_node(name)
    admit(cluster, "a")
    options: dict[str, Any] = {"create": True, "spec": {**ADDRESSES, "controlPlaneReplicas": 1}}
    rehearsed = modules.run("installation_scope", check=True, **options)
    assert (rehearsed["created"], rehearsed.writes) == (True, [])
    outcome = modules.run("installation_scope", **options)
    assert not outcome.failed, outcome["msg"]
    assert outcome["created"]
    assert outcome["diff"] == rehearsed["diff"]
    eventually(lambda: ready_nodes(cluster) == {"a"}, "calico-node runs on the labelled node alone")
    again = modules.run("installation_scope", **options)
    assert (again["changed"], again.writes) == (False, [])


def test_create_refuses_an_installation_that_is_there_and_differs(brownfield: Lab, modules: Modules) -> None:
    admit(brownfield, "a", "b", "c")
    before = brownfield.admin.get(INSTALLATION)["spec"]
    outcome = modules.run("installation_scope", create=True, spec={"registry": "ours.example.com/"})
    assert outcome.failed
    assert "already exists" in outcome["msg"]
    assert "spec.registry" in outcome["msg"]
    assert outcome.writes == []
    assert brownfield.admin.get(INSTALLATION)["spec"] == before


def test_nothing_is_created_unasked(cluster: Lab, modules: Modules) -> None:
    cluster.add_node("a", {KEY: "true"})
    outcome = modules.run("installation_scope")
    assert outcome.failed
    assert "no Installation" in outcome["msg"]
    assert cluster.admin.get_or_none(INSTALLATION) is None


def test_a_key_that_the_operator_would_drop_is_refused_before_anything_is_asked(modules: Modules) -> None:
    outcome = modules.run("installation_scope", admission_label={"key": "x.operator.tigera.io/admitted"})
    assert outcome.failed
    assert "drops such keys" in outcome["msg"]
    assert outcome.writes == []


def test_what_the_operator_rejects_is_told_in_its_words(cluster: Lab, modules: Modules) -> None:
    cluster.add_node("a", {KEY: "true"})
    outcome = modules.run(
        "installation_scope", create=True, spec={"nodeUpdateStrategy": {"type": "OnDelete"}}, timeout=40
    )
    assert outcome.failed
    assert "InvalidConfigurationError" in outcome["msg"]
    assert "NodeUpdateStrategy" in outcome["msg"]

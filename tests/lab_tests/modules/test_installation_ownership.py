# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose the Installation's fields are: other managers', Helm's or a GitOps controller's, and our own, each purpose apart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.api import APPLY, ApiError
from tests.lab.calico import INSTALLATION, Calico
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome, eventually
from tests.lab.nodes import NodeSpec
from tests.plans import plan_of

KEY = "rollout.calico-ops.dev/admitted"
ADMITTED = {KEY: "true"}
EVERYTHING = [{"operator": "Exists"}]
NODES = ("a", "b", "c")

pytestmark = [pytest.mark.ansible, pytest.mark.crds, pytest.mark.operator]


@pytest.fixture
def calico(cluster: Lab) -> Calico:
    """Calico without any selector, ready on three nodes that carry the label."""
    cluster.add_nodes(NodeSpec(name, {"tier": "core", **ADMITTED}) for name in NODES)
    return ready(Calico(cluster))


def ready(calico: Calico, apiserver: bool = False) -> Calico:
    calico.install({}, apiserver=apiserver)
    eventually(lambda: len(calico.nodes_with(ready=True)) == 3, "calico-node is ready on three nodes")
    return calico


def owned_by_argocd(calico: Calico) -> Calico:
    """Argo CD applies the Installation from a repository, and nobody has written the selector there yet."""
    commit(calico, {"spec": {"registry": "quay.io/"}})
    return calico


def commit(calico: Calico, document: dict[str, Any]) -> None:
    """What a sync does with a repository: one apply of all that is in it."""
    calico.admin.patch(
        INSTALLATION,
        {
            "apiVersion": "operator.tigera.io/v1",
            "kind": "Installation",
            "metadata": {"name": "default", "labels": {"argocd.argoproj.io/instance": "net"}},
            "spec": {"registry": "quay.io/", **document["spec"]},
        },
        APPLY,
        fieldManager="argocd-controller",
        force=True,
    )


def test_a_conflict_is_told_by_manager_field_and_value_and_taken_over_when_told_to(
    calico: Calico, modules: Modules
) -> None:
    calico.apply("platform-team", {"controlPlaneNodeSelector": {KEY: "false"}})
    outcome = modules.run("installation_scope")
    assert outcome.failed
    field = f"spec.controlPlaneNodeSelector.{KEY}"
    assert f"{field} is held by platform-team (its value there: false)" in outcome["msg"]
    assert outcome.writes == []
    rehearsed = modules.run("installation_scope", check=True, force_conflicts=True)
    assert rehearsed["taken_over"] == [{"manager": "platform-team", "field": field, "value": "false"}]
    assert rehearsed.writes == []
    taken = modules.run("installation_scope", force_conflicts=True)
    assert not taken.failed, taken["msg"]
    assert taken["taken_over"] == rehearsed["taken_over"]
    assert calico.installation()["spec"]["controlPlaneNodeSelector"] == ADMITTED
    again = modules.run("installation_scope", force_conflicts=True)
    assert (again["changed"], again["taken_over"], again.writes) == (False, [], [])


def test_an_affinity_of_the_users_conflicts_as_a_whole(calico: Calico, modules: Modules) -> None:
    theirs = affinity("tier", "Exists")
    calico.patch({"calicoNodeDaemonSet": {"spec": {"template": {"spec": {"affinity": theirs}}}}})
    outcome = modules.run("installation_scope", affinity=affinity("disk", "DoesNotExist"))
    assert outcome.failed
    assert "is held by kubectl-edit (its value there: " in outcome["msg"]
    assert outcome.writes == []
    # Not asked for, it stays as it is: it keeps no admitted node out.
    assert not modules.run("installation_scope").failed
    eventually(lambda: calico.pod_template()["affinity"] == theirs, "the user's affinity is in force")


def affinity(key: str, operator: str) -> dict[str, Any]:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [{"key": key, "operator": operator}]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def test_each_purpose_is_taken_back_alone_and_nothing_else_with_it(cluster: Lab, modules: Modules) -> None:
    cluster.add_nodes(NodeSpec(name, {"tier": "core", **ADMITTED}) for name in NODES)
    calico = ready(Calico(cluster), apiserver=True)
    calico.patch({"typhaDeployment": {"spec": {"minReadySeconds": 3}}, "controlPlaneNodeSelector": {"tier": "core"}})
    before = calico.installation()["spec"]
    core = {"node_selector": {"tier": "core"}}
    typha = {"key": "tier", "value": "core"}
    outcome = modules.run(
        "installation_scope", tolerations=EVERYTHING, typha_label=typha, kube_controllers=core, apiserver=core
    )
    assert not outcome.failed, outcome["msg"]
    calico.apply("calico-ops-typha", {})
    left = calico.installation()["spec"]
    assert left["typhaDeployment"]["spec"] == {"minReadySeconds": 3, "template": {"spec": {}}} or (
        left["typhaDeployment"]["spec"] == {"minReadySeconds": 3}
    )
    assert left["calicoKubeControllersDeployment"]["spec"]["template"]["spec"] == {"nodeSelector": {"tier": "core"}}
    calico.apply("calico-ops-control-plane", {})
    calico.apply("calico-ops-scope", {})
    after = calico.installation()["spec"]
    assert _without_empty(after) == _without_empty(before)


def _without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    pruned = {key: _without_empty(inner) for key, inner in value.items()}
    return {key: inner for key, inner in pruned.items() if inner != {}}


def test_an_installation_that_argo_cd_applies_is_not_patched_but_told_for_a_commit(
    calico: Calico, modules: Modules
) -> None:
    owned_by_argocd(calico)
    outcome = modules.run("installation_scope", tolerations=EVERYTHING)
    assert outcome.failed
    assert outcome.writes == []
    assert "Argo CD (application net) applies what is to be changed" in outcome["msg"]
    assert outcome["to_commit"] in outcome["msg"]
    commit(calico, yaml.safe_load(outcome["to_commit"]))
    after = modules.run("installation_scope", tolerations=EVERYTHING)
    assert not after.failed, after["msg"]
    assert (after["changed"], after.writes) == (False, [])
    assert calico.pod_template()["nodeSelector"] == {"kubernetes.io/os": "linux", **ADMITTED}
    assert after["installation"]["owned_by"] == ["Argo CD (application net)"]


def test_a_commit_is_waited_for_when_told_to(calico: Calico, modules: Modules) -> None:
    owned_by_argocd(calico)
    rehearsed = modules.run("installation_scope", check=True, when_owned="wait")
    assert (rehearsed["changed"], rehearsed.writes, rehearsed["diff"]) == (False, [], [])
    outcomes: list[Outcome] = []
    waiting = threading.Thread(
        target=lambda: outcomes.append(modules.run("installation_scope", when_owned="wait", timeout=60))
    )
    waiting.start()
    waiting.join(8)
    assert waiting.is_alive(), outcomes
    commit(calico, yaml.safe_load(rehearsed["to_commit"]))
    waiting.join(60)
    (outcome,) = outcomes
    assert not outcome.failed, outcome["msg"]
    assert (outcome["changed"], outcome.writes) == (False, [])


def test_a_commit_that_does_not_come_ends_the_wait_with_what_is_to_be_committed(
    calico: Calico, modules: Modules
) -> None:
    owned_by_argocd(calico)
    outcome = modules.run("installation_scope", when_owned="wait", timeout=3)
    assert outcome.failed
    assert outcome["msg"].startswith("Not committed in time: Argo CD (application net)")
    assert "controlPlaneNodeSelector:\n" in outcome["msg"]
    assert outcome.writes == []


def test_what_is_owned_is_patched_when_told_to(calico: Calico, modules: Modules) -> None:
    owned_by_argocd(calico)
    outcome = modules.run("installation_scope", when_owned="patch")
    assert not outcome.failed, outcome["msg"]
    assert outcome["changed"] is True


def test_a_rollout_shows_what_is_to_be_committed_once_and_goes_on_after_the_commit(
    cluster: Lab, modules: Modules
) -> None:
    cluster.add_nodes(NodeSpec(name) for name in NODES)
    calico = owned_by_argocd(ready(Calico(cluster)))
    asked: dict[str, Any] = {"plan": plan_of(["a", "b", "c"], soak=1), "max_duration": 4, "tolerations": EVERYTHING}
    rehearsed = modules.run("rollout_step", check=True, **asked)
    assert (rehearsed["outcome"], rehearsed.writes) == ("done", [])
    first = modules.run("rollout_step", **asked)
    assert not first.failed, first["msg"]
    assert [event.resource for event in first.writes] == ["nodes", "nodes", "nodes"]
    assert first["to_commit"] == rehearsed["to_commit"]
    assert "waiting for a commit, for at most" in first["progress"]
    second = modules.run("rollout_step", **asked, state=first["state"])
    assert ("to_commit" in second.result, second["finished"], second.writes) == (False, False, [])
    commit(calico, yaml.safe_load(first["to_commit"]))
    last = modules.run("rollout_step", **{**asked, "max_duration": 60}, state=second["state"])
    assert not last.failed, last["msg"]
    assert (last["outcome"], last.writes) == ("done", [])
    assert calico.nodes_with(ready=True) == set(NODES)


def test_a_rollout_that_may_not_wait_stops_with_the_yaml_after_its_first_labels(cluster: Lab, modules: Modules) -> None:
    cluster.add_nodes(NodeSpec(name) for name in NODES)
    owned_by_argocd(ready(Calico(cluster)))
    outcome = modules.run("rollout_step", plan=plan_of(["a", "b", "c"]), when_owned="refuse", max_duration=20)
    assert not outcome.failed, outcome["msg"]
    assert outcome["outcome"] == "stopped"
    assert {event.resource for event in outcome.writes} == {"nodes"}
    assert outcome["report"]["to_commit"] == outcome["to_commit"]


# -- Calico's own API made of CRDs


@pytest.fixture
def v3(cluster: Lab) -> Iterator[Lab]:
    """A cluster whose projectcalico.org/v3 is made of CRDs, without crd.projectcalico.org, seen so by a fresh operator."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    cluster.stop_operator()
    try:
        cluster.admin.create(definitions, _ip_pools())
        eventually(lambda: _served(cluster), "IP pools are served")
        cluster.start_operator()
        yield cluster
        cluster.stop_operator()
    finally:
        cluster.admin.delete(f"{definitions}/ippools.projectcalico.org")
        eventually(lambda: cluster.admin.get_or_none("/apis/projectcalico.org") is None, "they are served no more")
        cluster.start_operator()


def _served(lab: Lab) -> bool:
    try:
        return lab.admin.get_or_none("/apis/projectcalico.org/v3/ippools") is not None
    except ApiError:
        return False  # not yet: their storage is made ready


def _ip_pools() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v3", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "IPPool", "listKind": "IPPoolList", "plural": "ippools", "singular": "ippool"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "ippools.projectcalico.org"},
        "spec": {"group": "projectcalico.org", "scope": "Cluster", "names": names, "versions": [version]},
    }


@pytest.mark.stand_in(
    "the operator is told at its start which group Calico's CRDs are of, and the lab has those of one"
)
def test_where_calicos_api_is_made_of_crds_the_webhooks_are_kept_to_admitted_nodes_too(v3: Lab, tmp_path: Path) -> None:
    v3.add_nodes(NodeSpec(name, ADMITTED) for name in ("a", "b"))
    v3.add_node("outside")
    calico = Calico(v3)
    calico.install({}, apiserver=True)
    eventually(lambda: len(calico.nodes_with(ready=True)) == 3, "calico-node is ready on three nodes")
    eventually(lambda: calico.deployment("calico-webhooks"), "webhooks run in place of calico-apiserver")
    assert calico.deployment("calico-apiserver") == {}
    modules = Modules(v3, tmp_path)
    outcome = modules.run("installation_scope", may_lose_calico=["outside"])
    assert not outcome.failed, outcome["msg"]
    assert [(event.resource, event.field_manager) for event in outcome.writes] == [
        ("apiservers", "calico-ops-control-plane"),
        ("installations", "calico-ops-scope"),
    ]
    wanted = {"kubernetes.io/os": "linux", **ADMITTED}
    eventually(lambda: calico.pod_template("calico-webhooks")["nodeSelector"] == wanted, "the webhooks are selected")
    eventually(
        lambda: set() != calico.nodes_with("calico-webhooks", ready=True) <= {"a", "b"}, "the webhooks are ready there"
    )
    assert modules.run("installation_scope").writes == []

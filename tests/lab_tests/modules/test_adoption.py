# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that runs Calico already is taken over, and a witness sees that no node loses a Ready calico-node by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions import scope_installation
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.action import Limits
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.installation.scope_request import (
    ScopeRequest,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.step import Step
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import ExcludedNode
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.lab.calico import Calico
from tests.lab.killing import kill_tree
from tests.lab.lab import Lab
from tests.lab.modules import Modules, eventually
from tests.lab.recorder import Verdict, judge, recorded
from tests.lab_tests.modules.test_installation_scope import (
    INSTALLATION,
    KEY,
    PODS,
    admit,
    create_installation,
    ready_nodes,
)
from tests.lab_tests.modules.test_rollout_step import actions, diffs, labels_per_node, played
from tests.locks import lock_of
from tests.plans import adopting

pytestmark = [pytest.mark.ansible, pytest.mark.operator]

RUNNING = ["a", "b", "c", "d"]
STUCK = ExcludedNode(
    node="stuck", host="stuck", tier="core", cause="precheck_failed", reason="no ip_set", remedy=None, counts=True
)
ANNOTATION = "rollout.calico-ops.dev/max-unavailable"
SELECTOR = {"spec": {"template": {"spec": {"nodeSelector": {KEY: "true"}}}}}


@pytest.fixture
def stuck(cluster: Lab) -> Lab:
    """Calico without any selector: Ready on four nodes, never on the fifth."""
    for name in (*RUNNING, "stuck"):
        cluster.add_node(name)
    cluster.set_fault("stuck", "never-ready")
    create_installation(cluster)
    eventually(lambda: ready_nodes(cluster) == set(RUNNING), "calico-node is ready on four nodes")
    return cluster


@pytest.fixture
def witness(stuck: Lab) -> Iterator[Callable[[], Verdict]]:
    stuck.pod_record.unlink(missing_ok=True)
    stuck.record_pods()
    eventually(lambda: len(judge(recorded(stuck.pod_record)).served) == len(RUNNING), "the witness sees four of them")
    yield lambda: judge(recorded(stuck.pod_record))
    stuck.daemons.stop("recorder")


def rolling_update(lab: Lab) -> tuple[Any, bool]:
    """maxUnavailable of the Installation, and whether a rollout says that it has raised it."""
    raw = lab.admin.get(INSTALLATION)
    value = raw["spec"].get("nodeUpdateStrategy", {}).get("rollingUpdate", {}).get("maxUnavailable")
    return value, ANNOTATION in raw["metadata"].get("annotations", {})


def age_of_pod(lab: Lab, node: str) -> float:
    """Seconds since the node's calico-node pod was made."""
    (pod,) = lab.admin.list(PODS, labelSelector="k8s-app=calico-node", fieldSelector=f"spec.nodeName={node}")
    return time.time() - datetime.fromisoformat(pod["metadata"]["creationTimestamp"].replace("Z", "+00:00")).timestamp()


def available(lab: Lab) -> bool:
    # The operator writes it some seconds after the pods are there.
    statuses = lab.admin.list("/apis/operator.tigera.io/v1/tigerastatuses")
    conditions = [
        each
        for raw in statuses
        if raw["metadata"]["name"] == "calico"
        for each in raw.get("status", {}).get("conditions", [])
    ]
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)


def test_a_stuck_cluster_is_rescued_and_check_mode_foretells_it(
    stuck: Lab, modules: Modules, witness: Callable[[], Verdict]
) -> None:
    plan = adopting(RUNNING, excluded=[STUCK], adoption_max_unavailable="2")
    eventually(
        lambda: stuck.admin.list("/apis/operator.tigera.io/v1/tigerastatuses"), "the operator has told how it stands"
    )
    assert not available(stuck)
    # Until then it may be between two Ready calico-nodes, and check mode takes it that such a one comes back.
    eventually(lambda: age_of_pod(stuck, "stuck") > 20, "calico-node counts as stuck on one node")
    foretold = modules.run("rollout_step", check=True, plan=plan)
    assert (foretold["outcome"], foretold.writes) == ("done", [])
    calls = played(modules, plan)
    assert calls[-1]["outcome"] == "done", calls[-1]["report"]["reason"]
    eventually(lambda: ready_nodes(stuck) == set(RUNNING), "calico-node is ready on the four nodes alone")
    eventually(lambda: available(stuck), "TigeraStatus/calico is Available")
    assert (witness().broken, witness().restarted) == ([], set(RUNNING)), witness().text
    assert labels_per_node(calls) == dict.fromkeys(RUNNING, 1)
    assert actions([foretold]) == actions(calls)
    assert diffs([foretold]) == diffs(calls)
    assert rolling_update(stuck) == (1, False)
    managers = {entry["manager"] for entry in stuck.admin.get(INSTALLATION)["metadata"]["managedFields"]}
    assert managers & {"calico-ops-scope", "calico-ops-adoption"} == {"calico-ops-scope"}
    again = modules.run("rollout_step", plan=plan)
    assert (again["outcome"], again["changed"], again.writes) == ("done", False, [])


def test_the_witness_sees_a_selector_that_is_set_before_the_labels(stuck: Lab, witness: Callable[[], Verdict]) -> None:
    admit(stuck, "a", "b")
    stuck.admin.patch(INSTALLATION, {"spec": {"calicoNodeDaemonSet": SELECTOR}})
    eventually(lambda: ready_nodes(stuck) == {"a", "b"} and len(witness().restarted) == 2, "two nodes are left")
    assert "calico-node was Ready there and did not come back: c, d" in witness().text


def test_a_node_that_becomes_ready_between_the_decision_and_the_write_keeps_its_calico_node(
    stuck: Lab, witness: Callable[[], Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator is held until the write is over: the next thing that it and the DaemonSet controller see is the label."""
    plan = adopting(RUNNING, excluded=[STUCK])
    written = scope_installation.scope

    def scope(cluster: Cluster, request: ScopeRequest, **options: Any) -> Any:
        if request.check_mode:
            return written(cluster, request, **options)
        stuck.stop_operator()
        stuck.set_fault("stuck", None)
        eventually(lambda: "stuck" in ready_nodes(stuck), "calico-node became ready on the stuck node")
        return written(cluster, request, **options)

    monkeypatch.setattr(scope_installation, "scope", scope)
    cluster = Cluster(Connection({"kubeconfig": str(stuck.kubeconfig)}))
    step = Step(cluster, plan, new_state(plan), None, Limits(20, 0, 4))
    with lock_of(cluster, step.state) as lock:
        step.carry_out(lock)
    labelled = stuck.admin.get("/api/v1/nodes/stuck")["metadata"]["labels"].get(KEY)
    stuck.start_operator()
    assert labelled == "true"
    while not step.finished:
        step = Step(cluster, plan, step.state, None, Limits(20, 0, 4))
        with lock_of(cluster, step.state) as lock:
            step.carry_out(lock)
    cluster.close()
    report = step.decision["report"]
    assert (report["outcome"], report["ready"], report["excluded"]) == ("done", 5, [])
    assert [entry["node"] for entry in report["unproven"]] == ["stuck"]
    assert "node stuck adopted beside the plan" in report["notes"][0]
    assert witness().broken == []
    assert witness().served == {*RUNNING, "stuck"}


def test_a_key_of_the_users_own_is_refused_by_the_names_of_the_nodes_that_lack_it_and_left_alone_where_none_does(
    stuck: Lab, modules: Modules
) -> None:
    own = {"spec": {"template": {"spec": {"nodeSelector": {"example.com/cni": "calico"}}}}}
    for name in RUNNING:
        stuck.admin.patch(f"/api/v1/nodes/{name}", {"metadata": {"labels": {"example.com/cni": "calico"}}})
    stuck.admin.patch(INSTALLATION, {"spec": {"calicoNodeDaemonSet": own}}, fieldManager="kubectl-edit")
    calico = Calico(stuck)
    calico.wait_until_settled(len(RUNNING))
    (refused,) = played(modules, adopting(RUNNING, ["stuck"]))
    assert refused["outcome"] == "stopped"
    assert "also demands example.com/cni=calico, without which 1 node" in refused["report"]["reason"]
    assert ": stuck." in refused["report"]["reason"]
    assert refused.writes == []
    calls = played(modules, adopting(RUNNING, excluded=[STUCK]))
    assert calls[-1]["outcome"] == "done", calls[-1]["report"]["reason"]
    template = stuck.admin.get(INSTALLATION)["spec"]["calicoNodeDaemonSet"]["spec"]["template"]["spec"]
    assert template["nodeSelector"] == {"example.com/cni": "calico", KEY: "true"}


def test_what_a_killed_run_has_raised_is_put_back_by_the_next(
    stuck: Lab, modules: Modules, witness: Callable[[], Verdict]
) -> None:
    plan = adopting(RUNNING, excluded=[STUCK], adoption_max_unavailable="50%")
    process = modules.start("rollout_step", plan=plan)
    eventually(lambda: rolling_update(stuck)[1], "maxUnavailable is raised")
    kill_tree(process)
    assert rolling_update(stuck) == ("50%", True)
    calls = played(modules, plan)
    assert calls[-1]["outcome"] == "done", calls[-1]["report"]["reason"]
    assert rolling_update(stuck) == (1, False)
    assert witness().broken == []
    assert witness().restarted == set(RUNNING)


def test_a_value_that_somebody_sets_meanwhile_stays_and_is_told(stuck: Lab, modules: Modules) -> None:
    plan = adopting(RUNNING, excluded=[STUCK], adoption_max_unavailable="2")
    process = modules.start("rollout_step", plan=plan)
    eventually(lambda: rolling_update(stuck)[1], "maxUnavailable is raised")
    kill_tree(process)
    theirs = {"nodeUpdateStrategy": {"rollingUpdate": {"maxUnavailable": 3}}}
    stuck.admin.patch(INSTALLATION, {"spec": theirs}, fieldManager="kubectl-edit")
    calls = played(modules, plan)
    assert calls[-1]["outcome"] == "done", calls[-1]["report"]["reason"]
    assert rolling_update(stuck) == (3, False)
    assert "maxUnavailable stays at 3: somebody else changed it" in calls[-1]["report"]["notes"][0]

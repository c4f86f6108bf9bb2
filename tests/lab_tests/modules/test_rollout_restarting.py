# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that meets a cluster in the middle of restarting calico-node: a witness proves that no node which had one ends without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions import scope_installation
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.action import Limits
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.installation.scope_request import (
    ScopeRequest,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.observe import survey
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.step import Step
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.lab.calico import Calico
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
from tests.locks import lock_of

pytestmark = pytest.mark.operator

NODES = [f"n-{number}" for number in range(1, 7)]
DAEMONSET = "/apis/apps/v1/namespaces/calico-system/daemonsets/calico-node"
RESTARTED = "kubectl.kubernetes.io/restartedAt"


class Rollout:
    """What the role does with no host in the inventory: survey, plan, then one step after the other."""

    def __init__(self, lab: Lab, **options: Any) -> None:
        self._cluster = Cluster(Connection({"kubeconfig": str(lab.kubeconfig)}))
        seen = survey(self._cluster)
        everywhere: list[Any] = [{"name": "all", "selector": "", "failure_budget": "100%"}]
        options = {"tiers": everywhere, "soak": 0, "batch_timeout": 120, "restart_patience": 5, **options}
        self.plan = build_plan(seen.nodes, assemble({}), observation=seen.observation, **options)
        self.state = new_state(self.plan)
        self.report: Any = None
        self.waited_for: set[str] = set()
        self.said: list[str] = []

    def step(self, seconds: float = 20) -> bool:
        step = Step(self._cluster, self.plan, self.state, None, Limits(seconds, 0, 4))
        # For as long as another one takes, however busy this machine is.
        with lock_of(self._cluster, step.state, name=f"rollout-{id(self)}", timeout=3600) as lock:
            step.carry_out(lock)
        self.state, self.report = step.state, step.decision["report"]
        self.said.append(self.report["reason"])
        for action in step.journal.actions:
            if action["do"] == "await_restart":
                self.waited_for |= {name for name in NODES if f"{name} (" in action["why"]}
        return step.finished

    def to_the_end(self) -> Rollout:
        while not self.step():
            pass
        self._cluster.close()
        return self


@pytest.fixture
def running(cluster: Lab) -> Lab:
    """Calico without a selector, Ready on six nodes."""
    for name in NODES:
        cluster.add_node(name)
    create_installation(cluster)
    eventually(lambda: ready_nodes(cluster) == set(NODES), "calico-node is ready on all nodes")
    return cluster


@pytest.fixture
def witness(running: Lab) -> Iterator[Callable[[], Verdict]]:
    running.pod_record.unlink(missing_ok=True)
    running.record_pods()
    eventually(lambda: len(judge(recorded(running.pod_record)).served) == len(NODES), "the witness sees them all")
    yield lambda: judge(recorded(running.pod_record))
    running.daemons.stop("recorder")


def restart(lab: Lab) -> None:
    """As `kubectl rollout restart` does it."""
    template = {"metadata": {"annotations": {RESTARTED: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}}}
    lab.admin.patch(DAEMONSET, {"spec": {"template": template}}, fieldManager="kubectl-rollout")


def strategy(lab: Lab, **rolling_update: Any) -> None:
    Calico(lab).patch({"nodeUpdateStrategy": {"rollingUpdate": rolling_update}})
    eventually(
        lambda: rolling_update.items() <= lab.admin.get(DAEMONSET)["spec"]["updateStrategy"]["rollingUpdate"].items(),
        "the operator has put the strategy into the DaemonSet",
    )


def updated(lab: Lab) -> int:
    daemonset = lab.admin.get(DAEMONSET)
    if daemonset["status"].get("observedGeneration") != daemonset["metadata"]["generation"]:
        return -1
    return int(daemonset["status"].get("updatedNumberScheduled", 0))


def down(lab: Lab) -> set[str]:
    return set(NODES) - ready_nodes(lab)


def labelled(lab: Lab) -> set[str]:
    nodes = lab.admin.list("/api/v1/nodes")
    return {node["metadata"]["name"] for node in nodes if node["metadata"]["labels"].get(KEY) == "true"}


def all_kept(lab: Lab, rollout: Rollout, verdict: Verdict) -> None:
    assert rollout.report["outcome"] == "done", rollout.report["reason"]
    assert verdict.broken == [], verdict.text
    assert ready_nodes(lab) == labelled(lab) == set(NODES)


def planned_in_between(lab: Lab) -> Rollout | None:
    rollout = Rollout(lab)
    return rollout if rollout.plan["restarting"] else None


@pytest.mark.parametrize(
    ("rolling_update", "through"),
    [
        ({"maxUnavailable": 1}, 0),
        ({"maxUnavailable": 1}, 3),
        ({"maxUnavailable": 1}, 5),
        ({"maxUnavailable": "25%"}, 2),
    ],
    ids=["one at a time, the first", "one at a time, in the middle", "one at a time, the last", "a quarter at a time"],
)
def test_at_each_phase_of_a_rolling_update_every_node_keeps_its_calico_node(
    running: Lab, witness: Callable[[], Verdict], rolling_update: dict[str, Any], through: int
) -> None:
    strategy(running, **rolling_update)
    restart(running)
    rollout: Rollout = eventually(
        lambda: updated(running) >= through and down(running) and planned_in_between(running),
        "a plan is made while a node is between two calico-nodes",
    )
    all_kept(running, rollout.to_the_end(), witness())


def test_with_a_surge_no_node_is_ever_between_two(running: Lab, witness: Callable[[], Verdict]) -> None:
    strategy(running, maxUnavailable=0, maxSurge=2)
    restart(running)
    eventually(lambda: updated(running) >= 1, "the rolling update is under way")
    rollout = Rollout(running).to_the_end()
    assert rollout.waited_for == set()
    all_kept(running, rollout, witness())


def test_a_crash_looping_node_beside_it_is_let_go_once_it_has_had_its_time(
    running: Lab, witness: Callable[[], Verdict]
) -> None:
    # At one at a time the node that never gets ready again would be the first and last of the rolling update.
    strategy(running, maxUnavailable=2)
    running.set_fault("n-6", "crash-loop")
    eventually(lambda: down(running) == {"n-6"}, "calico-node crash loops on one node")
    restart(running)
    eventually(lambda: updated(running) >= 2 and len(down(running)) > 1, "another node is between two calico-nodes")
    rollout = Rollout(running).to_the_end()
    assert rollout.report["outcome"] == "done", rollout.report["reason"]
    assert [entry["node"] for entry in rollout.report["excluded"]] == ["n-6"]
    assert ready_nodes(running) == labelled(running) == set(NODES) - {"n-6"}
    assert [told for told in witness().broken if "n-6" not in told] == []


def test_a_node_that_is_late_after_its_restart_is_waited_for(running: Lab, witness: Callable[[], Verdict]) -> None:
    running.set_fault("n-3", "late:12")
    running.admin.delete(pod_of(running, "n-3"))
    eventually(lambda: down(running) == {"n-3"}, "its calico-node went")
    rollout = Rollout(running, restart_patience=30).to_the_end()
    assert rollout.waited_for == {"n-3"}
    assert rollout.report["outcome"] == "done", rollout.report["reason"]
    assert ready_nodes(running) == labelled(running) == set(NODES)
    assert "did not come back" not in witness().text


def pod_of(lab: Lab, node: str) -> str:
    (pod,) = lab.admin.list(PODS, labelSelector="k8s-app=calico-node", fieldSelector=f"spec.nodeName={node}")
    return f"{PODS}/{pod['metadata']['name']}"


def test_a_node_that_reboots_is_waited_for_and_keeps_its_calico_node(
    running: Lab, witness: Callable[[], Verdict]
) -> None:
    running.set_fault("n-2", "kubelet-gone")
    eventually(lambda: down(running) == {"n-2"}, "the node controller has given the node up")
    # Far longer ago than any restart takes: its age is not what counts.
    time.sleep(8)
    rollout = Rollout(running, restart_patience=1)
    assert [each["node"] for each in rollout.plan["restarting"]] == ["n-2"]
    assert not rollout.step(3)
    assert (labelled(running), rollout.waited_for) == (set(), {"n-2"})
    assert "restarts on n-2 (the kubelet has not reported" in rollout.said[0]
    running.set_fault("n-2", None)
    all_kept(running, rollout.to_the_end(), witness())


def test_one_that_does_not_come_back_stops_the_run_by_its_name_before_anything_is_written(
    running: Lab, witness: Callable[[], Verdict]
) -> None:
    running.set_fault("n-2", "kubelet-gone")
    eventually(lambda: down(running) == {"n-2"}, "the node controller has given the node up")
    since = running.audit.position()
    rollout = Rollout(running, batch_timeout=6).to_the_end()
    assert rollout.report["outcome"] == "stopped"
    assert "calico-node still restarts on n-2" in rollout.report["reason"]
    assert "keep it out by rollout_exclude if it is gone for good" in rollout.report["reason"]
    assert [write for write in running.audit.writes(since, user=running.collection_user) if not write.dry_run] == []
    assert labelled(running) == set()
    # Named, it may go.
    named = [{"selector": "kubernetes.io/hostname=n-2", "reason": "stolen"}]
    rollout = Rollout(running, exclusions=named).to_the_end()
    assert "calico-node cannot restart on node n-2, whose kubelet is silent" in rollout.report["reason"]
    assert labelled(running) == set()
    # And it holds up nobody where maxUnavailable leaves room for the others.
    rollout = Rollout(running, exclusions=named, adoption_max_unavailable="2").to_the_end()
    assert rollout.report["outcome"] == "done", rollout.report["reason"]
    assert ready_nodes(running) == labelled(running) == set(NODES) - {"n-2"}
    assert [told for told in witness().broken if "n-2" not in told] == []


@pytest.mark.parametrize("when", ["before the first label", "before the selector", "after the selector"])
def test_at_each_phase_of_the_rollout_a_rolling_update_may_begin(
    running: Lab, witness: Callable[[], Verdict], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    written = scope_installation.scope

    def begin() -> None:
        restart(running)
        eventually(lambda: down(running), "a node is between two calico-nodes")

    def scope(cluster: Cluster, request: ScopeRequest, **options: Any) -> Any:
        if not request.check_mode and when == "before the selector":
            begin()
        outcome = written(cluster, request, **options)
        if not request.check_mode and when == "after the selector":
            begin()
        return outcome

    monkeypatch.setattr(scope_installation, "scope", scope)
    rollout = Rollout(running)
    if when == "before the first label":
        begin()
    all_kept(running, rollout.to_the_end(), witness())


def test_the_selector_alone_waits_for_a_restart_and_then_names_who_would_lose_it(
    running: Lab, witness: Callable[[], Verdict], tmp_path: Path
) -> None:
    modules = Modules(running, tmp_path)
    running.set_fault("n-6", "late:10")
    running.admin.delete(pod_of(running, "n-6"))
    eventually(lambda: down(running) == {"n-6"}, "one node is between two calico-nodes")
    admit(running, *NODES[:-1])
    at_once = modules.run("installation_scope", wait=False, restart_patience=30)
    assert at_once.failed
    assert "calico-node restarts in this moment on n-6 (" in at_once["msg"]
    waited = modules.run("installation_scope", restart_patience=30)
    assert waited.failed
    assert "1 node runs a Ready calico-node and does not carry" in waited["msg"]
    assert "n-6" in waited["msg"]
    assert KEY not in str(running.admin.get(INSTALLATION)["spec"])
    admit(running, "n-6")
    assert not modules.run("installation_scope").failed
    eventually(lambda: updated(running) == len(NODES) and not down(running), "the selector has restarted them all")
    assert [told for told in witness().broken if "same revision" not in told] == []


RAISING: dict[str, Any] = {"adoption_max_unavailable": "2"}
TWO_TIERS = [
    {"name": "first", "selector": "kubernetes.io/hostname in (n-1, n-2)", "failure_budget": "100%"},
    {"name": "rest", "selector": "kubernetes.io/hostname notin (n-1, n-2)", "batch_size": 1, "failure_budget": "100%"},
]


@pytest.mark.parametrize(
    ("one", "other"),
    [(RAISING, {}), (RAISING, RAISING), ({}, {"tiers": TWO_TIERS}), (RAISING, {"adoption_max_unavailable": "50%"})],
    ids=["one raises maxUnavailable", "equal options", "other batches", "they raise it to other values"],
)
def test_two_rollouts_that_start_together_write_one_after_the_other(
    running: Lab, witness: Callable[[], Verdict], one: dict[str, Any], other: dict[str, Any]
) -> None:
    since = running.audit.position()
    rollouts = [Rollout(running, **one), Rollout(running, **other)]
    with ThreadPoolExecutor(len(rollouts)) as pool:
        list(pool.map(Rollout.to_the_end, rollouts))
    for rollout in rollouts:
        all_kept(running, rollout, witness())
    writes = [
        write
        for write in running.audit.writes(since, user=running.collection_user)
        if write.resource == "installations" and not write.dry_run and write.code < 300
    ]
    # The first one raises it, sets the selector, puts it back and takes its owner out. The second one finds all done.
    assert len(writes) <= 4, [write.uri for write in writes]
    assert sum("holds the rollout's lock" in said for rollout in rollouts for said in rollout.said) > 0
    installation = running.admin.get(INSTALLATION)
    assert "rollout.calico-ops.dev/max-unavailable" not in installation["metadata"].get("annotations", {})
    assert installation["spec"].get("nodeUpdateStrategy", {}).get("rollingUpdate", {}).get("maxUnavailable", 1) == 1

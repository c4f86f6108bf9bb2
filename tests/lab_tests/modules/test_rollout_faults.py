# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong on a node stops the rollout at its batch, by the reason a colleague on call needs, and only until it is cured."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Plan

from tests.lab.calico import ADDRESSES, Calico
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome, eventually
from tests.lab_tests.modules.test_installation_scope import INSTALLATION, ready_nodes
from tests.lab_tests.modules.test_rollout_step import labels_per_node, played
from tests.plans import plan_of

pytestmark = pytest.mark.operator

AT = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
PROBE = r"\(the kubelet restarts it after 150 failures, every 2 s\)"
FROM_THE_START = {
    "crash": "crash-loop:2",
    "init": "init-stuck",
    "image": "image-pull",
    "never": "never-ready",
    "network": "network-unavailable",
    "late": "late:600",
}
FIRST = [*FROM_THE_START, "kubelet", "twice", "well"]
ROWS = {
    "crash": (
        "not_ready",
        rf"container calico-node (crash loops|is running again since {AT}).*: (before, )?exit code 2 at {AT}",
    ),
    "init": ("not_ready", rf"init container install-cni has been running since {AT} and has not ended"),
    "image": ("not_ready", r"image \S+/\w+:\S+ of init container install-cni cannot be pulled: .*: not found"),
    "never": (
        "not_ready",
        rf"container calico-node has been running since {AT}, but its startup probe does not pass {PROBE}",
    ),
    "network": (
        "network_unavailable",
        r"calico-node is ready, but the Node still says NetworkUnavailable: CalicoIsDown",
    ),
    "late": (
        "not_ready",
        rf"container calico-node has been running since {AT}, but its startup probe does not pass {PROBE}",
    ),
    "kubelet": ("kubelet_silent", rf"the kubelet has not reported since {AT}"),
    "twice": ("two_pods", r"2 calico-node pods are bound to the Node: calico-node-\w+, second"),
}
SIGNS = {
    "crash": '"exitCode": 2',
    "init": '"running": {',
    "image": "ImagePullBackOff",
    "never": '"running": {',
    "network": '"ready": true, "restartCount": 0, "started": true',
    "late": '"running": {',
    "kubelet": '"status": "False", "type": "Ready"',
}
OLD = r"pod calico-node-\w+ has template revision \w+, the newest is \w+: the rolling update \(maxUnavailable 1\) has not come to it yet"


@dataclass
class Faulty:
    """One rollout with a fault on each node of its first batch but one: until it stops, and again when they are cured."""

    stopped: list[Outcome]
    outdated: Outcome
    """The readiness after the template was changed while the faulty nodes spend the budget of the rolling update."""
    cured: list[Outcome]
    ready: set[str]

    @property
    def reason(self) -> str:
        reason: str = self.stopped[-1]["report"]["reason"]
        return reason


@pytest.fixture(scope="module")
def faulty(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Faulty:
    lab.reset()
    calico, modules = Calico(lab), Modules(lab, tmp_path_factory.mktemp("faulty"))
    for name in [*FIRST, "next"]:
        lab.add_node(name, fault=FROM_THE_START.get(name, ""))
    plan = plan_of(FIRST, ["next"], batch_timeout=80, soak=1)
    begun = begin(lab, modules, plan)
    eventually(lambda: {"kubelet", "twice", "well"} <= ready_nodes(lab), "the nodes without a fault are ready")
    lab.set_fault("kubelet", "kubelet-gone")
    second = calico.second_pod("twice")
    eventually(lambda: shown(calico) >= set(SIGNS), "each fault shows in the status of its pod")
    stopped = [*begun, *played(modules, plan, state=begun[-1]["state"])]

    calico.patch({"nodeMetricsPort": 9091})
    eventually(lambda: calico.daemonset()["status"].get("updatedNumberScheduled"), "the rolling update has begun")
    outdated = modules.run("node_readiness", nodes=["well", "network"], timeout=5)

    for name in FIRST:
        lab.set_fault(name, None)
    lab.admin.delete(second, gracePeriodSeconds=0)
    cured = played(modules, plan)
    return Faulty(stopped, outdated, cured, ready_nodes(lab))


def begin(lab: Lab, modules: Modules, plan: Plan) -> list[Outcome]:
    """Calls that have no time to wait, until the first batch is labelled and Calico installed."""
    calls: list[Outcome] = []
    while lab.admin.get_or_none(INSTALLATION) is None:
        state = calls[-1]["state"] if calls else None
        calls.append(modules.run("rollout_step", plan=plan, installation_spec=ADDRESSES, state=state, max_duration=1))
        assert not calls[-1].failed, calls[-1]["msg"]
    return calls


def shown(calico: Calico) -> set[str]:
    """The nodes in whose calico-node pod the fault is to be seen."""
    statuses = {pod["spec"].get("nodeName"): json.dumps(pod.get("status"), sort_keys=True) for pod in calico.pods()}
    return {node for node, sign in SIGNS.items() if sign in statuses.get(node, "")}


def not_ready(calls: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    return {row["node"]: row for row in calls[-1]["report"]["not_ready"]}


def test_the_rollout_stops_at_the_batch_and_admits_no_further_node(faulty: Faulty) -> None:
    assert faulty.stopped[-1]["outcome"] == "stopped"
    assert faulty.reason.startswith("batch core-1 is not ready after 80 s")
    assert set(labels_per_node(faulty.stopped)) == set(FIRST)


def test_who_is_well_is_not_among_those_it_waits_for(faulty: Faulty) -> None:
    assert set(not_ready(faulty.stopped)) == set(ROWS)


@pytest.mark.parametrize("node", ROWS)
def test_a_fault_is_in_the_table_with_its_state_its_reason_and_since_when(faulty: Faulty, node: str) -> None:
    state, reason = ROWS[node]
    row = not_ready(faulty.stopped)[node]
    assert row["state"] == state
    assert re.fullmatch(reason, row["reason"]), row["reason"]
    if state == "two_pods":  # each of the two has a time of its own
        assert (row["pod"], row["since"]) == (None, None)
    else:
        assert row["pod"].startswith("calico-node-")
        assert re.fullmatch(AT, row["since"])


@pytest.mark.parametrize("node", ROWS)
def test_a_fault_is_in_the_one_sentence_that_says_why_it_stopped(faulty: Faulty, node: str) -> None:
    row = not_ready(faulty.stopped)[node]
    assert f"{node} ({row['state']}: {row['reason']})" in faulty.reason


def test_nodes_that_an_update_cannot_come_to_behind_the_faulty_ones_keep_their_old_revision(faulty: Faulty) -> None:
    assert faulty.outdated.failed
    rows = {row["node"]: row for row in faulty.outdated["readiness"]["nodes"]}
    assert [rows[name]["state"] for name in ("well", "network")] == ["old_revision", "old_revision"]
    assert re.fullmatch(OLD, rows["well"]["reason"]), rows["well"]["reason"]


def test_the_same_run_goes_on_to_the_end_once_the_nodes_are_cured(faulty: Faulty) -> None:
    assert faulty.cured[-1]["outcome"] == "done"
    assert faulty.ready == {*FIRST, "next"}


def test_no_node_gets_a_second_write(faulty: Faulty) -> None:
    written = labels_per_node([*faulty.stopped, faulty.outdated, *faulty.cured])
    assert written == Counter(dict.fromkeys((*FIRST, "next"), 1))


def test_a_node_that_is_deleted_stops_the_rollout_and_goes_on_when_it_is_back(cluster: Lab, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        cluster.add_node(name)
    modules, plan = Modules(cluster, tmp_path), plan_of(["a", "b"], ["c"])
    begun = begin(cluster, modules, plan)
    eventually(lambda: "b" in ready_nodes(cluster), "b is ready")
    cluster.admin.delete("/api/v1/nodes/b")
    stopped = played(modules, plan, state=begun[-1]["state"])[-1]
    assert stopped["outcome"] == "stopped"
    assert "no longer has node b of the plan" in stopped["report"]["reason"]
    gone = modules.run("node_readiness", nodes=["a", "b"], timeout=1)
    assert [row["state"] for row in gone["readiness"]["nodes"]] == ["ready", "node_missing"]
    cluster.add_node("b")
    calls = played(modules, plan)
    assert calls[-1]["outcome"] == "done"
    assert ready_nodes(cluster) == {"a", "b", "c"}
    assert labels_per_node(calls) == {"b": 1, "c": 1}

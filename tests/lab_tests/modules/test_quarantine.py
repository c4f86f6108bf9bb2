# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that never gets ready goes into quarantine, the cluster is rid of it, and it comes back on evidence only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Batch, Plan, PlannedTier
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble

from tests.lab.calico import ADDRESSES, Calico
from tests.lab.eventually import eventually as until
from tests.lab.killing import held, kill_tree
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome, eventually
from tests.lab_tests.modules.test_installation_scope import ready_nodes
from tests.lab_tests.modules.test_rollout_step import labels_per_node, played
from tests.plans import KEY, plan_of
from tests.unit.rollout.builders import answer, failing

QUARANTINE = "rollout.calico-ops.dev/quarantine"
REASON = "rollout.calico-ops.dev/quarantine-reason"
NETWORK_TAINT = "node.kubernetes.io/network-unavailable"


def plan_with(**more: Any) -> Plan:
    """core-1 with a and b, edge-1 with c and d, edge-2 with e; the tier edge goes on without nodes that fail."""

    def tier(name: str, nodes: int, on_failure: Any) -> PlannedTier:
        return PlannedTier(name=name, selector="", match=None, nodes=nodes, budget=2, left_out=0, on_failure=on_failure)

    def batch(index: int, name: str, *nodes: str) -> Batch:
        return Batch(index=index, name=name, tier=name[:4], canary=False, nodes=list(nodes))

    return plan_of(
        tiers=[tier("core", 2, "halt"), tier("edge", 3, "quarantine")],
        batches=[batch(1, "core-1", "a", "b"), batch(2, "edge-1", "c", "d"), batch(3, "edge-2", "e")],
        **{"batch_timeout": 20, "soak": 1, **more},
    )


def node(lab: Lab, name: str) -> dict[str, Any]:
    found: dict[str, Any] = lab.admin.get(f"/api/v1/nodes/{name}")
    return found


def network(lab: Lab, name: str) -> tuple[str, str]:
    conditions = {each["type"]: each for each in node(lab, name)["status"]["conditions"]}
    return conditions["NetworkUnavailable"]["status"], conditions["NetworkUnavailable"]["reason"]


def taints(lab: Lab, name: str) -> set[str]:
    return {f"{taint['key']}:{taint['effect']}" for taint in node(lab, name)["spec"].get("taints", [])}


def bring_up(lab: Lab) -> None:
    for name in ("a", "b", "c", "e"):
        lab.add_node(name)
    lab.add_node("d", fault="never-ready")


@dataclass
class Story:
    """A rollout that goes on without d, the same again, the network cleared, and d released once it is cured."""

    calls: list[Outcome]
    on_nodes: tuple[set[str], set[str]]
    """Where calico-node and csi-node-driver run then."""
    available: bool
    d: dict[str, Any]
    left: tuple[str, str]
    """The condition NetworkUnavailable that calico-node left on d."""
    status: dict[str, Any]
    again: list[Outcome]
    cleared: list[Outcome]
    network: tuple[str, str]
    unfit: Outcome
    foretold: Outcome
    released: Outcome
    free: dict[str, Any]
    admitted: list[Outcome]
    ready: set[str]


@pytest.fixture(scope="module")
def story(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Story:
    lab.reset()
    bring_up(lab)
    calico, modules = Calico(lab), Modules(lab, tmp_path_factory.mktemp("quarantine"))
    calls = played(modules, plan_with())
    eventually(lambda: "d" not in calico.nodes_with(), "calico-node has left d")
    eventually(lambda: network(lab, "d")[0] == "True", "calico-node has left its condition")
    eventually(lambda: f"{NETWORK_TAINT}:NoSchedule" in taints(lab, "d"), "Kubernetes keeps pods off d")
    eventually(calico.available, "the operator says that Calico is available")
    on_nodes = calico.nodes_with(), calico.nodes_with("csi-node-driver")
    available, d, left = calico.available(), node(lab, "d"), network(lab, "d")
    status = modules.run("rollout_info")["status"]
    again = played(modules, plan_with())
    cleared = played(modules, plan_with(quarantine={"taint": "NoSchedule", "clear_network_unavailable": True}))
    eventually(lambda: f"{NETWORK_TAINT}:NoSchedule" not in taints(lab, "d"), "Kubernetes lets pods onto d again")
    after = network(lab, "d")

    unfit = modules.run("node_release", precheck_report=assemble({"h-d": unfit_host()}))
    report = assemble({"h-d": answer("d", node_name="d")})
    foretold = modules.run("node_release", precheck_report=report, check=True, diff=True)
    released = modules.run("node_release", precheck_report=report, diff=True)
    free = node(lab, "d")
    lab.set_fault("d", None)
    admitted = played(modules, plan_with())
    return Story(
        calls,
        on_nodes,
        available,
        d,
        left,
        status,
        again,
        cleared,
        after,
        unfit,
        foretold,
        released,
        free,
        admitted,
        ready_nodes(lab),
    )


def unfit_host() -> dict[str, Any]:
    failed = failing("d")
    failed["precheck"]["node_name"] = "d"
    return failed


@pytest.mark.operator
def test_the_rollout_goes_on_without_the_node_and_names_it(story: Story) -> None:
    report = story.calls[-1]["report"]
    assert report["outcome"] == "done"
    assert report["reason"] == "calico-node is ready on all 4 planned nodes; 1 outside, in quarantine: d"
    (entry,) = report["excluded"]
    assert (entry["node"], entry["tier"], entry["cause"]) == ("d", "edge", "quarantined")
    assert "not_ready: container calico-node has been running since" in entry["reason"]
    assert story.calls[-1]["readiness"]["ready"]


@pytest.mark.operator
def test_the_node_is_closed_and_says_why(story: Story) -> None:
    metadata = story.d["metadata"]
    assert KEY not in metadata["labels"]
    assert metadata["labels"][QUARANTINE] == "not_ready"
    assert "its startup probe does not pass" in metadata["annotations"][REASON]
    assert {"key": QUARANTINE, "value": "not_ready", "effect": "NoSchedule"} in story.d["spec"]["taints"]


@pytest.mark.operator
def test_the_node_no_longer_holds_anything_up(story: Story) -> None:
    assert story.on_nodes == ({"a", "b", "c", "e"},) * 2
    assert story.available


@pytest.mark.operator
def test_one_write_admits_a_node_and_one_takes_it_out(story: Story) -> None:
    assert labels_per_node(story.calls) == Counter({"a": 1, "b": 1, "c": 1, "d": 2, "e": 1})
    quarantine = [action for call in story.calls for action in call["actions"] if action["do"] == "quarantine"]
    assert [action["nodes"] for action in quarantine] == [["d"]]


@pytest.mark.operator
def test_the_status_explains_what_calico_node_left(story: Story) -> None:
    assert story.left == ("True", "CalicoIsDown")
    (entry,) = story.status["outside"]
    assert (entry["node"], entry["cause"]) == ("d", "quarantined")
    assert "calico-node left NetworkUnavailable=True (CalicoIsDown) on the Node since" in entry["reason"]
    assert story.status["ready"]


@pytest.mark.operator
def test_a_second_run_leaves_it_there_and_writes_no_node(story: Story) -> None:
    assert story.again[-1]["report"]["reason"] == story.calls[-1]["report"]["reason"]
    assert labels_per_node(story.again) == Counter()
    assert [call["changed"] for call in story.again] == [False] * len(story.again)


@pytest.mark.operator
def test_the_condition_is_cleared_on_request_by_one_write_of_the_status(story: Story) -> None:
    assert story.cleared[-1]["outcome"] == "done"
    written = [event for call in story.cleared for event in call.writes if event.resource == "nodes"]
    assert [(event.verb, event.name) for event in written] == [("patch", "d")]
    assert story.network == ("False", "CalicoHasLeft")


@pytest.mark.operator
def test_a_node_whose_host_does_not_pass_is_not_released(story: Story) -> None:
    assert (story.unfit["changed"], story.unfit["released"], story.unfit.writes) == (False, [], [])
    assert [(entry["node"], entry["cause"]) for entry in story.unfit["kept"]] == [("d", "precheck_failed")]


@pytest.mark.operator
def test_a_node_whose_host_passes_is_released_as_check_mode_foretells(story: Story) -> None:
    assert story.foretold.writes == []
    assert story.foretold["diff"] == story.released["diff"]
    assert story.released["released"] == ["d"]
    assert [(event.verb, event.name) for event in story.released.writes] == [("patch", "d")]
    assert not {QUARANTINE, KEY}.intersection(story.free["metadata"]["labels"])
    assert REASON not in story.free["metadata"]["annotations"]
    assert QUARANTINE not in {taint["key"] for taint in story.free["spec"].get("taints", [])}


@pytest.mark.operator
def test_the_next_rollout_admits_it(story: Story) -> None:
    assert story.admitted[-1]["outcome"] == "done"
    assert labels_per_node(story.admitted) == Counter({"d": 1})
    assert story.ready == {"a", "b", "c", "d", "e"}


@pytest.mark.ansible
def test_a_run_that_is_killed_at_the_quarantine_leaves_the_node_admitted_and_the_next_run_goes_on(
    cluster: Lab, tmp_path: Path
) -> None:
    bring_up(cluster)
    modules, plan = Modules(cluster, tmp_path), plan_with(batch_timeout=15)
    state: Any = None
    while KEY not in node(cluster, "d")["metadata"]["labels"]:
        call = modules.run("rollout_step", plan=plan, installation_spec=ADDRESSES, state=state, max_duration=5)
        state = call["state"]
    with held(cluster, "nodes", "d") as gate:
        process = modules.start("rollout_step", plan=plan, installation_spec=ADDRESSES, state=state)
        until(lambda: gate.holds)
        kill_tree(process)
    assert KEY in node(cluster, "d")["metadata"]["labels"]
    assert QUARANTINE not in node(cluster, "d")["metadata"]["labels"]
    calls = played(modules, plan)
    assert calls[-1]["report"]["reason"].endswith("1 outside, in quarantine: d")
    assert node(cluster, "d")["metadata"]["labels"][QUARANTINE] == "not_ready"
    assert ready_nodes(cluster) == {"a", "b", "c", "e"}

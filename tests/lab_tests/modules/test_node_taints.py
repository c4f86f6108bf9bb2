# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_taints on a real API server, as the collection's own account."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.lab.api import ApiError
from tests.lab.audit import AuditEvent
from tests.lab.lab import Lab
from tests.lab.modules import Modules, eventually
from tests.lab.nodes import NodeSpec

pytestmark = pytest.mark.ansible

KEY = "example.com/closed"
FOREIGN = {"key": "example.com/gpu", "value": "a100", "effect": "NoSchedule"}
EVICTS = {"key": "example.com/broken", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}
CLOSED = {"key": KEY, "value": "yes", "effect": "NoSchedule"}


@pytest.fixture
def nodes(cluster: Lab) -> Lab:
    """t-0 without a taint of interest, t-1 with two of somebody else's, t-2 closed already, between two others."""
    cluster.add_nodes(
        [
            NodeSpec("t-0", ready=True),
            NodeSpec("t-1", ready=True, taints=(FOREIGN, EVICTS)),
            NodeSpec("t-2", ready=True, taints=(FOREIGN, CLOSED, EVICTS)),
        ]
    )
    # A new node has taints of its conditions for a moment, and they stand in a diff.
    names = ("t-0", "t-1", "t-2")
    eventually(lambda: not any(of_a_condition(taint) for name in names for taint in all_taints(cluster, name)), "ours")
    return cluster


def all_taints(lab: Lab, node: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lab.admin.get(f"/api/v1/nodes/{node}")["spec"].get("taints", [])
    return found


def of_a_condition(taint: dict[str, Any]) -> bool:
    """Kubernetes sets and clears it by the node's conditions."""
    return bool(taint["key"].startswith("node.kubernetes.io/"))


def taints(lab: Lab, node: str) -> list[dict[str, Any]]:
    return [taint for taint in all_taints(lab, node) if not of_a_condition(taint)]


def test_a_taint_is_set_beside_those_of_others_which_stay_as_they_are_and_where_they_are(
    nodes: Lab, modules: Modules
) -> None:
    outcome = modules.run("node_taints", nodes=["t-0", "t-1", "t-2"], taints=[CLOSED])
    assert (outcome["changed_nodes"], outcome["unchanged"]) == (["t-0", "t-1"], 1)
    assert [(write.verb, write.name, write.code) for write in outcome.writes] == [
        ("patch", name, 200) for name in sorted(write.name for write in outcome.writes)
    ]
    assert taints(nodes, "t-0") == [CLOSED]
    assert taints(nodes, "t-1") == [FOREIGN, EVICTS, CLOSED]
    assert taints(nodes, "t-2") == [FOREIGN, CLOSED, EVICTS]


def test_a_second_run_changes_and_writes_nothing(nodes: Lab, modules: Modules) -> None:
    modules.run("node_taints", nodes=["t-0", "t-1"], taints=[CLOSED])
    again = modules.run("node_taints", nodes=["t-0", "t-1"], taints=[CLOSED])
    assert (again["changed"], again["changed_nodes"], again["unchanged"], again.writes) == (False, [], 2, [])


def test_a_taint_that_evicts_is_the_same_again_whatever_the_api_adds_to_it(nodes: Lab, modules: Modules) -> None:
    wanted = [{"key": KEY, "value": "yes", "effect": "NoExecute"}]
    assert modules.run("node_taints", nodes=["t-0"], taints=wanted)["changed"]
    assert not modules.run("node_taints", nodes=["t-0"], taints=wanted)["changed"]


def test_absent_goes_by_key_and_effect_and_leaves_the_rest(nodes: Lab, modules: Modules) -> None:
    outcome = modules.run(
        "node_taints",
        nodes=["t-1", "t-2"],
        taints=[{"key": KEY, "effect": "NoSchedule"}, {"key": "example.com/gpu", "effect": "NoExecute"}],
        state="absent",
    )
    assert outcome["changed_nodes"] == ["t-2"]
    assert taints(nodes, "t-1") == taints(nodes, "t-2") == [FOREIGN, EVICTS]


def test_the_last_taint_can_go(nodes: Lab, modules: Modules) -> None:
    modules.run("node_taints", nodes=["t-0"], taints=[CLOSED])
    modules.run("node_taints", nodes=["t-0"], taints=[CLOSED], state="absent")
    assert taints(nodes, "t-0") == []


def test_check_mode_predicts_what_the_run_then_does_and_writes_nothing(nodes: Lab, modules: Modules) -> None:
    wanted: dict[str, Any] = {"nodes": ["t-1", "t-2"], "taints": [{**CLOSED, "value": "no"}]}
    predicted = modules.run("node_taints", diff=True, check=True, **wanted)
    assert predicted.writes == []
    assert taints(nodes, "t-1") == [FOREIGN, EVICTS]
    done = modules.run("node_taints", diff=True, **wanted)
    assert predicted["changed_nodes"] == done["changed_nodes"] == ["t-1", "t-2"]
    assert predicted["diff"] == done["diff"]
    after = {node: found["taints"] for node, found in done["diff"]["after"].items()}
    assert after == {node: taints(nodes, node) for node in ("t-1", "t-2")}
    assert done["diff"]["before"]["t-2"] == {"taints": [FOREIGN, CLOSED, EVICTS]}


def test_a_node_that_does_not_exist_is_refused_by_name_before_the_first_write(nodes: Lab, modules: Modules) -> None:
    outcome = modules.run("node_taints", nodes=["t-0", "t-9", "t-8"], taints=[CLOSED])
    assert outcome.failed
    assert "2 of 3 nodes do not exist in this cluster, nothing was written: t-8, t-9" in outcome["msg"]
    assert outcome.writes == []


@pytest.mark.parametrize("option", ["nodes", "taints"])
def test_null_is_refused_and_never_taken_for_all_or_for_none(nodes: Lab, modules: Modules, option: str) -> None:
    given: dict[str, Any] = {"nodes": ["t-0"], "taints": [CLOSED], option: None}
    outcome = modules.run("node_taints", **given)
    assert outcome.failed
    assert re.search(f"argument '{option}' is of type .*NoneType", outcome["msg"])
    assert outcome.writes == []


def test_the_nodes_are_listed_once_whatever_their_number(nodes: Lab, modules: Modules) -> None:
    since = nodes.audit.position()
    modules.run("node_taints", nodes=["t-0", "t-1"], taints=[CLOSED])
    reads = [event for event in nodes.audit.events(since, user=nodes.collection_user) if event.verb == "list"]
    assert [(event.verb, event.resource) for event in reads] == [("list", "nodes")]


def test_a_taint_that_somebody_sets_between_our_read_and_our_write_is_kept(nodes: Lab, modules: Modules) -> None:
    names = [f"r-{number:02d}" for number in range(30)]
    nodes.add_nodes(NodeSpec(name, ready=True) for name in names)
    since = nodes.audit.position()

    def ours() -> list[AuditEvent]:
        return nodes.audit.events(since, user=nodes.collection_user)

    process = modules.start("node_taints", nodes=names, taints=[CLOSED], rate=5)
    eventually(ours, "the module has listed the nodes")
    for name in reversed(names):
        add_taint(nodes, name, EVICTS)
    assert process.wait(120) == 0
    for name in names:
        assert sorted(taint["key"] for taint in taints(nodes, name)) == [EVICTS["key"], CLOSED["key"]]
    assert any(event.code == 409 for event in ours()), "no write of ours came too late, so nothing was tested"


def add_taint(lab: Lab, node: str, taint: dict[str, Any]) -> None:
    """As a controller does it: read, change, write, and again when it was too late."""
    while True:
        found = lab.admin.get(f"/api/v1/nodes/{node}")
        found["spec"]["taints"] = [*found["spec"].get("taints", []), taint]
        try:
            lab.admin.replace(f"/api/v1/nodes/{node}", found)
            return
        except ApiError as error:
            if error.status != 409:
                raise

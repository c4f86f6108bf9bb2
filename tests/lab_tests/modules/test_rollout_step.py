# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_step alone brings Calico in, batch by batch, and goes on wherever it was stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import ExcludedNode, Plan

from tests.lab.audit import AuditEvent
from tests.lab.calico import ADDRESSES
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome, eventually
from tests.lab_tests.modules.test_installation_scope import INSTALLATION, create_installation, ready_nodes
from tests.plans import plan_of

pytestmark = pytest.mark.operator

GRACE = 5.0
"""Seconds for the requests that were under way when a call's time was up; this machine may be busy."""


@dataclass
class Rollout:
    plan: Plan
    rehearsal: Outcome
    calls: list[Outcome]
    again: Outcome
    ready: set[str]

    @property
    def writes(self) -> list[AuditEvent]:
        return [event for call in self.calls for event in call.writes]


@pytest.fixture(scope="module")
def rollout(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Rollout:
    """A clean install on six nodes, one of them outside: check mode, the real run, and a second one."""
    lab.reset()
    for name in ("a", "b", "c", "d", "e", "outside"):
        lab.add_node(name)
    excluded = ExcludedNode(
        node="outside", host="outside", tier=None, cause="declared", reason="kept out", remedy=None, counts=False
    )
    plan = plan_of(["a", "b", "c"], ["d", "e"], soak=2, excluded=[excluded])
    modules = Modules(lab, tmp_path_factory.mktemp("rollout"))
    rehearsal = modules.run("rollout_step", check=True, plan=plan, installation_spec=ADDRESSES)
    calls = played(modules, plan)
    again = modules.run("rollout_step", plan=plan, installation_spec=ADDRESSES)
    return Rollout(plan, rehearsal, calls, again, ready_nodes(lab))


def played(
    modules: Modules, plan: Plan, *, state: Any = None, keep_state: bool = True, **options: Any
) -> list[Outcome]:
    """Calls of at most a minute until it is finished, each returning when a batch is through."""
    options = {"installation_spec": ADDRESSES, "max_duration": 60, **options}
    calls: list[Outcome] = []
    while not calls or not calls[-1]["finished"]:
        assert len(calls) < 40, [call["progress"] for call in calls]
        calls.append(modules.run("rollout_step", plan=plan, state=state, **options))
        assert not calls[-1].failed, calls[-1]["msg"]
        state = calls[-1]["state"] if keep_state else None
    return calls


def actions(calls: Sequence[Outcome]) -> list[Any]:
    return [action for call in calls for action in call["actions"] if action["do"] != "wait"]


def diffs(calls: Sequence[Outcome]) -> dict[str, Any]:
    """Before and after of each node and of the Installation, over all calls."""
    found: dict[str, Any] = {}
    for part in (part for call in calls for part in call["diff"]):
        if part["before_header"] == "nodes":
            found.update({name: (part["before"][name], after) for name, after in part["after"].items()})
        else:
            found[part["before_header"]] = (part["before"], part["after"])
    return found


def test_calico_is_ready_on_every_planned_node_and_on_no_other(rollout: Rollout) -> None:
    assert rollout.calls[-1]["outcome"] == "done"
    assert rollout.calls[-1]["readiness"]["ready"]
    assert rollout.ready == {"a", "b", "c", "d", "e"}


@pytest.mark.crds
def test_every_node_gets_one_write_and_the_installation_one(rollout: Rollout) -> None:
    written = Counter((event.verb, event.resource, event.name) for event in rollout.writes)
    nodes = [("patch", "nodes", name) for name in ("a", "b", "c", "d", "e")]
    assert written == Counter([*nodes, ("create", "installations", "default")])


@pytest.mark.crds
def test_the_first_batch_is_labelled_before_the_installation_is_written(rollout: Rollout) -> None:
    order = [event.name for event in sorted(rollout.writes, key=lambda event: event.time)]
    assert set(order[:3]) == {"a", "b", "c"}
    assert order[3] == "default"
    assert set(order[4:]) == {"d", "e"}


def test_a_call_returns_when_its_batch_is_through(rollout: Rollout) -> None:
    assert [call["batch_completed"] for call in rollout.calls] == [True, True]


def test_check_mode_writes_nothing_and_shows_what_the_real_run_then_does(rollout: Rollout) -> None:
    assert rollout.rehearsal.writes == []
    assert rollout.rehearsal["outcome"] == "done"
    assert rollout.rehearsal["report"]["check_mode"]
    assert actions([rollout.rehearsal]) == actions(rollout.calls)
    assert diffs([rollout.rehearsal]) == diffs(rollout.calls)


def test_a_second_run_changes_nothing(rollout: Rollout) -> None:
    assert rollout.again["outcome"] == "done"
    assert (rollout.again["changed"], rollout.again.writes, rollout.again["diff"]) == (False, [], [])


@pytest.fixture
def nodes(cluster: Lab) -> Lab:
    for name in ("a", "b", "c"):
        cluster.add_node(name)
    return cluster


def labels_per_node(calls: Sequence[Outcome]) -> Counter[str]:
    return Counter(event.name for call in calls for event in call.writes if event.resource == "nodes")


def test_goes_on_where_it_was_when_every_call_is_short_and_the_state_is_lost(nodes: Lab, modules: Modules) -> None:
    calls = played(modules, plan_of(["a", "b"], ["c"]), keep_state=False, max_duration=3)
    assert calls[-1]["outcome"] == "done"
    assert max(call["elapsed"] for call in calls) < 3 + GRACE
    assert labels_per_node(calls) == {"a": 1, "b": 1, "c": 1}


def test_a_node_that_never_gets_ready_stops_the_rollout_with_the_table_that_names_it(
    nodes: Lab, modules: Modules
) -> None:
    nodes.set_fault("b", "never-ready")
    calls = played(modules, plan_of(["a", "b"], ["c"], batch_timeout=25))
    last = calls[-1]
    assert last["outcome"] == "stopped"
    assert "b (not_ready: " in last["report"]["reason"]
    assert [row["node"] for row in last["report"]["not_ready"]] == ["b"]
    assert labels_per_node(calls) == {"a": 1, "b": 1}


def test_a_ready_node_that_the_user_keeps_out_stops_it_by_name_before_anything_is_written(
    nodes: Lab, modules: Modules
) -> None:
    create_installation(nodes)
    eventually(lambda: len(ready_nodes(nodes)) == 3, "calico-node is ready on three nodes")
    kept_out = ExcludedNode(node="c", host="c", tier=None, cause="declared", reason="museum", remedy=None, counts=False)
    (call,) = played(modules, plan_of(["a", "b"], excluded=[kept_out]))
    assert call["outcome"] == "stopped"
    assert "node c is kept out (museum) and runs a Ready calico-node" in call["report"]["reason"]
    assert (call["changed"], call.writes) == (False, [])


@pytest.mark.crds
def test_without_an_installation_and_a_spec_it_stops_before_the_first_label(nodes: Lab, modules: Modules) -> None:
    (call,) = played(modules, plan_of(["a", "b"]), installation_spec=None)
    assert call["outcome"] == "stopped"
    assert "no Installation" in call["report"]["reason"]
    assert call.writes == []


def test_a_spec_that_the_api_server_refuses_stops_it_before_the_first_label(nodes: Lab, modules: Modules) -> None:
    spec = {"controlPlaneReplicas": "many"}
    (call,) = played(modules, plan_of(["a", "b"]), installation_spec=spec)
    assert call["outcome"] == "stopped"
    assert "controlPlaneReplicas" in call["report"]["reason"]
    assert call.writes == []
    assert nodes.admin.get_or_none(INSTALLATION) is None


def test_a_plan_that_was_altered_is_refused(modules: Modules) -> None:
    plan = plan_of(["a", "b"])
    plan["batches"][0]["nodes"].append("c")
    outcome = modules.run("rollout_step", plan=plan)
    assert outcome.failed
    assert "altered" in outcome["msg"]


def test_the_state_of_another_plan_stops_it(nodes: Lab, modules: Modules) -> None:
    other = modules.run("rollout_step", check=True, plan=plan_of(["a", "b"], soak=1), installation_spec=ADDRESSES)
    outcome = modules.run("rollout_step", plan=plan_of(["a", "b"]), state=other["state"], installation_spec=ADDRESSES)
    assert outcome["outcome"] == "stopped"
    assert "belongs to plan" in outcome["report"]["reason"]
    assert outcome.writes == []

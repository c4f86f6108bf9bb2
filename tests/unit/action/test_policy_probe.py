# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of policy_probe: some nodes after the other, and a line for each turn."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

pytest.importorskip("ansible")

from ansible.errors import AnsibleActionFail
from ansible_collections.calico_ops.rollout.plugins.action import policy_probe
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import NodeVerdict
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _screen as screen

from tests.probe_reports import probe_report

NODES = [f"n-{place}" for place in range(1, 6)]


class Module:
    """What it is called with, and what it says of each node."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[dict[str, Any]] = []
        self.shown: list[str] = []
        self.verdicts: dict[str, NodeVerdict] = {}
        self.refuses: dict[int, dict[str, Any]] = {}
        monkeypatch.setattr(policy_probe.ActionBase, "run", lambda action, tmp, task_vars: {})
        monkeypatch.setattr(screen, "show", self.shown.append)

    def task(self, *, check_mode: bool = False, no_log: bool = False, **args: Any) -> dict[str, Any]:
        task = Mock(args={"image": "i", **args}, check_mode=check_mode, no_log=no_log)
        action = policy_probe.ActionModule(task, Mock(), Mock(), Mock(), Mock(), Mock())
        action._execute_module = self._answer
        return action.run(None, {})

    def _answer(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        assert module_name == "calico_ops.rollout.policy_probe"
        self.calls.append(module_args)
        if len(self.calls) in self.refuses:
            return self.refuses[len(self.calls)]
        report = probe_report({node: self.verdicts.get(node, "enforced") for node in module_args["nodes"]})
        result = {"changed": len(self.calls) == 1, "diff": {"after": f"call {len(self.calls)}"}, "probe": report}
        if report["outcome"] != "proven":
            result.update(failed=True, msg=f"Network policy is not proven: {report['reason']}")
        return {**result, "warnings": ["the namespace is new", f"call {len(self.calls)}"]}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Module:
    return Module(monkeypatch)


def test_some_nodes_after_the_other_and_what_is_proven_takes_part(module: Module) -> None:
    result = module.task(nodes=NODES, proven_nodes=["p"], at_once=2)
    assert [call["nodes"] for call in module.calls] == [["n-1"], ["n-2", "n-3"], ["n-4", "n-5"]]
    assert [call["proven_nodes"] for call in module.calls] == [["p"], ["p", "n-1"], ["p", "n-1", "n-2", "n-3"]]
    assert {call["image"] for call in module.calls} == {"i"}
    assert (result["changed"], result["diff"]["after"], result.get("failed", False)) == (True, "call 1", False)
    assert [proof["node"] for proof in result["probe"]["nodes"]] == NODES
    assert result["warnings"] == ["the namespace is new", "call 1", "call 2", "call 3"]


def test_each_turn_has_a_line(module: Module) -> None:
    module.verdicts = {"n-3": "open"}
    module.task(nodes=NODES, at_once=3)
    assert [line.rpartition("; ")[0] for line in module.shown] == [
        "network policy: 2 of 5 nodes tried, 2 proven",
        "network policy: 5 of 5 nodes tried, 4 proven; not: n-3 (open)",
    ]


@pytest.mark.parametrize("node", ["n-1", "n-5"])
def test_a_fault_in_any_turn_fails_the_task_and_is_no_peer_for_the_next(module: Module, node: str) -> None:
    module.verdicts = {node: "open"}
    result = module.task(nodes=NODES, at_once=2)
    assert result["failed"]
    assert result["probe"]["outcome"] == "failed"
    assert result["msg"].startswith("Network policy is not proven: ")
    assert all(node not in call["proven_nodes"] for call in module.calls)
    assert len(module.calls) == 3, "the other nodes are tried all the same"


def test_a_turn_that_cannot_run_ends_it_with_what_was_proven_and_without_a_verdict(module: Module) -> None:
    module.refuses = {2: {"failed": True, "msg": "no route to host"}}
    result = module.task(nodes=NODES, at_once=3)
    assert (result["failed"], result["msg"]) == (True, "After 2 of 5 nodes: no route to host")
    assert "probe" not in result
    assert result["proven"] == ["n-1", "n-2"]


@pytest.mark.parametrize(
    "task", [{"nodes": NODES}, {"nodes": NODES, "at_once": 2, "check_mode": True}, {"state": "absent"}]
)
def test_what_takes_one_call_is_the_modules(module: Module, task: dict[str, Any]) -> None:
    module.refuses = {1: {"changed": False, "pods": []}}
    assert module.task(**task) == {"changed": False, "pods": []}
    assert len(module.calls) == 1
    assert module.shown == []


@pytest.mark.parametrize("at_once", [0, "many"])
def test_a_number_that_is_none_is_named(module: Module, at_once: Any) -> None:
    with pytest.raises(AnsibleActionFail, match="at_once"):
        module.task(nodes=NODES, at_once=at_once)
    assert module.calls == []

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of rollout_step: it calls the module until the end, and shows a line for each change."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

pytest.importorskip("ansible")

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.calico_ops.rollout.plugins.action import rollout_step
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _screen as screen

from tests.unit.rollout.pages.test_progress import next_batch, report

PLAN = {"batches": []}


class Rollout:
    """What the module answers in turn, what it was asked, and what was shown."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.host = "localhost"
        self.calls: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        """Whom each call was said to belong to."""
        self.shown: list[str] = []
        self.answers: list[Any] = [
            self.answer(report("core-1", 1), state={"call": 1}, changed=True),
            self.answer(next_batch("edge-1"), state={"call": 2}),
            self.answer(report(None, reason="all ready"), state={"call": 3}, finished=True),
        ]
        monkeypatch.setattr(rollout_step.ActionBase, "run", lambda action, tmp, task_vars: {})
        monkeypatch.setattr(rollout_step.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(screen, "show", self.shown.append)

    @staticmethod
    def answer(the_report: Any, *, finished: bool = False, changed: bool = False, **more: Any) -> dict[str, Any]:
        how = {
            "finished": finished,
            "changed": changed,
            "report": the_report,
            "actions": [],
            "diff": [],
            "elapsed": 1.0,
        }
        return {**how, "batch_completed": False, **more}

    def task(
        self, *, check_mode: bool = False, no_log: bool = False, async_val: int = 0, **args: Any
    ) -> dict[str, Any]:
        task = Mock(args={"plan": PLAN, **args}, async_val=async_val, check_mode=check_mode, no_log=no_log)
        action = rollout_step.ActionModule(task, Mock(), Mock(), Mock(), Mock(), Mock())
        action._execute_module = self._module
        return action.run(None, {"inventory_hostname": self.host})

    def _module(self, module_name: str, module_args: dict[str, Any], task_vars: Any, wrap_async: bool) -> Any:
        assert module_name == "calico_ops.rollout.rollout_step"
        self.runs.append(module_args.pop("run"))
        self.calls.append({**module_args, "async": wrap_async})
        self.now += 10
        answer = self.answers[len(self.calls) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def rollout(monkeypatch: pytest.MonkeyPatch) -> Rollout:
    return Rollout(monkeypatch)


def test_it_calls_the_module_until_the_rollout_is_finished_and_hands_the_state_on(rollout: Rollout) -> None:
    result = rollout.task()
    assert [call["state"] for call in rollout.calls] == [None, {"call": 1}, {"call": 2}]
    assert {call["max_duration"] for call in rollout.calls} == {10}
    assert all(call["plan"] == PLAN for call in rollout.calls)
    assert (result["finished"], result["changed"], result["state"]) == (True, True, {"call": 3})


def test_it_shows_a_line_for_each_change(rollout: Rollout) -> None:
    rollout.task()
    assert [line.partition(";")[0] for line in rollout.shown] == [
        "batch 1/3 core-1: 1 of 2 ready, waiting for edge-3 (no_pod: image pull)",
        "batch 1/3 core-1 is through, 2 of 8 nodes ready",
        "done: all ready",
    ]


def test_a_state_that_is_given_goes_into_the_first_call(rollout: Rollout) -> None:
    rollout.task(state={"call": 0})
    assert rollout.calls[0]["state"] == {"call": 0}


def test_a_duration_makes_it_one_call_as_it_is(rollout: Rollout) -> None:
    result = rollout.task(max_duration=60, state={"call": 0})
    assert rollout.calls == [{"plan": PLAN, "max_duration": 60, "state": {"call": 0}, "async": False}]
    assert result == rollout.answers[0]
    assert rollout.shown == []


def test_all_calls_belong_to_one_run_and_those_for_another_host_to_another(rollout: Rollout) -> None:
    rollout.task()
    rollout.host = "b"
    rollout.answers *= 2
    rollout.task(max_duration=10)
    first, *same, other = rollout.runs
    assert same == [first, first]
    assert other["name"] != first["name"]
    assert [{**run, "name": None} for run in (first, other)] == [{**first, "name": None}] * 2


def test_only_one_call_may_be_made_in_the_background(rollout: Rollout) -> None:
    with pytest.raises(AnsibleActionFail, match="Leave out `async`"):
        rollout.task(async_val=600)
    assert rollout.calls == []
    rollout.task(async_val=600, max_duration=60)
    assert rollout.calls[0]["async"]


def test_a_failure_in_the_middle_keeps_what_was_done(rollout: Rollout) -> None:
    rollout.answers[1] = {"failed": True, "msg": "401 Unauthorized"}
    result = rollout.task()
    assert (result["failed"], result["msg"]) == (True, "401 Unauthorized")
    assert (result["changed"], result["state"], result["finished"]) == (True, {"call": 1}, False)


def test_a_connection_that_breaks_in_the_middle_keeps_it_too(rollout: Rollout) -> None:
    rollout.answers[1] = AnsibleConnectionFailure("broken pipe")
    result = rollout.task()
    assert (result["unreachable"], result["msg"]) == (True, "broken pipe")
    assert (result["changed"], result["state"]) == (True, {"call": 1})


@pytest.mark.parametrize("how", [{"no_log": True}, {"check_mode": True}])
def test_without_a_log_and_in_check_mode_nothing_is_shown(rollout: Rollout, how: dict[str, bool]) -> None:
    rollout.answers[0]["to_commit"] = "spec: {}"
    rollout.task(**how)
    assert rollout.shown == []


def test_what_is_to_be_committed_is_shown_before_the_line_that_waits_for_it(rollout: Rollout) -> None:
    rollout.answers[0]["to_commit"] = "spec:\n  typha: \x1b[2J\n"
    result = rollout.task()
    assert rollout.shown[0] == "\nTo be committed by the owner of the Installation:\n\nspec:\n  typha: ?[2J\n"
    assert result["to_commit"] == "spec:\n  typha: \x1b[2J\n"

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls the module of the same name for some nodes after the other, and shows a line for each turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PolicyProbeReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.fates import ENFORCED
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.turns import (
    MOST_AT_ONCE,
    enforcing,
    proofs,
    together,
    turns,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.terminal import count, listed, printable
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _screen as screen
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._merged_steps import merged_warnings

MODULE = "calico_ops.rollout.policy_probe"
OWN_OPTIONS: dict[str, Any] = {
    "nodes": {"type": "list", "elements": "str", "default": []},
    "proven_nodes": {"type": "list", "elements": "str", "default": []},
    "at_once": {"type": "int", "default": MOST_AT_ONCE},
}

screen.without_delay()


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = {key: value for key, value in self._task.args.items() if key in OWN_OPTIONS}
        checked = ArgumentSpecValidator(OWN_OPTIONS).validate(given)
        options = plain(checked.validated_parameters)
        problem = "; ".join(checked.error_messages)
        if not problem and options["at_once"] < 1:
            problem = f"at_once: {options['at_once']} is less than 1."
        if problem:
            raise AnsibleActionFail(f"policy_probe: {problem}")
        nodes = list(dict.fromkeys(options["nodes"]))
        # In check mode no pod runs, so there is nothing to wait for.
        if self._task.check_mode or len(nodes) <= options["at_once"]:
            result.update(self._call(task_vars))
        else:
            result.update(self._in_turns(task_vars, nodes, options["proven_nodes"], options["at_once"]))
        return result

    def _in_turns(self, task_vars: Any, nodes: Sequence[str], offered: Sequence[str], at_once: int) -> dict[str, Any]:
        began, tried = time.monotonic(), 0
        answers: list[dict[str, Any]] = []
        reports: list[PolicyProbeReport] = []
        for turn in turns(nodes, at_once):
            answer = self._call(task_vars, nodes=turn, proven_nodes=[*offered, *enforcing(reports)])
            answers.append(answer)
            if "probe" not in answer:
                if reports:
                    answer["msg"] = f"After {tried} of {count(len(nodes), 'node')}: {answer.get('msg')}"
                return {**_merged(answers), "proven": enforcing(reports)}
            reports.append(plain(answer["probe"]))
            tried += len(turn)
            self._show(_line(reports, tried, len(nodes), time.monotonic() - began))
        return {**_merged(answers), **_verdict(together(reports))}

    def _call(self, task_vars: Any, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args={**self._task.args, **options}, task_vars=task_vars
        )
        return answer

    def _show(self, line: str) -> None:
        if not self._task.no_log:
            screen.show(line)


def _merged(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The last answer, with what the ones before it changed and warned of."""
    whole = {**answers[-1], "changed": any(answer.get("changed", False) for answer in answers)}
    if "diff" in answers[0]:
        whole["diff"] = answers[0]["diff"]
    return {**whole, **merged_warnings(answers)}


def _verdict(probe: PolicyProbeReport) -> dict[str, Any]:
    if probe["outcome"] == "proven":
        return {"probe": probe}
    return {"probe": probe, "failed": True, "msg": f"Network policy is not proven: {probe['reason']}"}


def _line(reports: Sequence[PolicyProbeReport], tried: int, of: int, seconds: float) -> str:
    """`network policy: 100 of 240 nodes tried, 99 proven; not: w-7 (open); 41 s`"""
    found = proofs(reports)
    wrong = [f"{proof['node']} ({proof['verdict']})" for proof in found if proof["verdict"] != ENFORCED]
    not_proven = f"; not: {listed(wrong, 5)}" if wrong else ""
    proven = len(found) - len(wrong)
    return printable(f"network policy: {tried} of {of} nodes tried, {proven} proven{not_proven}; {seconds:.0f} s")

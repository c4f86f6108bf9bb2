# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls the module of the same name until the rollout is finished, and shows a line for each change."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.progress import (
    SHORTEST_LOOK,
    begun,
    look_seconds,
    watched,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.terminal import printable
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _screen as screen
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._merged_steps import merged
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._run import this_run

MODULE = "calico_ops.rollout.rollout_step"
NO_ASYNC = (
    "rollout_step: a task with `async` shows nothing while it runs, and its time limit could end the rollout in the middle. "
    "Leave out `async` and `poll`, or give `max_duration` to make one call that takes so many seconds at most."
)

screen.without_delay()


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._task.args.get("max_duration") is not None:
            result.update(self._call(task_vars))
        elif self._task.async_val:
            raise AnsibleActionFail(NO_ASYNC)
        else:
            result.update(self._to_the_end(task_vars))
        return result

    def _to_the_end(self, task_vars: Any) -> dict[str, Any]:
        state, seconds = self._task.args.get("state"), SHORTEST_LOOK
        watch = begun(time.monotonic())
        answers: list[dict[str, Any]] = []
        while True:
            answers.append(self._call(task_vars, state=state, max_duration=seconds))
            last = answers[-1]
            if "report" not in last:
                return merged(answers)
            report = plain(last["report"])
            watch = watched(watch, report, time.monotonic())
            self._show(watch.line, last.get("to_commit"))
            if last["finished"]:
                return merged(answers)
            state, seconds = last["state"], look_seconds(report)

    def _call(self, task_vars: Any, **options: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._execute_module(
                module_name=MODULE,
                module_args={
                    "run": this_run(str((task_vars or {}).get("inventory_hostname"))),
                    **self._task.args,
                    **options,
                },
                task_vars=task_vars,
                wrap_async=bool(self._task.async_val),
            )
        except AnsibleConnectionFailure as error:
            # What the calls before did is not lost with the connection.
            return {"unreachable": True, "msg": str(error)}
        return answer

    def _show(self, line: str | None, to_commit: Any) -> None:
        # Check mode foresees all of it in one call: there is nothing to watch.
        if self._task.no_log or self._task.check_mode:
            return
        if to_commit:
            lines = [printable(each) for each in str(to_commit).splitlines()]
            screen.show("\n".join(["", "To be committed by the owner of the Installation:", "", *lines, ""]))
        if line:
            screen.show(line)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks the host by the module of the same name, and judges here what it answers: the checks need not travel.

Results that are young enough are used again.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.precheck_options import settled
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import complaints, examine
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import (
    OPTIONS,
    problem_with,
    wanted,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.questions import asked_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Want
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.sources import sources
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence import reuse
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _precheck_store as store

MODULE = "calico_ops.rollout.host_precheck"

# Without become, Python and programs of the host: its shell reads two files.
WHICH_BOOT = (
    'for file in /proc/sys/kernel/random/boot_id /etc/machine-id; do line=; read -r line <"$file"; echo "$line"; done'
)


def packed(what: Any) -> str:
    """One line of letters and digits: the module's source takes it in as it is."""
    return base64.b64encode(zlib.compress(json.dumps(what).encode())).decode()


# Ansible loads this plugin before it forks a worker for each host: packed once, and not 5,000 times.
SOURCES = packed(sources())


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = self._options()
        max_age, directory = options.pop("max_age"), options.pop("cache_dir")
        if not max_age:
            result.update(self._check(options, task_vars))
            return result
        host, asked = str(task_vars["inventory_hostname"]), reuse.asked_for(options, store.code())
        record = store.kept(directory, host)
        why = reuse.stale(record, host, asked, time.time(), max_age) or self._other_boot(record)
        if why is None:
            result.update(
                changed=False,
                precheck=record["precheck"],
                checked_at=record["checked_at"],
                call_seconds=record["call_seconds"],
                reused=True,
            )
            return result
        result.update(self._check(options, task_vars), checked_anew=why)
        if not self._task.check_mode:
            self._keep(directory, host, asked, result)
        return result

    def _options(self) -> dict[str, Any]:
        _validated, given = self.validate_argument_spec(argument_spec=OPTIONS)
        try:
            found = settled(plain(given))
        except RolloutError as error:
            raise AnsibleActionFail(f"host_precheck: {error}") from error
        problem = problem_with(found)
        if problem:
            raise AnsibleActionFail(f"host_precheck: {problem}")
        # What is loaded stays loaded, so it is a change.
        found["allow_module_load"] = found["allow_module_load"] and not self._task.check_mode
        return found

    def _check(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """The result, with when and how long the call was made as the controller saw it."""
        began, ticks = time.time(), time.monotonic()
        clock = options["controller_clock"]
        want = wanted({**options, "controller_clock": began if clock is None else clock})
        asked = asked_of(want, options["checks"], options["deadline"])
        sent = {"sources": SOURCES, "asked": packed(asked)}
        answer: dict[str, Any] = self._execute_module(module_name=MODULE, module_args=sent, task_vars=task_vars)
        self._remove_tmp_path(self._connection._shell.tmpdir)
        seconds = round(time.monotonic() - ticks, 3)
        if "facts" in answer:
            answer = _judged(answer, want, options)
        return {**answer, "checked_at": round(began, 3), "call_seconds": seconds, "reused": False}

    def _other_boot(self, record: Any) -> str | None:
        """Also the proof that the host can be reached."""
        lines = str(self._low_level_execute_command(WHICH_BOOT, sudoable=False)["stdout"]).splitlines()
        boot_id, machine_id = ([*lines, "", ""])[:2]
        return reuse.of_another_boot(record, boot_id.strip(), machine_id.strip())

    def _keep(self, directory: str, host: str, asked: str, result: dict[str, Any]) -> None:
        """What cannot be kept costs the next run a check, and this one nothing."""
        precheck = None if result.get("failed") else plain(result.get("precheck"))
        try:
            record = precheck and reuse.record_of(host, asked, result["checked_at"], result["call_seconds"], precheck)
            if record:
                store.keep(directory, record)
            else:
                store.forget(directory, host)
        except OSError as error:
            result.setdefault("warnings", []).append(f"The result of {host} could not be kept for later runs: {error}")


def _judged(answer: dict[str, Any], want: Want, options: dict[str, Any]) -> dict[str, Any]:
    """The answer with the judgement in place of the facts."""
    others = {key: value for key, value in answer.items() if key not in ("facts", "modules_loaded", "duration")}
    try:
        answered = {**plain(answer), "facts": json.loads(answer["facts"])}
        document, made = examine(answered, want, options["checks"], options["sources"])
    except (RecursionError, TypeError, ValueError) as error:
        return {**others, "failed": True, "msg": f"host_precheck: {error}"}
    found = complaints(made, options["fail_on"])
    if found:
        reason = f"This host cannot be let into the rollout with these settings. {' '.join(found)}"
        others.update(failed=True, msg=reason)
    return {**others, "changed": bool(document["modules_loaded"]), "precheck": document}

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the module node_precheck. Results that are young enough are kept here, on the controller, and used again."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.precheck_options import (
    asked_in,
    is_document,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import (
    OPTIONS,
    problem_with_keeping,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import CalicoSettings
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.validate import flaw_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence import reuse
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _precheck_store as store

MODULE = "calico_ops.rollout.node_precheck"
OWN_OPTIONS: dict[str, Any] = {
    "max_age": OPTIONS["max_age"],
    "cache_dir": OPTIONS["cache_dir"],
    "settings": {"type": "dict", "default": {}},
    "overrides": {"type": "dict", "default": {}},
}


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = self._options()
        max_age, directory = options["max_age"], options["cache_dir"]
        asked = reuse.asked_for(asked_in(options), store.code())
        kept = store.all_kept(directory, reuse.of_node("")) if max_age else {}
        now = time.time()
        why = {node: reuse.stale(record, node, asked, now, max_age) for node, record in kept.items()}
        young = {node: kept[node]["precheck"]["identity"] for node in kept if why[node] is None}
        answer: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args={**self._task.args, "_earlier": young}, task_vars=task_vars
        )
        self._remove_tmp_path(self._connection._shell.tmpdir)
        result.update(answer)
        if not max_age:
            return result
        for entry in result.get("prechecks", {}).values():
            node = reuse.of_node(entry["uid"])
            if entry["reused"]:
                entry.update({key: kept[node][key] for key in ("precheck", "checked_at", "call_seconds")})
            elif "precheck" in entry:
                entry.setdefault("checked_anew", reuse.stale(kept.get(node), node, asked, now, max_age))
        if not self._task.check_mode:
            self._keep(directory, asked, result)
        return result

    def _options(self) -> dict[str, Any]:
        given = {key: value for key, value in self._task.args.items() if key in OWN_OPTIONS}
        checked = ArgumentSpecValidator(OWN_OPTIONS).validate(given)
        problem = "; ".join(checked.error_messages) or problem_with_keeping(checked.validated_parameters)
        if problem:
            raise AnsibleActionFail(f"node_precheck: {problem}")
        options: dict[str, Any] = plain(checked.validated_parameters)
        if is_document(options["settings"]) and (flaw := flaw_of(options["settings"], CalicoSettings)):
            raise AnsibleActionFail(f"node_precheck: {flaw.told('settings')}")
        return options

    def _keep(self, directory: str, asked: str, result: dict[str, Any]) -> None:
        """What cannot be kept costs the next run a Job, and this one nothing."""
        try:
            for entry in result.get("prechecks", {}).values():
                if not entry["reused"]:
                    _keep_one(directory, asked, entry)
        except OSError as error:
            result.setdefault("warnings", []).append(f"Results could not be kept for later runs: {error}")


def _keep_one(directory: str, asked: str, entry: dict[str, Any]) -> None:
    node, precheck = reuse.of_node(entry["uid"]), plain(entry.get("precheck"))
    record = precheck and reuse.record_of(node, asked, entry["checked_at"], entry["call_seconds"], precheck)
    if record:
        store.keep(directory, record)
    else:
        store.forget(directory, node)

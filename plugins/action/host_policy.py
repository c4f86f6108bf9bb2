# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks the host by the module host_precheck, whose sources read rules already, and judges here what it answers."""

from __future__ import annotations

import json
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.calico_ops.rollout.plugins.action import host_precheck
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck import policy_chains
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.facts import Facts
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import identity
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain

OPTIONS: dict[str, Any] = {
    "interface_prefixes": {"type": "list", "elements": "str", "default": ["cali"]},
    "deadline": {"type": "int", "default": 10},
}
LONGEST = 300
# What tells the Node that the host is. Other pieces of its identity differ between a host and its Node.
OF_THE_MACHINE = ("machine_id", "system_uuid", "addresses")


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, given = self.validate_argument_spec(argument_spec=OPTIONS)
        prefixes, deadline = plain(given["interface_prefixes"]), given["deadline"]
        if not 1 <= deadline <= LONGEST:
            raise AnsibleActionFail(f"host_policy: deadline: {deadline} is not between 1 and {LONGEST}.")
        if not prefixes or not all(prefixes):
            raise AnsibleActionFail(
                "host_policy: interface_prefixes: give at least one name, and none that is empty, as cali."
            )
        sent = {
            "sources": host_precheck.SOURCES,
            "asked": host_precheck.packed(policy_chains.asked(float(deadline))),
        }
        answer: dict[str, Any] = self._execute_module(
            module_name=host_precheck.MODULE, module_args=sent, task_vars=task_vars
        )
        self._remove_tmp_path(self._connection._shell.tmpdir)
        if "facts" not in answer:
            return {**result, **answer}
        try:
            facts = json.loads(answer["facts"])
            found = policy_chains.judged(facts, prefixes)
            machine = identity(Facts(facts))
        except (AttributeError, RecursionError, KeyError, TypeError, ValueError) as error:
            return {**result, "failed": True, "msg": f"host_policy: the answer of the host cannot be read: {error!r}"}
        own = {piece: machine[piece] for piece in OF_THE_MACHINE}
        return {**result, "changed": False, "duration": answer["duration"], "identity": own, **found}

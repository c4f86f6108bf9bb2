# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows a text as it is, where `debug` would quote each line."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.terminal import printable
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _screen as screen


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, given = self.validate_argument_spec(argument_spec={"text": {"type": "str", "required": True}})
        text = "\n".join(printable(line) for line in given["text"].splitlines())
        if not self._task.no_log:
            screen.show(text)
        return {**result, "changed": False, "msg": text}

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What nodes of the Calico that a host was prechecked for send to each other."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import plan as _plan
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import document, readable


@readable
def reach_targets(result: Any) -> list[str]:
    return _plan.targets_for(document(result, "PrecheckResult")["settings"])


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reach_targets": reach_targets}

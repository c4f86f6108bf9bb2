# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How large the packets are that a host's overlay sends."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import plan as _plan
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import document, readable


@readable
def reach_packets(result: Any, targets: Collection[str]) -> dict[str, int]:
    precheck = document(result, "PrecheckResult")
    return _plan.packets_for(precheck["settings"], precheck["facts"], [str(target) for target in targets])


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reach_packets": reach_packets}

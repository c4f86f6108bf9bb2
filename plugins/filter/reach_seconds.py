# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long listeners must be there for the last of many hosts to ask them."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import plan as _plan


def reach_seconds(hosts: list[str], forks: int, probe_seconds: int, at_least: int) -> int:
    return _plan.listening_seconds(len(hosts), int(forks), int(probe_seconds), int(at_least))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reach_seconds": reach_seconds}

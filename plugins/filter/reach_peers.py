# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts that a host is to probe, with what host_reach needs to know of them."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import plan as _plan
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import readable


@readable
def reach_peers(host: str, plan: Any) -> Any:
    return _plan.peers_in(plan, str(host))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reach_peers": reach_peers}

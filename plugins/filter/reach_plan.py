# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who asks whom, made once for all hosts of a play."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import ReachPeer
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import plan as _plan
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import readable


@readable
def reach_plan(hosts: list[str], hostvars: Mapping[str, Any], seed: str) -> Any:
    return _plan.plan_reach({str(name): peer for name in hosts if (peer := _listening(str(name), hostvars))}, str(seed))


def _listening(name: str, hostvars: Mapping[str, Any]) -> ReachPeer | None:
    """None for a host that does not take part: without a result, an address, or a listener."""
    known = hostvars.get(name) or {}
    if "precheck_registered" not in known or "precheck_reach_listening" not in known:
        return None
    # The whole result is large, and making it plain copies it.
    facts = plain((known["precheck_registered"].get("precheck") or {}).get("facts") or {})
    ports = plain(known["precheck_reach_listening"].get("ports"))
    address, address_v6 = facts.get("address"), facts.get("address_v6")
    if ports is None or not (address or address_v6):
        return None
    return ReachPeer(name=name, address=address, address_v6=address_v6, ports=ports)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reach_plan": reach_plan}

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who asks whom in the precheck of what hosts reach of each other, how, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import ReachPeer
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import plan as _plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import report as _reach
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._documents import document, readable


def reach_seconds(hosts: list[str], forks: int, probe_seconds: int, at_least: int) -> int:
    return _plan.listening_seconds(len(hosts), int(forks), int(probe_seconds), int(at_least))


@readable
def reach_targets(result: Any) -> list[str]:
    return _plan.targets_for(document(result, "PrecheckResult")["settings"])


@readable
def reach_packets(result: Any, targets: Collection[str]) -> dict[str, int]:
    precheck = document(result, "PrecheckResult")
    return _plan.packets_for(precheck["settings"], precheck["facts"], [str(target) for target in targets])


@readable
def reach_plan(hosts: list[str], hostvars: Mapping[str, Any], seed: str) -> Any:
    return _plan.plan_reach({str(name): peer for name in hosts if (peer := _listening(str(name), hostvars))}, str(seed))


@readable
def reach_peers(host: str, plan: Any) -> Any:
    return _plan.peers_in(plan, str(host))


@readable
def reach_report(hosts: list[str], hostvars: Mapping[str, Any]) -> Any:
    return _reach.assemble_reach({str(host): _answers(host, hostvars) for host in hosts})


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


def _answers(host: str, hostvars: Mapping[str, Any]) -> dict[str, Any]:
    known = hostvars.get(host) or {}
    parts = ("listening", "probed", "ended")
    return {part: plain(known[name]) for part in parts if (name := f"precheck_reach_{part}") in known}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "reach_seconds": reach_seconds,
            "reach_targets": reach_targets,
            "reach_packets": reach_packets,
            "reach_plan": reach_plan,
            "reach_peers": reach_peers,
            "reach_report": reach_report,
        }

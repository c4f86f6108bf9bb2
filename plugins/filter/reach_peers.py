# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts that a host is to probe, with what host_reach needs to know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import reach as _reach
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.plugin_utils.documents import readable


@readable
def reach_peers(host: str, hosts: list[str], hostvars: Mapping[str, Any]) -> list[dict[str, Any]]:
    listening = {name: peer for name in hosts if (peer := _listening(str(name), hostvars))}
    if str(host) not in listening:
        return []
    seed = " ".join(sorted(listening))
    return [listening[name] for name in _reach.peers_of(str(host), listening, seed)]


def _listening(name: str, hostvars: Mapping[str, Any]) -> dict[str, Any] | None:
    """None for a host that does not take part: without a result, an address, or a listener. Most hosts have no IPv6 address."""
    known = hostvars.get(name) or {}
    result = plain(known["precheck_registered"]) if "precheck_registered" in known else {}
    answer = plain(known["precheck_reach_listening"]) if "precheck_reach_listening" in known else {}
    facts = result.get("precheck", {}).get("facts", {})
    addresses = {key: facts[key] for key in ("address", "address_v6") if facts.get(key)}
    ports = answer.get("ports")
    return {"name": name, **addresses, "ports": ports} if addresses and ports is not None else None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reach_peers": reach_peers}

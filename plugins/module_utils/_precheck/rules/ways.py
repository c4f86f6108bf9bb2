# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which way packets leave the host, by its routes and rules."""

from typing import Any, Dict, List, Set

from ..facts import Facts

_MAIN = 254


def ways_out(facts: Facts, ipv6: bool = False) -> Set[str]:
    """The links of the default route that counts: of the table main, the ones with the lowest metric. Empty where there is none.

    A VPN halves the world instead (0.0.0.0/1 and 128.0.0.0/1) to come before it without touching it.
    """
    halves = ("::/1", "8000::/1") if ipv6 else ("0.0.0.0/1", "128.0.0.0/1")
    known = [one for one in facts["routes"] if one["ipv6"] == ipv6 and one["table"] == _MAIN and _leads_out(one)]
    split = [one for one in known if one["to"] in halves]
    chosen = (
        split if {one["to"] for one in split} == set(halves) else [one for one in known if one["to"].endswith("/0")]
    )
    if not chosen:
        return set()
    best = min(metric_of(one) for one in chosen)
    names = {link["index"]: link["name"] for link in facts["links"]}
    return {names[index] for one in chosen if metric_of(one) == best for index in links_of(one) if index in names}


def _leads_out(route: Dict[str, Any]) -> bool:
    return bool(route["unicast"]) and not route.get("dead") and not route.get("from")


def metric_of(route: Dict[str, Any]) -> int:
    return int(route.get("metric") or 0)


def links_of(route: Dict[str, Any]) -> List[int]:
    """The links of a route: of one with several next hops, each hop's."""
    return list(route.get("hops") or [route["link"]])

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the rules of others do to a new connection of a pod, found by walking through them.

A packet is what is known of it: links, addresses, and that it opens a connection. A condition about that holds or does not; one
about anything else (a port, a mark, a set) is left open. What such a rule accepts is remembered, and a verdict after it counts as
uncertain. What it drops does not count against the host: it is meant for other packets.
"""

import ipaddress
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

_NEW = 8
# Felix names pods' links cali and eleven digits; nobody's rule knows the digits.
POD_LINK = "cali0123456789a"
_DEPTH = 16
Chains = Dict[str, Dict[str, Any]]


class Packet(NamedTuple):
    what: str
    """In words, for messages."""
    family: str
    iif: str
    oif: str
    saddr: Sequence[str]
    """The networks that its source may be of; empty where they are not known."""
    daddr: Sequence[str]


class Fate(NamedTuple):
    verdict: Optional[str]
    """`accept`, `drop`, `reject`, `masquerade`; None where the chain leaves it to others."""
    certain: bool


def of(chains: Chains, base: str, packet: Packet, indexes: Dict[int, str]) -> Fate:
    """The packet's fate in a base chain. `indexes`: names of the host's links."""
    verdict, doubt = _walk(chains, base, packet, indexes, 0)
    return Fate(verdict or (chains[base]["policy"] if chains[base]["policy"] == "drop" else None), not doubt)


def _walk(chains: Chains, name: str, packet: Packet, indexes: Dict[int, str], depth: int) -> Tuple[Optional[str], bool]:
    """Verdict, or None at the chain's end, and whether a rule that was left open could have said otherwise."""
    chain = chains.get(name)
    if chain is None or depth > _DEPTH:
        return None, depth > _DEPTH
    doubt = bool(chain["more"])
    for rule in chain["rules"]:
        holds = _all(rule["if"], packet, indexes)
        if holds is False:
            continue
        verdict = rule["verdict"]
        if verdict in ("jump", "goto"):
            inner, unsure = _walk(chains, rule["to"], packet, indexes, depth + 1)
            if holds is None:
                doubt = doubt or unsure or inner == "accept"
                continue
            doubt = doubt or unsure
            if inner or verdict == "goto":
                return inner, doubt
        elif verdict == "map":
            # Elements of maps are not read. By state, what is new is left to the rules that follow.
            doubt = doubt or [one[0] for one in rule["if"]] != ["ct state"]
        elif verdict == "return" and holds:
            return None, doubt
        elif verdict in ("accept", "return") and holds is None:
            doubt = True
        elif verdict != "continue" and holds:
            return verdict, doubt
    return None, doubt


def _all(conditions: List[List[Any]], packet: Packet, indexes: Dict[int, str]) -> Optional[bool]:
    held = [_holds(one, packet, indexes) for one in conditions]
    return False if False in held else None if None in held else True


def _holds(condition: List[Any], packet: Packet, indexes: Dict[int, str]) -> Optional[bool]:
    subject, operator = str(condition[0]), str(condition[1])
    value = condition[2]
    if operator == "?":
        return None
    if subject == "ct state":
        return bool(value & _NEW) == (operator == "any")
    found: Optional[bool] = None
    if subject in ("iif", "oif"):
        found = _named(getattr(packet, subject), value)
    elif subject in ("iif index", "oif index"):
        found = bool(indexes.get(value) == getattr(packet, subject[:3]))
    elif subject == "family":
        found = bool(packet.family == value)
    elif subject in ("saddr", "daddr"):
        found = _within(getattr(packet, subject), value)
    return found if found is None or operator == "==" else not found


def _named(link: str, pattern: str) -> bool:
    return link.startswith(pattern[:-1]) if pattern.endswith("*") else link == pattern


def _within(networks: Sequence[str], value: str) -> Optional[bool]:
    """Whether an address of these networks is in that one; None where some are, or nobody knows."""
    other = ipaddress.ip_network(value, strict=False)
    own: List[Any] = [ipaddress.ip_network(one, strict=False) for one in networks]
    same = [one for one in own if one.version == other.version]
    if not same:
        return False if own else None
    inside = [one.prefixlen >= other.prefixlen and one.overlaps(other) for one in same]
    if all(inside):
        return True
    return None if any(one.overlaps(other) for one in same) else False

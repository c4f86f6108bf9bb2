# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Rules that choose another table of routes before the one in which the routes to pods are."""

import ipaddress
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from ..facts import Facts
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok
from ..rules.ways import ways_out
from .address import candidates, families, node_ips

_MAIN, _LOCAL = 254, 255
# BIRD's and Felix's own routes, as rtnetlink numbers the origin: their tables know the way to pods.
_OF_CALICO = (12, 80)
# nm-cloud-setup's rules for each address of a card, src/nm-cloud-setup/main.c of NetworkManager: 30200 to 30400 and above.
_NM_CLOUD_SETUP = range(30200, 30600)
_FROM_A_POD = "cali0"


class Packet(NamedTuple):
    """A packet to a pod."""

    what: str
    iif: str
    """`lo` for one that the host sends."""
    source: Optional[str]
    """None where it is another host's, which no rule here is expected to name."""


def packets_of(facts: Facts, want: Want, ipv6: bool) -> Iterator[Packet]:
    """What must find its way to a pod: the host's own (probes of the kubelet), other pods', and what comes in by the uplink."""
    taken = next(iter(candidates(facts, want, ipv6)), None)
    known = [*([taken.address] if taken else []), *(one for one in node_ips(facts) if (":" in one) == ipv6)]
    for address in dict.fromkeys([*known, *_primary(facts, ipv6)]):
        yield Packet(f"what the host says from {address}", "lo", address)
    for uplink in sorted({*([taken.interface] if taken else []), *ways_out(facts, ipv6)}):
        yield Packet(f"what comes in by {uplink}", uplink, None)
    for cidr in _of_family(want.pod_cidrs, ipv6):
        yield Packet("what pods say", _FROM_A_POD, str(cidr[1] if cidr.num_addresses > 1 else cidr[0]))


def _primary(facts: Facts, ipv6: bool) -> List[str]:
    """The address that the kernel gives a packet to a pod, whose link has none: the first global one of the first link that runs."""
    running = [link["index"] for link in sorted(facts["links"], key=lambda one: one["index"]) if link["running"]]
    of_links: Dict[int, List[str]] = {index: [] for index in running}
    for one in facts["addresses"]:
        if one["ipv6"] == ipv6 and one["global"] and one["index"] in of_links:
            of_links[one["index"]].append(one["address"])
    return next(([found[0]] for found in of_links.values() if found), [])


def diverted(
    packet: Packet, rules: List[Dict[str, Any]], routes: List[Dict[str, Any]], pods: List[Any]
) -> Optional[Dict[str, Any]]:
    """The rule that decides about the packet before the table main does; None where that one is asked.

    `pods`: networks of pods. Where they are not known, only what holds for any destination counts: a default route.
    """
    for rule in sorted(rules, key=lambda one: int(one["priority"])):
        if not _matches(rule, packet, pods):
            continue
        if rule["action"] in ("blackhole", "unreachable", "prohibit"):
            return rule
        if rule["action"] != "lookup" or rule["table"] == _LOCAL:
            continue
        longest = -1 if rule["suppress"] is None else rule["suppress"]
        if rule["table"] == _MAIN:
            # The route to a pod is a whole address long.
            if longest < 32:
                return None
            continue
        if _leads_elsewhere([one for one in routes if one["table"] == rule["table"]], longest, pods):
            return rule
    return None


def _matches(rule: Dict[str, Any], packet: Packet, pods: List[Any]) -> bool:
    if rule["narrow"] or rule["oif"]:
        return False
    held = [
        rule["iif"] in (None, packet.iif),
        rule["from"] is None or (packet.source is not None and _within(packet.source, rule["from"])),
        rule["to"] is None or any(_overlap(one, rule["to"]) for one in pods),
        # A packet without a mark: of wg-quick's rules `not fwmark 51820` it is the one that is meant.
        rule["mark"] == 0,
    ]
    return all(held) != bool(rule["invert"])


def _leads_elsewhere(routes: List[Dict[str, Any]], longest: int, pods: List[Any]) -> bool:
    counted = [
        ipaddress.ip_network(one["to"], strict=False)
        for one in routes
        if one["unicast"] and one["to"] and not one["dead"] and not one["from"] and one["protocol"] not in _OF_CALICO
    ]
    kept = [one for one in counted if one.prefixlen > longest]
    if pods:
        return any(one.overlaps(pod) for one in kept for pod in pods if one.version == pod.version)
    return any(one.prefixlen == 0 for one in kept) or len({one for one in kept if one.prefixlen == 1}) == 2


def _of_family(cidrs: Any, ipv6: bool) -> List[Any]:
    known = [ipaddress.ip_network(one, strict=False) for one in cidrs]
    return [one for one in known if (one.version == 6) == ipv6]


def _within(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)


def _overlap(network: Any, other: str) -> bool:
    found = ipaddress.ip_network(other, strict=False)
    return bool(found.version == network.version and found.overlaps(network))


def _words(rule: Dict[str, Any]) -> str:
    parts = [f"{rule['priority']}:", "not" if rule["invert"] else "", "from", rule["from"] or "all"]
    parts += ["to", rule["to"]] if rule["to"] else []
    parts += ["iif", rule["iif"]] if rule["iif"] else []
    parts += ["lookup", str(rule["table"])] if rule["action"] == "lookup" else [rule["action"]]
    return " ".join(one for one in parts if one)


def _remedy(facts: Facts, want: Want) -> str:
    cloud = "systemctl disable --now nm-cloud-setup.service nm-cloud-setup.timer, and reboot"
    found = _found(facts, want)
    own = found is not None and found[1]["priority"] in _NM_CLOUD_SETUP
    other = (
        "take the rule out of what writes it, or put one before it: ip rule add priority 100 to POD_CIDR lookup main"
    )
    return f"{cloud}; where something else wrote it, {other}" if own else other


def _found(facts: Facts, want: Want) -> Any:
    for ipv6 in families(want):
        rules, routes = ([one for one in facts[name] if one["ipv6"] == ipv6] for name in ("rules", "routes"))
        for packet in packets_of(facts, want, ipv6):
            rule = diverted(packet, rules, routes, _of_family(want.pod_cidrs, ipv6))
            if rule:
                return packet, rule
    return None


@check(
    rank=131,
    category="identity",
    applies=ALWAYS,
    remedy=_remedy,
    source="fib rules come before the table main, where Felix and BIRD have the routes to pods; nm-cloud-setup on RHEL clouds",
)
def rules_before_pods(facts: Facts, want: Want) -> Judgement:
    """No routing rule sends packets to pods by a table that does not know the way to them."""
    found = _found(facts, want)
    if found is None:
        return ok()
    packet, rule = found
    return fail(
        f"a routing rule takes {packet.what} past the routes to pods, and calico-node stays ready",
        observed=f"ip rule: {_words(rule)}",
        expected="table main first, or a table without a route that covers pods",
    )

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What hosts ask each other, before they do: which targets, which pairs, and for how long there must be listeners.

A pair is ordered: a firewall may let a packet through one way only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import ceil

from ..documents import HostFacts, PrecheckSettings, ReachPeer, ReachPlan
from ..documents.canonical import digest
from ..text.order import natural

FULL_MESH = 50
"""Up to so many hosts each probes each other; above, a ring finds every host that is cut off, and random pairs what lies between."""

RANDOM_PEERS = 3
TYPHA, IPIP = 5473, "ip/4"
# Bytes that each encapsulation adds to a packet of the size that the Installation sets, by docs.tigera.io.
_IPIP, _VXLAN, _VXLAN_V6, _WIREGUARD, _WIREGUARD_V6 = 20, 50, 70, 60, 80
ROUND_TRIP = 3
"""Seconds that Ansible takes for a host beside what the host itself does there; an SSH connection and a start of Python, slow ones."""
LONGEST = 3600
"""host_reach lets no listener be there for longer."""


def targets_for(settings: PrecheckSettings) -> list[str]:
    """What nodes of such a Calico send to each other, over IPv4 and, where there are IPv6 pools, over IPv6.

    Typha is there in every installation by tigera-operator. IP in IP is for IPv4 alone, and each family has a WireGuard of its own.
    """
    ipip = [IPIP] if "ipip" in settings["encapsulation"] else []
    over_ipv4 = [*_tcp("tcp", settings), *ipip, *_udp("udp", settings, settings["wireguard_port"])]
    if settings["ip_autodetection"] == "none":
        over_ipv4 = []
    if not settings["ipv6"]:
        return over_ipv4
    return [*over_ipv4, *_tcp("tcp6", settings), *_udp("udp6", settings, settings["wireguard_port_v6"])]


def _tcp(protocol: str, settings: PrecheckSettings) -> list[str]:
    return [f"{protocol}/{port}" for port in (TYPHA, *([settings["bgp_port"]] if settings["bgp"] else []))]


def _udp(protocol: str, settings: PrecheckSettings, wireguard: int) -> list[str]:
    # The BPF data plane sends node ports through VXLAN whatever the pools say.
    vxlan = "vxlan" in settings["encapsulation"] or settings["dataplane"] == "bpf"
    ports = [*([settings["vxlan_port"]] if vxlan else []), *([wireguard] if settings["wireguard"] else [])]
    return [f"{protocol}/{port}" for port in ports]


def packets_for(settings: PrecheckSettings, facts: HostFacts, targets: Collection[str]) -> dict[str, int]:
    """The largest packet that the overlay of this host sends to each target: what its interface takes, unless the Installation's mtu
    keeps it smaller. None where the interface's MTU is not known, and none over TCP, which finds the path's by itself."""
    packets = {}
    for target in targets:
        room = facts["mtu_v6"] if target.startswith("udp6/") else facts["mtu"]
        if room and not target.startswith("tcp"):
            set_mtu = settings["mtu"]
            packets[target] = min(room, set_mtu + _added(target, settings)) if set_mtu else room
    return packets


def _added(target: str, settings: PrecheckSettings) -> int:
    protocol, _slash, port = target.partition("/")
    if protocol == "udp6":
        return _WIREGUARD_V6 if port == str(settings["wireguard_port_v6"]) else _VXLAN_V6
    if target == IPIP:
        return _IPIP
    return _WIREGUARD if port == str(settings["wireguard_port"]) else _VXLAN


def plan_reach(listening: Mapping[str, ReachPeer], seed: str) -> ReachPlan:
    """Who asks whom, of the hosts that listen. The same seed gives the same pairs; the work grows as the hosts do."""
    return ReachPlan(peers=dict(listening), asks=_pairs(listening, seed))


def peers_in(plan: ReachPlan, host: str) -> list[ReachPeer]:
    """Whom this host asks: nobody when it does not listen itself."""
    return [plan["peers"][name] for name in plan["asks"].get(host, [])]


def listening_seconds(hosts: int, forks: int, probe_seconds: int, at_least: int) -> int:
    """How long the first listener must run for the last host to probe it. As many hosts as forks listen, and later probe, at a time."""
    rounds = ceil(hosts / forks)
    return min(LONGEST, max(at_least, rounds * (2 * ROUND_TRIP + probe_seconds)))


def _pairs(hosts: Collection[str], seed: str) -> dict[str, list[str]]:
    ring = sorted(hosts, key=natural)
    if len(ring) <= FULL_MESH:
        return {host: [name for name in ring if name != host] for host in ring}
    # Chance without dice: each host asks those that come after it in an order that the seed alone knows.
    shuffled = sorted(ring, key=lambda name: digest([seed, name]))
    chosen = {host: _after(shuffled, place, RANDOM_PEERS + 1) for place, host in enumerate(shuffled)}
    asks = {}
    for place, host in enumerate(ring):
        (neighbour,) = _after(ring, place, 1)
        others = [name for name in chosen[host] if name != neighbour]
        asks[host] = sorted([neighbour, *others[:RANDOM_PEERS]], key=natural)
    return asks


def _after(ring: list[str], place: int, many: int) -> list[str]:
    return [ring[(place + step) % len(ring)] for step in range(1, many + 1)]

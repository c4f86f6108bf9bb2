# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The chains by which Felix leads forwarded packets to the policy of a workload interface. Read, never touched.

Rules are told as nft_rules.py tells them. A verdict map is told as one goto for each of its elements.
"""

import socket
import struct
from typing import Any, Dict, Iterator, List, Set, Tuple

from ..no_evidence import NoEvidence
from ..sweeps import network, routes
from ..sweeps.root import Root
from . import nft_rules, nftables, present
from .netlink import NLM_F_DUMP, Connection, attributes, text

Chains = Dict[str, Dict[str, Any]]

# The tables of iptables-nft and of Felix in data plane nftables, with what each puts before Felix's own names of chains.
LAYERS = {"filter": "", "calico": "filter-"}
# felix/rules/rule_defs.go: ChainFilterForward, ChainFromWorkloadDispatch, ChainToWorkloadDispatch, WorkloadFromEndpointPfx and
# WorkloadToEndpointPfx. Dispatch chains have children whose names go on (dispatch.go, buildSingleDispatchChainTree).
_WAY = ("cali-FORWARD", "cali-from-wl-dispatch", "cali-to-wl-dispatch", "cali-fw-", "cali-tw-")
_FAMILIES: Dict[int, str] = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}
_LEGACY_TABLES: Dict[int, str] = {
    socket.AF_INET: "/proc/net/ip_tables_names",
    socket.AF_INET6: "/proc/net/ip6_tables_names",
}
_FORWARD = 2
_GETSETELEM = 13
_ELEMENTS, _ELEMENT_KEY, _ELEMENT_DATA = 3, 1, 2
_DATA_VALUE, _DATA_VERDICT = 1, 2
_LOOKUP_MAP, _LOOKUP_TARGET = 1, 3
_GOTO = -4
_RTM_GETROUTE = 26
_LOCAL = 255
# Link-local and multicast: the kernel gives these to every link.
_OF_EVERY_LINK = ("fe80:", "ff00:")
_READINGS = 5
# felix/bpf/bpfdefs/defs.go, GlobalPinDir; felix/bpf/conntrack, routes and others: the names of the maps of data plane bpf.
_BPF_MAPS, _OF_BPF = "/sys/fs/bpf/tc/globals", ("cali_v4_", "cali_v6_")


def interfaces() -> Dict[str, List[str]]:
    """The families of the routes that lead over each link, by the name of the link."""
    found: Dict[int, Tuple[str, Set[str]]] = {index: (name, set()) for index, name in socket.if_nameindex()}
    for payload in network.dump(_RTM_GETROUTE, struct.pack("=BBBBBBBBI", *[0] * 9)):
        route = routes.parse_route(payload)
        if not route["unicast"] or route["table"] == _LOCAL or route["to"].startswith(_OF_EVERY_LINK):
            continue
        for index in route["hops"] or [route["link"]]:
            if index in found:
                found[index][1].add("ipv6" if route["ipv6"] else "ipv4")
    return {name: sorted(families) for name, families in found.values()}


def bpf_in_use(root: Root) -> bool:
    """Whether Felix's maps of data plane bpf are pinned here."""
    return any(name.startswith(_OF_BPF) for name in root.list(_BPF_MAPS))


def of_nft(connection: Connection) -> List[Dict[str, Any]]:
    """The tables of iptables-nft and of data plane nftables that have such chains, each with family, name and chains."""
    for _reading in range(_READINGS):
        before = nftables.generation_id(connection)
        found = _tables(connection)
        if nftables.generation_id(connection) == before:
            return found
    raise NoEvidence(
        f"the rules of nf_tables changed during each of {_READINGS} readings",
        "run it again when nothing else writes rules",
    )


def of_legacy(root: Root) -> Dict[str, Chains]:
    """By family the chains of the table filter of iptables-legacy. Where there is no table none is asked for: to ask would make it."""
    found: Dict[str, Chains] = {}
    for family, path in _LEGACY_TABLES.items():
        names = (root.read(path) or "").split()
        chains = present.legacy_chains("filter", family) if "filter" in names else {}
        found[_FAMILIES[family]] = {
            name: chain for name, chain in chains.items() if _wanted(name, chain["hook"], "filter")
        }
    return found


def _wanted(name: str, hook: Any, table: str) -> bool:
    layer = LAYERS[table]
    return hook == _FORWARD or any(name.startswith(layer + one) for one in _WAY)


def _tables(connection: Connection) -> List[Dict[str, Any]]:
    found: Dict[Tuple[int, str], Chains] = {}
    for family, table, name, chain in present.nft_chains(connection):
        if family in _FAMILIES and table in LAYERS and _wanted(name, chain["hook"], table):
            found.setdefault((family, table), {})[name] = {**chain, "rules": []}
    for (family, table), chains in found.items():
        maps: Dict[str, List[Tuple[str, str]]] = {}
        for name, rule in present.nft_rules_of(connection, family, table):
            if name in chains:
                chains[name]["rules"] += _read(connection, family, table, rule, maps)
    return [{"family": _FAMILIES[family], "name": table, "chains": chains} for (family, table), chains in found.items()]


def _read(
    connection: Connection, family: int, table: str, rule: Dict[int, bytes], maps: Dict[str, List[Tuple[str, str]]]
) -> List[Dict[str, Any]]:
    """A rule, or those that stand for its verdict map. `maps` are those that were read already."""
    read = nft_rules.read(rule)
    lookups = [data for name, data in nft_rules.expressions(rule) if name == "lookup" and _LOOKUP_TARGET in data]
    unknown = [one for one in read["if"] if one[1] == "?"]
    if read["verdict"] != "map" or len(lookups) != 1 or len(unknown) != 1 or unknown[0][0] not in ("iif", "oif"):
        return [read]
    name = lookups[0][_LOOKUP_MAP].rstrip(b"\0").decode("utf-8", "replace")
    if name not in maps:
        maps[name] = list(_gotos(connection, family, table, name))
    others = [one for one in read["if"] if one not in unknown]
    subject = unknown[0][0]
    return [{"verdict": "goto", "to": to, "if": [*others, [subject, "==", key]]} for key, to in maps[name]]


def _gotos(connection: Connection, family: int, table: str, name: str) -> Iterator[Tuple[str, str]]:
    """Interface and chain of each element of a verdict map that leads to a chain."""
    body = struct.pack("=BBH", family, 0, 0) + text(1, table) + text(2, name)
    for payload in connection.request((nftables.SUBSYSTEM << 8) | _GETSETELEM, NLM_F_DUMP, body):
        for raw in nft_rules.each(attributes(payload[4:]).get(_ELEMENTS, b"")):
            element = attributes(raw)
            key = attributes(element.get(_ELEMENT_KEY, b"")).get(_DATA_VALUE, b"")
            verdict = attributes(attributes(element.get(_ELEMENT_DATA, b"")).get(_DATA_VERDICT, b""))
            if int.from_bytes(verdict.get(1, b""), "big", signed=True) == _GOTO:
                yield key.partition(b"\0")[0].decode("utf-8", "replace"), verdict.get(2, b"").rstrip(b"\0").decode()

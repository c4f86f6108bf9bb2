# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What others left in the host's own namespace: tables, chains, rules, IP sets. Read, never touched."""

import ctypes
import os
import socket
import struct
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from ..sweeps.root import Root
from . import ipset, legacy_rules, nft_readable, nft_rules, nftables
from .netlink import NLM_F_DUMP, Connection, attributes, be32, text, u8

_GETTABLE, _GETCHAIN, _GETRULE = 1, 4, 7
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_USE, _CHAIN_TYPE = 1, 3, 4, 5, 6, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_TABLE, _RULE_CHAIN, _RULE_EXPRESSIONS = 1, 2, 4
_TABLE_NAME = 1
_FAMILIES = {1: "inet", 2: "ip", 5: "netdev", 7: "bridge", 10: "ip6"}
_ROUTED = (1, 2, 10)
# Felix's own, which it writes anew, and kube-proxy's, which may have rules for thousands of services and drops none of pods' packets.
_NOT_FOLLOWED = ("calico", "kube-proxy")
_LIST, _FLAG_HEADERS = 7, 4
_GET_INFO, _GET_ENTRIES = 64, 65
_INFO = struct.Struct("=32sI5I5III")
# NF_INET_PRE_ROUTING, NF_INET_FORWARD, NF_INET_POST_ROUTING: what a packet from or to a pod goes through.
_WAY_OF_PODS = (0, 2, 4)
_AFTER_ROUTING = 4
# More is not shown of one host: a judgement then says that it does not know.
_CHAINS, _RULES = 64, 256
# Of so many rules of a table it is worked out whether the newer iptables-nft can translate them, which takes 0.1 ms each. Of the rest,
# which on such a host are kube-proxy's, it is seen whether their expressions are known, which takes a hundredth.
_TRANSLATED = 2000

# The chains that iptables-nft has in each of its tables: hook, priority and type by name; iptables/nft.c, xtables_ipv4.
_PREROUTING, _INPUT, _FORWARD, _OUTPUT, _POSTROUTING = range(5)
BUILT_IN: Dict[str, Dict[str, Tuple[int, int, str]]] = {
    "raw": {"PREROUTING": (_PREROUTING, -300, "filter"), "OUTPUT": (_OUTPUT, -300, "filter")},
    "mangle": {
        "PREROUTING": (_PREROUTING, -150, "filter"),
        "INPUT": (_INPUT, -150, "filter"),
        "FORWARD": (_FORWARD, -150, "filter"),
        "OUTPUT": (_OUTPUT, -150, "route"),
        "POSTROUTING": (_POSTROUTING, -150, "filter"),
    },
    "filter": {
        "INPUT": (_INPUT, 0, "filter"),
        "FORWARD": (_FORWARD, 0, "filter"),
        "OUTPUT": (_OUTPUT, 0, "filter"),
    },
    "security": {
        "INPUT": (_INPUT, 150, "filter"),
        "FORWARD": (_FORWARD, 150, "filter"),
        "OUTPUT": (_OUTPUT, 150, "filter"),
    },
    "nat": {
        "PREROUTING": (_PREROUTING, -100, "nat"),
        "INPUT": (_INPUT, 100, "nat"),
        "POSTROUTING": (_POSTROUTING, 100, "nat"),
        "OUTPUT": (_OUTPUT, -100, "nat"),
    },
}

# Whose chains a name tells: kube-proxy's mode, the kubelet, and plugins that were here before.
OWNERS = {
    "KUBE-SVC-": "kube-proxy",
    "KUBE-SERVICES": "kube-proxy",
    "KUBE-IPTABLES-HINT": "kubelet",
    "KUBE-KUBELET-CANARY": "kubelet",
    "KUBE-ROUTER": "kube-router",
    "KUBE-NWPLCY": "kube-router",
    "FLANNEL-": "flannel",
    "WEAVE": "weave",
    "CILIUM_": "cilium",
    "DOCKER": "docker",
    "cali-": "calico",
}
Chains = Dict[str, Dict[str, Any]]


def owner_of(chain: str) -> Optional[str]:
    return next((owner for prefix, owner in OWNERS.items() if chain.startswith(prefix)), None)


def nft_tables(connection: Connection) -> List[Dict[str, Any]]:
    """Every table.

    - family, name, owners: where it is, and whose chains are in it
    - rules: 0 where no chain holds one
    - lines: how many rules iptables-nft-save prints of it; 0 for a table that is none of iptables'
    - unreadable: for a table of iptables', why iptables-nft-save shows nothing of it, as {"chain", "why", "only_newer"}
    - chains: those that packets of pods go through, by name: hook, priority, type and policy of base chains, and the rules of all
    """
    found: Dict[Any, Dict[str, Any]] = {}
    for payload in _nft(connection, _GETTABLE):
        name = _text(attributes(payload[4:]).get(_TABLE_NAME, b""))
        found[(payload[0], name)] = {"rules": 0, "owners": set(), "chains": {}}
    for family, of_table, name, chain in nft_chains(connection):
        table = found.get((family, of_table))
        if table is None:
            continue
        table["rules"] += chain.pop("rules")
        table["owners"].add(owner_of(name))
        table["chains"][name] = chain
    return [_table(connection, family, name, table) for (family, name), table in found.items()]


def nft_chains(connection: Connection) -> Iterator[Tuple[int, str, str, Dict[str, Any]]]:
    """Family, table and name of every chain, with what it is and how many rules and jumps it has and takes."""
    for payload in _nft(connection, _GETCHAIN):
        chain = attributes(payload[4:])
        known = {**_chain(chain), "rules": _number(chain.get(_CHAIN_USE))}
        yield payload[0], _text(chain.get(_CHAIN_TABLE, b"")), _text(chain.get(_CHAIN_NAME, b"")), known


def nft_rules_of(connection: Connection, family: int, table: str) -> Iterator[Tuple[str, Dict[int, bytes]]]:
    """The chain and the attributes of each rule of a table, in order."""
    for rule in _rules(connection, family, table, None):
        yield _text(rule.get(_RULE_CHAIN, b"")), rule


def _chain(chain: Dict[int, bytes]) -> Dict[str, Any]:
    hook = attributes(chain.get(_CHAIN_HOOK, b""))
    return {
        "hook": _number(hook.get(_HOOK_NUMBER)) if hook else None,
        "priority": int.from_bytes(hook.get(_HOOK_PRIORITY, b""), "big", signed=True) if hook else None,
        "type": _text(chain.get(_CHAIN_TYPE, b"")) or None,
        "policy": ("drop" if _number(chain[_CHAIN_POLICY]) == 0 else "accept") if _CHAIN_POLICY in chain else None,
    }


def _table(connection: Connection, family: int, name: str, table: Dict[str, Any]) -> Dict[str, Any]:
    chains: Chains = table["chains"]
    by_chain: Dict[str, List[Dict[int, bytes]]] = {}
    lines = 0
    unreadable: List[Dict[str, Any]] = []
    of_iptables = family in (socket.AF_INET, socket.AF_INET6) and name in BUILT_IN
    if of_iptables:
        for chain, rule in nft_rules_of(connection, family, name):
            by_chain.setdefault(chain, []).append(rule)
        lines, unreadable = _as_iptables_reads_it(chains, by_chain, name, _FAMILIES[family])

    def rules(chain: str) -> List[Dict[str, Any]]:
        found = by_chain.get(chain, []) if of_iptables else _rules(connection, family, name, chain)
        return [nft_rules.read(rule) for rule in found[: _RULES + 1]]

    followed = chains if family in _ROUTED and name not in _NOT_FOLLOWED else {}
    return {
        "family": _FAMILIES.get(family, str(family)),
        "name": name,
        "rules": table["rules"],
        "owners": sorted(filter(None, table["owners"])),
        "lines": lines,
        "unreadable": unreadable,
        "chains": _way_of_pods(followed, rules),
    }


def _rules(connection: Connection, family: int, table: str, chain: Optional[str]) -> List[Dict[int, bytes]]:
    """The attributes of each rule of a table, or of one chain of it."""
    body = struct.pack("=BBH", family, 0, 0) + text(_RULE_TABLE, table) + (text(_RULE_CHAIN, chain) if chain else b"")
    found = (
        attributes(payload[4:])
        for payload in connection.request((nftables.SUBSYSTEM << 8) | _GETRULE, NLM_F_DUMP, body)
        if payload[0] == family
    )
    # Old kernels know no such question, and answer with the rules of all tables.
    wanted = table.encode("utf-8") + b"\0"
    of_chain = None if chain is None else chain.encode("utf-8") + b"\0"
    return [
        rule
        for rule in found
        if rule.get(_RULE_TABLE) == wanted and (of_chain is None or rule.get(_RULE_CHAIN) == of_chain)
    ]


def _as_iptables_reads_it(
    chains: Chains, by_chain: Dict[str, List[Dict[int, bytes]]], table: str, family: str
) -> Tuple[int, List[Dict[str, Any]]]:
    """How many rules iptables-nft-save prints, and what keeps it from printing any: the first reason of each kind.

    It skips a base chain whose name, hook, priority and type are not its own (nft-cache.c, nft_cache_add_base_chain()). So nothing in
    such a chain is in its way.
    """
    lines = 0
    refusals: Dict[bool, Dict[str, Any]] = {}
    for name, chain in chains.items():
        own = BUILT_IN[table].get(name)
        if chain["hook"] is not None and own != (chain["hook"], chain["priority"], chain["type"]):
            continue
        for rule in by_chain.get(name, []):
            lines += 1
            if lines > _TRANSLATED and nft_readable.all_known(rule.get(_RULE_EXPRESSIONS, b"")):
                continue
            found = nft_readable.refusal(nft_rules.expressions(rule), family)
            if found:
                refusals.setdefault(found["only_newer"], {"chain": name, **found})
    return (0 if False in refusals else lines), list(refusals.values())


def _way_of_pods(chains: Chains, rules: Callable[[str], List[Dict[str, Any]]]) -> Chains:
    """The base chains at these hooks with their rules, and the chains that they lead to. Chains of Calico's are Felix's to write."""
    # Of address translation only that of sources: where a service's packet goes to is kube-proxy's to say.
    waiting = [
        name
        for name, chain in chains.items()
        if chain["hook"] in _WAY_OF_PODS and (chain["type"] != "nat" or chain["hook"] == _AFTER_ROUTING)
    ]
    found: Chains = {}
    while waiting and len(found) < _CHAINS:
        name = waiting.pop(0)
        if name in found or name not in chains:
            continue
        known = rules(name)
        found[name] = {**chains[name], "rules": known[:_RULES], "more": len(known) > _RULES}
        waiting += [rule["to"] for rule in known[:_RULES] if rule["to"] and owner_of(rule["to"]) != "calico"]
    return found


def set_headers(connection: Connection) -> List[Dict[str, Any]]:
    """Name, type and revision of every IP set; members are not read."""
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + u8(1, 6) + be32(6, _FLAG_HEADERS, marked=True)
    found = [
        attributes(payload[4:]) for payload in connection.request((ipset.SUBSYSTEM << 8) | _LIST, NLM_F_DUMP, body)
    ]
    return [
        {"name": _text(one.get(2, b"")), "type": _text(one.get(3, b"")), "revision": (one.get(4) or b"\0")[0]}
        for one in found
    ]


def legacy_tables(root: Root) -> List[Dict[str, Any]]:
    """The tables of iptables-legacy that this namespace has already; asking for another would make it.

    Each is told as those of nf_tables are, but for `family` and `unreadable`: iptables-legacy can read all that it wrote.
    """
    names = (root.read("/proc/net/ip_tables_names") or "").split()
    return [_legacy_table(name) for name in names]


def legacy_chains(name: str, family: int = socket.AF_INET) -> Chains:
    """The chains of a table of iptables-legacy with all their rules; of ip6tables-legacy with AF_INET6."""
    return _legacy(name, family)[0]


def _legacy(name: str, family: int = socket.AF_INET) -> Tuple[Chains, bytes, int]:
    """The same, with the block of entries that they were read from, and how many of these somebody wrote.

    An empty table has an entry for each hook, and one that ends it.
    """
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    try:
        info = _INFO.unpack(_ask(raw, _GET_INFO, name, _INFO.size, b""))
        hooks, entries, size = info[1], info[12], info[13]
        # struct ipt_get_entries, or ip6t_get_entries, ends where the first entry, which holds 64-bit counters, may begin.
        start = 40 if ctypes.alignment(ctypes.c_uint64) == 8 else 36
        blob = _ask(raw, _GET_ENTRIES, name, start + size, struct.pack("=I", size))[start:]
    finally:
        raw.close()
    return legacy_rules.chains(blob, hooks, info[2:7], info[7:12], family), blob, entries - bin(hooks).count("1") - 1


def _legacy_table(name: str) -> Dict[str, Any]:
    chains, blob, written = _legacy(name)
    for chain, one in chains.items():
        hook = BUILT_IN.get(name, {}).get(chain)
        one.update({"priority": hook[1] if hook else None, "type": hook[2] if hook else None})
    owners = {owner for prefix, owner in OWNERS.items() if prefix.encode("ascii") in blob}
    return {
        "name": name,
        "rules": max(0, written),
        "owners": sorted(owners),
        "lines": sum(len(one["rules"]) for one in chains.values()),
        "chains": _way_of_pods(chains, lambda chain: list(chains[chain]["rules"])),
    }


def _ask(raw: socket.socket, option: int, table: str, size: int, rest: bytes) -> bytes:
    question = table.encode("ascii").ljust(32, b"\0") + rest
    buffer = ctypes.create_string_buffer(question, size)
    length = ctypes.c_uint32(size)
    libc = ctypes.CDLL(None, use_errno=True)
    # The options have the same numbers in both families: IPT_SO_GET_INFO and IP6T_SO_GET_INFO, and so on.
    level = socket.IPPROTO_IPV6 if raw.family == socket.AF_INET6 else socket.IPPROTO_IP
    if libc.getsockopt(raw.fileno(), level, option, buffer, ctypes.byref(length)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"table {table}: {os.strerror(number)}")
    return buffer.raw


def _nft(connection: Connection, kind: int) -> List[bytes]:
    return connection.request((nftables.SUBSYSTEM << 8) | kind, NLM_F_DUMP, struct.pack("=BBH", 0, 0, 0))


def _number(raw: Optional[bytes]) -> int:
    return int.from_bytes(raw or b"", "big")


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")

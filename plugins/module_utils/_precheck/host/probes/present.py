# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What others left in the host's own network namespace: sets, tables, chains. Read, never touched."""

import ctypes
import os
import socket
import struct
from typing import Any, Dict, List, Optional

from ..sweeps.root import Root
from . import ipset, nftables
from .netlink import NLM_F_DUMP, Connection, attributes, be32, u8

_GETTABLE, _GETCHAIN = 1, 4
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_USE = 1, 3, 4, 5, 6
_TABLE_NAME = 1
_FAMILIES = {1: "inet", 2: "ip", 5: "netdev", 7: "bridge", 10: "ip6"}
_LIST, _FLAG_HEADERS = 7, 4
_GET_INFO, _GET_ENTRIES = 64, 65
# NF_INET_FORWARD, and NF_DROP as a standard target holds it.
_FORWARD, _DROP = 2, -1
_INFO = struct.Struct("=32sI5I5III")

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


def owner_of(chain: str) -> Optional[str]:
    return next((owner for prefix, owner in OWNERS.items() if chain.startswith(prefix)), None)


def nft_tables(connection: Connection) -> List[Dict[str, Any]]:
    """Every table with its family, how many rules its chains hold, whose chains they are, and whether forwarding is dropped."""
    found: Dict[Any, Dict[str, Any]] = {}
    for payload in _nft(connection, _GETTABLE):
        name = _text(attributes(payload[4:]).get(_TABLE_NAME, b""))
        found[(payload[0], name)] = {
            "family": _FAMILIES.get(payload[0], str(payload[0])),
            "name": name,
            "rules": 0,
            "owners": set(),
            "forward_drop": False,
        }
    for payload in _nft(connection, _GETCHAIN):
        chain = attributes(payload[4:])
        table = found.get((payload[0], _text(chain.get(_CHAIN_TABLE, b""))))
        if table is None:
            continue
        name = _text(chain.get(_CHAIN_NAME, b""))
        table["rules"] += _number(chain.get(_CHAIN_USE))
        table["owners"].add(owner_of(name))
        if name == "FORWARD" and _CHAIN_HOOK in chain and _CHAIN_POLICY in chain:
            table["forward_drop"] = _number(chain[_CHAIN_POLICY]) == 0
    return [{**table, "owners": sorted(filter(None, table["owners"]))} for table in found.values()]


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
    """The tables of iptables-legacy that this namespace has already; asking for another would make it."""
    names = (root.read("/proc/net/ip_tables_names") or "").split()
    return [_legacy_table(name) for name in names]


def _legacy_table(name: str) -> Dict[str, Any]:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    try:
        info = _INFO.unpack(_ask(raw, _GET_INFO, name, _INFO.size, b""))
        hooks, entries, size = bin(info[1]).count("1"), info[12], info[13]
        # struct ipt_get_entries ends where the first entry, which holds 64-bit counters, may begin.
        start = 40 if ctypes.alignment(ctypes.c_uint64) == 8 else 36
        blob = _ask(raw, _GET_ENTRIES, name, start + size, struct.pack("=I", size))[start:]
    finally:
        raw.close()
    # What a packet meets that no rule of the chain FORWARD decided: the verdict of its last entry, whose target follows the matches.
    last = info[7 + _FORWARD]
    target = last + struct.unpack_from("=H", blob, last + 88)[0] if info[1] & (1 << _FORWARD) else 0
    owners = {owner for prefix, owner in OWNERS.items() if prefix.encode("ascii") in blob}
    # An empty table has an entry for each hook, and one that ends it.
    return {
        "name": name,
        "rules": max(0, entries - hooks - 1),
        "owners": sorted(owners),
        "forward_drop": bool(target) and _verdict(blob, target) == _DROP,
    }


def _verdict(blob: bytes, target: int) -> int:
    return int(struct.unpack_from("=i", blob, target + 32)[0])


def _ask(raw: socket.socket, option: int, table: str, size: int, rest: bytes) -> bytes:
    question = table.encode("ascii").ljust(32, b"\0") + rest
    buffer = ctypes.create_string_buffer(question, size)
    length = ctypes.c_uint32(size)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.getsockopt(raw.fileno(), socket.IPPROTO_IP, option, buffer, ctypes.byref(length)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "table {}: {}".format(table, os.strerror(number)))
    return buffer.raw


def _nft(connection: Connection, kind: int) -> List[bytes]:
    return connection.request((nftables.SUBSYSTEM << 8) | kind, NLM_F_DUMP, struct.pack("=BBH", 0, 0, 0))


def _number(raw: Optional[bytes]) -> int:
    return int.from_bytes(raw or b"", "big")


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What Felix's nftables tables are made of. Each question is one batch that also deletes its table: all or nothing."""

import os
import struct
from typing import List, Tuple

from .netlink import (
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    Connection,
    attribute,
    attributes,
    be16,
    be32,
    nested,
    text,
    u8,
)

SUBSYSTEM = 10
_BATCH_BEGIN, _BATCH_END = 16, 17
_NEWTABLE, _DELTABLE, _NEWCHAIN, _NEWRULE, _NEWSET, _GETGEN, _NEWFLOWTABLE = 0, 2, 3, 6, 9, 16, 22
_IP = 2
_PREROUTING, _LOCAL_IN, _POSTROUTING = 0, 1, 4

Request = Tuple[int, int, bytes]


def generation(connection: Connection, subsystem: int = SUBSYSTEM) -> None:
    """Asks a single message first: to a batch, a kernel without nf_tables answers EOPNOTSUPP, as it does to much else."""
    _generation(connection, subsystem)


def generation_id(connection: Connection) -> bytes:
    """Another one after each change of any rule."""
    answer = _generation(connection, SUBSYSTEM)
    return attributes(answer[0][4:])[1]


def _generation(connection: Connection, subsystem: int) -> List[bytes]:
    return connection.request((subsystem << 8) | _GETGEN, NLM_F_ACK, _header(0), "generation")


def expression(name: str, *attrs: bytes) -> bytes:
    return nested(1, text(1, name), nested(2, *attrs) if attrs else b"")


# type 7: ipv4_addr, 4 bytes; flag 4: intervals.
_INTERVAL_SET = [(_NEWSET, text(2, "s") + be32(3, 4) + be32(4, 7) + be32(5, 4) + be32(10, 1))]
# type 41: ifname, 16 bytes, to verdicts; flag 8: map.
_VERDICT_MAP = [
    (_NEWSET, text(2, "m") + be32(3, 8) + be32(4, 41) + be32(5, 16) + be32(6, 0xFFFFFF00) + be32(7, 0) + be32(10, 1))
]


def _base_chain(kind: str, hook: int, priority: int) -> bytes:
    return text(3, "c") + nested(4, be32(1, hook), attribute(2, struct.pack("!i", priority))) + text(7, kind)


def _rule(chain: bytes, *expressions: bytes) -> List[Tuple[int, bytes]]:
    return [(_NEWCHAIN, chain), (_NEWRULE, text(2, "c") + nested(4, *expressions))]


# Attribute numbers: include/uapi/linux/netfilter/nf_tables.h.
FEATURES = {
    "set": _INTERVAL_SET,
    "map": _VERDICT_MAP,
    "masquerade": _rule(_base_chain("nat", _POSTROUTING, 100), expression("masq")),
    "conntrack": _rule(text(3, "c"), expression("ct", be32(2, 0), be32(1, 8))),
    "fib": _rule(_base_chain("filter", _PREROUTING, -300), expression("fib", be32(1, 8), be32(2, 1), be32(3, 1 | 8))),
    "reject": _rule(_base_chain("filter", _LOCAL_IN, 0), expression("reject", be32(1, 0), u8(2, 3))),
    "log": _rule(text(3, "c"), expression("log")),
}
# What not everybody wants: logging to a group of listeners, and a flow table without devices, which is how Felix asks for it.
OPTIONAL = {
    "nflog": _rule(text(3, "c"), expression("log", be16(1, 1))),
    "flowtable": [(_NEWFLOWTABLE, text(2, "f") + nested(3, be32(1, 0), attribute(2, struct.pack("!i", 0))))],
}


def build(connection: Connection, feature: str) -> None:
    """Makes a table with this feature in it and deletes it, in one transaction."""
    table = f"pre{os.urandom(6).hex()}"
    requests = [_message(_NEWTABLE, text(1, table), NLM_F_CREATE)]
    requests += [
        _message(kind, text(1, table) + body, NLM_F_CREATE | NLM_F_APPEND)
        for kind, body in {**FEATURES, **OPTIONAL}[feature]
    ]
    requests.append(_message(_DELTABLE, text(1, table), 0))
    connection.batch([_edge(_BATCH_BEGIN), *requests, _edge(_BATCH_END)], feature)


def _message(kind: int, body: bytes, flags: int) -> Request:
    return (SUBSYSTEM << 8) | kind, flags | NLM_F_ACK, _header(_IP) + body


def _edge(kind: int) -> Request:
    return kind, 0, _header(0, SUBSYSTEM)


def _header(family: int, resource: int = 0) -> bytes:
    return struct.pack("=BB", family, 0) + struct.pack("!H", resource)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The host's routes and routing rules, as the kernel lists them."""

import socket
import struct
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..probes.netlink import attributes
from . import network

_RTM_GETROUTE, _RTM_GETRULE = 26, 34
_DST, _SRC, _OIF, _PRIORITY, _MULTIPATH, _TABLE = 1, 2, 4, 6, 9, 15
_FRA_DST, _FRA_SRC, _FRA_IIF, _FRA_PRIORITY, _FRA_MARK, _FRA_SUPPRESS = 1, 2, 3, 6, 10, 14
_FRA_TABLE, _FRA_MASK, _FRA_OIF, _FRA_L3MDEV, _FRA_UIDS, _FRA_PROTOCOL, _FRA_SPORT, _FRA_DPORT = (
    15,
    16,
    17,
    19,
    20,
    22,
    23,
    24,
)
_INVERT = 2
_UNICAST = 1
# linux/rtnetlink.h: RTNH_F_DEAD, the link is switched off. A route whose link has no carrier is used all the same.
_DEAD = 1
_MAIN, _LOCAL = 254, 255
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
# linux/fib_rules.h: what is done with a packet that a rule matches.
_ACTIONS = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
# BIRD's and Felix's, as rtnetlink numbers the origin of a route.
_OF_CALICO = (12, 80)


def routes() -> List[Dict[str, Any]]:
    """Without those of the table `local`, the host's addresses once more, and those to pods, of which a node may have thousands."""
    found = [parse_route(payload) for payload in network.dump(_RTM_GETROUTE, struct.pack("=BBBBBBBBI", *[0] * 9))]
    return [one for one in found if one["table"] != _LOCAL and not _to_pods(one)]


def _to_pods(route: Dict[str, Any]) -> bool:
    return route["table"] == _MAIN and route["protocol"] in _OF_CALICO and not route["to"].endswith("/0")


def rules() -> List[Dict[str, Any]]:
    """In the order in which the kernel goes through them. Rules of multicast routing are another family's, and no packet's."""
    dumped = network.dump(_RTM_GETRULE, struct.pack("=BBBBBBBBI", *[0] * 9))
    return [parse_rule(payload) for payload in dumped if payload[0] in _FAMILIES]


def parse_route(payload: bytes) -> Dict[str, Any]:
    """`from`: for packets from this network only (IPv6). `hops`: links of a route with several. `dead`: its links are off."""
    family, length, source, _tos, table, protocol, _scope, kind, flags = struct.unpack_from("=BBBBBBBBI", payload)
    found = attributes(payload[12:])
    hops = list(_hops(found.get(_MULTIPATH, b"")))
    alive = [index for index, dead in hops if not dead]
    return {
        "ipv6": family == socket.AF_INET6,
        "to": _network(family, found.get(_DST), length) or "",
        "from": _network(family, found.get(_SRC), source) if source else None,
        "link": _number(found.get(_OIF)) or (hops[0][0] if hops else None),
        "hops": alive,
        "metric": _number(found.get(_PRIORITY)) or 0,
        "table": _number(found.get(_TABLE)) or table,
        "protocol": protocol,
        "unicast": kind == _UNICAST,
        "dead": bool(flags & _DEAD) or (bool(hops) and not alive),
    }


def _hops(raw: bytes) -> Iterator[Tuple[int, bool]]:
    """struct rtnexthop: the link of each hop, and whether it is dead."""
    while len(raw) >= 8:
        length, flags, _weight, index = struct.unpack_from("=HBBi", raw)
        yield index, bool(flags & _DEAD)
        raw = raw[max(8, (length + 3) & ~3) :]


def parse_rule(payload: bytes) -> Dict[str, Any]:
    """`mark` counts where `mask` is not 0. `suppress`: a route with a prefix this short or shorter does not count, None for all count.

    `narrow`: it asks for more than addresses, links and marks (ports, users, a protocol, a VRF), so it is about some traffic only.
    """
    family, to_length, from_length, tos, table, _res1, _res2, action, flags = struct.unpack_from("=BBBBBBBBI", payload)
    found = attributes(payload[12:])
    suppress = _number(found.get(_FRA_SUPPRESS))
    special = (_FRA_L3MDEV, _FRA_UIDS, _FRA_PROTOCOL, _FRA_SPORT, _FRA_DPORT)
    return {
        "ipv6": family == socket.AF_INET6,
        "priority": _number(found.get(_FRA_PRIORITY)) or 0,
        "from": _network(family, found.get(_FRA_SRC), from_length) if from_length else None,
        "to": _network(family, found.get(_FRA_DST), to_length) if to_length else None,
        "iif": _name(found.get(_FRA_IIF)),
        "oif": _name(found.get(_FRA_OIF)),
        "mark": _number(found.get(_FRA_MARK)) or 0,
        "mask": _number(found.get(_FRA_MASK)) or 0,
        "table": _number(found.get(_FRA_TABLE)) or table,
        "action": _ACTIONS.get(action, str(action)),
        "invert": bool(flags & _INVERT),
        "suppress": None if suppress in (None, 0xFFFFFFFF) else suppress,
        "narrow": bool(tos) or any(found.get(one, b"").strip(b"\0") for one in special),
    }


def _network(family: int, raw: Optional[bytes], length: int) -> Optional[str]:
    raw = bytes(4 if family == socket.AF_INET else 16) if raw is None else raw
    readable = family in _FAMILIES and len(raw) in (4, 16)
    return f"{socket.inet_ntop(family, raw)}/{length}" if readable else None


def _name(raw: Optional[bytes]) -> Optional[str]:
    return raw.rstrip(b"\0").decode("utf-8", "replace") if raw else None


def _number(raw: Optional[bytes]) -> Optional[int]:
    return int(struct.unpack("=I", raw)[0]) if raw is not None and len(raw) == 4 else None

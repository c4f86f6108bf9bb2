# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The host's routes and routing rules, as the kernel lists them."""

import socket
import struct
from typing import Any, Dict, List, Optional

from ..probes.netlink import attributes
from . import network

_RTM_GETROUTE, _RTM_GETRULE = 26, 34
_DST, _OIF, _TABLE = 1, 4, 15
_FRA_PRIORITY, _FRA_MARK, _FRA_TABLE, _FRA_MASK = 6, 10, 15, 16
_UNICAST = 1
_MAIN, _LOCAL = 254, 255
# BIRD's and Felix's, as rtnetlink numbers the origin of a route.
_OF_CALICO = (12, 80)


def routes() -> List[Dict[str, Any]]:
    """Without those of the table `local`, the host's addresses once more, and those to pods, of which a node may have thousands."""
    found = [parse_route(payload) for payload in network.dump(_RTM_GETROUTE, struct.pack("=BBBBBBBBI", *[0] * 9))]
    return [one for one in found if one["table"] != _LOCAL and not _to_pods(one)]


def _to_pods(route: Dict[str, Any]) -> bool:
    return route["table"] == _MAIN and route["protocol"] in _OF_CALICO and not route["to"].endswith("/0")


def rules() -> List[Dict[str, Any]]:
    return [parse_rule(payload) for payload in network.dump(_RTM_GETRULE, struct.pack("=BBBBBBBBI", *[0] * 9))]


def parse_route(payload: bytes) -> Dict[str, Any]:
    family, length, _source, _tos, table, protocol, _scope, kind, _flags = struct.unpack_from("=BBBBBBBBI", payload)
    found = attributes(payload[12:])
    raw = found.get(_DST, bytes(4 if family == socket.AF_INET else 16))
    readable = family in (socket.AF_INET, socket.AF_INET6) and len(raw) in (4, 16)
    return {
        "ipv6": family == socket.AF_INET6,
        "to": "{}/{}".format(socket.inet_ntop(family, raw), length) if readable else "",
        "link": _number(found.get(_OIF)),
        "table": _number(found.get(_TABLE)) or table,
        "protocol": protocol,
        "unicast": kind == _UNICAST,
    }


def parse_rule(payload: bytes) -> Dict[str, Any]:
    found = attributes(payload[12:])
    return {
        "priority": _number(found.get(_FRA_PRIORITY)) or 0,
        "mark": _number(found.get(_FRA_MARK)) or 0,
        "mask": _number(found.get(_FRA_MASK)) or 0,
        "table": _number(found.get(_FRA_TABLE)) or payload[4],
    }


def _number(raw: Optional[bytes]) -> Optional[int]:
    return int(struct.unpack("=I", raw)[0]) if raw is not None and len(raw) == 4 else None

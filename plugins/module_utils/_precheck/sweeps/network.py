# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The host's links, addresses, routes to somewhere, and listening sockets. Nothing is bound, nothing is sent but dumps."""

import os
import socket
import struct
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..probes.netlink import NETLINK_ROUTE, NLM_F_DUMP, Connection, attributes
from .root import Root

_RTM_GETLINK, _RTM_GETADDR = 18, 22
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _INFO_KIND = 1, 3, 4, 18, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFF_UP = 1
_UNIVERSE = 0
_LISTEN = "0A"
BGP_PORT = 179


def questions(root: Root, reach: Optional[str]) -> List[Tuple[str, Callable[[], Any]]]:
    """`reach`: the destination of can-reach, whose route tells the address."""
    asked: List[Tuple[str, Callable[[], Any]]] = [
        ("links", links),
        ("addresses", addresses),
        ("ipv6", lambda: os.path.exists(root.at("/proc/net/if_inet6"))),
        ("bgp_listeners", lambda: listeners(root, BGP_PORT)),
    ]
    if reach:
        asked.append(("reach", lambda: source_address(reach)))
    return asked


def links() -> List[Dict[str, Any]]:
    return [parse_link(payload) for payload in _dump(_RTM_GETLINK, struct.pack("=BxHiII", 0, 0, 0, 0, 0))]


def addresses() -> List[Dict[str, Any]]:
    return [parse_address(payload) for payload in _dump(_RTM_GETADDR, struct.pack("=BBBBI", 0, 0, 0, 0, 0))]


def parse_link(payload: bytes) -> Dict[str, Any]:
    _family, _type, index, flags, _change = struct.unpack_from("=BxHiII", payload)
    found = attributes(payload[16:])
    kind = attributes(found.get(_IFLA_LINKINFO, b"")).get(_INFO_KIND, b"")
    return {
        "index": index,
        "name": _text(found.get(_IFLA_IFNAME, b"")),
        "kind": _text(kind) or None,
        "mtu": struct.unpack("=I", found[_IFLA_MTU])[0] if _IFLA_MTU in found else None,
        "up": bool(flags & _IFF_UP),
        "mac": ":".join("{:02x}".format(byte) for byte in found.get(_IFLA_ADDRESS, b"")),
    }


def parse_address(payload: bytes) -> Dict[str, Any]:
    family, prefix, _flags, scope, index = struct.unpack_from("=BBBBI", payload)
    found = attributes(payload[8:])
    # On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL is not given for IPv6.
    raw = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS) or b""
    return {
        "index": index,
        "address": socket.inet_ntop(family, raw) if len(raw) in (4, 16) else "",
        "prefix": prefix,
        "ipv6": family == socket.AF_INET6,
        "global": scope == _UNIVERSE,
    }


def source_address(destination: str) -> Optional[str]:
    """The address from which a packet to the destination would go; connecting a datagram socket sends nothing."""
    try:
        found = socket.getaddrinfo(destination, 80, 0, socket.SOCK_DGRAM)
    except socket.gaierror:
        return None
    for family, kind, protocol, _name, address in found:
        probe = socket.socket(family, kind, protocol)
        try:
            probe.connect(address)
            return str(probe.getsockname()[0])
        except OSError:
            continue
        finally:
            probe.close()
    return None


def listeners(root: Root, port: int) -> List[Dict[str, Any]]:
    """Who listens on a TCP port: address, and the program where it can be seen (for root)."""
    found: List[Dict[str, Any]] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in (root.read(table) or "").splitlines()[1:]:
            address, inode = parse_listener(line, port)
            if address is not None:
                found.append({"address": address, "program": _program(root, inode)})
    return found


def parse_listener(line: str, port: int) -> Tuple[Optional[str], str]:
    words = line.split()
    if len(words) < 10 or words[3] != _LISTEN:
        return None, ""
    address, _colon, number = words[1].partition(":")
    if int(number, 16) != port:
        return None, ""
    # Four-byte words in the order of the machine.
    raw = bytes.fromhex(address)
    if sys.byteorder == "little":
        raw = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw), words[9]


def _program(root: Root, inode: str) -> Optional[str]:
    wanted = "socket:[{}]".format(inode)
    for pid in filter(str.isdigit, root.list("/proc")):
        folder = "/proc/{}/fd".format(pid)
        try:
            if any(os.readlink(root.at("{}/{}".format(folder, number))) == wanted for number in root.list(folder)):
                return root.line("/proc/{}/comm".format(pid))
        except OSError:
            # Gone meanwhile, or another user's.
            continue
    return None


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def _dump(kind: int, body: bytes) -> List[bytes]:
    connection = Connection(NETLINK_ROUTE, 2.0)
    try:
        return connection.request(kind, NLM_F_DUMP, body)
    finally:
        connection.close()

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The host's links, addresses, routes to somewhere, and listening sockets. Nothing is bound, nothing is sent but dumps."""

import errno
import os
import socket
import struct
import sys
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from ..no_evidence import NoEvidence
from ..probes.netlink import NETLINK_ROUTE, NLM_F_DUMP, Connection, attributes
from . import programs
from .root import Root

_RTM_GETLINK, _RTM_GETADDR = 18, 22
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _INFO_KIND, _INFO_DATA = 1, 3, 4, 18, 1, 2
_VXLAN_ID, _VXLAN_PORT = 1, 15
_IFLA_MASTER = 10
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFF_UP, _IFF_RUNNING = 1, 0x40
# linux/if_addr.h. The first bit means "secondary" for IPv4, which decides nothing.
_TEMPORARY, _MARKS = 0x01, {"failed": 0x08, "deprecated": 0x20}
_UNIVERSE = 0
# Table of /proc/net, protocol, and the state of a socket that has its port for itself.
_TABLES = (("tcp", "tcp", "0A"), ("tcp6", "tcp", "0A"), ("udp", "udp", "07"), ("udp6", "udp", "07"))
_KERNEL = "the kernel"
_LIKELY = ("bird", "bird6", "calico", "calico-node", "calico-typha", "kube-proxy", "kubelet")


def questions(root: Root, reach: Optional[str], ports: Iterable[int]) -> List[Tuple[str, Callable[[], Any]]]:
    """`reach`: the destination of can-reach, whose route gives the address."""
    asked: List[Tuple[str, Callable[[], Any]]] = [
        ("links", links),
        ("addresses", addresses),
        ("ipv6", lambda: root.exists("/proc/net/if_inet6")),
        ("listeners", lambda: listeners(root, ports)),
    ]
    if reach:
        asked.append(("reach", lambda: source_address(reach)))
    return asked


def links() -> List[Dict[str, Any]]:
    return [parse_link(payload) for payload in dump(_RTM_GETLINK, struct.pack("=BxHiII", 0, 0, 0, 0, 0))]


def addresses() -> List[Dict[str, Any]]:
    return [parse_address(payload) for payload in dump(_RTM_GETADDR, struct.pack("=BBBBI", 0, 0, 0, 0, 0))]


def parse_link(payload: bytes) -> Dict[str, Any]:
    _family, _type, index, flags, _change = struct.unpack_from("=BxHiII", payload)
    found = attributes(payload[16:])
    info = attributes(found.get(_IFLA_LINKINFO, b""))
    kind = _text(info.get(_INFO_KIND, b"")) or None
    return {
        "index": index,
        "name": _text(found.get(_IFLA_IFNAME, b"")),
        "kind": kind,
        "vxlan": _vxlan(attributes(info.get(_INFO_DATA, b""))) if kind == "vxlan" else None,
        "mtu": struct.unpack("=I", found[_IFLA_MTU])[0] if _IFLA_MTU in found else None,
        "up": bool(flags & _IFF_UP),
        # The kernel's word for a link that is up and has its carrier, or none to lose; Felix goes by it (LinkIsOperUp).
        "running": bool(flags & _IFF_RUNNING),
        "master": _number(found.get(_IFLA_MASTER)) or None,
        "mac": ":".join(f"{byte:02x}" for byte in found.get(_IFLA_ADDRESS, b"")),
    }


def _vxlan(data: Dict[int, bytes]) -> Dict[str, int]:
    return {
        "vni": int.from_bytes(data.get(_VXLAN_ID, b""), sys.byteorder),
        "port": int.from_bytes(data.get(_VXLAN_PORT, b""), "big"),
    }


def parse_address(payload: bytes) -> Dict[str, Any]:
    family, prefix, flags, scope, index = struct.unpack_from("=BBBBI", payload)
    found = attributes(payload[8:])
    # The header has room for eight of them.
    flags = _number(found.get(_IFA_FLAGS)) or flags
    # On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL is not given for IPv6.
    raw = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS) or b""
    return {
        "index": index,
        "address": socket.inet_ntop(family, raw) if len(raw) in (4, 16) else "",
        "prefix": prefix,
        "ipv6": family == socket.AF_INET6,
        "global": scope == _UNIVERSE,
        "marks": sorted(
            [name for name, bit in _MARKS.items() if flags & bit]
            + (["temporary"] if family == socket.AF_INET6 and flags & _TEMPORARY else [])
        ),
    }


def _number(raw: Optional[bytes]) -> int:
    return int(struct.unpack("=I", raw)[0]) if raw is not None and len(raw) == 4 else 0


def source_address(destination: str) -> Optional[str]:
    """The IPv4 address from which a packet to the destination would go; connecting a datagram socket sends nothing.

    Calico dials "udp4" for the IPv4 address, so a name that has an IPv6 address as well is resolved to its other one.
    """
    try:
        found = socket.getaddrinfo(destination, 80, socket.AF_INET, socket.SOCK_DGRAM)
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


def listeners(root: Root, ports: Iterable[int]) -> Dict[str, List[Dict[str, Any]]]:
    """Who has these ports, by "tcp/179": address, and the program where it can be seen (for root)."""
    found: Dict[str, List[Tuple[str, str]]] = {}
    wanted = set(ports)
    for table, protocol, state in _TABLES:
        for address, port, inode in _waiting(root, table, state):
            if int(port, 16) in wanted:
                found.setdefault(f"{protocol}/{int(port, 16)}", []).append((_address(address), inode))
    holders = _holders(root, {inode for held in found.values() for _address, inode in held if inode != "0"})
    return {
        key: [
            {"address": address, "program": _KERNEL if inode == "0" else holders.get(inode)} for address, inode in held
        ]
        for key, held in found.items()
    }


def _waiting(root: Root, table: str, state: str) -> List[Tuple[str, str, str]]:
    """Address, port and inode of the sockets in this state. Those of TCP that listen come before all connections, which may be many."""
    found = []
    try:
        with open(root.at("/proc/net/" + table), encoding="ascii", errors="replace") as stream:
            next(stream, None)
            for line in stream:
                words = line.split()
                if len(words) < 10 or words[3] != state:
                    if table.startswith("tcp"):
                        break
                    continue
                address, _colon, port = words[1].partition(":")
                found.append((address, port, words[9]))
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise type(error)(error.errno, "/proc/net/" + table) from error
        if not table.endswith("6"):
            raise NoEvidence(f"/proc/net/{table} is not there", "make /proc readable") from None
    return found


def _address(text: str) -> str:
    # Four-byte words in the order of the machine.
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _holders(root: Root, inodes: Set[str]) -> Dict[str, str]:
    """The programs that hold these sockets. A busy host has many descriptors: the likely ones are looked at first."""
    found: Dict[str, str] = {}
    if not inodes:
        return found
    processes = [(root.line_or_none(f"/proc/{pid}/comm") or "", pid) for pid in root.list("/proc") if pid.isdigit()]
    for name, pid in sorted(processes, key=lambda one: one[0] not in _LIKELY):
        folder = f"/proc/{pid}/fd"
        try:
            held = [os.readlink(root.at(f"{folder}/{number}")) for number in root.list(folder)]
        except OSError:
            # Gone meanwhile, or another user's.
            continue
        own = [link[8:-1] for link in held if link.startswith("socket:[") and link[8:-1] in inodes]
        if own:
            program = programs.named(root, pid, name)
            found.update((inode, program) for inode in own)
        if len(found) == len(inodes):
            break
    return found


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def dump(kind: int, body: bytes) -> List[bytes]:
    connection = Connection(NETLINK_ROUTE, 2.0)
    try:
        return connection.request(kind, NLM_F_DUMP, body)
    finally:
        connection.close()

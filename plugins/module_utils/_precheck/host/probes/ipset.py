# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What Felix does with IP sets: agree on a protocol, list, create, add, destroy."""

import os
import socket
import struct
from typing import Any, Dict, List, Tuple

from .netlink import (
    NETWORK_ORDER,
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    Connection,
    attribute,
    attributes,
    be16,
    be32,
    nested,
    text,
    u8,
)

SUBSYSTEM = 6
_PROTOCOL, _CREATE, _DESTROY, _LIST, _ADD, _TYPE = 1, 2, 3, 7, 9, 13
_ATTR_PROTOCOL, _ATTR_NAME, _ATTR_TYPE, _ATTR_REVISION, _ATTR_FAMILY, _ATTR_FLAGS, _ATTR_DATA = range(1, 8)
_ATTR_MINIMUM = 10  # IPSET_ATTR_REVISION_MIN and IPSET_ATTR_PROTOCOL_MIN
_DATA_IP, _DATA_CIDR, _DATA_PORT, _DATA_PROTO, _DATA_MAXELEM = 1, 3, 4, 7, 19
_FLAG_LIST_SETNAME = 2
_SAMPLE: Dict[int, Tuple[int, str, int]] = {
    socket.AF_INET: (1, "192.0.2.1", 32),
    socket.AF_INET6: (2, "2001:db8::1", 128),
}
# ipset 6 of 2010 spoke protocol 6; kernels to date still take it, newer ones offer 7 too.
_SPOKEN = 6


class IPSets:
    """`subsystem` is a parameter so that a test can ask one that no kernel has: the answer of a kernel without ip_set."""

    def __init__(self, connection: Connection, subsystem: int = SUBSYSTEM) -> None:
        self._connection = connection
        self._subsystem = subsystem

    def protocol(self) -> Dict[str, int]:
        found = attributes(self._ask(_PROTOCOL, socket.AF_INET, step="protocol")[0][4:])
        newest = found[_ATTR_PROTOCOL][0]
        return {"newest": newest, "oldest": found.get(_ATTR_MINIMUM, found[_ATTR_PROTOCOL])[0]}

    def names(self) -> int:
        """How many sets this namespace has: none in a new one. What matters is that listing works."""
        flags = be32(_ATTR_FLAGS, _FLAG_LIST_SETNAME, marked=True)
        return len(self._ask(_LIST, socket.AF_INET, flags, flags=NLM_F_DUMP, step="list"))

    def cycle(self, kind: str, family: int) -> Dict[str, int]:
        """Creates a set of this type, adds a member, destroys it; returns the revisions of the type."""
        found = attributes(
            self._ask(_TYPE, family, text(_ATTR_TYPE, kind), u8(_ATTR_FAMILY, family), step=f"type {kind}")[0][4:]
        )
        newest = found[_ATTR_REVISION][0]
        name = text(_ATTR_NAME, f"pre{os.urandom(6).hex()}")
        self._ask(
            _CREATE,
            family,
            name,
            text(_ATTR_TYPE, kind),
            u8(_ATTR_REVISION, newest),
            u8(_ATTR_FAMILY, family),
            nested(_ATTR_DATA, be32(_DATA_MAXELEM, 65536, marked=True)),
            flags=NLM_F_CREATE | NLM_F_EXCL,
            step=f"create {kind}",
        )
        self._ask(_ADD, family, name, nested(_ATTR_DATA, *_member(kind, family)), step=f"add to {kind}")
        self._ask(_DESTROY, family, name, step=f"destroy {kind}")
        return {"newest": newest, "oldest": found.get(_ATTR_MINIMUM, b"\0")[0]}

    def _ask(self, command: int, family: int, *attrs: bytes, **how: Any) -> List[bytes]:
        body = struct.pack("=BBH", family, 0, 0) + u8(_ATTR_PROTOCOL, _SPOKEN) + b"".join(attrs)
        flags = how.get("flags", 0)
        if flags != NLM_F_DUMP:
            flags |= NLM_F_ACK
        return self._connection.request((self._subsystem << 8) | command, flags, body, how["step"])


def _member(kind: str, family: int) -> List[bytes]:
    inner, address, bits = _SAMPLE[family]
    member = [nested(_DATA_IP, attribute(inner | NETWORK_ORDER, socket.inet_pton(family, address)))]
    if "port" in kind:
        member += [be16(_DATA_PORT, 80, marked=True), u8(_DATA_PROTO, socket.IPPROTO_TCP)]
    if "net" in kind:
        member.append(u8(_DATA_CIDR, bits))
    return member

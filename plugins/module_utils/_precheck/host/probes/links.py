# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Tunnel and container links, created and left to the namespace's end: deleting each waits for RCU, 15 to 20 ms apiece.

Only kinds whose modules create nothing outside when they are loaded: never dummy or bond.
"""

import os
import socket
import struct

from .netlink import NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, Connection, attribute, be16, nested, text, u8, u32

_RTM_NEWLINK, _RTM_NEWQDISC = 16, 36
_TCA_KIND = 1
_IFLA_IFNAME, _IFLA_LINKINFO = 3, 18
_INFO_KIND, _INFO_DATA = 1, 2
_VETH_PEER = 1
_VXLAN_ID, _VXLAN_LOCAL, _VXLAN_LEARNING, _VXLAN_PORT = 1, 4, 7, 15
_IPTUN_LOCAL, _IPTUN_REMOTE = 2, 3
_HERE, _THERE = socket.inet_aton("127.0.0.1"), socket.inet_aton("192.0.2.1")
_LINK = struct.pack("=BxHiII", 0, 0, 0, 0, 0)

# What Felix gives its own devices, as far as the kernel checks it: VNI 4096 on UDP 4789, no learning.
_DATA = {
    "vxlan": u32(_VXLAN_ID, 4096) + attribute(_VXLAN_LOCAL, _HERE) + u8(_VXLAN_LEARNING, 0) + be16(_VXLAN_PORT, 4789),
    "ipip": attribute(_IPTUN_LOCAL, _HERE) + attribute(_IPTUN_REMOTE, _THERE),
    "wireguard": b"",
}
KINDS = ("veth", *_DATA)


def create(connection: Connection, kind: str) -> str:
    name = f"pre{os.urandom(4).hex()}"
    if kind == "veth":
        data = attribute(_VETH_PEER, _LINK + text(_IFLA_IFNAME, name + "p"))
    else:
        data = _DATA[kind]
    info = text(_INFO_KIND, kind) + (nested(_INFO_DATA, data) if data else b"")
    body = _LINK + text(_IFLA_IFNAME, name) + nested(_IFLA_LINKINFO, info)
    connection.request(_RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body, f"create {kind}")
    return name


def clsact(connection: Connection) -> None:
    """The hook to which Felix attaches its programs, on a link of our own."""
    index = socket.if_nametoindex(create(connection, "veth"))
    # struct tcmsg: family, link, handle ffff:, parent TC_H_CLSACT.
    body = struct.pack("=BxxxiIII", 0, index, 0xFFFF0000, 0xFFFFFFF1, 0) + text(_TCA_KIND, "clsact")
    connection.request(_RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body, "clsact")

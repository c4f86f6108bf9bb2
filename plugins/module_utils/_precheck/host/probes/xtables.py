# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Whether a match or target of iptables exists, in the revision that Calico's iptables wants; for both of its backends."""

import ctypes
import os
import socket
import struct
from typing import NamedTuple

from .netlink import NLM_F_ACK, Connection, be32, text

COMPAT_SUBSYSTEM = 11
MATCH, TARGET = 0, 1
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
# IPT_SO_GET_REVISION_MATCH and _TARGET; IP6T_SO_GET_REVISION_MATCH and _TARGET.
_OPTIONS = {"inet": (socket.IPPROTO_IP, (66, 67)), "inet6": (socket.IPPROTO_IPV6, (68, 69))}


class Extension(NamedTuple):
    kind: int
    name: str
    revision: int
    family: str

    def __str__(self) -> str:
        return f"{'target' if self.kind == TARGET else 'match'} {self.name}"


def ask_compat(connection: Connection, extension: Extension) -> None:
    """As iptables-nft asks, through nft_compat."""
    body = struct.pack("=BBH", _FAMILIES[extension.family], 0, 0)
    body += text(1, extension.name) + be32(2, extension.revision) + be32(3, extension.kind)
    connection.request(COMPAT_SUBSYSTEM << 8, NLM_F_ACK, body, str(extension))


def ask_legacy(extension: Extension) -> None:
    """As iptables-legacy asks, through ip_tables. No table is touched: opening one would create it in every namespace.

    The question is the input of getsockopt(2), which Python's own cannot pass.
    """
    level, options = _OPTIONS[extension.family]
    raw = socket.socket(_FAMILIES[extension.family], socket.SOCK_RAW, socket.IPPROTO_RAW)
    try:
        question = struct.pack("=29sB", extension.name.encode("ascii"), extension.revision)
        buffer = ctypes.create_string_buffer(question, len(question))
        size = ctypes.c_uint32(len(question))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.getsockopt(raw.fileno(), level, options[extension.kind], buffer, ctypes.byref(size)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{extension}: {os.strerror(number)}")
    finally:
        raw.close()

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Makes IP sets on a lab host, each in the newest revision that the kernel has of its type. Run in the host, which
need not have an ipset of its own."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys

_NETFILTER, _SUBSYSTEM = 12, 6
_REQUEST, _ACKNOWLEDGE, _CREATE = 1, 4, 0x400
_ERROR = 2
_MAKE, _TYPE = 2, 13
_PROTOCOL, _NAME, _KIND, _REVISION, _FAMILY, _DATA = 1, 2, 3, 4, 5, 7
_NESTED = 0x8000
_SPOKEN = 6


def attribute(number: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)


def ask(connection: socket.socket, command: int, flags: int, *attributes: bytes) -> bytes:
    """The first answer, without its headers."""
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + attribute(_PROTOCOL, bytes([_SPOKEN])) + b"".join(attributes)
    kind = (_SUBSYSTEM << 8) | command
    connection.send(struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | flags, 1, 0) + body)
    answer = connection.recv(65536)
    code = struct.unpack_from("=i", answer, 16)[0]
    if struct.unpack_from("=H", answer, 4)[0] == _ERROR and code:
        raise OSError(-code, os.strerror(-code))
    return answer[20:]


def newest(connection: socket.socket, kind: str) -> bytes:
    rest = ask(connection, _TYPE, 0, _text(_KIND, kind), attribute(_FAMILY, bytes([socket.AF_INET])))
    while rest:
        size, number = struct.unpack_from("=HH", rest)
        if number == _REVISION:
            return rest[4:5]
        rest = rest[size + (-size % 4) :]
    raise LookupError(f"the kernel does not tell a revision of {kind}")


def make(connection: socket.socket, name: str, kind: str) -> None:
    revision = attribute(_REVISION, newest(connection, kind))
    family = attribute(_FAMILY, bytes([socket.AF_INET]))
    what = (_text(_NAME, name), _text(_KIND, kind), revision, family, attribute(_DATA | _NESTED, b""))
    ask(connection, _MAKE, _CREATE | _ACKNOWLEDGE, *what)


def _text(number: int, value: str) -> bytes:
    return attribute(number, value.encode() + b"\0")


def main() -> None:
    connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    for name, kind in json.loads(sys.argv[1]).items():
        make(connection, name, kind)


if __name__ == "__main__":
    main()

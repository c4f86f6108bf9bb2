# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Has ports and sockets of a lab host under other programs' names. Run in the host; returns once all are taken."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys

_SET_NAME = 15  # prctl(2)
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def bound(protocol: str, place: str) -> socket.socket:
    if protocol == "unix":
        taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.makedirs(os.path.dirname(f"/{place}"), exist_ok=True)
        taken.bind(f"/{place}")
    else:
        taken = socket.socket(socket.AF_INET, _KINDS[protocol])
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port, _at, address = place.partition("@")
        taken.bind((address or "0.0.0.0", int(port)))
    if protocol != "udp":
        taken.listen()
    return taken


def hold(taken: socket.socket, program: str) -> None:
    """A process of that name has it from now on."""
    if os.fork() == 0:
        os.setsid()
        name, *arguments = program.split()
        ctypes.CDLL(None).prctl(_SET_NAME, name.encode(), 0, 0, 0)
        if arguments:
            _called(program.split())
        while True:
            signal.pause()
    taken.close()


def _called(arguments: list[str]) -> None:
    """/proc/PID/cmdline is this process's own memory, from arg_start to arg_end (proc(5), stat, fields 48 and 49)."""
    with open("/proc/self/stat", encoding="ascii") as stat:
        start, end = (int(number) for number in stat.read().rpartition(")")[2].split()[45:47])
    ctypes.memmove(start, "\0".join(arguments).encode().ljust(end - start, b"\0"), end - start)


def main() -> None:
    for where, program in json.loads(sys.argv[1]).items():
        protocol, _slash, place = where.partition("/")
        hold(bound(protocol, place), program)


if __name__ == "__main__":
    main()

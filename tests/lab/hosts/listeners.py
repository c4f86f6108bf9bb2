# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Has ports of a lab host under other programs' names. Run in the host; returns once all ports are taken."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys

_SET_NAME = 15  # prctl(2)
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def bound(protocol: str, port: int) -> socket.socket:
    taken = socket.socket(socket.AF_INET, _KINDS[protocol])
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("0.0.0.0", port))
    if protocol == "tcp":
        taken.listen()
    return taken


def hold(taken: socket.socket, program: str) -> None:
    """A process of that name has it from now on."""
    if os.fork() == 0:
        os.setsid()
        ctypes.CDLL(None).prctl(_SET_NAME, program.encode(), 0, 0, 0)
        while True:
            signal.pause()
    taken.close()


def main() -> None:
    for where, program in json.loads(sys.argv[1]).items():
        protocol, port = where.split("/")
        hold(bound(protocol, int(port)), program)


if __name__ == "__main__":
    main()

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Answers on a lab host's port 22 late, or never: ADDRESS [SECONDS SSHD]. Run in the host in place of sshd."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time


def main() -> None:
    address, *answer = sys.argv[1:]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no child is waited for
    listening = socket.create_server((address, 22), backlog=100)
    silent = []
    while True:
        connection, _peer = listening.accept()
        if not answer:
            silent.append(connection)
        elif os.fork() == 0:
            serve(connection, float(answer[0]), answer[1])
        else:
            connection.close()


def serve(connection: socket.socket, seconds: float, sshd: str) -> None:
    """One sshd for this connection alone, as inetd would start it."""
    time.sleep(seconds)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    talk = connection.fileno()
    sys.exit(subprocess.run([sshd, "-i", "-e"], stdin=talk, stdout=talk, check=False).returncode)


if __name__ == "__main__":
    main()

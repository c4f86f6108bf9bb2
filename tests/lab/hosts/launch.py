# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Starting one host: its init, what the two say to each other, and the wait until its sshd answers."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .host import Host
from .machine import INTERPRETER
from .process import Process

INIT = Path(__file__).with_name("init.py")
SECONDS_TO_ANSWER = 15.0
SECONDS_TO_SAY = 40.0
LOG_LINES_SHOWN = 5


class HostError(RuntimeError):
    """A host did not start; the message says which one and what its log says."""


class Launch:
    """A host on its way: its namespaces and files are being made, then it waits for its network card, then sshd starts."""

    def __init__(self, name: str, orders: dict[str, Any], log: Path) -> None:
        self._name = name
        self._log = log
        with log.open("w") as stream:
            self._starter = subprocess.Popen(
                [INTERPRETER, "-I", "-S", str(INIT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                cwd="/",
            )
        assert self._starter.stdin
        assert self._starter.stdout
        self._orders, self._answers = self._starter.stdin, self._starter.stdout
        self._send(json.dumps(orders))

    def process(self) -> Process:
        """The host's PID 1, once there is one."""
        pid = self._answers.readline().strip()
        self._starter.wait()
        try:
            self._process = Process.of(int(pid))
            return self._process
        except (ValueError, ProcessLookupError) as never_ran:
            raise self._failure("did not start") from never_ran

    def wait_until_built(self) -> None:
        self._expect("built", "was not built")

    def go(self) -> None:
        """Tell the host that its card is in place."""
        self._send("go")

    def wait_for_login(self, host: Host, deadline: float) -> None:
        # Not before the host has its address: the first packet would wait a second for its turn to ask again.
        self._expect("connected", "did not get its network")
        self.abandon()
        while not _answers(host):
            if not host.alive:
                raise self._failure("ended while it started")
            if time.monotonic() > deadline:
                raise self._failure("does not answer on port 22")
            time.sleep(0.02)

    def abandon(self) -> None:
        """Let go of the pipes to the host: one that still waits for its card then ends by itself."""
        with suppress(BrokenPipeError):  # what could not be sent is of no use to a host that is gone
            self._orders.close()
        self._answers.close()
        self._starter.wait()

    def _send(self, line: str) -> None:
        try:
            self._orders.write(line + "\n")
            self._orders.flush()
        except BrokenPipeError as gone:
            raise self._failure("ended before it was connected") from gone

    def _expect(self, answer: str, otherwise: str) -> None:
        """A host that says nothing is ended, so that no line is waited for in vain."""
        patience = threading.Timer(SECONDS_TO_SAY, self._process.send, [signal.SIGKILL])
        patience.start()
        said = self._answers.readline().strip()
        patience.cancel()
        if said != answer:
            raise self._failure(otherwise)

    def _failure(self, what: str) -> HostError:
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return HostError(f"lab host {self._name} {what}: {' | '.join(lines) or 'its log is empty'}")


def _answers(host: Host) -> bool:
    """Does it say what sshd says first? One that is to keep its callers waiting only has to accept them."""
    try:
        with socket.create_connection((host.address, 22), timeout=1.0) as connection:
            return host.spec.ssh_silent or host.spec.ssh_delay > 0 or connection.recv(4) == b"SSH-"
    except OSError:
        return False

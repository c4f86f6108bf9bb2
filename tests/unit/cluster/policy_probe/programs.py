# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of a probe's pods on this machine: folders in place of a pod's volumes, and a server that answers while it is told to."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.lab.eventually import eventually

BASH = shutil.which("bash") or ""
needs_bash = pytest.mark.skipif(
    not BASH or subprocess.run([BASH, "-c", "((BASH_VERSINFO[0] >= 5))"], check=False).returncode != 0,
    reason="this machine has no bash 5",
)


class Server:
    """UDP."""

    def __init__(self, answers: bool = True) -> None:
        self.answers = answers
        self.came = self.answered = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def more(self, number: int) -> None:
        """Wait until so many more have come."""
        wanted = self.came + number
        eventually(lambda: self.came >= wanted, 60)

    def _serve(self) -> None:
        while True:
            try:
                data, source = self.socket.recvfrom(2048)
            except OSError:
                return
            self.came += 1
            if self.answers:
                self.answered += 1
                self.socket.sendto(self._answer(data, source), source)

    def _answer(self, _data: bytes, _source: tuple[str, int]) -> bytes:
        return b"ok"


class Program:
    """A client that was started."""

    def __init__(self, folder: Path, program: str, arguments: Sequence[str]) -> None:
        """:param arguments: those after its three places"""
        self.state, self.told, self.message = folder / "state", folder / "told", folder / "message"
        self.state.mkdir()
        self.told.mkdir()
        places = [str(self.message), str(self.state), str(self.told)]
        self.process = subprocess.Popen(
            [BASH, "-c", program, "client", *places, *arguments],
            env={"PATH": os.environ["PATH"], "POD_IPS": "127.0.0.1,::1"},
        )

    def tell(self, name: str, text: str) -> None:
        """As the kubelet writes a file of a volume: it is there whole, or not at all."""
        new = self.told / f"{name}.new"
        new.write_text(text)
        new.rename(self.told / name)

    def said(self) -> str:
        """When it has ended well."""
        assert self.process.wait(60) == 0
        return self.message.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

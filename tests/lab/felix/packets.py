# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three pods on a host, as Calico's CNI plugin connects them, and what of TCP gets from one to another."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

from tests.lab.errors import LabError
from tests.lab.eventually import eventually
from tests.lab.hosts import Host
from tests.lab.hosts.machine import INTERPRETER

NAMESPACE = "default"
SERVER, ALLOWED, DENIED = "server", "client", "stranger"
PORT = 8080
SECONDS = 1.0
"""Denied means silence: for so long nothing is heard."""

_SERVE = "import socket, sys, time; s = socket.create_server(('', int(sys.argv[1]))); time.sleep(3600)"
_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])).close()
except OSError:
    sys.exit(1)
"""


class Pods:
    """Network namespaces inside the host's own. They end with this object."""

    def __init__(self, host: Host, addresses: dict[str, str]) -> None:
        """`addresses`: by pod's name in the cluster."""
        self._host = host
        self._addresses = addresses
        self._pids: dict[str, int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Pods:
        for name in self._addresses:
            self._start(name)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def serve(self, name: str) -> None:
        self._process(["nsenter", f"--target={self._pids[name]}", "--net", INTERPRETER, "-c", _SERVE, str(PORT)])

    def connects(self, name: str, to: str) -> bool:
        enter = ["nsenter", f"--target={self._pids[name]}", "--net"]
        asked = [*enter, INTERPRETER, "-c", _CONNECT, self._addresses[to], str(PORT), str(SECONDS)]
        return subprocess.run(asked, check=False, stdin=subprocess.DEVNULL).returncode == 0

    def _start(self, name: str) -> None:
        # The namespace is the host's child, and no process of the host's: the host may lack a folder to name it in.
        held = ["nsenter", f"--target={self._host.pid}", "--net", "unshare", "--net", "sleep", "3600"]
        pid = self._pids[name] = self._process(held)
        own = f"/proc/{pid}/ns/net"
        _wait_until_apart(own, f"/proc/{self._host.pid}/ns/net")
        host = ["nsenter", f"--target={self._host.pid}", "--net"]
        link = interface(NAMESPACE, name)
        _run([*host, "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(pid)])
        _run([*host, "ip", "link", "set", "dev", link, "up"])
        inside = ["nsenter", f"--target={pid}", "--net", "ip"]
        for words in (
            "link set dev lo up",
            "link set dev eth0 up",
            f"address add {self._addresses[name]}/32 dev eth0",
            "route add 169.254.1.1 dev eth0 scope link",
            "route add default via 169.254.1.1 dev eth0",
        ):
            _run([*inside, *words.split()])

    def _process(self, command: Sequence[str]) -> int:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process.pid


def interface(namespace: str, pod: str) -> str:
    """The host's end, by the name that Calico's CNI plugin gives it."""
    return "cali" + hashlib.sha1(f"{namespace}.{pod}".encode(), usedforsecurity=False).hexdigest()[:11]


def _wait_until_apart(own: str, other: str) -> None:
    def apart() -> bool:
        try:
            return os.stat(own).st_ino not in (os.stat(other).st_ino, os.stat("/proc/self/ns/net").st_ino)
        except OSError:
            return False

    eventually(apart)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}")

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a process at an instant that is chosen, not met by luck: while the API server is at a certain write of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.api import ApiError
from tests.lab.eventually import eventually
from tests.lab.lab import Lab

_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
_PROBE = "held-probe"
_PARENT = 1  # in /proc/<pid>/stat, after the command's name


class Held:
    """Writes that the API server has taken and does not answer: its webhook is a port where nobody says a word."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._kept: list[socket.socket] = []
        self.armed = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def holds(self) -> bool:
        return bool(self._kept)

    def close(self) -> None:
        self._listening.close()
        for connection in self._kept:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _peer = self._listening.accept()
            except OSError:
                return
            if self.armed:
                self._kept.append(connection)
            else:
                connection.close()


@contextmanager
def held(lab: Lab, resource: str, name: str) -> Iterator[Held]:
    """While this lasts, whoever uses the collection's account to write this object waits for an answer, half a minute long."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        gate = Held(listening)
        ours = f"request.userInfo.username == '{lab.collection_user}' && request.name == '{name}'"
        probe = f"request.name == '{_PROBE}'"
        webhook = {
            "name": "held.lab.calico-ops.dev",
            "clientConfig": {"url": f"https://127.0.0.1:{listening.getsockname()[1]}/"},
            "rules": [
                {
                    "apiGroups": ["*"],
                    "apiVersions": ["*"],
                    "resources": [resource, "configmaps"],
                    "operations": ["CREATE", "UPDATE"],
                }
            ],
            "matchConditions": [{"name": "held", "expression": f"{probe} || ({ours} && !request.dryRun)"}],
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "timeoutSeconds": 30,
            "failurePolicy": "Fail",
        }
        lab.admin.create(_WEBHOOKS, {"metadata": {"name": "held"}, "webhooks": [webhook]})
        try:
            eventually(lambda: _refused(lab))
            gate.armed = True
            yield gate
        finally:
            lab.admin.delete(f"{_WEBHOOKS}/held")
            gate.close()


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """End a process and all it started at once, by pid: an Ansible worker is in a session of its own, a group misses it."""
    stopped: list[int] = []
    while new := [pid for pid in _descendants(process.pid) if pid not in stopped]:
        for pid in new:  # stopped first: nobody starts another one while the list is made
            _send(pid, signal.SIGSTOP)
        stopped += new
    for pid in stopped:
        _send(pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 10
    while any(_alive(pid) for pid in stopped):
        assert time.monotonic() < deadline, f"these outlived SIGKILL: {stopped}"
        time.sleep(0.01)


def _descendants(root: int) -> list[int]:
    """The process itself and whoever descends from it."""
    parents = {int(entry.name): _stat(entry) for entry in Path("/proc").glob("[0-9]*")}
    found = [root]
    for pid in found:
        found += [child for child, stat in parents.items() if stat and int(stat[_PARENT]) == pid]
    return found


def _stat(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _alive(pid: int) -> bool:
    stat = _stat(Path(f"/proc/{pid}"))
    return bool(stat) and stat[0] != "Z"


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _refused(lab: Lab) -> bool:
    """Does the API server know of the webhook by now? One that hangs up is an error at once."""
    try:
        lab.admin.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": _PROBE}}, dryRun="All")
    except ApiError as error:
        return error.status == 500
    return False

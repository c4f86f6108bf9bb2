# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's daemons: started detached, found again by a mark in their environment, ended by pid.

A pid alone says little: it may belong to somebody else by now. A process is ours when its environment carries the
lab's own directory; that also finds the one that a killed `up` started and had no time to write down.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.lab.errors import LabError

_MARK = "CALICO_OPS_LAB_DIRECTORY"


class Daemons:
    """The processes of one lab, by name."""

    def __init__(self, directory: Path) -> None:
        self._mark = f"{_MARK}={directory}".encode()
        self._directory = directory
        self._pids = directory / "pids"
        self._logs = directory / "logs"

    def start(
        self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        self._pids.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **(env or {}), _MARK: str(self._directory)}
        with open(self.log(name), "ab") as log:
            # A session of its own: Ctrl-C at the terminal ends the command, not the lab.
            process = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=cwd or self._directory,
                start_new_session=True,
            )
        (self._pids / name).write_text(f"{process.pid}\n")
        # The kernel shows a new program's environment a moment after Popen returns.
        while process.poll() is None and not self._is_ours(process.pid):
            time.sleep(0.001)

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def log_end(self, name: str, lines: int = 12) -> str:
        path = self.log(name)
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def pid(self, name: str) -> int | None:
        """The pid of the daemon when it is alive."""
        try:
            pid = int((self._pids / name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if self._is_ours(pid) else None

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self._pids.iterdir()) if self._pids.is_dir() else []

    def alive(self) -> dict[str, int]:
        pids = {name: self.pid(name) for name in self.names()}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def require_alive(self, name: str) -> None:
        if self.pid(name) is None:
            raise LabError(f"{name} ended; the end of {self.log(name)}:\n{self.log_end(name)}")

    def stop(self, *names: str, grace: float = 10.0) -> None:
        """End these daemons together and return when all of them are gone."""
        self._end([pid for pid in map(self.pid, names) if pid is not None], grace)
        for name in names:
            (self._pids / name).unlink(missing_ok=True)

    def stop_strays(self) -> None:
        """End whatever of this lab is alive and in no pid file any more."""
        self._end([pid for pid in _all_pids() if self._is_ours(pid)], grace=5.0)

    def strays(self) -> list[int]:
        return [pid for pid in _all_pids() if self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        return self._mark in environment.split(b"\0")

    def _end(self, pids: Iterable[int], grace: float) -> None:
        handles: dict[int, int] = {}
        try:
            for pid in pids:
                try:
                    handle = os.pidfd_open(pid)
                except ProcessLookupError:
                    continue
                # From here on the handle means this very process, whatever becomes of the number.
                if self._is_ours(pid):
                    handles[pid] = handle
                else:
                    os.close(handle)
            _signal(handles, signal.SIGTERM)
            if not _wait_all(handles, grace):
                _signal(handles, signal.SIGKILL)
                if not _wait_all(handles, 10.0):
                    raise LabError(f"these processes outlived SIGKILL: {sorted(handles)}")
        finally:
            for handle in handles.values():
                os.close(handle)


def _all_pids() -> list[int]:
    own = os.getpid()
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and int(entry) != own]


def _signal(handles: Mapping[int, int], number: int) -> None:
    for handle in handles.values():
        try:
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            continue


def _wait_all(handles: Mapping[int, int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    for pid, handle in handles.items():
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return False
        try:
            os.waitpid(pid, os.WNOHANG)  # reap it when it is a child of this very process
        except ChildProcessError:
            continue
    return True

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. A process known by pid and start time, so that a pid used again is never taken for it."""

from __future__ import annotations

import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path

PID, STATE, START_TIME = 0, 2, 21  # positions in /proc/<pid>/stat, proc(5)
DEAD_STATES = ("Z", "X")


@dataclass(frozen=True)
class Process:
    pid: int
    started: str  # clock ticks after a boot, and which boot

    @classmethod
    def of(cls, pid: int) -> Process:
        fields = _stat(pid)
        if fields is None:
            raise ProcessLookupError(f"no process {pid}")
        return cls(pid, _started(fields))

    @property
    def alive(self) -> bool:
        fields = _stat(self.pid)
        return fields is not None and fields[STATE] not in DEAD_STATES and _started(fields) == self.started

    def send(self, number: signal.Signals) -> None:
        """Send a signal to exactly this process; to nobody when it is gone."""
        handle = self._open()
        if handle is not None:
            try:
                signal.pidfd_send_signal(handle, number)
            except ProcessLookupError:
                return
            finally:
                os.close(handle)

    def wait(self, deadline: float) -> bool:
        """Wait until the process is gone; False when it still lives at the deadline (time.monotonic)."""
        handle = self._open()
        if handle is None:
            return True
        try:
            left = max(0.0, deadline - time.monotonic())
            return bool(select.select([handle], [], [], left)[0])
        finally:
            os.close(handle)

    def _open(self) -> int | None:
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        if self.alive:  # asked with the handle in hand: from here on the pid cannot come to mean another process
            return handle
        os.close(handle)
        return None


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    before, _bracket, after = text.rpartition(")")  # the command's name may hold blanks and brackets
    number, _bracket, name = before.partition(" (")
    return [number, name, *after.split()]


def _started(fields: list[str]) -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{fields[START_TIME]}@{boot}"

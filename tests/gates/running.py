# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one stage: its commands in a process group of their own, output to a log, stopped at its time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .results import Count, Result, counted
from .stages import Stage

GRACE = 20.0


class Running:
    """A stage under way."""

    def __init__(self, stage: Stage, env: Mapping[str, str], logs: Path) -> None:
        self.stage = stage
        self._env = {**env, **stage.env}
        self._log = logs / f"{stage.name}.log"
        self._report = logs / f"{stage.name}.xml"
        self._started = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        self._outcome = "failed"
        self._ended = self._started
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=stage.name, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def progress(self) -> str:
        return f"{self.stage.name}: {time.monotonic() - self._started:.0f} s, {self._last_line()}"

    def result(self) -> Result:
        """Of a stage that has ended."""
        tests = counted(self._report) if self.stage.pytest else None
        # A test runner that ran nothing has not passed.
        if tests is not None and self._outcome == "passed" and tests == Count():
            self._outcome = "failed"
        return Result(self.stage.name, self._outcome, self._ended - self._started, tests, self._log)

    def stop(self) -> None:
        """End the stage now, with everything it started in its process group."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            _end(process)
        self._thread.join(GRACE)

    def _run(self) -> None:
        self._report.unlink(missing_ok=True)
        deadline = self._started + self.stage.timeout
        with open(self._log, "wb") as output:
            self._outcome = self._commands(output.fileno(), deadline)
        self._ended = time.monotonic()

    def _commands(self, output: int, deadline: float) -> str:
        for command in self.stage.commands:
            if self._stopping.is_set():
                return "failed"
            arguments = list(command)
            if self.stage.pytest:
                arguments.append(f"--junitxml={self._report}")
            os.write(output, f"$ {' '.join(arguments)}\n".encode())
            outcome = self._command(arguments, output, deadline)
            if outcome != "passed":
                return outcome
        return "passed"

    def _command(self, arguments: Sequence[str], output: int, deadline: float) -> str:
        self._process = process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._env, start_new_session=True
        )
        try:
            code = process.wait(max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.write(output, f"not done after {self.stage.timeout:.0f} s: stopped\n".encode())
            _end(process)
            return "timed out"
        return "passed" if code == 0 else "failed"

    def _last_line(self) -> str:
        if not self._log.exists():
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line.strip()[:120] for line in reversed(lines) if line.strip()), "")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return

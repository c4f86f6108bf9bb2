# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one stage: its commands in a process group of their own, output to a log, with an end for all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import progress_plugin
from .progress import SHOWN, Progress
from .results import Count, Result
from .stages import Stage

ENDINGS = ((signal.SIGINT, 20.0), (signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0))
"""How a stage is ended, and how many seconds each way may take: the first lets tests take down their labs."""


class Running:
    """A stage under way."""

    def __init__(self, stage: Stage, env: Mapping[str, str], logs: Path, arguments: Sequence[str] = ()) -> None:
        self.stage = stage
        self._env = {**env, **stage.env}
        self._log = logs / f"{stage.name}.log"
        self._written = logs / f"{stage.name}.progress"
        self._written.unlink(missing_ok=True)
        self._arguments = [*arguments, "-p", progress_plugin.__name__, f"{progress_plugin.OPTION}={self._written}"]
        self._progress = Progress(self._written)
        self._told = 0
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

    def news(self) -> list[str]:
        """The tests that failed since the last call, a line each; after many of them, that there are more."""
        self._progress.read()
        failures = self._progress.failures
        new = failures[self._told : SHOWN]
        if self._told <= SHOWN < len(failures):
            new.append(f"more tests fail; see {self._log}")
        self._told = len(failures)
        return new

    def state(self) -> str:
        """How far it is, in one line."""
        self._progress.read()
        now = str(self._progress) if self.stage.pytest else self._last_line()
        return f"{self.stage.name}: {time.monotonic() - self._started:.0f} s, {now}"

    def result(self) -> Result:
        """Of a stage that has ended."""
        self._progress.read()
        tests = self._progress.count if self.stage.pytest else None
        # A test runner that ran nothing has not passed.
        if tests is not None and self._outcome == "passed" and tests == Count():
            self._outcome = "failed"
        return Result(
            stage=self.stage.name,
            outcome=self._outcome,
            seconds=self._ended - self._started,
            tests=tests,
            log=self._log,
            failures=tuple(self._progress.failures),
            running=tuple(self._progress.running),
        )

    def interrupt(self) -> None:
        """Have the stage end, without waiting for it."""
        self._stopping.set()
        if self._process is not None:
            _signal(self._process, signal.SIGINT)

    def stop(self) -> None:
        """End the stage now, with everything it started in its process group."""
        self._stopping.set()
        if self._process is not None:
            _end(self._process)
        self._thread.join()

    def _run(self) -> None:
        with open(self._log, "wb") as output:
            self._outcome = self._commands(output.fileno())
        self._ended = time.monotonic()

    def _commands(self, output: int) -> str:
        for command in self.stage.commands:
            arguments = [*command, *self._arguments] if self.stage.pytest else list(command)
            os.write(output, f"$ {' '.join(arguments)}\n".encode())
            outcome = self._command(arguments, output)
            if self._stopping.is_set():
                return "stopped"
            if outcome != "passed":
                return outcome
        return "passed"

    def _command(self, arguments: Sequence[str], output: int) -> str:
        self._process = process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._env, start_new_session=True
        )
        if self._stopping.is_set():
            _signal(process, signal.SIGINT)
        try:
            code = process.wait(max(1.0, self._started + self.stage.last_guard - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.write(output, f"not done after {self.stage.last_guard:.0f} s: stopped\n".encode())
            _end(process)
            return "timed out"
        return "passed" if code == 0 else "failed"

    def _last_line(self) -> str:
        if not self._log.exists():
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line.strip()[:120] for line in reversed(lines) if line.strip()), "")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in ENDINGS:
        _signal(process, number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        break
    # What it started and left behind.
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the whole group; nothing when there is none any more."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return

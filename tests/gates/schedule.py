# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs stages one after the other, those of the background beside them, and gathers their results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .results import Result
from .running import Running
from .stages import Stage


class Schedule:
    """One run over the chosen stages."""

    def __init__(
        self,
        stages: Sequence[Stage],
        environment: Callable[[Stage], Mapping[str, str]],
        logs: Path,
        out: Callable[[str], None],
    ) -> None:
        self._stages = stages
        self._environment = environment
        self._logs = logs
        self._out = out
        self._started = time.monotonic()
        self._background: dict[str, Running] = {}
        self._results: dict[str, Result] = {}

    def run(self) -> list[Result]:
        current: Running | None = None
        try:
            for stage in self._stages:
                if not self._needs_met(stage):
                    continue
                where = " (beside the next ones)" if stage.background else ""
                self._tell(f"{stage.name}: {stage.promise}{where}")
                current = Running(stage, self._environment(stage), self._logs, self._tell)
                if stage.background:
                    self._background[stage.name] = current
                else:
                    self._record(current.wait())
            for name in list(self._background):
                self._finish(name)
        except BaseException:
            for running in [*self._background.values(), *([current] if current else [])]:
                running.stop()
            raise
        return [self._results[stage.name] for stage in self._stages]

    def _needs_met(self, stage: Stage) -> bool:
        for name in stage.after:
            self._finish(name)
            if name in self._results and not self._results[name].ok:
                self._record(Result(stage.name, "not run", 0.0, None, None, f"{name} did not pass"))
                return False
        return True

    def _finish(self, name: str) -> None:
        running = self._background.pop(name, None)
        if running:
            self._record(running.wait())

    def _record(self, result: Result) -> None:
        self._results[result.stage] = result
        tests = f": {result.tests}" if result.tests is not None else ""
        self._tell(f"{result.stage} {result.outcome} after {result.seconds:.0f} s{tests}")

    def _tell(self, text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        self._out(f"[{minutes:2d}:{seconds:02d}] {text}")

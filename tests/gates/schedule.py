# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs stages side by side, those of one lane one after the other, and gathers their results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .results import Count, Result
from .running import Running
from .stages import Stage

LOOK_INTERVAL = 0.1
HEARTBEAT = 60.0


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
        self._waiting = list(stages)
        self._running: dict[str, Running] = {}
        """By lane."""
        self._results: dict[str, Result] = {}

    def run(self) -> list[Result]:
        heartbeat = self._started + HEARTBEAT
        try:
            while self._waiting or self._running:
                self._gather()
                self._start()
                if time.monotonic() >= heartbeat:
                    heartbeat += HEARTBEAT
                    self._tell("; ".join(running.progress() for running in self._running.values()))
                time.sleep(LOOK_INTERVAL)
        except BaseException:
            for running in self._running.values():
                running.stop()
            raise
        return [self._results[stage.name] for stage in self._stages]

    def _gather(self) -> None:
        for lane, running in list(self._running.items()):
            if running.ended:
                del self._running[lane]
                self._record(running.result())

    def _start(self) -> None:
        for stage in list(self._waiting):
            unmet = [name for name in stage.after if name not in self._results and self._chosen(name)]
            if unmet or stage.lane in self._running:
                continue
            self._waiting.remove(stage)
            failed = [name for name in stage.after if self._chosen(name) and not self._results[name].ok]
            if failed:
                self._record(Result(stage.name, "not run", 0.0, None, None, f"{failed[0]} did not pass"))
            elif stage.missing:
                self._record(Result(stage.name, "skipped", 0.0, Count(skipped=1), None, stage.missing))
            else:
                self._tell(f"{stage.name}: {stage.promise}")
                self._running[stage.lane] = Running(stage, self._environment(stage), self._logs)

    def _chosen(self, name: str) -> bool:
        return any(stage.name == name for stage in self._stages)

    def _record(self, result: Result) -> None:
        self._results[result.stage] = result
        more = result.remark or result.tests
        self._tell(f"{result.stage} {result.outcome} after {result.seconds:.0f} s{f': {more}' if more else ''}")

    def _tell(self, text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        self._out(f"[{minutes:2d}:{seconds:02d}] {text}")

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs stages side by side, as many of each lane as it takes, and gathers their results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .results import Count, Result, story
from .running import Running
from .stages import SIDE_BY_SIDE, Stage

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
        pytest_arguments: Callable[[Stage], Sequence[str]] = lambda _stage: (),
    ) -> None:
        self._stages = stages
        self._environment = environment
        self._logs = logs
        self._out = out
        self._pytest_arguments = pytest_arguments
        self._started = time.monotonic()
        self._waiting = list(stages)
        self._running: list[Running] = []
        self._results: dict[str, Result] = {}

    def run(self) -> None:
        """Until all stages have ended. An exception, as of Ctrl-C, ends those that run; `results` are there then too."""
        heartbeat = self._started + HEARTBEAT
        try:
            while self._waiting or self._running:
                self._gather()
                self._start()
                if time.monotonic() >= heartbeat:
                    heartbeat += HEARTBEAT
                    for running in self._running:
                        self._tell(running.state())
                time.sleep(LOOK_INTERVAL)
        except BaseException:
            self._stop()
            raise

    @property
    def results(self) -> list[Result]:
        """In the order of the stages; of those that have ended, or will not run."""
        return [self._results[stage.name] for stage in self._stages if stage.name in self._results]

    def _gather(self) -> None:
        for running in list(self._running):
            ended = running.ended
            for failure in running.news():
                self._tell(f"{running.stage.name} FAILED {failure}")
            if ended:
                self._running.remove(running)
                self._record(running.result())

    def _stop(self) -> None:
        """What runs is told before it is stopped: who stops us may not wait for long."""
        for running in self._running:
            self._tell(f"stopping {running.state()}")
            running.interrupt()
        for running in self._running:
            running.stop()
            self._record(running.result())
        for stage in self._waiting:
            self._record(Result(stage.name, "not run", 0.0, None, None, "the run was stopped"))
        self._running, self._waiting = [], []

    def _start(self) -> None:
        for stage in list(self._waiting):
            unmet = [name for name in stage.after if name not in self._results and self._chosen(name)]
            beside = [running for running in self._running if running.stage.lane == stage.lane]
            if unmet or len(beside) >= SIDE_BY_SIDE[stage.lane] or (stage.alone and not self._is_last()):
                continue
            self._waiting.remove(stage)
            failed = [name for name in stage.after if self._chosen(name) and not self._results[name].ok]
            if failed:
                self._record(Result(stage.name, "not run", 0.0, None, None, f"{failed[0]} did not pass"))
            elif stage.missing:
                self._record(Result(stage.name, "skipped", 0.0, Count(skipped=1), None, stage.missing))
            else:
                self._tell(f"{stage.name}: {stage.promise}")
                arguments = self._pytest_arguments(stage)
                self._running.append(Running(stage, self._environment(stage), self._logs, arguments))

    def _is_last(self) -> bool:
        """Does nothing run, and wait only what is to be alone, too?"""
        return not self._running and all(other.alone for other in self._waiting)

    def _chosen(self, name: str) -> bool:
        return any(stage.name == name for stage in self._stages)

    def _record(self, result: Result) -> None:
        self._results[result.stage] = result
        more = result.remark or result.tests
        self._tell(f"{result.stage} {result.outcome} after {result.seconds:.0f} s{f': {more}' if more else ''}")
        if not result.ok and result.log:
            self._out(f"{story(result)}\n")

    def _tell(self, text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        self._out(f"[{minutes:2d}:{seconds:02d}] {text}")

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the stages and tells how they ended: a table, the logs of failed ones, and a line that counts."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.environment import collection
from tests.environment.__main__ import variables
from tests.environment.places import CHECKOUT, cache

from .results import Count, Result, end_of, table
from .running import Running
from .stages import Stage, all_stages, chosen, log_folder


class Gates:
    """One run over the chosen stages."""

    def __init__(self, stages: list[Stage], logs: Path) -> None:
        self._stages = stages
        self._logs = logs
        self._started = time.monotonic()
        self._background: dict[str, Running] = {}
        self._results: dict[str, Result] = {}
        self._environments: dict[bool, Mapping[str, str]] = {}

    def run(self) -> list[Result]:
        current: Running | None = None
        try:
            for stage in self._stages:
                if not self._needs_met(stage):
                    continue
                current = Running(stage, self._environment(stage.tarball), self._logs, self._tell)
                self._tell(f"{stage.name}: {stage.promise}" + (" (in the background)" if stage.background else ""))
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

    def _environment(self, tarball: bool) -> Mapping[str, str]:
        if tarball not in self._environments:
            venv = Path(sys.prefix)
            root = collection.installed(venv) if tarball else collection.linked()
            self._environments[tarball] = variables(venv, root)
        return self._environments[tarball]

    def _tell(self, text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        print(f"[{minutes:2d}:{seconds:02d}] {text}", flush=True)


def main() -> int:
    stages = all_stages()
    parser = argparse.ArgumentParser(prog="python -m tests.gates", description=__doc__)
    parser.add_argument("stage", nargs="*", help="; ".join(f"{stage.name}: {stage.promise}" for stage in stages))
    arguments = parser.parse_args()
    try:
        wanted = chosen(arguments.stage, stages)
    except KeyError as unknown:
        parser.error(f"no stage {unknown}; there are {', '.join(stage.name for stage in stages)}")
    if Path.cwd() != CHECKOUT:
        parser.error(f"run it in {CHECKOUT}")
    logs = log_folder(cache())
    logs.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    results = Gates(wanted, logs).run()
    for result in results:
        if not result.ok and result.log:
            print(f"\n--- {result.stage}: {result.outcome} ({result.log})\n{end_of(result.log)}")
    print(f"\n{table(results)}\n\n{time.monotonic() - started:.0f} s in all; logs in {logs}\n")
    print(sum((result.count for result in results), Count()), flush=True)
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())

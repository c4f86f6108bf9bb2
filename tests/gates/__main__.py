# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the stages and tells how they ended: failures as they happen, a table, and a line that counts."""

from __future__ import annotations

import argparse
import functools
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from tests.environment import collection
from tests.environment.__main__ import variables
from tests.environment.places import CHECKOUT, cache, of_this_checkout

from .results import Count, Result, table, too_long
from .schedule import Schedule
from .stages import OPERATOR, Stage, all_stages, chosen


@functools.lru_cache(maxsize=2)
def _variables(tarball: bool) -> Mapping[str, str]:
    venv = Path(sys.prefix)
    return variables(venv, collection.installed(venv) if tarball else collection.linked())


def environment(stage: Stage) -> Mapping[str, str]:
    """A stage that does not ask for the operator itself runs with the stand-in, whatever the caller's shell says."""
    return {name: value for name, value in _variables(stage.tarball).items() if stage.operator or name != OPERATOR}


def end(number: int, _frame: FrameType | None) -> None:
    """Leave by an exception, so that the stages under way are ended too: they are in process groups of their own."""
    sys.exit(128 + number)


def workers(number: int) -> Callable[[Stage], Sequence[str]]:
    """Tests that need no lab are spread over so many processes, those of a lab over as many as their stage says."""

    def arguments(stage: Stage) -> Sequence[str]:
        processes = number if stage.spread else stage.processes
        return [f"--numprocesses={processes}", "--dist=loadfile"] if processes > 1 else []

    return arguments


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    stages = all_stages()
    parser = argparse.ArgumentParser(prog="python -m tests.gates", description=__doc__)
    parser.add_argument("stage", nargs="*", help="; ".join(f"{stage.name}: {stage.promise}" for stage in stages))
    parser.add_argument("--workers", type=int, default=1, help="processes for the unit tests (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        wanted = chosen(arguments.stage, stages)
    except KeyError as unknown:
        parser.error(f"no stage {unknown}; there are {', '.join(stage.name for stage in stages)}")
    if Path.cwd() != CHECKOUT:
        parser.error(f"run it in {CHECKOUT}")
    logs = of_this_checkout(cache() / "logs" / "gates")
    logs.mkdir(parents=True, exist_ok=True)
    # Set by hand also for Ctrl-C: a shell that starts us in the background has us, and our stages, ignore it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    started = time.monotonic()
    schedule = Schedule(wanted, environment, logs, say, workers(arguments.workers))
    try:
        schedule.run()
    finally:
        summary(schedule.results, time.monotonic() - started, logs, whole=not arguments.stage)
    return 0 if all(result.ok for result in schedule.results) else 1


def summary(results: Sequence[Result], took: float, logs: Path, *, whole: bool) -> None:
    say(f"\n{table(results)}\n")
    for result in results:
        for failure in result.failures:
            say(f"{result.stage} FAILED {failure}")
        for test in result.running:
            say(f"{result.stage} RUNNING {test}")
    say(f"{took:.0f} s in all; logs in {logs}\n")
    if whole and too_long(took):
        say(f"{too_long(took)}\n")
    say(str(sum((result.count for result in results), Count())))


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the stages and tells how they ended: a table, the logs of failed ones, and a line that counts."""

from __future__ import annotations

import argparse
import functools
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from tests.environment import collection
from tests.environment.__main__ import variables
from tests.environment.places import CHECKOUT, cache

from .results import Count, end_of, table, too_long
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


def say(text: str) -> None:
    print(text, flush=True)


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
    logs = cache() / "logs" / "gates"
    logs.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    started = time.monotonic()
    results = Schedule(wanted, environment, logs, say).run()
    for result in results:
        if not result.ok and result.log:
            say(f"\n--- {result.stage}: {result.outcome} ({result.log})\n{end_of(result.log)}")
    took = time.monotonic() - started
    say(f"\n{table(results)}\n\n{took:.0f} s in all; logs in {logs}\n")
    if wanted == stages and too_long(took):
        say(f"{too_long(took)}\n")
    say(str(sum((result.count for result in results), Count())))
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())

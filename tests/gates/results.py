# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage came to, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL = 150


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Result:
    stage: str
    outcome: str
    """passed, failed, timed out, stopped, not run (for want of another stage) or skipped (for want of something on this machine)"""
    seconds: float
    tests: Count | None
    log: Path | None
    remark: str = ""
    failures: tuple[str, ...] = ()
    """Tests that failed, with the first line of why."""
    running: tuple[str, ...] = ()
    """Tests that were under way when it ended: not empty where it was stopped, or where the test runner crashed."""

    @property
    def ok(self) -> bool:
        return self.outcome in ("passed", "skipped")

    @property
    def count(self) -> Count:
        """A stage without tests of its own counts as one."""
        if self.tests is None or (not self.ok and self.tests.failed == 0):
            return (self.tests or Count()) + (Count(passed=1) if self.ok else Count(failed=1))
        return self.tests


MINUTES = 34
"""What all stages together may take on a small machine (two cores): longer than that, nobody waits for them before a change lands."""


def too_long(seconds: float) -> str:
    """A red line for the summary of a whole run; nothing when it stayed within its time. A slow machine is no failure."""
    if seconds <= MINUTES * 60:
        return ""
    return f"\033[31mIt took {seconds / 60:.0f} minutes, and is to stay within {MINUTES} on two cores.\033[0m"


def table(results: Sequence[Result]) -> str:
    rows = [("stage", "result", "seconds", "tests")]
    for result in results:
        tests = str(result.tests) if result.tests is not None else ""
        rows.append((result.stage, result.outcome, f"{result.seconds:.0f}", result.remark or tests))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for row in rows:
        lines.append(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip())
    return "\n".join(lines)


def story(result: Result) -> str:
    """What is to be known of a stage that did not pass: the end of its log, its failed tests, and what was running."""
    parts = [f"--- {result.stage}: {result.outcome}"]
    if result.log and result.log.is_file():
        parts.append(end_of(result.log))
    parts += [f"FAILED {failure}" for failure in result.failures]
    parts += [f"RUNNING {test}" for test in result.running]
    return "\n".join(parts)


def end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    cut = [f"... {len(lines) - TAIL} lines more in {log}"] if len(lines) > TAIL else []
    return "\n".join([*cut, *lines[-TAIL:]])

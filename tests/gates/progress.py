# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the tests of a stage have come: read from the file that progress_plugin writes while they run."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .results import Count

SHOWN = 10
"""Failures of one stage that are told as they happen; the rest are counted, and stand in the log."""


class Progress:
    """Of one stage. `read` takes in what was written since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._tests = 0
        self._outcomes: dict[str, str] = {}
        self._running: dict[str, float] = {}
        self.failures: list[str] = []
        """A line each: the test, and what was raised."""

    def read(self) -> None:
        if not self._path.is_file():
            return
        with open(self._path, "rb") as file:
            file.seek(self._position)
            written = file.read()
        # A line without its end is still being written.
        whole = written[: written.rfind(b"\n") + 1]
        self._position += len(whole)
        for line in whole.splitlines():
            self._take(json.loads(line))

    def _take(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "collected":
            self._tests += event["tests"]
        elif event["event"] == "started":
            self._running[event["test"]] = event["at"]
        elif event["event"] == "ended":
            self._running.pop(event["test"], None)
        else:
            self._report(event["test"], event["outcome"], event["phase"], event["why"])

    def _report(self, test: str, outcome: str, phase: str, why: str) -> None:
        if outcome == "failed":
            self.failures.append(f"{test}: {why}" if phase in ("call", "collect") else f"{test}, {phase}: {why}")
        # A test has three phases: it failed if one did, and was skipped if one was. That a set-up passed is no outcome.
        known = self._outcomes.get(test)
        if outcome == "failed" or (known != "failed" and (outcome == "skipped" or phase == "call")):
            self._outcomes[test] = outcome

    @property
    def count(self) -> Count:
        outcomes = list(self._outcomes.values())
        return Count(outcomes.count("passed"), outcomes.count("failed"), outcomes.count("skipped"))

    @property
    def running(self) -> list[str]:
        now = time.time()
        return [f"{test} (for {now - since:.0f} s)" for test, since in self._running.items()]

    def __str__(self) -> str:
        done = f"{len(self._outcomes)} of {self._tests} tests" if self._tests else f"{len(self._outcomes)} tests"
        failed = f", {self.count.failed} failed" if self.failures else ""
        return "; ".join([f"{done}{failed}", *self.running])

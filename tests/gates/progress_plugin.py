# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin of pytest: writes what happens to each test into a file, a JSON object a line, at the moment when it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import pytest

OPTION = "--progress-to"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, metavar="FILE", help="write what happens to each test into this file, as JSON lines")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption(OPTION)
    # The workers of xdist report to their controller.
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(open(path, "a", encoding="utf-8")))  # noqa: SIM115


class Writer:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._write("collected", tests=len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        # Each worker has collected all of them.
        if node.gateway.id == "gw0":
            self._write("collected", tests=len(ids))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._write("started", test=nodeid, at=time.time())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._report(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._write("ended", test=nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._report(report)

    def pytest_unconfigure(self) -> None:
        self._file.close()

    def _report(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        why = reason(report) if report.failed else ""
        self._write("report", test=report.nodeid, outcome=report.outcome, phase=report.when or "", why=why)

    def _write(self, event: str, **fields: Any) -> None:
        self._file.write(json.dumps({"event": event, **fields}) + "\n")
        self._file.flush()


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The first line of what was raised and where, or the last line of a report without a traceback."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        path = Path(crash.path)
        place = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        return f"{crash.message.partition(chr(10))[0].strip()} ({place}:{crash.lineno})"
    lines = [line for line in report.longreprtext.splitlines() if line.strip()]
    raised = [line.removeprefix("E") for line in lines if line.startswith("E ")]
    return (raised or lines or ["no reason given"])[-1].strip()

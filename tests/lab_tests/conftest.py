# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab for tests: one for the whole run, emptied before each test that asks for a clean cluster.

LAB_OPERATOR has it run a ready tigera-operator in place of the stand-in. `stand_in("why")` marks what only the stand-in can do,
and is skipped then. `ansible` marks what runs Ansible; a test without it that starts one of Ansible's programs fails.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import ready_operator
from tests.lab.claims import claimed_lab, taken_down, tell
from tests.lab.lab import Lab

HANGS = 1800
"""Seconds after which a test hangs, its share of starting the lab included: no machine is so slow."""


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker(pytest.mark.timeout(HANGS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark = item.get_closest_marker("stand_in")
        if mark is None:
            continue
        if len(mark.args) != 1 or mark.kwargs:
            raise pytest.UsageError(f"{item.nodeid}: stand_in takes the reason why the operator itself cannot do this")
        if ready_operator.program():
            item.add_marker(pytest.mark.skip(reason=f"only the stand-in can do this: {mark.args[0]}"))


class MarkedAnsible:
    """Holds the tests below a folder to the mark `ansible`, by which the stages choose them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._item: pytest.Item | None = None
        # Never removed: Python has no call for that. It ends with the process.
        sys.addaudithook(self._hear)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool, bool]:
        self._item = item if item.path.is_relative_to(self._folder) else None
        try:
            return (yield)
        finally:
            self._item = None

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "subprocess.Popen" or self._item is None or self._item.get_closest_marker("ansible"):
            return
        program, command = arguments[:2]
        name = Path(os.fsdecode(program or command[0])).name
        if name.startswith("ansible"):
            raise RuntimeError(f"{self._item.nodeid} starts {name} without the mark that says so: pytest.mark.ansible")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(MarkedAnsible(Path(__file__).parent), "marked-ansible")


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A running lab. PYTEST_LAB names one that stays up and is used again."""
    named = os.environ.get("PYTEST_LAB")
    if named:
        yield _running(Lab(named, tell))
        return
    with claimed_lab() as own:
        own.up()
        with taken_down(own, lambda: bool(request.session.testsfailed)):
            yield own


@pytest.fixture
def cluster(lab: Lab) -> Lab:
    """The lab without nodes, Installation and workloads."""
    lab.reset()
    return lab


def _running(lab: Lab) -> Lab:
    if not lab.record().get("ready"):
        lab.up()
    return lab

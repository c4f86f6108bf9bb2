# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab for tests: one for the whole run, emptied before each test that asks for a clean cluster.

LAB_OPERATOR has it run a ready tigera-operator in place of the stand-in. `stand_in("why")` marks what only the stand-in can do,
and is skipped then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab import ready_operator
from tests.lab.claims import claimed_lab, tell
from tests.lab.lab import Lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark = item.get_closest_marker("stand_in")
        if mark is None:
            continue
        if len(mark.args) != 1 or mark.kwargs:
            raise pytest.UsageError(f"{item.nodeid}: stand_in takes the reason why the operator itself cannot do this")
        if ready_operator.program():
            item.add_marker(pytest.mark.skip(reason=f"only the stand-in can do this: {mark.args[0]}"))


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A running lab. PYTEST_LAB names one that stays up and is used again."""
    named = os.environ.get("PYTEST_LAB")
    if named:
        yield _running(Lab(named, tell))
        return
    with claimed_lab() as own:
        own.up()
        try:
            yield own
        finally:
            failed = bool(request.session.testsfailed)
            own.down(keep_logs=failed)
            if failed:
                tell(f"the lab's logs: {own.directory}")


@pytest.fixture
def cluster(lab: Lab) -> Lab:
    """The lab without nodes, Installation and workloads."""
    lab.reset()
    return lab


def _running(lab: Lab) -> Lab:
    if not lab.record().get("ready"):
        lab.up()
    return lab

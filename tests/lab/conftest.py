# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab for tests: one for the whole run, emptied before each test that asks for a clean cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.claims import claimed_lab, tell
from tests.lab.lab import Lab


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A running lab with the stand-in operator. PYTEST_LAB names one that stays up and is used again."""
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

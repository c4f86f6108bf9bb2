# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab for tests: one for the whole run, emptied before each test that asks for a clean cluster."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.lab import Lab
from tests.lab.places import lab_names, labs_root

_PREFIX = "pytest-"


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A running lab with the stand-in operator. PYTEST_LAB names one that stays up and is used again."""
    named = os.environ.get("PYTEST_LAB")
    if named:
        yield _running(Lab(named, _tell))
        return
    _clean_abandoned()
    own = Lab(f"{_PREFIX}{os.getpid()}", _tell)
    with _claimed(own.name):
        own.up()
        try:
            yield own
        finally:
            failed = bool(request.session.testsfailed)
            own.down(keep_logs=failed)
            if failed:
                _tell(f"the lab's logs: {own.directory}")


@pytest.fixture
def cluster(lab: Lab) -> Lab:
    """The lab without nodes, Installation and workloads."""
    lab.reset()
    return lab


def _running(lab: Lab) -> Lab:
    if not lab.record().get("ready"):
        lab.up()
    return lab


@contextmanager
def _claimed(name: str) -> Iterator[None]:
    """Held as long as the test run lives, so that the next run can tell an abandoned lab from one in use."""
    with open(_claim(name), "w") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        yield
    _claim(name).unlink()


def _claim(name: str) -> Path:
    labs_root().mkdir(parents=True, exist_ok=True)
    return labs_root() / f".{name}.claim"


def _clean_abandoned() -> None:
    for name in lab_names():
        if not name.startswith(_PREFIX):
            continue
        with open(_claim(name), "w") as claim:
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            Lab(name, _tell).down()
        _claim(name).unlink()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

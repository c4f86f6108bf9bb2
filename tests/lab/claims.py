# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs that belong to one test run: several runs go side by side, and what a killed one left is cleaned by the next."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.places import lab_names, labs_root

_PREFIX = "pytest-"


@contextmanager
def claimed_lab(purpose: str = "") -> Iterator[Lab]:
    """A lab of this process and purpose, not yet up. The claim ends with the process: others then know it for abandoned."""
    _clean_abandoned()
    lab = Lab(f"{_PREFIX}{os.getpid()}{purpose}", tell)
    with open(_claim(lab.name), "w") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        try:
            yield lab
        finally:
            _claim(lab.name).unlink()


@contextmanager
def taken_down(lab: Lab, failed: Callable[[], bool]) -> Iterator[None]:
    """At the end the lab goes. Where something failed by then, its logs stay, and are named."""
    try:
        yield
    finally:
        keep = failed()
        lab.down(keep_logs=keep)
        if keep:
            tell(f"the lab's logs: {lab.directory}")


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
            Lab(name, tell).down()
        _claim(name).unlink()

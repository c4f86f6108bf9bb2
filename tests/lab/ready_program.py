# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that the lab runs and does not build: an environment variable names it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.lab.errors import LabError


def named_by(variable: str, what: str) -> Path | None:
    """The program that the variable names; None where it names none. LabError when it cannot be run."""
    named = os.environ.get(variable)
    if not named:
        return None
    found = Path(named).resolve()
    if not (found.is_file() and os.access(found, os.X_OK)):
        raise LabError(f"{variable}={named} is no program that can be run: name a built {what}, or unset it")
    return found

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. What the hosts take from the machine that is no command on the path."""

from __future__ import annotations

from pathlib import Path

INTERPRETER = "/usr/bin/python3"  # the system's own: the one libseccomp's binding is packaged for


def faketime_library() -> Path | None:
    """What gives one host a clock of its own; where it lies depends on the machine's architecture."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)

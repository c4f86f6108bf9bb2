# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps its things, all of them outside the source tree."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.lab.errors import LabError

REPOSITORY = Path(__file__).resolve().parents[2]
LAB_SOURCES = Path(__file__).resolve().parent

# Network devices and namespaces of the lab carry its name, and a device name holds 15 bytes.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


def cache_root() -> Path:
    explicit = os.environ.get("CALICO_OPS_CACHE")
    if explicit:
        return Path(explicit).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base).resolve() / "calico-ops-rollout"


def labs_root() -> Path:
    return cache_root() / "labs"


def lab_directory(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} is no lab name: up to 20 of a-z, 0-9 and '-', neither first nor last a '-'")
    return labs_root() / name


def lab_names() -> list[str]:
    root = labs_root()
    return sorted(entry.name for entry in root.iterdir() if _NAME.fullmatch(entry.name)) if root.is_dir() else []

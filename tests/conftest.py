# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a plain `pytest` find the collection by its name when the caller has not said where it is."""

from __future__ import annotations

import importlib.util
import sys

from tests.environment import collection
from tests.environment.places import NAME, NAMESPACE


def _importable() -> bool:
    try:
        return importlib.util.find_spec(f"ansible_collections.{NAMESPACE}.{NAME}") is not None
    except ModuleNotFoundError:
        return False


if not _importable():
    sys.path.insert(0, str(collection.linked()))
    for name in ("ansible_collections", f"ansible_collections.{NAMESPACE}"):
        sys.modules.pop(name, None)

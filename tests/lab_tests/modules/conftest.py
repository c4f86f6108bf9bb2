# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the collection on a lab that was emptied before the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.lab import Lab
from tests.lab.modules import Modules


@pytest.fixture
def modules(cluster: Lab, tmp_path: Path) -> Modules:
    return Modules(cluster, tmp_path)

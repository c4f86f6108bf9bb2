# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, installed


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Chromium:
    installed()
    return Chromium(tmp_path_factory.mktemp("profile"))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.html"

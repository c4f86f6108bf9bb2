# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old Pythons for tests, and which of them an ansible-core reaches."""

from __future__ import annotations

import pytest

from tests.environment import interpreters

OLDEST_REACHED = {"2.16": "3.6", "2.17": "3.7", "2.18": "3.8", "2.19": "3.8", "2.20": "3.9", "2.21": "3.9"}
"""By ansible-core: the oldest Python of a host that its modules start on (ansible.module_utils.basic says so)."""


def python(version: str) -> str:
    """An interpreter of this version; the test is skipped where there is none."""
    major, minor = version.split(".")
    wanted = int(major), int(minor)
    for candidate in interpreters.candidates(wanted):
        if interpreters.works(candidate, wanted):
            return candidate
    pytest.skip(f"no Python {version} on PATH, in ~/.pyenv/versions or in /usr/bin")

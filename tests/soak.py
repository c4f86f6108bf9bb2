# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much more a soak draws at random than every run does."""

from __future__ import annotations

import os

SOAK = "LAB_SOAK"
"""Names how many times as much. `make soak` sets it."""


def times_as_much(usual: int) -> int:
    return usual * int(os.environ.get(SOAK, "1"))

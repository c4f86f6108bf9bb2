# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a cluster to get where it is going."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

# Seconds until a test gives up. Far more than any wait takes on a slow and busy machine, and free where things go well.
PATIENCE = 300.0


def eventually(look: Callable[[], Value], seconds: float = PATIENCE) -> Value:
    """What look() says as soon as it is true; an AssertionError with its last word when that does not come."""
    deadline = time.monotonic() + seconds
    while not (value := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s; last seen: {value!r}"
        time.sleep(0.05)
    return value

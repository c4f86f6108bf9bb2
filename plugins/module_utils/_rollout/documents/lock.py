# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is seen and remembered of a Lease."""

from __future__ import annotations

from typing import TypedDict


class LeaseWatched(TypedDict):
    """How long a Lease has been seen unchanged. Time in which nobody looked is left out, so that no clock of another process counts."""

    version: str
    """Its resourceVersion: every renewal makes another one."""
    seconds: float

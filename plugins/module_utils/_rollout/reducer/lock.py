# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How the rollout's lock stands when a decision is taken, and what a run remembers of it."""

from __future__ import annotations

from typing import NamedTuple

from ..documents import LeaseWatched, LockState


class LockStanding(NamedTuple):
    """One of three: this run has the lock (`held_as`), lost it (`lost`), or another one has it."""

    lease: str = ""
    """What it is, for a sentence."""
    held_as: str | None = None
    lost: str | None = None
    """Why this run has it no longer."""
    holder: str = ""
    """Who else has it."""
    since: str = ""
    """RFC 3339, as that holder's clock has it."""
    watched: LeaseWatched | None = None
    timeout: int = 0
    """Seconds that this run waits for it."""


NO_LOCK = LockStanding(held_as="")
"""Where nothing is written: in check mode."""


def remembered(state: LockState, lock: LockStanding, now: float) -> LockState:
    if lock.held_as is not None:
        return LockState(held_as=lock.held_as or None, awaited=None, watched=None)
    return LockState(held_as=None, awaited=now if state["awaited"] is None else state["awaited"], watched=lock.watched)

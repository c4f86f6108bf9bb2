# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is seen and remembered of a Lease."""

from __future__ import annotations

from typing import TypedDict, Union


class LeaseWatched(TypedDict):
    """How long a Lease has been seen unchanged. Time in which nobody looked is left out, so that no clock of another process counts."""

    version: str
    """Its resourceVersion: every renewal makes another one."""
    seconds: float


class LockState(TypedDict):
    """What a run remembers of the rollout's lock."""

    held_as: Union[str, None]
    """The holder's name under which it has the lock; null while it does not have it."""
    awaited: Union[float, None]
    """Since when it waits for another holder."""
    watched: Union[LeaseWatched, None]
    """What it has seen of that holder's Lease."""


class LockSeen(TypedDict):
    """The rollout's lock, for people: nobody decides by its times, which are those of its holder's clock."""

    lease: str
    """Namespace and name of the Lease."""
    holder: Union[str, None]
    """Null where it is free."""
    since: Union[str, None]
    """RFC 3339: when that holder took it."""
    renewed: Union[str, None]
    """RFC 3339: when it renewed it last."""
    gone: bool
    """Its processes were on the machine that looked, and have ended: the next run from there takes the lock at once."""

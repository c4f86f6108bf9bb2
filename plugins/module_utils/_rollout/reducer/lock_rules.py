# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Rules of the reducer about the rollout's lock: one run writes at a time.

Both end a run without a write, not even to put back what it raised: whoever has the lock now, or gets it next, sees that in the cluster.
"""

from __future__ import annotations

from ..documents import Decision
from .decision import stand_still, wait
from .situation import Situation

LOOK_AGAIN = 2.0
"""Seconds to the next try."""


def lock_lost(situation: Situation) -> Decision | None:
    lock = situation.lock
    if lock.lost is None:
        return None
    return stand_still(
        situation,
        f"this run lost the rollout's lock ({lock.lease}): {lock.lost}. It writes nothing any more, so that two runs do not undo "
        "each other's writes. Run again, and it goes on from what the cluster shows",
    )


def lock_held(situation: Situation) -> Decision | None:
    lock, awaited = situation.lock, situation.state["lock"]["awaited"]
    if lock.held_as is not None:
        return None
    waited = situation.now - (situation.now if awaited is None else awaited)
    holder, since = lock.holder or "another run", f" since {lock.since}" if lock.since else ""
    if waited < lock.timeout:
        why = f"waiting for {holder}, which holds the rollout's lock ({lock.lease}){since}"
        return wait(situation, "awaiting_lock", why, situation.now + LOOK_AGAIN)
    return stand_still(
        situation,
        f"{holder} holds the rollout's lock ({lock.lease}){since}. This run waited for {waited:.0f} s, and wrote nothing. Run again "
        "once that one has ended, or take the lock from it with the playbook unlock",
    )

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a rollout remembers from one call to the next: at its start, and as a caller hands it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..documents import LockState, Plan, PolicyState, RolloutState
from ..documents.validate import flaw_of
from ..errors import RolloutError
from .witnesses import no_witness


def new_state(plan: Plan) -> RolloutState:
    return RolloutState(
        plan_id=plan["id"],
        phase="new",
        lock=LockState(held_as=None, awaited=None, watched=None),
        batch=None,
        part=[],
        batch_started=None,
        ready_since=None,
        scoped_at=None,
        owner_asked=None,
        restart=None,
        restarts_awaited=None,
        missing={},
        raised=False,
        cleared=[],
        refused=[],
        policy=PolicyState(batches={}, batch=None, proven=[], since=None, last=None, gaps=[], limits=[]),
        witness=no_witness(),
        labels_tried=False,
        notes=[],
        check_mode=False,
    )


def given_state(value: Mapping[str, Any] | None, plan: Plan) -> RolloutState:
    """The state of the call before, or a new one where there is none."""
    if not value:
        return new_state(plan)
    flaw = flaw_of(value, RolloutState)
    if flaw is not None:
        raise RolloutError(
            f"{flaw.told('state')}. This is not the `state` that rollout_step returned; leave it out to start from what the "
            "cluster shows."
        )
    return cast(RolloutState, dict(value))

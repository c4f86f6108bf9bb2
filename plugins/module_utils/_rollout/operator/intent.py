# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a run wants of the operator's resources beside the plan's label, and what it may do for it."""

from __future__ import annotations

from typing import NamedTuple

from ..documents import CalicoSettings
from .placement import NOTHING_MORE, Placement

REFUSE, WAIT, PATCH = "refuse", "wait", "patch"
WHEN_OWNED = (REFUSE, WAIT, PATCH)
OWNER_TIMEOUT = 3600
"""Seconds. A commit wants a reviewer, and a sync its interval."""


class Wishes(NamedTuple):
    placement: Placement = NOTHING_MORE
    take_over: bool = False
    """Another manager's value of a field gives way."""
    when_owned: str = WAIT
    """What happens where Helm or a GitOps controller applies what is to be changed."""
    owner_timeout: int = OWNER_TIMEOUT
    """Seconds that a commit may take."""
    calico: CalicoSettings | None = None
    """What the Installation in force, or the one about to be written, asks of the hosts; None where it is not known."""


NO_WISHES = Wishes()

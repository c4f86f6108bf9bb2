# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The cluster's instants beside the controller's clock."""

from __future__ import annotations

from datetime import datetime, timezone


def seconds_since(since: str | None, now: float) -> int | None:
    """Whole seconds from an RFC 3339 instant to now. The two clocks may differ: never less than none at all."""
    if since is None:
        return None
    try:
        instant = datetime.fromisoformat(since.replace("Z", "+00:00"))
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    return max(0, int(now - instant.timestamp()))

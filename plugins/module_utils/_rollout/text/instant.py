# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The cluster's instants beside the controller's clock."""

from __future__ import annotations

from datetime import datetime, timezone


def rfc3339(instant: float) -> str:
    return datetime.fromtimestamp(instant, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_since(since: str | None, now: float) -> int | None:
    """Whole seconds from an RFC 3339 instant to now. The two clocks may differ: never less than none at all."""
    instant = _seconds(since)
    return None if instant is None else max(0, int(now - instant))


def seconds_between(first: str | None, second: str | None) -> float | None:
    """Seconds from one RFC 3339 instant of the cluster to another; negative where the second came first."""
    begun, ended = _seconds(first), _seconds(second)
    return None if begun is None or ended is None else ended - begun


def moved(instant: str | None, seconds: float) -> str | None:
    """An RFC 3339 instant so many seconds later; None where it is none."""
    known = _seconds(instant)
    return None if known is None else rfc3339(known + seconds)


def latest(*instants: str | None) -> str | None:
    """The last of some RFC 3339 instants; None where none of them is one."""
    known = [(seconds, text) for text in instants for seconds in [_seconds(text)] if seconds is not None]
    return max(known)[1] if known else None


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    return instant.timestamp()

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Many writes at once, bounded in rate and concurrency, none of them lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, TypeVar

from .client import ApiError, Cluster

NOT_TRIED = "NotTried"
MERGE = "application/merge-patch+json"

_Item = TypeVar("_Item")
_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True)
class Write:
    """One write. Without a precondition in its body, so that a conflict is a race that another attempt settles."""

    name: str
    """What the outcome is reported under."""
    method: str
    path: str
    body: Any
    content_type: str = MERGE
    accept: str | None = None
    query: Mapping[str, str] | None = None


@dataclass(frozen=True)
class WriteOutcome:
    ok: bool
    error: ApiError | None
    object: dict[str, Any] | None


def write_all(
    cluster: Cluster,
    items: Sequence[Write],
    rate: float,
    concurrency: int,
    *,
    deadline: float | None = None,
    until_passing: bool = False,
) -> dict[str, WriteOutcome]:
    """Carry out every write and say of each how it went.

    :param rate: writes begun per second; 0 for no limit
    :param concurrency: writes under way at once
    :param deadline: instant (monotonic) after which no further write begins; those left are reported as not tried
    :param until_passing: no further write begins either once one of them met a passing refusal, which takes its full time
    """
    pace, met = Pace(rate), threading.Event()

    def one(item: Write) -> WriteOutcome:
        if met.is_set():
            return WriteOutcome(False, ApiError(0, NOT_TRIED, "not tried: another one was refused for now"), None)
        if not pace.wait(deadline):
            return WriteOutcome(False, ApiError(0, NOT_TRIED, "not tried: the time was up"), None)
        try:
            written = cluster.request(
                item.method,
                item.path,
                body=item.body,
                content_type=item.content_type,
                accept=item.accept,
                query=item.query,
                retry_conflicts=True,
            )
        except ApiError as error:
            if until_passing and error.is_passing and not error.forbids_dry_run:
                met.set()
            return WriteOutcome(False, error, None)
        return WriteOutcome(True, None, written)

    return dict(zip((item.name for item in items), in_parallel(one, items, concurrency)))


def in_parallel(work: Callable[[_Item], _Outcome], items: Sequence[_Item], concurrency: int) -> list[_Outcome]:
    """What `work` says of each item, in their order."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(items))), thread_name_prefix="write") as threads:
        return list(threads.map(work, items))


class Pace:
    """Gives each write its own instant, 1/rate seconds after the one before."""

    def __init__(self, rate: float):
        self._interval = 1.0 / rate if rate > 0 else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, deadline: float | None = None) -> bool:
        """Sleep until this write's instant; false when that is not before the deadline."""
        with self._lock:
            at = max(time.monotonic(), self._next)
            if deadline is not None and at >= deadline:
                return False
            self._next = at + self._interval
        pause = at - time.monotonic()
        # A sleep of nothing would still hand this thread's turn to another.
        if pause > 0:
            time.sleep(pause)
        return True

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. When a request is sent again: urllib3's Retry, bounded by a deadline.

429 means that the server did not begin, so any method may repeat it. 5xx and a connection lost half-way leave open whether the
request took effect, so only requests that may take effect twice repeat those.
"""

from __future__ import annotations

import random
import time
from typing import Any

try:
    from urllib3.exceptions import MaxRetryError
    from urllib3.util.retry import Retry
except ImportError:  # client.connected() reports the missing library
    Retry = object  # type: ignore[assignment,misc]

BACKOFF_LIMIT = 8.0
CONNECT_RETRIES = 5


class Patience(Retry):
    """Retries until a deadline; with jitter, so that threads turned away together do not come back together."""

    deadline: float

    @classmethod
    def until(
        cls, deadline: float, *, repeatable: bool, conflicts: bool = False, connect: int | None = CONNECT_RETRIES
    ) -> Patience:
        """Patience for one request.

        :param deadline: instant (monotonic) after which no new attempt begins
        :param repeatable: the request may take effect twice
        :param conflicts: 409 is passing (a race inside the API server), not a verdict
        :param connect: attempts while nobody answers; None: until the deadline
        """
        statuses = {429}
        if repeatable:
            statuses |= {500, 502, 503, 504}
        if conflicts:
            statuses |= {409}
        made = cls(
            total=None,
            connect=connect,
            read=None if repeatable else False,
            other=0,
            allowed_methods=None,
            status_forcelist=frozenset(statuses),
            backoff_factor=0.3,
            raise_on_status=False,
            respect_retry_after_header=True,
        )
        made.deadline = deadline
        return made

    def new(self, **changes: Any) -> Patience:
        made = super().new(**changes)
        made.deadline = self.deadline
        return made

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Patience:
        following = super().increment(method, url, response, error, _pool, _stacktrace)
        pause = (self.get_retry_after(response) if response is not None else None) or following.get_backoff_time()
        if time.monotonic() + pause >= self.deadline:
            # With a response at hand urllib3 returns that, and the caller sees the server's own words.
            raise MaxRetryError(_pool, url or "", error)
        return following

    def get_backoff_time(self) -> float:
        return float(min(BACKOFF_LIMIT, super().get_backoff_time())) * random.uniform(0.5, 1.0)

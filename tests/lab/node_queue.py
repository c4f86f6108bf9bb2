# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of names: each is in it once, and is given to one worker at a time."""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict


class NodeQueue:
    """A name added while a worker has it is given out again afterwards, so nothing is seen half."""

    def __init__(self) -> None:
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._later: list[tuple[float, str]] = []
        self._taken: set[str] = set()
        self._changed = threading.Condition()

    def add(self, name: str) -> None:
        with self._changed:
            self._ready[name] = None
            self._changed.notify()

    def add_later(self, name: str, seconds: float) -> None:
        with self._changed:
            heapq.heappush(self._later, (time.monotonic() + seconds, name))
            self._changed.notify()

    def take(self) -> str:
        with self._changed:
            while True:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    self._ready[heapq.heappop(self._later)[1]] = None
                for name in self._ready:
                    if name not in self._taken:
                        del self._ready[name]
                        self._taken.add(name)
                        return name
                self._changed.wait(self._later[0][0] - now if self._later else None)

    def done(self, name: str) -> None:
        with self._changed:
            self._taken.discard(name)
            self._changed.notify()

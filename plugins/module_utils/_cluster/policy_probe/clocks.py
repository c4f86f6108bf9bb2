# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How the clocks of nodes stand to the controller's, from instants that a node wrote down and the controller heard of later.

What a node wrote at `n` and the controller heard of at `c` says that the node's clock is at most `c - n` behind. What the controller sent
at `c` and the node saw at `n` says that it is at least so far behind. The kubelet renews its Lease every ten seconds with a time of
microseconds (pkg/kubelet in kubernetes/kubernetes: the renew interval is a quarter of the lease's 40 s), and a watch brings that at once:
where one is seen, the first bound is nearly exact.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timezone
from typing import NamedTuple

from ..._kube.client import ApiError, Cluster
from ..._kube.watch import Watch
from ..._rollout.kubernetes.rbac import Right, right

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
DELIVERY = 0.02
"""Seconds that a Lease is on its way, at most in the ordinary case: a write, and an event of a watch."""
MOST_WATCHED = 16
"""Leases watched, each by a request of its own: a watch of them all would bring those of the whole cluster."""


class Clock(NamedTuple):
    """What to add to the node's time, and by how much that may be wrong; seconds."""

    offset: float
    doubt: float


class Clocks:
    def __init__(self) -> None:
        self._most: dict[str, float] = {}
        self._least: dict[str, float] = {}
        self._exact: set[str] = set()
        self._lock = threading.Lock()

    def heard(self, node: str, written: float, heard: float, exact: bool = False) -> None:
        with self._lock:
            offset = heard - written
            self._most[node] = min(offset, self._most.get(node, offset))
            if exact:
                self._exact.add(node)

    def sent(self, node: str, sent: float, seen: float) -> None:
        with self._lock:
            offset = sent - seen
            self._least[node] = max(offset, self._least.get(node, offset))

    def clock(self, node: str) -> Clock | None:
        with self._lock:
            most, least = self._most.get(node), self._least.get(node)
            if most is None:
                return None
            if node in self._exact:
                return Clock(most - DELIVERY / 2, DELIVERY / 2)
            if least is None:
                return None
            return Clock((most + least) / 2, max(0.0, (most - least) / 2))


class LeaseWatches:
    """Hears of the Leases of some nodes as long as its context lasts. What cannot be read leaves a clock less exact."""

    def __init__(self, cluster: Cluster, clocks: Clocks, nodes: Iterable[str], deadline: float):
        self._cluster = cluster
        self._clocks = clocks
        self._nodes = sorted(nodes)[:MOST_WATCHED]
        self._deadline = deadline
        self._watches: list[Watch] = []

    def __enter__(self) -> LeaseWatches:
        for node in self._nodes:
            query = {"fieldSelector": f"metadata.name={node}"}
            # From any version: the first event is the Lease as it is, which tells nothing of now.
            following = Watch(self._cluster, LEASES, "0", self._deadline, query)
            self._watches.append(following)
            threading.Thread(target=self._listen, args=(node, following), name=f"lease-{node}", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        for each in self._watches:
            each.close()

    def _listen(self, node: str, following: Watch) -> None:
        with suppress(ApiError, KeyError, TypeError, ValueError):
            for event, lease in following:
                heard = time.time()
                if event == "MODIFIED":
                    self._clocks.heard(node, instant(lease["spec"]["renewTime"]), heard, exact=True)


def rights() -> list[Right]:
    """Without it the times in the report are less exact."""
    return [right("watch", LEASES)]


def instant(text: str) -> float:
    """Seconds since the epoch, of the API's MicroTime."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()

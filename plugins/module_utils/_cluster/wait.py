# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Waiting at the gate: until calico-node is ready on every expected node, and has been for a while."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Callable

from .._rollout.calico_node.readiness import judge
from .._rollout.documents import AdmissionLabel, Observation, Readiness
from .._rollout.errors import RolloutError
from .._rollout.kubernetes.label_selector import parse_selector
from .._rollout.kubernetes.names import check_label
from .observe import Eyes

NAMES_SHOWN = 5


@dataclass(frozen=True)
class Expectation:
    """Which nodes are to run calico-node: by name, or by a selector that is read anew each time."""

    label: AdmissionLabel
    nodes: Sequence[str] | None = None
    selector: str | None = None
    _matches: Callable[..., bool] | None = field(init=False, default=None, compare=False)

    def __post_init__(self) -> None:
        check_label(self.label["key"], self.label["value"])
        if self.selector is not None:
            object.__setattr__(self, "_matches", parse_selector(self.selector))
        elif not self.nodes:
            raise RolloutError("nodes: no node is named, and nothing is not a pass.")
        elif len(set(self.nodes)) < len(self.nodes):
            raise RolloutError("nodes: a node is named twice.")

    def judge(self, observation: Observation) -> Readiness:
        expected = list(self.nodes or ())
        if self._matches is not None:
            expected = sorted(name for name, node in observation["nodes"].items() if self._matches(node["labels"]))
        return judge(expected, observation, self.label)


@dataclass(frozen=True)
class Verdict:
    readiness: Readiness
    missing: str | None
    """What keeps the gate shut, in one sentence; None when it is open."""


def await_ready(
    expectation: Expectation, eyes: Eyes, deadline: float, soak: float, clock: Callable[[], float] = time.monotonic
) -> Verdict:
    """Wait until the gate opens or the deadline is reached; a verdict in both cases."""
    since: float | None = None
    pods: object = None
    while True:
        readiness = expectation.judge(eyes.observe())
        now = clock()
        # The time of its last transition shows a pod that was unready for a moment between two looks.
        seen = [(row["node"], row["pod"], row["since"]) for row in readiness["nodes"]]
        if not readiness["ready"]:
            since = None
        elif since is None or seen != pods:
            since = now
        pods = seen
        if since is not None and now - since >= soak:
            return Verdict(readiness, None)
        if now >= deadline:
            return Verdict(readiness, missing(readiness) or f"all nodes are ready, but not yet for {soak:g} s")
        eyes.wait_for_change(min(deadline, deadline if since is None else since + soak) - now)


def missing(readiness: Readiness) -> str | None:
    """What keeps the gate shut, naming the first nodes; None when nothing does."""
    if readiness["ready"]:
        return None
    rows = [row for row in readiness["nodes"] if not row["ready"]]
    told = [f"{row['node']} ({row['state']}: {row['reason']})" for row in rows[:NAMES_SHOWN]]
    if len(rows) > NAMES_SHOWN:
        told.append(f"and {len(rows) - NAMES_SHOWN} more")
    parts = [f"{readiness['ready_count']} of {readiness['expected']} nodes ready"] if readiness["expected"] else []
    if told:
        parts.append("not ready: " + ", ".join(told))
    return "; ".join(parts + readiness["blockers"])

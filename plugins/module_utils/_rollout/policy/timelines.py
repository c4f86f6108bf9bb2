# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What clients saw over time, and when policy was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, inf
from typing import NamedTuple, Optional

from ..documents.policy import Fate, ProbePhase, ProbeRow

PHASES: tuple[ProbePhase, ...] = ("open", "default_deny", "precise_allow", "reopened")

IN_FLIGHT = 0.05
"""Seconds for which a packet may wait on a busy node. What was sent so shortly before a write may meet the policy of after it."""


class Run(NamedTuple):
    """Connections of one row, one after the other, that all had the same fate."""

    first: float
    """When the first of them began, in seconds by the client's clock."""
    last: float
    fate: Fate
    tries: int


class Timelines(NamedTuple):
    """What the clients of one node saw."""

    rows: Mapping[str, Sequence[Run]]
    """By the row's id, in the order of time."""
    clock: Optional[float]
    """What to add to the node's clock to get the controller's; None where it is not known."""
    doubt: float
    """By how many seconds `clock` may be wrong."""


class Write(NamedTuple):
    """The requests that began a phase, in seconds by the controller's clock."""

    sent: float
    """When the first of them was sent: from here on fates may change."""
    answered: float
    """When the API server had answered the last: from here on time counts."""


class Window(NamedTuple):
    """A phase by the clock of one node."""

    start: float
    began: Optional[float]
    """From when time counts; None where no write began the phase."""
    end: float


def client_of(row: ProbeRow) -> str:
    return row["peer"] if row["direction"] == "ingress" else row["node"]


def server_of(row: ProbeRow) -> str:
    return row["node"] if row["direction"] == "ingress" else row["peer"]


def windows(writes: Mapping[ProbePhase, Write], clock: float, doubt: float) -> dict[ProbePhase, Window]:
    """Those of the phases that were reached. A phase ends where the next one's first request was sent."""
    begun: list[ProbePhase] = ["open", *(phase for phase in PHASES if phase in writes and phase != "open")]
    starts = [-inf, *(writes[phase].sent - clock - doubt - IN_FLIGHT for phase in begun[1:])]
    began = [None, *(writes[phase].answered - clock for phase in begun[1:])]
    return {
        phase: Window(start, since, end) for phase, start, since, end in zip(begun, starts, began, [*starts[1:], inf])
    }


def within(runs: Sequence[Run], window: Window) -> list[Run]:
    """The runs, cut to the window. The connections of a run lie evenly between its first and its last."""
    cut = []
    for run in runs:
        step = (run.last - run.first) / (run.tries - 1) if run.tries > 1 else 0.0
        begin, end = 0, run.tries
        if run.first < window.start:
            begin = ceil((window.start - run.first) / step) if step else run.tries
        if run.last >= window.end:
            end = ceil((window.end - run.first) / step) if step else 0
        begin, end = max(0, begin), min(run.tries, end)
        if begin < end:
            cut.append(Run(run.first + begin * step, run.first + (end - 1) * step, run.fate, end - begin))
    return cut


def between_tries(runs: Sequence[Run]) -> Optional[float]:
    """Seconds from one connection to the next, at the mean; None where there are not two."""
    tries = sum(run.tries for run in runs)
    return (runs[-1].last - runs[0].first) / (tries - 1) if tries > 1 else None

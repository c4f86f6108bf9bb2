# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which line of progress is shown next, if any, and how long the rest of the rollout may take.

Pure: the caller gives the time. The estimate rests on nothing but what this run has shown so far.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..documents import BatchReport, Report
from ..plan.adoption import ADOPTION
from .rollout_pages import progress_line

LONGEST_SILENCE = 60.0
"""Seconds after which a line is shown although nothing has changed."""
SHORTEST_LOOK, LONGEST_LOOK = 10, 25
"""Seconds between two looks at the report. Each look lists the cluster anew, so it is longer on a large cluster."""
NODES_PER_SECOND = 100
RECENT = 3
"""The last batches tell the pace. The first one often takes longer: it pulls images and creates the Installation."""
OVERDUE = 2
"""A batch that takes that many times the usual is stuck: when it ends is not known."""
LONGEST_TEXT = 160


class Watch(NamedTuple):
    """What the reader has been shown, and the pace of this run."""

    began: float
    batch_began: float
    """When the batch under way began. The first one of a run began with the run."""
    line: str | None = None
    """What to show now."""
    shown: str = ""
    shown_at: float = 0.0
    batch: int | None = None
    """The batch under way: the furthest one, where a node of an earlier batch fell over since."""
    least: tuple[float, int] | None = None
    """When the batch under way had the fewest ready nodes, and how many: a rolling update begins to count there."""
    paces: tuple[float, ...] = ()
    """Seconds that each batch took which began and ended in this run."""


def begun(now: float) -> Watch:
    return Watch(began=now, batch_began=now)


def watched(watch: Watch, report: Report, now: float) -> Watch:
    """The next state of the watch. Its `line` is None while there is nothing to show."""
    watch = _paced(watch, report, now)._replace(line=None)
    text = shortened(progress_line(report))
    # Seconds that pass are no change.
    what = re.sub(r"\d+ s\b", "", text)
    quiet = now + look_seconds(report) - watch.shown_at < LONGEST_SILENCE
    if what == watch.shown and quiet and report["outcome"] == "in_progress":
        return watch
    left = None if report["outcome"] != "in_progress" else seconds_left(watch, report, now)
    times = clock(now - watch.began) + ("" if left is None else f", about {rounded(left)} left")
    return watch._replace(line=f"{text}; {times}", shown=what, shown_at=now)


def look_seconds(report: Report) -> int:
    nodes = report["planned"] + len(report["excluded"])
    return min(LONGEST_LOOK, max(SHORTEST_LOOK, nodes // NODES_PER_SECOND))


def _paced(watch: Watch, report: Report, now: float) -> Watch:
    batch = under_way(report)
    if batch is None:
        return watch
    if watch.batch is None or batch > watch.batch:
        entry = report["batches"][batch]
        # The report that comes after a batch is the first one with the next batch, of which no node is admitted yet.
        last = batch - 1 if watch.batch is None and batch and not entry["admitted"] else watch.batch
        # An adoption restarts its nodes one after the other: no measure for the batches that follow.
        if last is not None and report["batches"][last]["name"] != ADOPTION:
            watch = watch._replace(paces=(*watch.paces, now - watch.batch_began))
        watch = watch._replace(batch=batch, batch_began=watch.batch_began if last is None else now, least=None)
    ready = report["batches"][batch]["ready"]
    if batch == watch.batch and (watch.least is None or ready < watch.least[1]):
        watch = watch._replace(least=(now, ready))
    return watch


def under_way(report: Report) -> int | None:
    return next((index for index, batch in enumerate(report["batches"]) if batch["state"] == "in_progress"), None)


def seconds_left(watch: Watch, report: Report, now: float) -> float | None:
    """None where this run has shown too little, or where a batch hangs."""
    if watch.batch is None:
        return None
    recent = watch.paces[-RECENT:]
    usual = sum(recent) / len(recent) if recent else None
    to_come = sum(batch["state"] == "pending" for batch in report["batches"])
    if to_come and usual is None:
        return None
    batch = report["batches"][watch.batch]
    current = _left_of_an_update(watch, batch, now) if _rolling(report) else _left_of_a_batch(watch, batch, usual, now)
    return None if current is None else current + to_come * (usual or 0.0)


def _left_of_an_update(watch: Watch, batch: BatchReport, now: float) -> float | None:
    since, least = watch.least or (now, batch["ready"])
    through = batch["ready"] - least
    return (batch["nodes"] - batch["ready"]) * (now - since) / through if through > 0 else None


def _left_of_a_batch(watch: Watch, batch: BatchReport, usual: float | None, now: float) -> float | None:
    spent = now - watch.batch_began
    if usual is None or batch["name"] == ADOPTION or spent > OVERDUE * usual:
        return None
    return max(0.0, usual - spent)


def _rolling(report: Report) -> bool:
    """The nodes of the batch become ready one after the other, and not all at once."""
    return any(row["state"] == "old_revision" for row in report["not_ready"])


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def rounded(seconds: float) -> str:
    """As exact as an estimate can be."""
    if seconds <= 90:
        return f"{max(10, -int(-seconds // 10) * 10)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def shortened(text: str) -> str:
    """The report has it whole."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 3].rstrip()}..."

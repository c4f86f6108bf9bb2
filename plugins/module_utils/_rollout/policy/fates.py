# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the fate of connections in one phase means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Literal, NamedTuple, Optional

from ..documents.policy import Fate, NodeVerdict, ProbeFate, ProbePhase, ProbeRow
from .timelines import PHASES, Run, Window, within

HELD = 0.2
"""Seconds for which a fate must hold until it counts as settled. A lost packet shorter than that closes nothing."""

THROUGH: tuple[Fate, ...] = ("answered", "refused")
WITHOUT_POLICY: tuple[ProbePhase, ...] = ("open", "reopened")
Expected = Literal["through", "dropped"]

ENFORCED: NodeVerdict = "enforced"
GRAVITY: tuple[NodeVerdict, ...] = ("open", "closed", "late", "unproven")
"""The gravest first."""


def expected_fate(row: ProbeRow, phase: ProbePhase) -> Expected:
    denied = phase == "default_deny" or (phase == "precise_allow" and not row["allowed"])
    return "dropped" if denied else "through"


def symptom(fate: ProbeFate) -> Optional[NodeVerdict]:
    """What is wrong with connections of one phase; None where nothing is. `closed` has whatever was kept back by no policy."""
    if fate["ok"]:
        return None
    if fate["seen"] == "none":
        return "unproven"
    came_through = fate["seen"] in THROUGH
    if fate["expected"] == "dropped" and (came_through or fate["hole_ms"] is not None):
        return "open"
    if (
        fate["seen"] == "unreachable"
        or (fate["expected"] == "through" and not came_through)
        or fate["hole_ms"] is not None
    ):
        return "closed"
    return "late"


def row_symptom(row: ProbeRow) -> Optional[NodeVerdict]:
    """The gravest of its phases. A question to DNS that has no answer without a policy is DNS's fault, or that of the way to it."""
    found = {symptom(fate) for fate in row["fates"] if row["kind"] != "dns" or fate["phase"] not in WITHOUT_POLICY}
    if dns_is_silent(row):
        found &= {"open"}
    return next((grave for grave in GRAVITY if grave in found), None)


def dns_is_silent(row: ProbeRow) -> bool:
    """Did DNS not answer before the first policy, or after the last? Then silence between them shows nothing."""
    if row["kind"] != "dns":
        return False
    return any(fate["seen"] not in THROUGH for fate in row["fates"] if fate["phase"] in WITHOUT_POLICY)


def fates_of(
    row: ProbeRow, runs: Sequence[Run], phases: Mapping[ProbePhase, Window], deadline: float, measured: bool
) -> list[ProbeFate]:
    """What became of a row, in the order of the phases.

    :param phases: by the clock of the row's client
    :param deadline: seconds after the write
    :param measured: is that clock known? Without it the order alone is judged
    """
    fates: list[ProbeFate] = []
    for phase in PHASES:
        expected = expected_fate(row, phase)
        window = phases.get(phase)
        seen = within(runs, window) if window else []
        # What was dropped stays dropped when a policy is added that allows something else: here no moment is free.
        kept = bool(fates) and expected == "dropped" == fates[-1]["expected"] and fates[-1]["ok"]
        if row["kind"] == "dns" and expected == "dropped":
            seen = _without_strays(seen)
        fate = _fate(phase, expected, seen, window.began if window and measured else None, deadline, kept)
        if fates and expected == fates[-1]["expected"]:
            # The write changed nothing for this row, so there was no time to measure.
            fate["settled_ms"] = None
        fates.append(fate)
    return fates


def _without_strays(runs: Sequence[Run]) -> list[Run]:
    """An answer alone between dropped ones is left out.

    DNS does not say from which port it was asked, and UDP chooses ports at random: one that was let through before is let through again.
    """
    return [
        run
        for place, run in enumerate(runs)
        if run.tries > 1 or run.fate not in THROUGH or not (place and runs[place - 1].fate == "dropped")
    ]


class _Stretch(NamedTuple):
    right: bool
    first: float
    last: float
    fates: tuple[Fate, ...]


def _fate(
    phase: ProbePhase, expected: Expected, runs: Sequence[Run], began: Optional[float], deadline: float, held: bool
) -> ProbeFate:
    stretches = _stretches(runs, expected)
    wrong_until, hole = None, None
    for stretch in stretches:
        if stretch.right:
            held = held or stretch.last - stretch.first >= HELD
        elif not held:
            wrong_until = stretch.last
        elif expected == "through" or any(fate in THROUGH for fate in stretch.fates):
            hole = max(hole or 0.0, stretch.last - stretch.first)
    ends_right = bool(stretches) and stretches[-1].right
    settled = None
    if ends_right and began is not None:
        settled = max(0.0, wrong_until - began) if wrong_until is not None else 0.0
    return ProbeFate(
        phase=phase,
        expected=expected,
        seen=stretches[-1].fates[-1] if stretches else "none",
        ok=ends_right and hole is None and (settled is None or settled <= deadline),
        settled_ms=None if settled is None else round(settled * 1000, 1),
        hole_ms=None if hole is None else round(hole * 1000, 1),
        tries=sum(run.tries for run in runs),
    )


def _stretches(runs: Sequence[Run], expected: Expected) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    for right, group in groupby(
        runs, key=lambda run: (run.fate in THROUGH) if expected == "through" else run.fate == "dropped"
    ):
        some = list(group)
        stretch = _Stretch(right, some[0].first, some[-1].last, tuple(run.fate for run in some))
        lost = expected == "through" and not right and stretch.last - stretch.first < HELD
        if stretches and stretches[-1].right and (right or lost):
            before = stretches.pop()
            stretch = _Stretch(True, before.first, stretch.last, before.fates if lost else stretch.fates)
        stretches.append(stretch)
    return stretches

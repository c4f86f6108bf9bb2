# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What one look at the packets shows of each row, and what two looks show together.

A node that is short of processors, or a network that loses packets, drops what policy allows for a moment, as a closed node does. So what
is closed or late counts once a second look shows it too. A denied connection that comes through counts at once: only a lack of policy lets
it through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Optional

from ..documents.policy import NodeVerdict, ProbePhase, ProbeRow
from .clock import fitted
from .fates import fates_of, row_symptom
from .timelines import Timelines, Write, between_tries, client_of, windows

MAY_PASS: tuple[NodeVerdict, ...] = ("closed", "late")
_MILDEST: tuple[Optional[NodeVerdict], ...] = (None, "unproven", "late", "closed")


class Look(NamedTuple):
    """What the pods of one run saw."""

    timelines: Mapping[str, Timelines]
    """By the node of the client."""
    writes: Mapping[ProbePhase, Write]
    """By phase what began it; `open` needs none, and a phase that was not reached has none."""
    troubles: Mapping[str, str]
    """By node why its pods give no evidence, a sentence without its full stop."""


class SeenRow(NamedTuple):
    row: ProbeRow
    """With its fates."""
    symptom: Optional[NodeVerdict]
    resolution: Optional[float]
    """How exact its times are, in seconds; None where nothing was measured."""


def seen(rows: Sequence[ProbeRow], look: Look, deadline: float) -> list[SeenRow]:
    """:param deadline: seconds after a write in which each fate must be right"""
    by_client: dict[str, list[ProbeRow]] = {}
    for row in rows:
        by_client.setdefault(client_of(row), []).append(row)
    phases = {}
    for client, told in look.timelines.items():
        clock, doubt = told.clock, told.doubt
        if clock is None:
            clock, doubt = fitted(by_client.get(client, []), told.rows, look.writes, deadline), 0.0
        phases[client] = windows(look.writes, clock, doubt)
    found = []
    for row in rows:
        client = client_of(row)
        told = look.timelines.get(client) or Timelines({}, None, 0.0)
        runs = told.rows.get(row["id"], ())
        fates = fates_of(row, runs, phases.get(client, {}), deadline, told.clock is not None)
        with_fates = ProbeRow(**{**row, "fates": fates})
        between = between_tries(runs)
        resolution = None if between is None else between + told.doubt
        found.append(SeenRow(with_fates, _symptom(with_fates, look.troubles), resolution))
    return found


def wants_another(rows: Sequence[SeenRow]) -> bool:
    """Is something wrong that may pass?"""
    return any(one.symptom in MAY_PASS for one in rows)


def together(looks: Sequence[Sequence[SeenRow]]) -> list[SeenRow]:
    """Of each row the look in which it was open; else the one in which the least was wrong."""
    return [
        next((one for one in of_row if one.symptom == "open"), None)
        or min(of_row, key=lambda one: _MILDEST.index(one.symptom))
        for of_row in zip(*looks)
    ]


def passed(looks: Sequence[Sequence[SeenRow]]) -> list[str]:
    """The rows, by id, that were closed or late in one look, and right in another."""
    return [
        of_row[0].row["id"]
        for of_row in zip(*looks)
        if any(one.symptom in MAY_PASS for one in of_row) and any(one.symptom is None for one in of_row)
    ]


def lasting_troubles(looks: Sequence[Look]) -> dict[str, str]:
    """By node what kept its pods from giving evidence in every look."""
    return {node: text for node, text in looks[-1].troubles.items() if all(node in look.troubles for look in looks)}


def connections(looks: Sequence[Look]) -> int:
    """How many were tried."""
    return sum(
        run.tries for look in looks for told in look.timelines.values() for runs in told.rows.values() for run in runs
    )


def _symptom(row: ProbeRow, troubles: Mapping[str, str]) -> Optional[NodeVerdict]:
    """What is wrong with a row. Of a node without pods nothing is known, unless a denied connection came through."""
    symptom = row_symptom(row)
    if symptom in MAY_PASS and {row["node"], row["peer"]} & {*troubles}:
        return "unproven"
    return symptom

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The clock of a node that told none: what its clients saw is laid over the writes until it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..documents.policy import ProbePhase, ProbeRow
from .fates import fates_of
from .timelines import Run, Write, windows

MOST_FITS = 200
"""A client whose fates change more often is not tried at every change."""


def fitted(
    rows: Sequence[ProbeRow],
    runs: Mapping[str, Sequence[Run]],
    writes: Mapping[ProbePhase, Write],
    deadline: float,
) -> float:
    """What to add to the clock so that fates are right in as many phases as can be, and as soon as can be after the writes.

    Times that rest on it say nothing. But if no offset makes all fates right, then no clock does.
    """
    changes = sorted({round(run.first, 3) for some in runs.values() for run in some[1:]})
    changes = changes[:: len(changes) // MOST_FITS + 1]
    offsets = [moment - change for change in changes for write in writes.values() for moment in write]
    return min(offsets or [_middles(runs, writes)], key=lambda clock: _misfit(rows, runs, writes, clock, deadline))


def _misfit(
    rows: Sequence[ProbeRow],
    runs: Mapping[str, Sequence[Run]],
    writes: Mapping[ProbePhase, Write],
    clock: float,
    deadline: float,
) -> tuple[int, float]:
    phases = windows(writes, clock, 0.0)
    fates = [fate for row in rows for fate in fates_of(row, runs.get(row["id"], ()), phases, deadline, measured=True)]
    return sum(not fate["ok"] for fate in fates), sum(fate["settled_ms"] or 0.0 for fate in fates)


def _middles(runs: Mapping[str, Sequence[Run]], writes: Mapping[ProbePhase, Write]) -> float:
    """No fate changed: nothing fits, and the middle of what was seen stands for the middle of the writes."""
    moments = [moment for some in runs.values() for run in some for moment in (run.first, run.last)]
    written = [write.answered for write in writes.values()]
    if not moments or not written:
        return 0.0
    return (min(written) + max(written) - min(moments) - max(moments)) / 2

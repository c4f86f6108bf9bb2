# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The document of a run, from its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..._rollout.documents import DOCUMENT_VERSION
from ..._rollout.documents.policy import PolicyProbeReport
from ..._rollout.policy.design import Design
from ..._rollout.policy.judge import judged
from ..._rollout.policy.looks import Look
from ..._rollout.text.instant import rfc3339
from .request import ProbeRequest


class Evidence(NamedTuple):
    """What the pods of one run bring home."""

    design: Design
    look: Look
    seconds: Mapping[str, float]


def report(
    request: ProbeRequest,
    design: Design,
    looks: Sequence[Look],
    seconds: Mapping[str, float],
    foreign: Sequence[str],
    unread: Sequence[str],
    began: float,
    requests: int,
) -> PolicyProbeReport:
    found = judged(design, looks, request.deadline)
    return PolicyProbeReport(
        kind="PolicyProbeReport",
        version=DOCUMENT_VERSION,
        outcome=found.outcome,
        reason=found.reason,
        began=rfc3339(began),
        seconds={part: round(seconds, 3) for part, seconds in seconds.items()},
        nodes=found.nodes,
        pairs=found.pairs,
        rows=found.rows,
        proven_before=design.peers,
        strength=request.strength,
        seed=request.seed,
        settled=found.settled,
        deadline_ms=round(request.deadline * 1000),
        namespace=request.namespace,
        image=request.image,
        host_rules=[],
        foreign_policies=list(foreign),
        limits=[*design.limits, *found.limits, *unread],
        looks=len(looks),
        connections=found.connections,
        requests=requests,
    )

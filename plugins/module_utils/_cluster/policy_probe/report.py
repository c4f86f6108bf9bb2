# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The document of a run, from its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..._rollout.documents import DOCUMENT_VERSION
from ..._rollout.documents.policy import PolicyProbeReport, ProbePhase
from ..._rollout.policy.design import Design
from ..._rollout.policy.judge import judged
from ..._rollout.policy.timelines import Timelines, Write
from ..._rollout.text.instant import rfc3339
from .foreign import Foreign
from .request import ProbeRequest


@dataclass
class Evidence:
    """What a run brings home."""

    design: Design
    timelines: dict[str, Timelines] = field(default_factory=dict)
    """By the node of the client."""
    writes: Mapping[ProbePhase, Write] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def report(
    request: ProbeRequest, evidence: Evidence, foreign: Foreign, began: float, requests: int
) -> PolicyProbeReport:
    found = judged(evidence.design, evidence.timelines, evidence.writes, evidence.trouble, request.deadline)
    return PolicyProbeReport(
        kind="PolicyProbeReport",
        version=DOCUMENT_VERSION,
        outcome=found.outcome,
        reason=found.reason,
        began=rfc3339(began),
        seconds={part: round(seconds, 3) for part, seconds in evidence.seconds.items()},
        nodes=found.nodes,
        pairs=found.pairs,
        rows=found.rows,
        proven_before=evidence.design.peers,
        strength=request.strength,
        seed=request.seed,
        settled=found.settled,
        deadline_ms=round(request.deadline * 1000),
        namespace=request.namespace,
        image=request.image,
        foreign_policies=foreign.policies,
        limits=[*evidence.design.limits, *foreign.unread],
        connections=found.connections,
        requests=requests,
    )

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of probes, as a run would write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PolicyProbeReport

from .data_plane import DEADLINE, Fault, probed

OFFERED = [f"proven-{number}" for number in range(1, 41)]


def reported(
    nodes: Sequence[str], faults: Sequence[Fault] = (), offered: Sequence[str] = OFFERED, **options: Any
) -> PolicyProbeReport:
    found = probed(nodes, offered, faults, **options)
    return PolicyProbeReport(
        kind="PolicyProbeReport",
        version=1,
        outcome=found.outcome,
        reason=found.reason,
        began="2026-11-29T12:00:00Z",
        seconds={"pods": 3.2, "phases": 2.1, "cleanup": 0.4},
        nodes=found.nodes,
        pairs=found.pairs,
        rows=found.rows,
        settled=found.settled,
        proven_before=sorted({row["peer"] for row in found.rows} - {*nodes}),
        strength=2,
        seed=7,
        deadline_ms=round(DEADLINE * 1000),
        namespace="calico-ops-policy-probe",
        image="registry.k8s.io/e2e-test-images/agnhost:2.53",
        host_rules=[],
        foreign_policies=[],
        limits=[],
        looks=1,
        connections=found.connections,
        requests=40,
    )

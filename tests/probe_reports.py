# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of probes as a test needs them."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    NodeProof,
    NodeVerdict,
    PolicyProbeReport,
)


def probe_report(verdicts: Mapping[str, NodeVerdict]) -> PolicyProbeReport:
    """What a probe found of these nodes, without its rows."""
    return PolicyProbeReport(
        kind="PolicyProbeReport",
        version=1,
        outcome="proven" if set(verdicts.values()) <= {"enforced"} else "failed",
        reason="1 of 2 nodes does not enforce.",
        began="2026-01-01T00:00:00Z",
        seconds={},
        nodes=[
            NodeProof(
                node=node,
                verdict=verdict,
                reason="2 denied connections came through.",
                remedy=None,
                rows=6,
                failed=[],
                settled_ms=None,
                resolution_ms=None,
            )
            for node, verdict in verdicts.items()
        ],
        pairs=[],
        rows=[],
        settled=None,
        proven_before=[],
        strength=2,
        seed=1,
        deadline_ms=5000,
        namespace="n",
        image="i",
        host_rules=[],
        foreign_policies=[],
        limits=[],
        looks=1,
        connections=0,
        requests=0,
    )

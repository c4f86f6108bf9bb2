# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of probes for tests, with a verdict for each node and one row for each that is not `enforced`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    NodeProof,
    PolicyGap,
    PolicyProbeReport,
    ProbeFate,
    ProbeRow,
    SettledTime,
    UnenforcedWorkload,
)

IMAGE = "registry.example/agnhost:2.53"
REASONS = {
    "enforced": "every connection had the fate that policy gives it.",
    "open": "a denied connection came through.",
    "closed": "an allowed connection did not come through.",
    "late": "policy was in force after the deadline.",
    "unproven": "its pods never started: the image cannot be pulled.",
}


def probe_of(verdicts: Mapping[str, str], **fields: Any) -> PolicyProbeReport:
    bad = {verdict for verdict in verdicts.values() if verdict != "enforced"}
    outcome = "proven" if not bad else "not_proven" if bad == {"unproven"} else "failed"
    report = PolicyProbeReport(
        kind="PolicyProbeReport",
        version=1,
        outcome=outcome,  # type: ignore[typeddict-item]
        reason={"proven": "Policy is in force.", "not_proven": "Evidence is missing."}.get(
            outcome, "Policy is not in force."
        ),
        began="2026-01-01T01:00:00Z",
        seconds={"pods": 2.0, "phases": 3.0, "cleanup": 0.5},
        nodes=[_proof(node, verdict) for node, verdict in verdicts.items()],
        pairs=[],
        rows=[row_of(node, verdict) for node, verdict in verdicts.items()],
        settled=SettledTime(median=8.0, p99=20.0, longest=21.0),
        proven_before=[],
        strength=2,
        seed=0,
        deadline_ms=5000,
        namespace="calico-ops-policy-probe",
        image=IMAGE,
        host_rules=[],
        foreign_policies=[],
        limits=[],
        looks=1,
        connections=100,
        requests=20,
    )
    report.update(fields)  # type: ignore[typeddict-item]
    return report


def row_of(node: str, verdict: str = "enforced") -> ProbeRow:
    good = verdict == "enforced"
    seen = {"enforced": "dropped", "unproven": "none"}.get(verdict, "answered")
    return ProbeRow(
        id=f"{node}/1",
        kind="ordinary",
        node=node,
        peer=node,
        way="same_node",
        family="IPv4",
        protocol="TCP",
        direction="ingress",
        allowed=False,
        fates=[
            ProbeFate(
                phase="open", expected="through", seen="answered", ok=True, settled_ms=None, hole_ms=None, tries=9
            ),
            ProbeFate(
                phase="default_deny", expected="dropped", seen=seen, ok=good, settled_ms=8.0, hole_ms=None, tries=9
            ),  # type: ignore[typeddict-item]
        ],
    )


def gap_on(node: str) -> PolicyGap:
    return PolicyGap(
        node=node,
        cause="open",
        reason=REASONS["open"],
        pods=2,
        examples=["shop/web-1", "shop/web-2"],
        selected=1,
        policies=1,
        unenforced=[UnenforcedWorkload(workload="shop/web-1", policies=["deny"], count=1)],
        since=None,
        admitted=True,
    )


def _proof(node: str, verdict: str) -> NodeProof:
    good = verdict == "enforced"
    return NodeProof(
        node=node,
        verdict=verdict,  # type: ignore[typeddict-item]
        reason=REASONS[verdict],
        remedy=None if good else "Look at calico-node's log.",
        rows=1,
        failed=[] if good else [f"{node}/1"],
        settled_ms=21.0 if good else None,
        resolution_ms=12.0,
    )

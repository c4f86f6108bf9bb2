# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Many nodes are probed in turns, and their reports are one."""

from __future__ import annotations

from collections.abc import Sequence

from ..documents.policy import NodeProof, PolicyProbeReport, ProbeOutcome
from .fates import ENFORCED, GRAVITY
from .judge import settled_time, told_of

MOST_AT_ONCE = 50
"""Nodes of one probe. Each runs two pods for its time."""
_OUTCOMES: Sequence[ProbeOutcome] = ("failed", "not_proven", "proven")
"""The worst first."""


def turns(nodes: Sequence[str], at_once: int) -> list[list[str]]:
    """As few as can be, of about the same size each: a turn of one node has no second node to connect to."""
    number = -(-len(nodes) // at_once)
    edges = [len(nodes) * place // number for place in range(number + 1)]
    return [list(nodes[start:end]) for start, end in zip(edges, edges[1:])]


def enforcing(reports: Sequence[PolicyProbeReport]) -> list[str]:
    """Nodes that these reports prove, and that none of them blames."""
    return [proof["node"] for proof in proofs(reports) if proof["verdict"] == ENFORCED]


def together(reports: Sequence[PolicyProbeReport]) -> PolicyProbeReport:
    """What the turns show, as if it were one probe. There is at least one report."""
    first = reports[0]
    rows = [row for report in reports for row in report["rows"]]
    pairs = [pair for report in reports for pair in report["pairs"]]
    nodes = proofs(reports)
    tried = {row["node"] for row in rows}
    peers = dict.fromkeys(name for report in reports for name in report["proven_before"])
    return {
        **first,
        "outcome": min((report["outcome"] for report in reports), key=_OUTCOMES.index),
        "reason": told_of(nodes, pairs),
        "seconds": {part: round(sum(report["seconds"][part] for report in reports), 3) for part in first["seconds"]},
        "nodes": nodes,
        "pairs": pairs,
        "rows": rows,
        "proven_before": [name for name in peers if name not in tried],
        "settled": settled_time(rows),
        "foreign_policies": list(dict.fromkeys(name for report in reports for name in report["foreign_policies"])),
        "limits": list(dict.fromkeys(limit for report in reports for limit in report["limits"])),
        "looks": max(report["looks"] for report in reports),
        "connections": sum(report["connections"] for report in reports),
        "requests": sum(report["requests"] for report in reports),
    }


def proofs(reports: Sequence[PolicyProbeReport]) -> list[NodeProof]:
    """One a node. A later turn may blame a node that an earlier one proved: the graver word counts."""
    found: dict[str, NodeProof] = {}
    for proof in (proof for report in reports for proof in report["nodes"]):
        before = found.get(proof["node"])
        found[proof["node"]] = proof if before is None else _both(before, proof)
    return list(found.values())


def _both(one: NodeProof, other: NodeProof) -> NodeProof:
    gravity = (*GRAVITY, ENFORCED)
    whole = min((one, other), key=lambda proof: gravity.index(proof["verdict"])).copy()
    times = [proof["settled_ms"] for proof in (one, other) if proof["settled_ms"] is not None]
    whole["rows"] = one["rows"] + other["rows"]
    whole["failed"] = [*one["failed"], *other["failed"]]
    whole["settled_ms"] = max(times, default=None)
    return whole

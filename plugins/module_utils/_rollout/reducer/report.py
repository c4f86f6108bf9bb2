# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where a rollout stands, as the Report that goes with every decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..documents import (
    DOCUMENT_VERSION,
    Batch,
    BatchReport,
    BatchState,
    ExcludedNode,
    Outcome,
    Plan,
    Readiness,
    ReadinessRow,
    Report,
    RolloutState,
)
from ..plan.adoption import unproven
from ..plan.build import planned_nodes
from .policy_proof import policy_standing


def standing(
    plan: Plan,
    state: RolloutState,
    readiness: Readiness,
    quarantined: Sequence[ExcludedNode],
    outcome: Outcome,
    reason: str,
) -> Report:
    """`quarantined` are nodes of the plan."""
    out = {entry["node"] for entry in quarantined}
    rows = {row["node"]: row for row in readiness["nodes"] if row["node"] not in plan["kept"]}
    outside = outside_now(plan, readiness)
    return Report(
        kind="Report",
        version=DOCUMENT_VERSION,
        plan_id=plan["id"],
        cluster=plan["cluster"],
        outcome=outcome,
        reason=reason,
        planned=len({*planned_nodes(plan), *rows} - out),
        ready=sum(row["ready"] for row in rows.values()),
        tiers=plan["tiers"],
        batches=[
            _batch(batch, rows, out, batch["name"] == state["batch"] and outcome != "done", state)
            for batch in plan["batches"]
        ],
        excluded=[*outside, *quarantined],
        unproven=plan["unproven"]
        + [unproven(entry) for entry in _unless_adopted(plan) if entry not in outside and entry["counts"]],
        waivers=plan["waivers"],
        cross_findings=plan["cross_findings"],
        not_ready=[row for row in readiness["nodes"] if not row["ready"]],
        refused=state["refused"],
        notes=state["notes"],
        policy=policy_standing(plan["verify"], state["policy"]),
        operator=[],
        control_plane=None,
        to_commit=None,
        check_mode=state["check_mode"],
    )


def outside_now(plan: Plan, readiness: Readiness) -> list[ExcludedNode]:
    """Who the plan keeps outside, but for those that were adopted since."""
    admitted = {row["node"] for row in readiness["nodes"]} - set(plan["kept"])
    return [entry for entry in _unless_adopted(plan) if entry["node"] not in admitted]


def _unless_adopted(plan: Plan) -> list[ExcludedNode]:
    """Who stays outside unless calico-node is ready there before the selector is set."""
    return [*plan["excluded"], *(each["otherwise"] for each in plan["restarting"] if each["otherwise"] is not None)]


def _batch(
    batch: Batch,
    rows: Mapping[str, ReadinessRow],
    out: Collection[str | None],
    current: bool,
    remembered: RolloutState,
) -> BatchReport:
    """The batch under way is in progress until the gate has let the next one through, however ready it looks."""
    admitted = [rows[node] for node in batch["nodes"] if node in rows]
    ready = sum(row["ready"] for row in admitted)
    quarantined = sum(node in out for node in batch["nodes"])
    state: BatchState = "done" if admitted or quarantined else "pending"
    if current or (state == "done" and ready + quarantined < len(batch["nodes"])):
        state = "in_progress"
    return BatchReport(
        name=batch["name"],
        tier=batch["tier"],
        nodes=len(batch["nodes"]),
        node_names=batch["nodes"],
        admitted=len(admitted),
        ready=ready,
        quarantined=quarantined,
        state=state,
        policy=remembered["policy"]["batches"].get(batch["name"]),
        witness=remembered["witness"]["batches"].get(batch["name"]),
    )

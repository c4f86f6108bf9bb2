# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A plan, told to people before it is carried out."""

from __future__ import annotations

from collections.abc import Sequence

from ..documents import Plan, RestartingNode
from ..kubernetes.cluster_identity import on_cluster
from ..plan.adoption import restart_text
from ..text.terminal import count, paragraph, printable, table
from . import cross_findings_section, policy_section, waivers_section
from .rollout_pages import adopted_all_the_same, outside, tier_cells


def plan_text(plan: Plan) -> str:
    """Batches in their order, tiers with their budget, and who stays outside."""
    planned = sum(len(batch["nodes"]) for batch in plan["batches"])
    label = plan["admission_label"]
    batches = count(len(plan["batches"]), "batch", "batches")
    lines = [
        f"Plan {plan['id']}: {count(planned, 'node')} in {batches}, admitted with {label['key']}={label['value']}",
        *on_cluster(plan["cluster"]),
        "",
    ]
    lines += table(
        ("batch", "tier", "nodes"),
        [
            (
                f"{batch['index']}/{len(plan['batches'])} {batch['name']}",
                (batch["tier"] or "") + (" (canary)" if batch["canary"] else ""),
                " ".join(batch["nodes"]),
            )
            for batch in plan["batches"]
        ],
    )
    lines.append("")
    lines += table(
        ("tier", "selected by", "nodes", "left out", "failure budget", "on failure"),
        [tier_cells(tier) for tier in plan["tiers"]],
    )
    if plan["budget"] is not None:
        left_out = sum(tier["left_out"] for tier in plan["tiers"])
        lines.append(f"In total {left_out} left out, and the failure budget in total is {plan['budget']}")
    if plan["restart"]:
        lines += ["", *paragraph(restart_text(plan["restart"]) + ".")]
    lines += _restarting(plan["restarting"])
    lines += policy_section.planned(plan)
    for warning in plan["warnings"]:
        lines += ["", *paragraph(f"Warning: {warning}.")]
    lines += adopted_all_the_same(plan["unproven"])
    lines += outside(plan["excluded"])
    lines += waivers_section.section(plan["waivers"])
    lines += cross_findings_section.section(cross_findings_section.warnings(plan["cross_findings"]))
    return "\n".join(printable(line) for line in lines)


def _restarting(nodes: Sequence[RestartingNode]) -> list[str]:
    if not nodes:
        return []
    lines = ["", f"Restarting calico-node, adopted once it is ready there ({len(nodes)}):"]
    for each in nodes:
        since = f" since {each['since']}" if each["since"] else ""
        lines += paragraph(f"{each['node']}: not ready{since}: {each['reason']}", indent=2)
        if each["otherwise"]:
            lines += paragraph(
                f"if it does not become ready, it stays outside: {each['otherwise']['cause']}: {each['otherwise']['reason']}",
                indent=6,
            )
    return lines

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a probe of network policy showed, as Markdown."""

from __future__ import annotations

from ..documents import PolicyProbeReport
from ..policy.fates import row_symptom
from ..text.markdown import escaped, table_of
from .policy_text import RULES_LEAD, cells, faults, remarks, rules_cells, told

HEAD = ("Node", "Verdict", "Rows right", "In force after")
RULES_HEAD = ("Node", "Host", "Its rules", "Why", "Where they disagree with packets")


def policy_markdown(report: PolicyProbeReport) -> str:
    lines = ["# Network policy on real pods", "", f"**{escaped(report['reason'])}**", ""]
    if report["nodes"]:
        lines += [*table_of(HEAD, [cells(proof) for proof in report["nodes"]]), ""]
    wrong = list(faults(report))
    if wrong:
        lines += ["## What to look at", ""]
        lines += [f"- **{escaped(who)}**: {escaped(reason)} {escaped(remedy)}" for who, reason, remedy in wrong]
        lines += ["", "## Rows that were wrong", ""]
        rows = [(told(row), row_symptom(row)) for row in report["rows"]]
        lines += [*table_of(("Row", "What was wrong"), [(what, symptom) for what, symptom in rows if symptom]), ""]
    if report["host_rules"]:
        rules = [(*rules_cells(one), one["sentence"], one["disagreement"] or "") for one in report["host_rules"]]
        lines += ["## What the hosts' rules say", "", escaped(RULES_LEAD), "", *table_of(RULES_HEAD, rules), ""]
    lines += [f"- {escaped(note)}" for note in remarks(report)]
    return "\n".join(lines).rstrip() + "\n"

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A precheck report as Markdown, for a wiki, a pull request or a chat."""

from __future__ import annotations

from ..documents import PrecheckReport
from ..evidence.fleet import Fleet, Remedy, survey
from ..text.markdown import escaped, table_of
from ..text.terminal import count
from . import cross_findings_section, waivers_section
from .checked_for_section import checked_for, sentences
from .precheck_text import (
    WORDS,
    cell,
    has_finding,
    hindered,
    modules_loaded,
    reused_evidence,
    static_evidence,
    verdict,
)


def precheck_markdown(report: PrecheckReport) -> str:
    fleet = survey(report)
    lines = ["# Calico prechecks", ""]
    lines += [f"**{fleet.result}**", ""]
    lines += ["## Hosts", "", *_hosts(fleet), ""]
    for told in (*modules_loaded(fleet), *static_evidence(fleet), *reused_evidence(fleet)):
        lines += [escaped(told), ""]
    if fleet.silent:
        lines += ["## Without a result", ""]
        rows = [
            (silence.outcome.replace("_", " "), ", ".join(silence.hosts), silence.reason, silence.remedy or "")
            for silence in fleet.silent
        ]
        lines += [*table_of(("What", "Hosts", "Why", "What to do"), rows), ""]
    if fleet.remedies:
        lines += ["## What to do", ""]
        for remedy in fleet.remedies:
            lines += [*_remedy(remedy), ""]
    lines += waivers_section.markdown_section(fleet.waivers)
    lines += cross_findings_section.markdown_section(fleet.across)
    settings = checked_for(report["hosts"])
    if settings:
        told_of = [(one.setting, one.value, one.source, ", ".join(one.hosts) or "all") for one in settings]
        lines += ["", "## Checked for this Calico", "", *table_of(("Setting", "Value", "From", "Hosts"), told_of)]
    for told in sentences(report):
        lines += ["", escaped(told)]
    return "\n".join(lines).rstrip() + "\n"


def _hosts(fleet: Fleet) -> list[str]:
    head = ("Host", "Node", "Verdict", *fleet.categories, "System")
    rows = [
        (
            row.host,
            row.node_name or "",
            verdict(row),
            *(cell(row.cells.get(name, {})) for name in fleet.categories),
            row.system,
        )
        for row in fleet.rows
        if has_finding(row)
    ]
    well = fleet.hosts - len(rows)
    told = ["", f"{count(well, 'host')} without a finding."] if well else []
    return [*(table_of(head, rows) if rows else []), *told]


def _remedy(remedy: Remedy) -> list[str]:
    lines = [
        f"### {escaped(remedy.text)}",
        "",
        f"On {count(len(remedy.hosts), 'host')}: {escaped(', '.join(remedy.hosts))}",
        "",
    ]
    for cause in remedy.causes:
        where = "" if cause.hosts == remedy.hosts else f" ({escaped(', '.join(cause.hosts))})"
        lines.append(f"- {WORDS[cause.gravity]}: **{escaped(cause.check)}**: {escaped(cause.message)}{where}")
        if cause.expected:
            lines.append(f"  - expected: {escaped(cause.expected)}")
        if cause.observed:
            lines.append(f"  - observed: {escaped(', '.join(cause.observed))}")
        if cause.hindered:
            lines.append(f"  - {escaped(hindered(cause))}")
        lines.append(f"  - source: {escaped(cause.source)}")
    return lines

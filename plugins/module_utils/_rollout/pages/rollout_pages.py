# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where a rollout stands, told to people: a line, a page for a terminal, a page of Markdown.

Names, labels and messages come from hosts and the cluster, and are not trusted. Control characters never reach a terminal, nor markup
Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..documents import ExcludedNode, PlannedTier, Report, UnprovenNode
from ..kubernetes.cluster_identity import on_cluster
from ..plan.exclusion import NOT_IN_RUN
from ..text.instant import seconds_since
from ..text.markdown import escaped, table_of
from ..text.terminal import count, listed, paragraph, printable, table
from . import control_plane_section, cross_findings_section, policy_section, waivers_section, witness_section


def progress_line(report: Report, now: float | None = None) -> str:
    """`batch 2/4 edge-1: 1 of 2 ready, waiting for edge-2 (not_ready: ...), for 12 s`; how long is told where `now` is given."""
    if report["outcome"] != "in_progress":
        return printable(f"{report['outcome']}: {report['reason']}")
    current = next((place for place in enumerate(report["batches"], 1) if place[1]["state"] == "in_progress"), None)
    if current is None:
        return printable(report["reason"])
    index, batch = current
    # The reason may open with the batch's name, which the line says itself.
    what = report["reason"].replace(f"batch {batch['name']}: ", "", 1)
    place = f"batch {index}/{len(report['batches'])} {batch['name']}"
    if index > 1 and what.startswith("admit ") and not report["refused"] and not batch["admitted"]:
        before = f"{index - 1}/{len(report['batches'])} {report['batches'][index - 2]['name']}"
        further = f"{index}/{len(report['batches'])} {batch['name']}, {count(batch['nodes'], 'node')}"
        return printable(
            f"batch {before} is through, {report['ready']} of {report['planned']} nodes ready; next {further}"
        )
    line = f"{place}: {batch['ready']} of {batch['nodes']} ready, {what}"
    # A calico-node that has yet to be restarted runs well, and has so for a long time.
    stuck = [row for row in report["not_ready"] if row["state"] != "old_revision"]
    ages = [] if now is None else [seconds_since(row["since"], now) for row in stuck]
    longest = max((age for age in ages if age is not None), default=None)
    return printable(line if longest is None else f"{line}, for {longest} s")


def terminal(report: Report) -> str:
    """The story of a run; its last line is the result."""
    lines = [
        f"Rollout of plan {report['plan_id']}" + (" (check mode: nothing was changed)" if report["check_mode"] else ""),
        *on_cluster(report["cluster"]),
        "",
    ]
    policy, witness = report["policy"] is not None, witness_section.any_of(report["batches"])
    lines += table(
        (
            "batch",
            "state",
            "ready",
            *(["policy proven"] if policy else []),
            *(["longest gap"] if witness else []),
            "nodes",
        ),
        [
            (
                batch["name"],
                batch["state"].replace("_", " "),
                f"{batch['ready']}/{batch['nodes']}",
                *([policy_section.batch_told(batch)] if policy else []),
                *([witness_section.batch_told(batch)] if witness else []),
                " ".join(batch["node_names"]),
            )
            for batch in report["batches"]
        ],
    )
    lines += policy_section.section(report["policy"])
    lines += witness_section.section(report["batches"])
    if report["not_ready"]:
        lines += ["", "Admitted, but not ready:"]
        lines += table(
            ("node", "state", "since", "why"),
            [(row["node"], row["state"], row["since"] or "", row["reason"] or "") for row in report["not_ready"]],
        )
    if report["refused"]:
        lines += ["", "Refused by the API server so far:"]
        lines += table(
            ("object", "write", "since", "last", "its words"),
            [(one["object"], one["write"], one["since"], one["last"], one["said"]) for one in report["refused"]],
        )
    lines += adopted_all_the_same(report["unproven"])
    lines += outside(report["excluded"])
    lines += waivers_section.section(report["waivers"])
    lines += cross_findings_section.section(cross_findings_section.warnings(report["cross_findings"]))
    for note in report["notes"]:
        lines += ["", *paragraph(f"Note: {note}.")]
    if report["to_commit"]:
        lines += ["", "To commit:", *_indented(report["to_commit"])]
    lines += control_plane_section.section(report["control_plane"])
    lines += ["", *paragraph(f"Result: {report['outcome'].replace('_', ' ')}. {report['reason']}")]
    return "\n".join(printable(line) for line in lines)


def _indented(text: str) -> list[str]:
    """As code, in a terminal and in Markdown, where no content of it can end it."""
    return [f"    {printable(line)}" for line in text.splitlines()]


def outside(excluded: Sequence[ExcludedNode]) -> list[str]:
    """Who stays outside, why, and what would change it."""
    left = [entry for entry in excluded if entry["cause"] != NOT_IN_RUN]
    lines = [f"Outside, without Calico ({len(left)}):", *_causes_told(left)] if left else ["No node stays outside."]
    absent = _absent(excluded)
    return ["", *lines, *(["", *paragraph(absent)] if absent else [])]


def tier_cells(tier: PlannedTier) -> tuple[str, ...]:
    """Name, how it says which nodes are its own, nodes, left out, failure budget, what happens on a failure."""
    chosen_by = tier["match"] or tier["selector"] or "(all)"
    return (
        tier["name"],
        chosen_by,
        str(tier["nodes"]),
        str(tier["left_out"]),
        str(tier["budget"]),
        tier["on_failure"],
    )


def adopted_all_the_same(unproven: Sequence[UnprovenNode]) -> list[str]:
    """Who runs Calico in spite of what its precheck says: the next restart of calico-node may fail there."""
    if not unproven:
        return []
    return ["", f"Runs Calico, fails precheck, adopted all the same ({len(unproven)}):", *_causes_told(unproven)]


def _causes_told(entries: Sequence[ExcludedNode] | Sequence[UnprovenNode]) -> list[str]:
    """Nodes with the very same trouble share a line, in the place of the first."""
    alike: dict[tuple[str, str, str | None], list[str]] = {}
    for entry in entries:
        alike.setdefault((entry["cause"], entry["reason"], entry["remedy"]), []).append(_who(entry))
    lines = []
    for (cause, reason, remedy), who in alike.items():
        lines += paragraph(f"{', '.join(who)}: {cause}: {reason}", indent=2)
        if remedy:
            lines += paragraph(f"remedy: {remedy}", indent=6)
    return lines


def markdown(report: Report) -> str:
    """The same story for a wiki, a pull request or a chat."""
    lines = [f"# Calico rollout, plan {escaped(report['plan_id'])}", ""]
    lines += [line for told in on_cluster(report["cluster"]) for line in (escaped(told), "")]
    lines += [f"**{escaped(report['outcome'].replace('_', ' '))}**: {escaped(report['reason'])}", ""]
    if report["check_mode"]:
        lines += ["Check mode: nothing was changed.", ""]
    if report["to_commit"]:
        lines += ["## To commit", "", *_indented(report["to_commit"]), ""]
    lines += ["## Batches", ""]
    policy, witness = report["policy"] is not None, witness_section.any_of(report["batches"])
    lines += table_of(
        (
            "Batch",
            "Tier",
            "State",
            "Ready",
            *(["Policy proven"] if policy else []),
            *(["Longest gap"] if witness else []),
            "Nodes",
        ),
        [
            (
                batch["name"],
                batch["tier"] or "",
                batch["state"].replace("_", " "),
                f"{batch['ready']}/{batch['nodes']}",
                *([policy_section.batch_told(batch)] if policy else []),
                *([witness_section.batch_told(batch)] if witness else []),
                ", ".join(batch["node_names"]),
            )
            for batch in report["batches"]
        ],
    )
    lines += policy_section.markdown_section(report["policy"])
    lines += witness_section.markdown_section(report["batches"])
    lines += ["", "## Tiers", ""]
    lines += table_of(
        ("Tier", "Selected by", "Nodes", "Left out", "Failure budget", "On failure"),
        [tier_cells(tier) for tier in report["tiers"]],
    )
    if report["not_ready"]:
        lines += ["", "## Admitted, but not ready", ""]
        lines += table_of(
            ("Node", "State", "Since", "Why"),
            [(row["node"], row["state"], row["since"] or "", row["reason"] or "") for row in report["not_ready"]],
        )
    if report["refused"]:
        lines += ["", "## Refused by the API server so far", ""]
        lines += table_of(
            ("Object", "Write", "Since", "Last", "Its words"),
            [(one["object"], one["write"], one["since"], one["last"], one["said"]) for one in report["refused"]],
        )
    if report["unproven"]:
        lines += ["", "## Runs Calico, fails precheck, adopted all the same", ""]
        lines += _causes(report["unproven"])
    lines += ["", "## Outside, without Calico", ""]
    left = [entry for entry in report["excluded"] if entry["cause"] != NOT_IN_RUN]
    lines += _causes(left) if left else ["No node stays outside."]
    absent = _absent(report["excluded"])
    lines += ["", escaped(absent)] if absent else []
    lines += waivers_section.markdown_section(report["waivers"])
    lines += cross_findings_section.markdown_section(cross_findings_section.warnings(report["cross_findings"]))
    if report["notes"]:
        lines += ["", "## Notes", "", *[f"- {escaped(note)}" for note in report["notes"]]]
    lines += control_plane_section.markdown_section(report["control_plane"])
    return "\n".join(lines) + "\n"


def _causes(entries: Sequence[ExcludedNode] | Sequence[UnprovenNode]) -> list[str]:
    return table_of(
        ("Node", "Host", "Tier", "Cause", "Reason", "Remedy"),
        [
            (
                entry["node"] or "",
                entry["host"] or "",
                entry["tier"] or "",
                entry["cause"],
                entry["reason"],
                entry["remedy"] or "",
            )
            for entry in entries
        ],
    )


def _absent(excluded: Sequence[ExcludedNode]) -> str:
    """Who is not in this run, in one line: there may be many, and there is nothing to do about them."""
    names = [entry["node"] or "" for entry in excluded if entry["cause"] == NOT_IN_RUN]
    as_they_are = "they are" if len(names) > 1 else "it is"
    return f"Not in this run, and left as {as_they_are} ({len(names)}): {listed(names)}" if names else ""


def _who(entry: ExcludedNode | UnprovenNode) -> str:
    if entry["node"] is None:
        return f"host {entry['host']}"
    return entry["node"] if entry["host"] in (None, entry["node"]) else f"{entry['node']} (host {entry['host']})"

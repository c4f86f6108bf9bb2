# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a probe of network policy showed, told to people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ..documents import HostRules, NodeProof, PolicyProbeReport
from ..documents.policy import ProbeRow
from ..text.terminal import count, listed, paragraph, printable, table

HEAD = ("node", "verdict", "rows right", "in force after")


RULES_HEAD = ("node", "host", "its rules")
RULES_LEAD = "What the rules of the hosts said before the probe. Packets decide; rules help to find the cause."


def policy_text(report: PolicyProbeReport) -> str:
    """A line a node; what is wrong and what to look at; what hosts say of their rules; the last line is the result."""
    lines = table(HEAD, [cells(proof) for proof in report["nodes"]]) if report["nodes"] else []
    for who, reason, remedy in faults(report):
        lines += ["", *paragraph(f"{who}: {reason}"), *paragraph(remedy, indent=4)]
    lines += _rules(report)
    notes = remarks(report)
    lines += ["", *(line for note in notes for line in paragraph(note))] if notes else []
    lines += ["", f"Result: {report['reason']}"]
    return "\n".join(printable(line) for line in lines).lstrip("\n")


def _rules(report: PolicyProbeReport) -> list[str]:
    if not report["host_rules"]:
        return []
    lines = ["", *paragraph(RULES_LEAD), *table(RULES_HEAD, [rules_cells(one) for one in report["host_rules"]])]
    # Many nodes may have the same to say: that no host is theirs.
    by_words: dict[str, list[str]] = {}
    for one in report["host_rules"]:
        if one["verdict"] != "present":
            by_words.setdefault(f"{one['sentence']}.", []).append(one["node"])
        if one["disagreement"]:
            by_words.setdefault(one["disagreement"], []).append(one["node"])
    for words, nodes in by_words.items():
        lines += ["", *paragraph(f"{listed(nodes, 10)}: {words}")]
    return lines


def rules_cells(one: HostRules) -> tuple[str, str, str]:
    return one["node"], one["host"] or "", one["verdict"]


def rules_told(one: HostRules) -> str:
    return f"the rules of its host: {one['sentence']}."


def cells(proof: NodeProof) -> tuple[str, str, str, str]:
    right = f"{proof['rows'] - len(proof['failed'])} of {proof['rows']}"
    return proof["node"], proof["verdict"], right, in_force_after(proof)


def in_force_after(proof: NodeProof) -> str:
    if proof["settled_ms"] is None:
        return "not measured"
    exact = "" if proof["resolution_ms"] is None else f", exact to {proof['resolution_ms']:.0f} ms"
    return f"{proof['settled_ms']:.0f} ms{exact}"


def faults(report: PolicyProbeReport) -> Iterator[tuple[str, str, str]]:
    """Who, what is wrong, what to look at: nodes first, then pairs."""
    for proof in report["nodes"]:
        if proof["verdict"] != "enforced":
            yield proof["node"], proof["reason"], proof["remedy"] or ""
    for pair in report["pairs"]:
        yield f"between {' and '.join(pair['nodes'])}", pair["reason"], pair["remedy"]


def remarks(report: PolicyProbeReport) -> list[str]:
    """How it was measured, and what it does not prove."""
    notes = list(report["limits"])
    if report["foreign_policies"]:
        notes.append(f"Policies of others select the pods of the probe: {listed(report['foreign_policies'])}.")
    if report["settled"]:
        times = report["settled"]
        notes.append(
            f"Policy was in force {times['median']:.0f} ms after a write at the median, {times['p99']:.0f} ms at the 99th percentile, "
            f"{times['longest']:.0f} ms at the longest; the deadline is {report['deadline_ms']} ms."
        )
    peers = f", with {listed(report['proven_before'], 10)} as proven peers" if report["proven_before"] else ""
    notes.append(
        f"{count(report['connections'], 'connection')} in {count(len(report['rows']), 'row')} of strength {report['strength']}, "
        f"seed {report['seed']}{peers}."
    )
    return notes


def kind_told(row: ProbeRow) -> str:
    """What is special about the row, to go on from the rest of it: `, large packets`."""
    return "" if row["kind"] == "ordinary" else f", {row['kind'].replace('_', ' ')}"


def told(row: ProbeRow) -> str:
    """One row in words: `a/3: denied TCP over IPv6, egress to b`."""
    if row["kind"] == "dns":
        return f"{row['id']}: allowed {row['protocol']} over {row['family']}, {row['direction']} to the cluster's DNS"
    allowed = "allowed" if row["allowed"] else "denied"
    where = (
        "on the node"
        if row["way"] == "same_node"
        else f"{'from' if row['direction'] == 'ingress' else 'to'} {row['peer']}"
    )
    return f"{row['id']}: {allowed} {row['protocol']} over {row['family']}, {row['direction']} {where}{kind_told(row)}"

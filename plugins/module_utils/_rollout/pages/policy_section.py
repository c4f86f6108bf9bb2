# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a rollout's probes show of network policy, as part of a page: in a few words a batch, row by row where it is not proven."""

from __future__ import annotations

from ..documents import BatchReport, Plan, PolicyProbeReport, PolicyStanding, ProbeFate, ProbeRow
from ..plan.verify import is_proven, is_witnessed
from ..policy.timelines import client_of, server_of
from ..text.markdown import escaped, table_of
from ..text.terminal import listed, paragraph, table
from .policy_text import kind_told

_BATCHES_SHOWN = 10
_ROW_HEAD = ("row", "connection", "what was wrong")


def batch_told(batch: BatchReport) -> str:
    """For the table of batches: `2/2, 21 ms`."""
    proof = batch["policy"]
    if proof is None:
        return ""
    longest = "" if proof["longest_ms"] is None else f", {proof['longest_ms']:.0f} ms"
    return f"{proof['nodes']}/{batch['nodes']}{longest}"


def planned(plan: Plan) -> list[str]:
    """For the plan: what will be proven and witnessed, and with what."""
    settings = plan["verify"]
    if settings is None:
        return []
    proven = sum(is_proven(batch, plan["batches"], settings) for batch in plan["batches"])
    each = "node by node" if settings["mode"] == "each_node" else "batch by batch"
    witnessed = [batch["name"] for batch in plan["batches"] if is_witnessed(batch, plan["batches"], settings)]
    witness = (
        f" On the nodes of {'batch' if len(witnessed) == 1 else 'the batches'} {listed(witnessed, _BATCHES_SHOWN)}, connections go on "
        "from before the label until after the soak, and show gaps and moments without policy."
        if witnessed
        else ""
    )
    return [
        "",
        *paragraph(
            f"Network policy is proven on {proven} of {len(plan['batches'])} batches, {each}, by pods of {settings['image']} in the "
            f"namespace {settings['namespace']}.{witness}"
        ),
    ]


def section(standing: PolicyStanding | None) -> list[str]:
    """For a terminal; nothing where all that was to be proven is proven, without limits."""
    if standing is None:
        return []
    lines: list[str] = []
    if standing["unproven"] is not None:
        lines += ["", "Network policy is not proven:"]
        for told in _told(standing["unproven"]):
            lines += paragraph(told, indent=2)
        rows = _rows(standing["unproven"])
        lines += ["", *table(_ROW_HEAD, rows)] if rows else []
    if standing["policy_gaps"]:
        lines += ["", "Workloads on nodes that do not enforce network policy:"]
        lines += table(("node", "pods", "for instance", "NetworkPolicies not in force"), _gaps(standing))
    for limit in standing["limits"]:
        lines += ["", *paragraph(f"Not proven of network policy: {limit}")]
    return lines


def markdown_section(standing: PolicyStanding | None) -> list[str]:
    if standing is None:
        return []
    lines: list[str] = []
    if standing["unproven"] is not None:
        lines += ["", "## Network policy is not proven", ""]
        lines += [f"- {escaped(told)}" for told in _told(standing["unproven"])]
        rows = _rows(standing["unproven"])
        lines += ["", *table_of([cell.capitalize() for cell in _ROW_HEAD], rows)] if rows else []
    if standing["policy_gaps"]:
        lines += ["", "## Workloads on nodes that do not enforce network policy", ""]
        lines += table_of(("Node", "Pods", "For instance", "NetworkPolicies not in force"), _gaps(standing))
    if standing["limits"]:
        lines += ["", "## Not proven of network policy", "", *[f"- {escaped(limit)}" for limit in standing["limits"]]]
    return lines


def _told(probe: PolicyProbeReport) -> list[str]:
    """By node and by pair of nodes; the probe's own reason where neither is to blame."""
    told = []
    for entry in probe["nodes"]:
        remedy = f" Remedy: {entry['remedy']}" if entry["remedy"] else ""
        told.append(f"{entry['node']}: {entry['verdict']}: {entry['reason']}{remedy}")
    told += [f"{' and '.join(pair['nodes'])}: {pair['reason']}" for pair in probe["pairs"]]
    return told or [probe["reason"]]


def _rows(probe: PolicyProbeReport) -> list[tuple[str, ...]]:
    return [
        (row["id"], _connection(row), listed([_wrong(fate) for fate in row["fates"] if not fate["ok"]]))
        for row in probe["rows"]
    ]


def _connection(row: ProbeRow) -> str:
    """Who connects to whom, and by what."""
    if row["kind"] == "dns":
        return f"{row['node']} to the cluster's DNS, {row['family']} {row['protocol']}, {row['direction']}"
    return f"{client_of(row)} to {server_of(row)}, {row['family']} {row['protocol']}, {row['direction']}{kind_told(row)}"


def _wrong(fate: ProbeFate) -> str:
    """`default deny: answered, not dropped`; a fate that is right in the end came late."""
    phase = fate["phase"].replace("_", " ")
    right = ("answered", "refused") if fate["expected"] == "through" else ("dropped",)
    if fate["seen"] not in right:
        return f"{phase}: {fate['seen']}, not {fate['expected']}"
    if fate["hole_ms"] is not None:
        return f"{phase}: for {fate['hole_ms']:.0f} ms not {fate['expected']}"
    late = "" if fate["settled_ms"] is None else f" after {fate['settled_ms']:.0f} ms"
    return f"{phase}: {fate['seen']}{late}"


def _gaps(standing: PolicyStanding) -> list[tuple[str, ...]]:
    return [
        (
            gap["node"],
            str(gap["pods"]),
            listed(gap["examples"]),
            listed([f"{one['workload']}: {listed(one['policies'])}" for one in gap["unenforced"]]),
        )
        for gap in standing["policy_gaps"]
    ]

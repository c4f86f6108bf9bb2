# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where a cluster stands, told to people: a page for a terminal, a page of Markdown.

What is wrong comes before what is well, and the nodes that are well are counted: on a large cluster nobody reads their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..documents import ClusterStatus
from ..kubernetes.cluster_identity import on_cluster
from ..text.instant import seconds_since
from ..text.markdown import escaped, table_of
from ..text.terminal import listed, paragraph, printable, table
from . import control_plane_section

BY_HAND = "(not by a rollout)"
NODES_SHOWN = 20
WORKLOADS_SHOWN = 60


class Section(NamedTuple):
    """One table, or the sentence that stands in its place when it would be empty."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    nothing: str
    lead: str = ""
    """What is to be said before the table."""


def terminal(status: ClusterStatus) -> str:
    """Its last line is the verdict."""
    lines = [f"Calico on this cluster, nodes admitted by {_label(status)}", *on_cluster(status["cluster"])]
    for section in _sections(status):
        if section.rows:
            lines += ["", *paragraph(f"{section.title}: {section.lead}")]
            lines += table([head.lower() for head in section.head], section.rows)
        else:
            lines += ["", *paragraph(section.nothing)]
    lines += control_plane_section.section(status["control_plane"])
    lines += ["", *paragraph(f"Result: {status['reason']}")]
    return "\n".join(printable(line) for line in lines)


def markdown(status: ClusterStatus) -> str:
    lines = [
        "# Calico on this cluster",
        "",
        *(line for told in on_cluster(status["cluster"]) for line in (escaped(told), "")),
        f"**{'ready' if status['ready'] else 'not ready'}**: {escaped(status['reason'])}",
    ]
    lines += ["", f"Nodes are admitted by {escaped(_label(status))}."]
    for section in _sections(status):
        lines += ["", f"## {section.title}", ""]
        lines += [escaped(section.lead), ""] if section.rows and section.lead else []
        lines += table_of(section.head, section.rows) if section.rows else [escaped(section.nothing)]
    lines += control_plane_section.markdown_section(status["control_plane"])
    return "\n".join(lines) + "\n"


def _sections(status: ClusterStatus) -> list[Section]:
    return [
        _admitted(status),
        *_waived(status),
        *_stale(status),
        _not_ready(status),
        _gaps(status),
        *_not_in_force(status),
        _outside(status),
        _operator(status),
        *_components(status),
        _scope(status),
        _lock(status),
    ]


def _admitted(status: ClusterStatus) -> Section:
    ready = {row["node"] for row in status["readiness"]["nodes"] if row["ready"]}
    batches: dict[tuple[str, str], list[str]] = {}
    for admission in status["admitted"]:
        batches.setdefault((admission["batch"] or BY_HAND, admission["plan"] or ""), []).append(admission["node"])
    rows = [
        (batch, plan, f"{len(ready.intersection(nodes))}/{len(nodes)}", listed(nodes, NODES_SHOWN))
        for (batch, plan), nodes in batches.items()
    ]
    return Section("Admitted", ("Batch", "Plan", "Ready", "Nodes"), rows, "No node is admitted.")


def _waived(status: ClusterStatus) -> list[Section]:
    """If no node was admitted by a waiver, there is no section."""
    by_waiver: dict[tuple[str, str, bool], list[str]] = {}
    for admission in status["admitted"]:
        for waiver in admission["waivers"]:
            by_waiver.setdefault((waiver["until"], waiver["check"], waiver["expired"]), []).append(admission["node"])
    rows = [
        (check, f"expired on {until}" if expired else f"until {until}", listed(nodes, NODES_SHOWN))
        for (until, check, expired), nodes in sorted(by_waiver.items())
    ]
    return [Section("Admitted by a waiver", ("Check", "Waived", "Nodes"), rows, "")] if rows else []


def _stale(status: ClusterStatus) -> list[Section]:
    """Nodes whose hosts were checked for less than the cluster asks by now. Where there is none, no section."""
    nodes: dict[tuple[str, str, str, str], list[str]] = {}
    for admission in status["admitted"]:
        for one in admission["stale"]:
            key = (one["setting"], one["checked"], one["asked"], one["source"])
            nodes.setdefault(key, []).append(admission["node"])
    rows = [(*key, listed(found, NODES_SHOWN)) for key, found in nodes.items()]
    head = ("Setting", "Checked for", "Asked for now", "By", "Nodes")
    return [Section("Checked for another Calico: run the precheck again", head, rows, "")] if rows else []


def _not_ready(status: ClusterStatus) -> Section:
    now = status["read_at"]
    rows = [
        (row["node"], row["state"].replace("_", " "), _since(row["since"], now), row["reason"] or "")
        for row in status["readiness"]["nodes"]
        if not row["ready"]
    ]
    rows += [("(all)", "calico-node", "", blocker) for blocker in status["readiness"]["blockers"] if status["admitted"]]
    return Section(
        "Admitted, but not ready",
        ("Node", "State", "Since", "Why"),
        rows,
        "Every admitted node is ready." if status["admitted"] else "No node is waited for.",
    )


def _gaps(status: ClusterStatus) -> Section:
    if status["policy_gaps"] is None:
        nothing = "Workloads on nodes without Calico were not looked for."
    else:
        nothing = "No workload runs on a node without a ready calico-node."
    rows = [
        (
            gap["node"],
            str(gap["pods"]),
            "unknown" if gap["selected"] is None else str(gap["selected"]),
            _since(gap["since"], status["read_at"]),
            _first(gap["examples"], gap["pods"]),
            gap["reason"],
        )
        for gap in status["policy_gaps"] or []
    ]
    head = ("Node", "Pods", "Selected by policy", "Since", "Which", "Why")
    not_read = status["policies_not_read"]
    lead = "" if not_read is None else f"which of them a NetworkPolicy selects is not known, {not_read}."
    return Section("Workloads without network policy", head, rows, nothing, lead)


def _not_in_force(status: ClusterStatus) -> list[Section]:
    """The workloads that policies select, apart from those that none selects. If there is none, there is no section."""
    gaps = status["policy_gaps"] or []
    rows = [
        (gap["node"], one["workload"], _first(one["policies"], one["count"]))
        for gap in gaps
        for one in gap["unenforced"]
    ]
    selected = sum(gap["selected"] or 0 for gap in gaps)
    shown = min(len(rows), WORKLOADS_SHOWN)
    lead = f"{shown} of {selected} workloads are shown." if shown < selected else ""
    head = ("Node", "Workload", "NetworkPolicies")
    return [Section("NetworkPolicies not in force", head, rows[:shown], "", lead)] if rows else []


def _outside(status: ClusterStatus) -> Section:
    rows = [
        (
            node["node"],
            node["cause"].replace("_", " "),
            _words(
                ("cordoned", node["unschedulable"]),
                ("tainted", node["taints"]),
                ("open to workloads", not (node["unschedulable"] or node["taints"])),
                ("calico-node ready", node["calico_ready"]),
            ),
            node["reason"],
        )
        for node in status["outside"]
    ]
    lead = (
        ""
        if status["not_recorded"] is None
        else f"whether one was registered anew is not known, {status['not_recorded']}."
    )
    return Section("Outside", ("Node", "Cause", "It is", "Why"), rows, "No node is outside.", lead)


def _operator(status: ClusterStatus) -> Section:
    rows = [
        (
            one["name"],
            _words(("available", one["available"]), ("progressing", one["progressing"]), ("degraded", one["degraded"]))
            or "unknown",
            _since(one["since"], status["read_at"]),
            ": ".join(part for part in (one["reason"], one["message"]) if part),
        )
        for one in status["operator"]
    ]
    return Section("TigeraStatus", ("Name", "It is", "Since", "Why"), rows, "There is no TigeraStatus.")


def _components(status: ClusterStatus) -> list[Section]:
    if status["control_plane"] is None:
        return []
    rows = [
        (
            f"{one['kind']} {one['namespace']}/{one['name']}",
            f"{one['available']}/{one['wanted']}",
            one["reason"] or "",
        )
        for one in status["control_plane"]["components"]
    ]
    return [Section("Control plane", ("Component", "Available", "Waits for"), rows, "No control plane was found.")]


def _lock(status: ClusterStatus) -> Section:
    lock = status["lock"]
    if lock is None:
        told = f"Whether a rollout is under way was not read: {status['lock_not_read'] or 'nobody asked'}."
    elif lock["holder"] is None:
        told = f"No rollout is under way: nobody holds the lock {lock['lease']}."
    elif lock["gone"]:
        told = f"{lock['holder']} left the lock {lock['lease']}: its processes have ended. The next run from here takes it at once."
    else:
        told = (
            f"A rollout is under way: {lock['holder']} holds the lock {lock['lease']} since {lock['since']}, and renewed it at "
            f"{lock['renewed']}, by its own clock."
        )
    return Section("Lock", (), [], told)


def _scope(status: ClusterStatus) -> Section:
    scope = status["scope"]
    selectors = (
        ("calico-node", scope["calico_node_selector"]),
        ("csi-node-driver", scope["csi_node_driver_selector"]),
        ("control plane", scope["control_plane_selector"]),
    )
    told = f"{scope['state'].replace('_', ' ')}: {scope['reason']}"
    if scope["managed_by"]:
        told += f". Its spec is written by {listed(scope['managed_by'])}"
    rows = [
        (name, ", ".join(f"{key}={value}" for key, value in sorted(of.items())) or "(every node)")
        for name, of in selectors
    ]
    absent = scope["state"] == "absent"
    return Section("Installation", ("Part", "Runs on"), [] if absent else rows, f"Installation {told}.", f"{told}.")


def _first(names: Sequence[str], of: int) -> str:
    return ", ".join(names) + (", ..." if of > len(names) else "")


def _label(status: ClusterStatus) -> str:
    return f"{status['admission_label']['key']}={status['admission_label']['value']}"


def _words(*words: tuple[str, object]) -> str:
    return ", ".join(word for word, applies in words if applies)


def _since(since: str | None, now: float) -> str:
    """`3 h ago` is what a person on call wants; the instant itself is in the document."""
    seconds = seconds_since(since, now)
    if seconds is None:
        return ""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"

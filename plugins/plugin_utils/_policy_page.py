# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a probe of network policy showed, as one self-contained HTML page with the connections as a picture.

Names come from the cluster and are not trusted. Jinja2 escapes every string, and the page's own policy runs no script at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Optional

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PolicyProbeReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import (
    NodeVerdict,
    ProbeFate,
    ProbeRow,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.policy_text import (
    RULES_LEAD,
    faults,
    in_force_after,
    remarks,
    told,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.fates import (
    THROUGH,
    dns_is_silent,
    row_symptom,
    symptom,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.timelines import client_of, server_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.order import natural
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.terminal import count
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._html import page

PHASE_WORDS = {
    "open": "no policy",
    "default_deny": "default deny",
    "precise_allow": "precise allow",
    "reopened": "removed",
}
SYMPTOM_WORDS = {
    "open": "a denied connection came through",
    "closed": "an allowed connection did not come through",
    "late": "right only after the deadline",
    "unproven": "no evidence",
}
LETTERS = {"open": "O", "closed": "C", "late": "L", "unproven": "?"}

# The picture of a row: four phases beside each other, `through` above and `dropped` below.
WIDE, HIGH, BAR, GAP = 64, 26, 8, 3


class Mark(NamedTuple):
    """A row in the picture of all."""

    anchor: str
    symptom: Optional[NodeVerdict]
    words: str


class Bar(NamedTuple):
    """A phase in the picture of a row."""

    x: int
    y: int
    width: int
    look: str
    words: str


def policy_page(report: PolicyProbeReport) -> str:
    anchors = {row["id"]: f"row-{place}" for place, row in enumerate(report["rows"], start=1)}
    return page(
        "policy.html.j2",
        styles=("colours.css", "policy.css"),
        report=report,
        anchors=anchors,
        nodes=_nodes(report),
        marks=_marks(report["rows"], anchors),
        of_node={
            proof["node"]: [row for row in report["rows"] if row["node"] == proof["node"]] for proof in report["nodes"]
        },
        enforced=sum(proof["verdict"] == "enforced" for proof in report["nodes"]),
        faults=list(faults(report)),
        remarks=remarks(report),
        in_force_after=in_force_after,
        told=told,
        bars=_bars,
        row_symptom=row_symptom,
        label=_label,
        counted=count,
        rules_lead=RULES_LEAD,
        PHASE_WORDS=PHASE_WORDS,
        SYMPTOM_WORDS=SYMPTOM_WORDS,
        LETTERS=LETTERS,
        picture={"width": 4 * WIDE, "height": HIGH, "bar": BAR},
    )


def _nodes(report: PolicyProbeReport) -> list[str]:
    """The batch first, then the peers."""
    batch = [proof["node"] for proof in report["nodes"]]
    others = {row["peer"] for row in report["rows"]} - {*batch}
    return [*batch, *sorted(others, key=natural)]


def _marks(rows: Sequence[ProbeRow], anchors: dict[str, str]) -> dict[tuple[str, str], list[Mark]]:
    """By client and server the rows between them."""
    marks: dict[tuple[str, str], list[Mark]] = {}
    for row in rows:
        wrong = row_symptom(row)
        right = "no answer without a policy" if dns_is_silent(row) else "right in every phase"
        words = f"{told(row)}: {SYMPTOM_WORDS[wrong] if wrong else right}"
        marks.setdefault((client_of(row), server_of(row)), []).append(Mark(anchors[row["id"]], wrong, words))
    return marks


def _label(row: ProbeRow) -> str:
    wrong = row_symptom(row)
    holes = [fate["hole_ms"] for fate in row["fates"] if symptom(fate) == wrong]
    lasted = [hole for hole in holes if hole is not None]
    if wrong == "open" and len(lasted) == len(holes):
        return f"{SYMPTOM_WORDS[wrong]} for {max(lasted):.0f} ms"
    return SYMPTOM_WORDS[wrong] if wrong else ""


def _bars(row: ProbeRow) -> list[Bar]:
    """Where policy should have the connections is drawn as an outline, where they were as a bar."""
    bars = []
    for place, fate in enumerate(row["fates"]):
        left, width = place * WIDE + GAP, WIDE - 2 * GAP
        wrong = symptom(fate)
        words = _words(fate)
        if wrong is None or wrong == "late":
            bars.append(Bar(left, _height(fate["expected"] == "through"), width, wrong or "right", words))
            continue
        bars.append(Bar(left, _height(fate["expected"] == "through"), width, "expected", words))
        if fate["seen"] == "none":
            continue
        came_through = fate["seen"] in THROUGH
        if came_through == (fate["expected"] == "through"):
            # Right at the end, and wrong for a moment before: a notch on the other level.
            bars[-1] = Bar(left, _height(came_through), width, "right", words)
            bars.append(Bar(left + width // 3, _height(not came_through), width // 4, wrong, words))
        else:
            bars.append(Bar(left, _height(came_through), width, wrong, words))
    return bars


def _height(through: bool) -> int:
    return GAP if through else HIGH - BAR - GAP


def _words(fate: ProbeFate) -> str:
    seen = f"{PHASE_WORDS[fate['phase']]}: expected {fate['expected']}, seen {fate['seen']}, {count(fate['tries'], 'try', 'tries')}"
    if fate["settled_ms"] is not None:
        seen += f", settled after {fate['settled_ms']:.0f} ms"
    if fate["hole_ms"] is not None:
        seen += f", wrong again for {fate['hole_ms']:.0f} ms"
    return seen

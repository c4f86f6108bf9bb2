# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What witnesses of a rollout saw of its nodes, as part of a page: the longest gaps, and denied connections that came through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..documents import BatchReport, BatchWitness, FlowWitness
from ..text.markdown import escaped, table_of
from ..text.terminal import count, listed, paragraph, table

_HEAD = ("node", "longest gap", "began", "direction", "denied, and came through")
_SHOWN = 5


def any_of(batches: Sequence[BatchReport]) -> bool:
    return any(batch["witness"] for batch in batches)


def batch_told(batch: BatchReport) -> str:
    """For the table of batches: `120 ms`."""
    gaps = batch["witness"]["gaps_ms"] if batch["witness"] else {}
    return f"{max(gaps.values()):.0f} ms" if gaps else ""


def section(batches: Sequence[BatchReport]) -> list[str]:
    """For a terminal; nothing where nobody was witnessed."""
    lines: list[str] = []
    for name, witness in _witnessed(batches):
        lines += ["", f"Witnesses of batch {name}, from before its label until after the soak:"]
        rows = [_row(each) for each in witness["in_full"]]
        lines += table(_HEAD, rows) if rows else []
        for told in _rest(witness):
            lines += paragraph(told, indent=2)
    return lines


def markdown_section(batches: Sequence[BatchReport]) -> list[str]:
    lines: list[str] = []
    for name, witness in _witnessed(batches):
        lines += ["", f"## Witnesses of batch {escaped(name)}"]
        rows = [_row(each) for each in witness["in_full"]]
        lines += ["", *table_of([cell.capitalize() for cell in _HEAD], rows)] if rows else []
        rest = [f"- {escaped(told)}" for told in _rest(witness)]
        lines += ["", *rest] if rest else []
    return lines


def _witnessed(batches: Sequence[BatchReport]) -> Iterator[tuple[str, BatchWitness]]:
    for batch in batches:
        if batch["witness"] is not None:
            yield batch["name"], batch["witness"]


def _row(witness: FlowWitness) -> tuple[str, ...]:
    gap = witness["longest_gap"]
    through = ""
    if witness["denied_through"]:
        directions = listed(witness["open_directions"])
        through = f"{witness['denied_through']}, {directions}, the first at {witness['first_denied_through']}"
    if gap is None:
        return witness["node"], "none", "", "", through
    return witness["node"], f"{gap['milliseconds']:.0f} ms", gap["began"], gap["direction"], through


def _rest(witness: BatchWitness) -> Iterator[str]:
    """Of the nodes that are not told in full."""
    in_full = {each["node"] for each in witness["in_full"]}
    gaps = [gap for node, gap in witness["gaps_ms"].items() if node not in in_full]
    if gaps:
        longest = f"no gap longer than {max(gaps):.0f} ms" if max(gaps) else "no gap at all"
        yield f"{count(len(gaps), 'more node' if in_full else 'node')} with {longest}."
    alike: dict[str, list[str]] = {}
    for node, reason in witness["reasons"].items():
        alike.setdefault(reason, []).append(node)
    if witness["incomplete"]:
        told = "; ".join(f"{listed(nodes, _SHOWN)}: {reason}" for reason, nodes in alike.items())
        yield f"Nothing, or not all, is known of {count(witness['incomplete'], 'node')}: {told}."

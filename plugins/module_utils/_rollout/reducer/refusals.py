# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Writes that the API server refused and that are tried again: remembered until they succeed, and told in its own words.

A webhook that is down, an API server that restarts: the next attempt may go through, so nothing stops. Without its last answer the
rollout would only say what it lacks, and not why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..calico_node.readiness import carries
from ..documents import AdmissionLabel, Observation
from ..documents.actions import RefusedWrite, Writing
from ..kubernetes.names import QUARANTINE_KEY
from ..operator.installation import scoped
from ..text.instant import rfc3339
from ..text.terminal import listed, printable

MOST = 20
"""Nodes remembered. A webhook that is down refuses every label in the same words, and the state goes through Ansible with each call."""
LONGEST = 600
"""Characters of an answer. Those of the API server about a webhook that it cannot reach have some 300."""
NAMES_SHOWN = 5

_WORDS = {
    "label": "the admission label of",
    "selector": "the selector in",
    "raise_max_unavailable": "the raised maxUnavailable in",
    "restore_max_unavailable": "the former maxUnavailable in",
    "policy_probe": "a probe of network policy in",
    "clear_network_unavailable": "to clear NetworkUnavailable of",
}
"""Where the name of the write alone says too little."""


def remembered(
    refused: Sequence[RefusedWrite], write: Writing, failed: Mapping[str, str], tried: Collection[str], now: float
) -> list[RefusedWrite]:
    """The refused writes after another attempt.

    :param write: kind of write that was tried
    :param failed: the API server's words by object, for those that it refused
    :param tried: every object that was tried; what was refused before and is not among the failed any more is forgotten
    """
    known = {entry["object"]: entry["since"] for entry in refused if entry["write"] == write}
    kept = [entry for entry in refused if entry["write"] != write or entry["object"] not in tried]
    at = rfc3339(now)
    new = [
        RefusedWrite(
            write=write,
            object=name,
            said=printable(said)[:LONGEST],
            since=known.get(name, at),
            last=at,
        )
        for name, said in sorted(failed.items())
    ]
    # Those that failed now come first: what they say is the newest.
    mine = [*new, *(entry for entry in kept if entry["write"] == write)][:MOST]
    return [*mine, *(entry for entry in kept if entry["write"] != write)]


def still_refused(refused: Iterable[RefusedWrite], seen: Observation, label: AdmissionLabel) -> list[RefusedWrite]:
    """Those whose write is not there: it may have taken effect unheard, or somebody else made it."""
    nodes, installation = seen["nodes"], seen["installation"]
    raised = installation is not None and installation["raised"] is not None

    def pending(entry: RefusedWrite) -> bool:
        if entry["write"] == "label":
            return entry["object"] in nodes and not carries(nodes[entry["object"]]["labels"], label)
        if entry["write"] == "selector":
            return not scoped(installation, label)
        if entry["write"] in ("raise_max_unavailable", "restore_max_unavailable"):
            return raised == (entry["write"] == "restore_max_unavailable")
        node = nodes.get(entry["object"])
        if entry["write"] == "quarantine":
            return node is not None and QUARANTINE_KEY not in node["labels"]
        if entry["write"] == "clear_network_unavailable":
            return node is not None and node["network_unavailable"]
        return True

    return [entry for entry in refused if pending(entry)]


def told(refused: Sequence[RefusedWrite], write: str) -> str:
    """What the API server says of these writes, each answer once; empty where there is none."""
    alike: dict[str, list[RefusedWrite]] = {}
    for entry in refused:
        if entry["write"] == write:
            # The same answer about two nodes differs in their names.
            alike.setdefault(entry["said"].replace(entry["object"], ""), []).append(entry)
    parts = []
    for entries in alike.values():
        names = listed([entry["object"] for entry in entries], NAMES_SHOWN)
        since = min(entry["since"] for entry in entries)
        parts.append(
            f"the API server refuses {_WORDS.get(write, f'the {write} of')} {names} since {since}: {entries[0]['said']}"
        )
    return "; ".join(parts)


def in_brackets(refused: Sequence[RefusedWrite], write: str) -> str:
    """The same, for the middle of a sentence."""
    text = told(refused, write)
    return f" ({text})" if text else ""


def with_refusals(reason: str, refused: Sequence[RefusedWrite]) -> str:
    """A reason that names every refused write; those that it names already are not told twice."""
    texts = [text for write in _kinds(refused) if (text := told(refused, write)) and text not in reason]
    return "; ".join([reason, *texts])


def without_refusals(reason: str, refused: Sequence[RefusedWrite]) -> str:
    """The same reason before it named them."""
    for write in _kinds(refused):
        text = told(refused, write)
        if text:
            reason = reason.replace(f" ({text})", "").replace(f"; {text}", "")
    return reason


def _kinds(refused: Iterable[RefusedWrite]) -> list[str]:
    """Each kind of write once. Those of the table come first, in its order, so that a reason always reads the same."""
    found = {entry["write"] for entry in refused}
    return [*(write for write in _WORDS if write in found), *sorted(found - set(_WORDS))]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a step did, or in check mode would do: compact actions, and a diff of the fields written and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._rollout.documents import AwaitOwner, AwaitRestart, LabelNodes, Observation, Wait
from .._rollout.evidence.admission_annotations import written_to
from .installation.max_unavailable import LimitOutcome
from .installation.scope_request import ScopeOutcome


class Journal:
    def __init__(self) -> None:
        self.actions: list[dict[str, Any]] = []
        self.changed = False
        self._nodes: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self._scoped: list[dict[str, Any]] = []
        self._limits: list[tuple[str, dict[str, Any], dict[str, Any]]] = []

    def labelled(
        self, action: LabelNodes, observation: Observation, written: Sequence[str], failed: Mapping[str, str]
    ) -> None:
        """`failed` has a sentence for each node that the API server did not take the label for."""
        entry: dict[str, Any] = {
            "do": "label_nodes",
            "batch": action["batch"],
            "count": len(written),
            "nodes": list(written),
        }
        if failed:
            entry["failed"] = dict(failed)
        self.actions.append(entry)
        self.changed = self.changed or bool(written)
        before, after = self._nodes
        for name in written:
            node, annotations = observation["nodes"][name], written_to(action, name)
            before.setdefault(
                name,
                {
                    "labels": _present(node["labels"], action["labels"]),
                    "annotations": _present(node["annotations"], annotations),
                },
            )
            kept = {key: value for key, value in annotations.items() if value is not None}
            after[name] = {"labels": dict(action["labels"]), "annotations": kept}

    def scoped(self, outcome: ScopeOutcome) -> None:
        entry: dict[str, Any] = {"do": "scope_installation", "create": outcome.created, "changed": outcome.changed}
        if outcome.taken_over:
            entry["taken_over"] = [conflict._asdict() for conflict in outcome.taken_over]
        self.actions.append(entry)
        self.changed = self.changed or outcome.changed
        self._scoped += outcome.diff()

    def limited(self, do: str, outcome: LimitOutcome) -> None:
        """Raised and put back are two changes, each with a diff of its own: together they would look like none."""
        if not outcome.changed:
            return
        self.actions.append({"do": do, "before": outcome.before, "after": outcome.after})
        self.changed = True
        when = "during the adoption" if do == "raise_max_unavailable" else "after the adoption"
        self._limits.append((f"Installation/default {when}", _rolling(outcome.before), _rolling(outcome.after)))

    def waits(self, action: Wait | AwaitOwner | AwaitRestart) -> None:
        """A wait that goes on is one wait, told by its latest reason."""
        entry = {"do": action["do"], "why": action["why"]}
        if self.actions and self.actions[-1]["do"] == action["do"]:
            self.actions[-1] = entry
        else:
            self.actions.append(entry)

    def diff(self) -> list[dict[str, Any]]:
        return [*_changes([("nodes", *self._nodes)]), *self._scoped, *_changes(self._limits)]


def _changes(parts: Sequence[tuple[str, dict[str, Any], dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {"before_header": header, "after_header": header, "before": before, "after": after}
        for header, before, after in parts
        if before != after
    ]


def _present(has: Mapping[str, str], written: Mapping[str, Any]) -> dict[str, str]:
    return {key: has[key] for key in written if key in has}


def _rolling(max_unavailable: str | None) -> dict[str, Any]:
    return {"nodeUpdateStrategy": {"rollingUpdate": {"maxUnavailable": max_unavailable}}}

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a step did, or in check mode would do: compact actions, and a diff of the fields written and no others."""

from __future__ import annotations

from typing import Any

from .actions.action import Change, Told


class Journal:
    def __init__(self) -> None:
        self.actions: list[dict[str, Any]] = []
        self.changed = False
        self._diff: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    def add(self, told: Told, waits: bool) -> None:
        """A wait that goes on is one wait, told by its latest reason."""
        if told.entry is not None:
            if waits and self.actions and self.actions[-1]["do"] == told.entry["do"]:
                self.actions.pop()
            self.actions.append(told.entry)
        self.changed = self.changed or told.changed
        for change in told.diff:
            self._merge(change)

    def diff(self) -> list[dict[str, Any]]:
        return [
            {"before_header": header, "after_header": header, "before": before, "after": after}
            for header, (before, after) in self._diff.items()
            if before != after
        ]

    def _merge(self, change: Change) -> None:
        """From how it was before the first change to how it is after the last, key by key."""
        before, after = self._diff.setdefault(change.header, ({}, {}))
        for key in {**change.before, **change.after}:
            if key in change.before and key not in before and key not in after:
                before[key] = change.before[key]
            if key in change.after:
                after[key] = change.after[key]
            else:
                after.pop(key, None)

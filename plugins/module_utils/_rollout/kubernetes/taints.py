# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A node's taints: what is wanted, and the whole list that a node then has.

Kubernetes distinguishes taints by key and effect. The API knows the list as a whole only, so a write of one taint writes all of them.
What others put there is therefore carried over as it stands, in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import RolloutError
from .names import check_syntax, value_text

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

RawTaint = Mapping[str, Any]
"""As the API has it: key, effect, and maybe value and timeAdded."""


class Taint(NamedTuple):
    key: str
    effect: str
    value: str | None
    """None stands for any value, when a taint is to go."""

    def same_as(self, raw: RawTaint) -> bool:
        return (raw["key"], raw["effect"]) == (self.key, self.effect)

    def equals(self, raw: RawTaint) -> bool:
        return self.same_as(raw) and self.value in (None, raw.get("value") or "")

    def raw(self) -> dict[str, Any]:
        """Without timeAdded, which is the API server's and its controllers' to set."""
        return {"key": self.key, "effect": self.effect, **({"value": self.value} if self.value else {})}


def wanted_taints(given: Sequence[Mapping[str, Any]], present: bool) -> list[Taint]:
    """The taints as the user writes them, checked; RolloutError says what is wrong."""
    taints: list[Taint] = []
    for place, one in enumerate(given):
        value = value_text("taint", one["key"], one.get("value"))
        check_syntax("taint", one["key"], value or "")
        taint = Taint(one["key"], one["effect"], (value or "") if present else value)
        if any(taint.same_as(other.raw()) for other in taints):
            raise RolloutError(
                f"taints[{place}]: {taint.key}:{taint.effect} is given twice, and a node has a taint once for each key and effect."
            )
        taints.append(taint)
    return taints


def with_taints(has: Sequence[RawTaint], these: Sequence[Taint]) -> list[RawTaint]:
    """The list with these in it: another value is replaced where it stands, what is new comes last."""
    after = list(has)
    for taint in these:
        place = next((index for index, raw in enumerate(after) if taint.same_as(raw)), None)
        if place is None:
            after.append(taint.raw())
        elif not taint.equals(after[place]):
            after[place] = taint.raw()
    return after


def without_taints(has: Sequence[RawTaint], these: Sequence[Taint]) -> list[RawTaint]:
    """The list without these; one that has another value than the one given is somebody else's and stays."""
    return [raw for raw in has if not any(taint.equals(raw) for taint in these)]

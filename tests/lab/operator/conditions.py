# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions of a TigeraStatus and of the objects that mirror it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.operator.health import Health
from tests.lab.operator.names import Document

_ALL_GOOD = ("AllObjectsAvailable", "All objects available")
_NOTHING = ("Unknown", "")


@dataclass(frozen=True)
class Degraded:
    """Why a controller could not do its work; it says so at once and without looking at any pod."""

    reason: str
    message: str


@dataclass(frozen=True)
class Condition:
    type: str
    true: bool
    reason: str
    message: str


def available(health: Health, degraded: Degraded | None) -> bool:
    return degraded is None and health.good


def judged(health: Health, degraded: Degraded | None) -> list[Condition]:
    """Once the controller got through its first reconcile: all three conditions, each on its own."""
    good = available(health, degraded)
    otherwise = _ALL_GOOD if good else _NOTHING
    conditions = [Condition("Available", good, *otherwise)]
    # What is failing hides what is progressing.
    if health.progressing and not health.failing:
        conditions.append(Condition("Progressing", True, "ResourceNotReady", "\n".join(health.progressing)))
    else:
        conditions.append(Condition("Progressing", False, *otherwise))
    if degraded or health.failing:
        reason = degraded.reason if degraded else "PodFailure"
        lines = [degraded.message] if degraded else []
        conditions.append(Condition("Degraded", True, reason, "\n".join(lines + health.failing)))
    else:
        conditions.append(Condition("Degraded", False, *otherwise))
    return conditions


def before_first_reconcile(degraded: Degraded | None) -> list[Condition]:
    """Until then nothing is said but why not."""
    if degraded:
        return [Condition("Degraded", True, degraded.reason, degraded.message)]
    return [Condition("Degraded", False, *_NOTHING)]


def written(current: list[Document], conditions: list[Condition], generation: int, now: str) -> list[Document]:
    """The current list with those conditions in it; the time of a transition moves only when the status flips."""
    result = [dict(condition) for condition in current]
    for condition in conditions:
        document: Document = {
            "type": condition.type,
            "status": "True" if condition.true else "False",
            "reason": condition.reason,
            "lastTransitionTime": now,
        }
        if condition.message:
            document["message"] = condition.message
        if generation:
            document["observedGeneration"] = generation
        _put(result, document)
    return result


def mirrored(tigera_status: list[Document]) -> list[Document]:
    """The conditions of a TigeraStatus as an Installation or APIServer has them: Available is called Ready there."""
    return [
        {
            **condition,
            "type": "Ready" if condition["type"] == "Available" else condition["type"],
            "reason": condition.get("reason") or "Unknown",
            # Required there, be it empty.
            "message": condition.get("message", ""),
        }
        for condition in tigera_status
    ]


def _put(conditions: list[Document], new: Document) -> None:
    for index, old in enumerate(conditions):
        if old["type"] == new["type"]:
            if old["status"] == new["status"]:
                new["lastTransitionTime"] = old["lastTransitionTime"]
            conditions[index] = new
            return
    conditions.append(new)

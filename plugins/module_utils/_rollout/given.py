# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Documents that a user hands back: are they what an earlier step made, whole and unaltered?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .decide import new_state
from .documents import DOCUMENT_VERSION, Plan, RolloutState
from .errors import RolloutError
from .labels import check_label
from .plan import plan_id

_PLAN: dict[str, Any] = {
    "kind": str,
    "version": int,
    "id": str,
    "admission_label": {"key": str, "value": str},
    "precheck_digest": str,
    "tiers": [{"name": str, "nodes": int, "budget": int, "left_out": int}],
    "batches": [{"index": int, "name": str, "nodes": [str]}],
    "excluded": [{"cause": str, "reason": str, "counts": bool}],
    "unproven": [{"node": str, "cause": str, "reason": str}],
    "batch_timeout": int,
    "soak": int,
}


def given_plan(value: Mapping[str, Any]) -> Plan:
    """The plan, or a RolloutError that says what is wrong with it."""
    if value.get("kind") != "Plan":
        raise RolloutError(
            "plan: this is no plan (its kind is %s); the plan filter makes one." % (value.get("kind") or "missing")
        )
    if value.get("version") != DOCUMENT_VERSION:
        raise RolloutError(
            "plan: version %s of the document is not understood, only version %d; make the plan anew."
            % (value.get("version"), DOCUMENT_VERSION)
        )
    _check(value, _PLAN, "plan")
    if value.get("cluster") is not None:
        _check(value["cluster"], {"server": str}, "plan.cluster")
    plan: Plan = value  # type: ignore[assignment]
    if not plan["batches"]:
        raise RolloutError("plan: it has no batch, so there is nothing to roll out.")
    check_label(plan["admission_label"]["key"], plan["admission_label"]["value"])
    if plan_id(plan) != plan["id"]:
        raise RolloutError(
            "plan: it was altered after it was made (its id is %s, that of its content %s); make the plan anew."
            % (plan["id"], plan_id(plan))
        )
    return plan


def given_state(value: Mapping[str, Any] | None, plan: Plan) -> RolloutState:
    """The state of the call before, or a new one where there is none."""
    fresh = new_state(plan)
    if not value:
        return fresh
    if set(value) != set(fresh):
        raise RolloutError(
            "state: this is not the `state` that rollout_step returned; leave it out to start from what the cluster shows."
        )
    state: RolloutState = dict(value)  # type: ignore[assignment]
    return state


def _check(value: Any, shape: Any, where: str) -> None:
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            raise RolloutError("%s: a mapping belongs here, not %s." % (where, type(value).__name__))
        for key, inner in shape.items():
            if key not in value:
                raise RolloutError("%s.%s is missing." % (where, key))
            _check(value[key], inner, "%s.%s" % (where, key))
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise RolloutError("%s: a list belongs here, not %s." % (where, type(value).__name__))
        for index, item in enumerate(value):
            _check(item, shape[0], "%s[%d]" % (where, index))
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        raise RolloutError("%s: %s belongs here, not %s." % (where, shape.__name__, type(value).__name__))

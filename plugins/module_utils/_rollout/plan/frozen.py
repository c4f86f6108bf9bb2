# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Documents that a user hands back: are they what an earlier step made, whole and unaltered?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..documents import DOCUMENT_VERSION, Plan
from ..documents.validate import flaw_of
from ..errors import RolloutError
from ..kubernetes.names import check_label
from .build import plan_id


def given_plan(value: Mapping[str, Any]) -> Plan:
    """The plan, or a RolloutError that says what is wrong with it."""
    if value.get("kind") != "Plan":
        raise RolloutError(
            f"plan: this is no plan (its kind is {value.get('kind') or 'missing'}); the plan filter makes one."
        )
    if value.get("version") != DOCUMENT_VERSION:
        raise RolloutError(
            f"plan: version {value.get('version')} of the document is not understood, only version {DOCUMENT_VERSION}; "
            "make the plan anew."
        )
    flaw = flaw_of(value, Plan)
    if flaw is not None:
        raise RolloutError(
            f"{flaw.told('plan')}. The plan is not as the plan filter of this version makes it; make the plan anew."
        )
    plan = cast(Plan, value)
    if not plan["batches"]:
        raise RolloutError("plan: it has no batch, so there is nothing to roll out.")
    check_label(plan["admission_label"]["key"], plan["admission_label"]["value"])
    if plan_id(plan) != plan["id"]:
        raise RolloutError(
            f"plan: it was altered after it was made (its id is {plan['id']}, that of its content {plan_id(plan)}); "
            "make the plan anew."
        )
    return plan

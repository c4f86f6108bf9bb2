# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user hands back is taken only whole and unaltered, and the error says what is wrong with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.decide import new_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.given import given_plan, given_state

from tests.plans import plan_of

PLAN = plan_of(["a", "b"], ["c"])


def test_a_plan_survives_the_way_through_json() -> None:
    assert given_plan(json.loads(json.dumps(PLAN))) == PLAN


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda plan: plan.update(kind="Report"), "no plan .its kind is Report"),
        (lambda plan: plan.pop("kind"), "its kind is missing"),
        (lambda plan: plan.update(version=2), "version 2"),
        (lambda plan: plan.pop("soak"), r"plan\.soak is missing"),
        (lambda plan: plan.update(soak="10"), r"plan\.soak: int belongs here, not str"),
        (lambda plan: plan.update(batch_timeout=True), r"plan\.batch_timeout: int belongs here, not bool"),
        (lambda plan: plan["batches"][1].update(nodes="c"), r"plan\.batches\[1\]\.nodes: a list belongs here, not str"),
        (lambda plan: plan["batches"][1].update(nodes=[7]), r"plan\.batches\[1\]\.nodes\[0\]: str belongs here"),
        (lambda plan: plan.update(tiers=["core"]), r"plan\.tiers\[0\]: a mapping belongs here"),
        (lambda plan: plan.update(batches=[]), "no batch"),
        (lambda plan: plan["batches"][1]["nodes"].append("d"), "altered after it was made"),
        (lambda plan: plan["admission_label"].update(key="operator.tigera.io/x"), "operator.tigera.io"),
    ],
)
def test_a_spoilt_plan_is_refused_with_the_place(spoil: Callable[[Any], Any], told: str) -> None:
    plan = copy.deepcopy(PLAN)
    spoil(plan)
    with pytest.raises(RolloutError, match=told):
        given_plan(plan)


def test_without_a_state_a_new_one_begins() -> None:
    assert given_state(None, PLAN) == given_state({}, PLAN) == new_state(PLAN)


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(RolloutError, match="leave it out"):
        given_state({"plan_id": PLAN["id"]}, PLAN)


def test_the_state_given_is_not_changed_by_whoever_goes_on_from_it() -> None:
    given = dict(new_state(PLAN))
    given_state(given, PLAN)["phase"] = "stopped"
    assert given["phase"] == "new"

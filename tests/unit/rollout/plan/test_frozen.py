# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user hands back is taken only whole and unaltered, and the error says what is wrong with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.frozen import (
    given_plan,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import given_state, new_state

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
        (lambda plan: plan.pop("soak"), r"plan\.soak is missing: a whole number belongs there"),
        (
            lambda plan: plan.pop("kept"),
            r"plan\.kept is missing: a list .each item: a text. belongs there.*make the plan anew",
        ),
        (lambda plan: plan.update(soak="10"), r"plan\.soak: a whole number belongs here, not '10'"),
        (lambda plan: plan.update(batch_timeout=True), r"plan\.batch_timeout: a whole number belongs here, not True"),
        (
            lambda plan: plan["batches"][1].update(nodes="c"),
            r"plan\.batches\[1\]\.nodes: a list .* belongs here, not 'c'",
        ),
        (
            lambda plan: plan["batches"][1].update(nodes=[7]),
            r"plan\.batches\[1\]\.nodes\[0\]: a text belongs here, not 7",
        ),
        (
            lambda plan: plan["batches"][1].pop("canary"),
            r"plan\.batches\[1\]\.canary is missing: true or false belongs",
        ),
        (lambda plan: plan.update(tiers=["core"]), r"plan\.tiers\[0\]: a mapping belongs here, not 'core'"),
        (lambda plan: plan.update(restart={"nodes": 3}), r"plan\.restart\.max_unavailable is missing"),
        (lambda plan: plan.update(extra=1), r"plan\.extra is not a field of this document"),
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


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda state: state.pop("phase"), r"state\.phase is missing: one of 'new' or .* leave it out"),
        (lambda state: state.update(phase="odd"), r"state\.phase: one of .* belongs here, not 'odd'.* leave it out"),
        (lambda state: state.update(notes=None), r"state\.notes: a list .each item: a text. belongs here, not null"),
        (
            lambda state: state.update(batch_started="now"),
            r"state\.batch_started: a number or null belongs here, not 'now'",
        ),
        (lambda state: state.update(extra=1), r"state\.extra is not a field"),
    ],
)
def test_what_is_no_state_is_refused_with_the_place(spoil: Callable[[Any], Any], told: str) -> None:
    state = copy.deepcopy(dict(new_state(PLAN)))
    spoil(state)
    with pytest.raises(RolloutError, match=told):
        given_state(state, PLAN)


def test_the_state_given_is_not_changed_by_whoever_goes_on_from_it() -> None:
    given = dict(new_state(PLAN))
    given_state(given, PLAN)["phase"] = "stopped"
    assert given["phase"] == "new"

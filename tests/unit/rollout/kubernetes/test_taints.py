# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.taints import (
    wanted_taints,
    with_taints,
    without_taints,
)

FOREIGN: dict[str, Any] = {"key": "example.com/gpu", "effect": "NoSchedule"}
EVICTS: dict[str, Any] = {
    "key": "node.kubernetes.io/unreachable",
    "effect": "NoExecute",
    "timeAdded": "2026-01-01T00:00:00Z",
}
OURS: dict[str, Any] = {"key": "example.com/ours", "value": "old", "effect": "NoSchedule"}


def given(value: str | None = None, **more: Any) -> list[dict[str, Any]]:
    return [{"key": "example.com/ours", "value": value, "effect": "NoSchedule", **more}]


def test_a_taint_that_is_new_comes_last_and_the_others_stay_as_they_are() -> None:
    after = with_taints([EVICTS, FOREIGN], wanted_taints(given("new"), present=True))
    assert after == [EVICTS, FOREIGN, {"key": "example.com/ours", "value": "new", "effect": "NoSchedule"}]


def test_another_value_is_replaced_in_its_place() -> None:
    after = with_taints([FOREIGN, OURS, EVICTS], wanted_taints(given("new"), present=True))
    assert after == [FOREIGN, {**OURS, "value": "new"}, EVICTS]


def test_the_same_key_with_another_effect_is_another_taint() -> None:
    after = with_taints([OURS], wanted_taints(given("old", effect="NoExecute"), present=True))
    assert after == [OURS, {**OURS, "effect": "NoExecute"}]


@pytest.mark.parametrize("value", [None, ""])
def test_a_taint_without_value_is_equal_however_that_is_said(value: str | None) -> None:
    has = [{"key": "example.com/ours", "effect": "NoSchedule"}]
    assert with_taints(has, wanted_taints(given(value), present=True)) == has


def test_an_equal_taint_keeps_the_instant_at_which_it_was_added() -> None:
    has = [{**OURS, "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}]
    assert with_taints(has, wanted_taints(given("old", effect="NoExecute"), present=True)) == has


def test_another_value_does_not_inherit_the_instant_at_which_the_old_one_was_added() -> None:
    has = [{**OURS, "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}]
    (after,) = with_taints(has, wanted_taints(given("new", effect="NoExecute"), present=True))
    assert after == {"key": "example.com/ours", "value": "new", "effect": "NoExecute"}


def test_absent_without_a_value_removes_whatever_the_value_is() -> None:
    assert without_taints([FOREIGN, OURS, EVICTS], wanted_taints(given(), present=False)) == [FOREIGN, EVICTS]


def test_absent_with_a_value_leaves_another_value_alone() -> None:
    assert without_taints([OURS], wanted_taints(given("new"), present=False)) == [OURS]
    assert without_taints([OURS], wanted_taints(given("old"), present=False)) == []


def test_absent_with_an_empty_value_removes_only_a_taint_without_value() -> None:
    bare = {"key": "example.com/ours", "effect": "NoSchedule"}
    assert without_taints([OURS], wanted_taints(given(""), present=False)) == [OURS]
    assert without_taints([bare], wanted_taints(given(""), present=False)) == []


def test_a_taint_given_twice_is_refused() -> None:
    with pytest.raises(RolloutError, match=r"taints\[1\]: example.com/ours:NoSchedule is given twice"):
        wanted_taints([*given("a"), *given("b")], present=True)


@pytest.mark.parametrize(
    ("taint", "why"),
    [
        (given(key="no spaces"), 'The taint key "no spaces" is not valid'),
        (given("no spaces"), 'The value "no spaces" of taint example.com/ours is not valid'),
        (given(True), "The value of taint example.com/ours is a bool, not a string: put it in quotes"),  # type: ignore[arg-type]
    ],
)
def test_what_kubernetes_would_refuse_is_refused_before_it_is_sent(taint: Any, why: str) -> None:
    with pytest.raises(RolloutError, match=why):
        wanted_taints(taint, present=True)

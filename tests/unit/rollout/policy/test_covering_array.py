# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Few rows try every combination of any two, or any three, factors."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.covering_array import (
    Strength,
    covering_array,
)

BINARY = ("left", "right")
SINGLE = ("only",)


@pytest.mark.parametrize(
    ("strength", "rows"), [(2, {5: 6, 4: 5, 3: 4, 2: 4, 1: 2}), (3, {5: 10, 4: 8, 3: 8, 2: 4, 1: 2}), ("full", {5: 32})]
)
def test_there_are_as_few_rows_as_there_can_be(strength: Strength, rows: dict[int, int]) -> None:
    assert {number: len(covering_array([BINARY] * number, strength)) for number in rows} == rows


@pytest.mark.parametrize("strength", [2, 3])
@pytest.mark.parametrize("factors", list(product((BINARY, SINGLE), repeat=5)))
def test_any_so_many_factors_take_every_combination(strength: Strength, factors: tuple[tuple[str, ...], ...]) -> None:
    rows = covering_array(factors, strength)
    assert strength != "full"
    for places in combinations(range(5), strength):
        tried = {tuple(row[place] for place in places) for row in rows}
        assert tried == set(product(*(factors[place] for place in places))), places


@pytest.mark.parametrize("factors", list(product((BINARY, SINGLE), repeat=5)))
def test_full_is_every_combination_once(factors: tuple[tuple[str, ...], ...]) -> None:
    rows = covering_array(factors, "full")
    assert (len(rows), set(rows)) == (len(set(rows)), set(product(*factors)))


def test_a_factor_of_one_level_costs_no_row() -> None:
    assert len(covering_array([BINARY, SINGLE, BINARY, BINARY, BINARY], 2)) == 5
    assert {row[1] for row in covering_array([BINARY, SINGLE, BINARY, BINARY, BINARY], 2)} == {"only"}

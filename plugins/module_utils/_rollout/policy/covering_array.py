# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Covering arrays: few rows in which any two, or any three, factors take every combination of their levels.

A fault in software mostly needs one or two conditions to show itself (Kuhn, Wallace and Gallo, IEEE TSE 2004). Five factors of two levels
have 32 combinations. 6 rows cover all pairs of levels, 10 rows all triples; fewer cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, islice, product
from math import ceil, comb
from typing import Literal, TypeVar, Union

Strength = Union[Literal[2, 3], Literal["full"]]

Level = TypeVar("Level")


def covering_array(factors: Sequence[Sequence[Level]], strength: Strength) -> list[tuple[Level, ...]]:
    """Rows with one level of each factor. A factor of one level costs no rows.

    :param factors: by factor its one or two levels
    """
    binary = [place for place, levels in enumerate(factors) if len(levels) == 2]
    if strength == "full" or len(binary) <= strength:
        return list(product(*factors))
    chosen = _pairs(len(binary)) if strength == 2 else _triples(len(binary))
    return [
        tuple(
            levels[row[binary.index(place)]] if place in binary else levels[0] for place, levels in enumerate(factors)
        )
        for row in chosen
    ]


def _pairs(factors: int) -> list[tuple[int, ...]]:
    """Each factor is another subset of the rows, of the same size: more than half of all rows but the first, which none contains.

    Any two of these subsets meet, neither contains the other, and both miss the first row. So each pair of levels has a row.
    (Kleitman and Spencer, and Katona, 1973: no array has fewer rows.)
    """
    rows = 2
    while comb(rows - 1, ceil(rows / 2)) < factors:
        rows += 1
    subsets = list(islice(combinations(range(1, rows), ceil(rows / 2)), factors))
    return [tuple(int(row in subset) for subset in subsets) for row in range(rows)]


def _triples(factors: int) -> list[tuple[int, ...]]:
    """An array of pairs, and the same again with each level turned over; one more factor tells the two apart."""
    pairs = _pairs(factors - 1)
    return [(*row, 0) for row in pairs] + [(*(1 - level for level in row), 1) for row in pairs]

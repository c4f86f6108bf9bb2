# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which nodes, and which pairs of nodes, explain the rows that were wrong.

A suspicion is a node or a pair, the part that it plays (any end of a connection, its server, its client, or the pod that policies select),
and a scope (only IPv6, only egress, only large packets). It is refuted by a row of that scope that was right. The suspicions that are left
and together explain every wrong row are weighed: few culprits, nodes before pairs, wide scopes before narrow ones.

Calico judges egress where the packet leaves, other engines judge both directions where it arrives. The parts hold for both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple

from ..documents.policy import ProbeRow
from .timelines import client_of, server_of

NARROWEST = 3
"""A scope names at most so many levels."""
STEPS = 20_000
"""A search among many suspicions ends here with the best that was found."""

NEW, PROVEN, PAIR = 2, 3, 3
"""What a culprit weighs: policy was in force on a proven node before, and most faults of a pair are faults of a node."""

Culprit = tuple[str, ...]
"""A node, or two."""

_FACTORS = ("way", "family", "protocol", "direction", "allowed", "kind")


class _Suspicion(NamedTuple):
    weight: int
    culprit: Culprit
    explains: int
    """Rows, as bits."""
    narrow: int
    """How many levels its scope names."""


def attributed(
    rows: Sequence[ProbeRow], wrong: Collection[str], right: Collection[str], new: Collection[str]
) -> dict[Culprit, list[str]]:
    """By culprit the rows, by id, that are wrong because of it. A row may have two culprits.

    :param wrong: rows by id with one kind of fault
    :param right: rows by id without any fault
    :param new: the nodes of the batch; all others are proven
    """
    bits = {row["id"]: 1 << place for place, row in enumerate(rows)}
    failed, fine = (sum(bits[name] for name in names) for names in (wrong, right))
    found = _best(list(_suspicions(rows, failed, fine, new)), failed)
    blamed: dict[Culprit, list[str]] = {}
    for row in rows:
        culprits = sorted({one.culprit for one in found if one.explains & bits[row["id"]]})
        # Two may explain a row: it counts against the node whose policy decides it, where that is one of them.
        for culprit in [one for one in culprits if one == (row["node"],)] or culprits:
            blamed.setdefault(culprit, []).append(row["id"])
    return blamed


def _suspicions(rows: Sequence[ProbeRow], failed: int, fine: int, new: Collection[str]) -> Iterator[_Suspicion]:
    scopes = list(_scopes(rows))
    lightest: dict[tuple[Culprit, int], _Suspicion] = {}
    for culprit, parts in _parts(rows, failed).items():
        base = PAIR if len(culprit) == 2 else NEW if culprit[0] in new else PROVEN
        for part, (scope, narrow) in product(parts, scopes):
            explains = part & scope & failed
            if not explains or part & scope & fine or not _tells_apart(culprit, explains, rows):
                continue
            known = lightest.get((culprit, explains))
            if known is None or known.weight > base + narrow:
                lightest[culprit, explains] = _Suspicion(base + narrow, culprit, explains, narrow)
    for place, row in enumerate(rows):
        if failed >> place & 1:
            # No scope tells this row from a right one; somebody is to blame all the same.
            ends = tuple(sorted({row["node"], row["peer"]}))
            lightest.setdefault((ends, 1 << place), _Suspicion(PAIR + NARROWEST + 1, ends, 1 << place, NARROWEST + 1))
    yield from lightest.values()


def _scopes(rows: Sequence[ProbeRow]) -> Iterator[tuple[int, int]]:
    """Rows as bits, and how many levels it took to name them."""
    levels: dict[tuple[str, object], int] = {}
    for place, row in enumerate(rows):
        for factor in _FACTORS:
            level = (factor, row[factor])  # type: ignore[literal-required]
            if level != ("kind", "ordinary"):
                levels[level] = levels.get(level, 0) | 1 << place
    for narrow in range(NARROWEST + 1):
        for chosen in combinations(sorted(levels, key=str), narrow):
            scope = (1 << len(rows)) - 1
            for level in chosen:
                scope &= levels[level]
            if scope:
                yield scope, narrow


def _parts(rows: Sequence[ProbeRow], failed: int) -> Mapping[Culprit, set[int]]:
    """By culprit the rows, as bits, in which it plays each part. Who has no wrong row is no suspect."""
    suspects = {name for place, row in enumerate(rows) if failed >> place & 1 for name in (row["node"], row["peer"])}
    found: dict[Culprit, dict[str, int]] = {}
    for place, row in enumerate(rows):
        ends = tuple(sorted({row["node"], row["peer"]}))
        played = [("end", name) for name in ends]
        played += [("server", server_of(row)), ("client", client_of(row)), ("subject", row["node"])]
        for part, name in played:
            if name in suspects:
                of_name = found.setdefault((name,), {})
                of_name[part] = of_name.get(part, 0) | 1 << place
        if len(ends) == 2 and suspects >= {*ends}:
            of_pair = found.setdefault(ends, {})
            of_pair["pair"] = of_pair.get("pair", 0) | 1 << place
    return {culprit: {*parts.values()} for culprit, parts in found.items()}


def _tells_apart(culprit: Culprit, explains: int, rows: Sequence[ProbeRow]) -> bool:
    """Rows with a single peer point at the pair, and not at one of its nodes."""
    if len(culprit) == 2:
        return True
    ends = {frozenset((row["node"], row["peer"])) for place, row in enumerate(rows) if explains >> place & 1}
    return len(ends) > 1 or ends == {frozenset(culprit)}


def _best(suspicions: Sequence[_Suspicion], failed: int) -> list[_Suspicion]:
    """The lightest that together explain every wrong row."""
    useful = [
        one
        for one in sorted(suspicions, key=lambda one: (one.weight, -bin(one.explains).count("1"), one.culprit))
        if not any(
            other.culprit == one.culprit
            and other.weight <= one.weight
            and one.explains | other.explains == other.explains
            and other is not one
            for other in suspicions
        )
    ]
    best = _greedy(useful, failed)
    lightest = _weight(best)
    steps = 0
    waiting: list[tuple[int, list[_Suspicion]]] = [(failed, [])]
    while waiting and steps < STEPS:
        steps += 1
        left, chosen = waiting.pop()
        if not left:
            best, lightest = chosen, _weight(chosen)
            continue
        first = left & -left
        further = [(left & ~one.explains, [*chosen, one]) for one in useful if one.explains & first]
        # A stack: what is to be tried first comes last.
        waiting += [(rest, some) for rest, some in reversed(further) if _weight(some) + bool(rest) < lightest]
    return best


def _greedy(suspicions: Sequence[_Suspicion], failed: int) -> list[_Suspicion]:
    chosen: list[_Suspicion] = []
    left = failed
    while left:
        best = max(suspicions, key=lambda one: bin(one.explains & left).count("1") / one.weight)
        chosen.append(best)
        left &= ~best.explains
    return chosen


def _weight(chosen: Sequence[_Suspicion]) -> int:
    """A culprit that is blamed twice weighs once; each further scope weighs one more."""
    weight, seen = 0, set()
    for one in chosen:
        weight += one.narrow + 1 if one.culprit in seen else one.weight
        seen.add(one.culprit)
    return weight

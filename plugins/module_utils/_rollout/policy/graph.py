# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which nodes try connections with which others.

A ring joins the batch and a sample of proven nodes, so that each node is once left and once right of another. A random 3-regular graph
lies over it: pairs in the order of chance, as long as neither node has enough peers (Rucinski and Wormald, 1992). So a node has five peers
where there are as many, and any two nodes share few. Connections that fail with all of them point at the node, those that fail with one at
the pair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import combinations
from math import ceil
from typing import NamedTuple, TypeVar

from ..documents.canonical import digest
from ..text.order import natural

LEAST_PROVEN = 3
"""A single node is tried against so many proven ones: one may fail, and two still agree."""
NEW_PER_PROVEN = 2
"""In the ring a proven node comes after so many new ones, so that each new node has a proven neighbour."""
MOST_PEERS = 5
"""Two in the ring, and three more."""

Edge = tuple[str, str]

Thing = TypeVar("Thing")


class Graph(NamedTuple):
    ring: list[Edge]
    """Each node and the next one. Two nodes have one edge, a single node has none."""
    peers: dict[str, list[str]]
    """By node the others that it tries connections with, its neighbours in the ring first."""


def drawn(offered: Collection[str], batch: Collection[str], seed: int) -> list[str]:
    """The proven nodes that take part: a number that grows with the batch, and never with the cluster."""
    number = max(LEAST_PROVEN, ceil(len(batch) / NEW_PER_PROVEN))
    return sorted(_by_chance({*offered} - {*batch}, "sample", seed)[:number], key=natural)


def graph(batch: Sequence[str], proven: Sequence[str], seed: int) -> Graph:
    order = _interleaved(batch, proven)
    ring = _closed(order)
    peers: dict[str, list[str]] = {name: [] for name in order}
    for one, other in (*ring, *_by_chance(combinations(sorted(order), 2), "pair", seed)):
        if other not in peers[one] and max(len(peers[one]), len(peers[other])) < MOST_PEERS:
            peers[one].append(other)
            peers[other].append(one)
    return Graph(ring, peers)


def _interleaved(batch: Sequence[str], proven: Sequence[str]) -> list[str]:
    order: list[str] = []
    left = list(proven)
    for place, name in enumerate(batch, start=1):
        order.append(name)
        if left and place % NEW_PER_PROVEN == 0:
            order.append(left.pop(0))
    return [*order, *left]


def _closed(order: Sequence[str]) -> list[Edge]:
    edges = list(zip(order, [*order[1:], *order[:1]]))
    return edges if len(order) > 2 else edges[: len(order) - 1]


def _by_chance(things: Iterable[Thing], purpose: str, seed: int) -> list[Thing]:
    """Chance without dice: an order that the seed alone knows, the same with every Python."""
    return sorted(things, key=lambda thing: digest([seed, purpose, thing]))

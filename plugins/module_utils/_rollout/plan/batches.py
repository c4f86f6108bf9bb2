# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The nodes that are admitted, cut into batches, tier after tier."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from ..documents import Batch, NodeFacts
from ..kubernetes.names import ZONE_LABEL
from .adoption import ADOPTION
from .tiers import Tier

FIRST_BATCH = 2
"""Calico's control-plane pods run on the first batch until the next one is ready, and one node of it may fail."""


def in_batches(
    tiers: Sequence[Tier],
    members: Sequence[Sequence[NodeFacts]],
    admitted: Collection[str],
    at_most: Mapping[str, int] = MappingProxyType({}),
) -> list[Batch]:
    """`at_most` has the number of nodes that may fail together, by tier. No batch of these tiers is larger."""
    batches: list[Batch] = []
    for tier, found in zip(tiers, members):
        nodes = [node for node in found if node["name"] in admitted]
        for number, (names, canary) in enumerate(
            _tier_batches(tier, nodes, 1 if batches else FIRST_BATCH, at_most.get(tier.name, len(nodes))), 1
        ):
            batches.append(
                Batch(index=len(batches) + 1, name=f"{tier.name}-{number}", tier=tier.name, canary=canary, nodes=names)
            )
    return batches


def canaries(nodes: Sequence[NodeFacts], least: int) -> list[NodeFacts]:
    """As few nodes as cover each architecture and each zone among these, and then more up to `least`; in the nodes' order.

    Greedy: each takes what is not covered yet by as many values as possible, the first of equals. Nodes without a zone are a
    zone of their own.
    """
    missing = {value for node in nodes for value in _kinds(node)}
    chosen: list[NodeFacts] = []
    left = list(nodes)
    while left and (missing or len(chosen) < least):
        best = max(left, key=lambda node: len(_kinds(node) & missing))
        chosen.append(best)
        left.remove(best)
        missing -= _kinds(best)
    names = {node["name"] for node in chosen}
    return [node for node in nodes if node["name"] in names]


def _tier_batches(tier: Tier, nodes: Sequence[NodeFacts], least: int, at_most: int) -> Iterator[tuple[list[str], bool]]:
    """The tier's batches, and whether they are canaries. Nobody else is in a batch with canaries: they go ahead."""
    ahead = [] if tier.canaries is None else canaries(nodes, max(tier.canaries, least))
    first = {node["name"] for node in ahead}
    sizes = iter(tier.sizes)
    for canary in (True, False):
        names = [node["name"] for node in nodes if (node["name"] in first) == canary]
        start = 0
        while start < len(names):
            end = start + min(at_most, next(sizes, tier.sizes[-1])(len(nodes)))
            yield names[start:end], canary
            start = end


def _kinds(node: NodeFacts) -> set[tuple[str, str]]:
    return {("architecture", node["architecture"]), ("zone", node["labels"].get(ZONE_LABEL, ""))}


def led_by_adoption(batches: Sequence[Batch], running: Sequence[str]) -> list[Batch]:
    """The batches with the adoption before them: one batch, however many nodes it has, since none of them gets anything new."""
    if not running:
        return list(batches)
    adoption = Batch(index=1, name=ADOPTION, tier=None, canary=False, nodes=list(running))
    following = [batch.copy() for batch in batches]
    for index, batch in enumerate(following, 2):
        batch["index"] = index
    return [adoption, *following]

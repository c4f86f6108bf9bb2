# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The nodes that are admitted, cut into batches, tier after tier."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .documents import Batch, NodeFacts
from .settings import Tier


def in_batches(
    tiers: Sequence[Tier], members: Sequence[Sequence[NodeFacts]], admitted: Collection[str]
) -> list[Batch]:
    batches: list[Batch] = []
    for tier, found in zip(tiers, members):
        names = [node["name"] for node in found if node["name"] in admitted]
        for number, start in enumerate(range(0, len(names), tier.batch_size), 1):
            batches.append(
                Batch(
                    index=len(batches) + 1,
                    name=f"{tier.name}-{number}",
                    tier=tier.name,
                    nodes=names[start : start + tier.batch_size],
                )
            )
    return batches

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Failure budgets: how many nodes a rollout may leave out, of each tier and of all tiers together, and how many may start.

Where a failed node goes into quarantine and the rollout goes on, the worst case counts: no more nodes start than could all fail within the
budget. Where a failure halts the rollout, none of it is paid for a failure, so the size of a batch is what is at stake.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..documents import ExcludedNode, OnFailure, Plan, PlannedTier
from ..text.terminal import count, listed
from .exclusion import QUARANTINED
from .tiers import Tier, read_budget


def read_total(value: int | str | None, nodes: int) -> int | None:
    """The budget of all tiers together, which have so many nodes; None where there is none."""
    return None if value is None or value == "" else read_budget(value, "failure_budget")(nodes)


def room(tier: PlannedTier, total: int | None, outside: Sequence[ExcludedNode]) -> int:
    """How many more nodes of the tier may be left out than these."""
    left = tier["budget"] - sum(entry["counts"] and entry["tier"] == tier["name"] for entry in outside)
    if total is not None:
        left = min(left, total - sum(entry["counts"] for entry in outside))
    return max(0, left)


def on_failure(
    wanted: Tier, first: bool, tier: PlannedTier, total: int | None, outside: Sequence[ExcludedNode]
) -> OnFailure:
    """As the user says; else halt in the first tier, and quarantine in the others.

    What is known before the first write may use a budget up. A quarantine could then start none of the nodes that passed, and one bad host
    in a small tier would hold up all the good ones. So the tier halts at its first failure. This is not done for nodes that failed in a
    rollout: else each run would let one more of them fail.
    """
    if wanted.on_failure is not None:
        return wanted.on_failure
    known = [entry for entry in outside if entry["cause"] != QUARANTINED]
    return "halt" if first or not room(tier, total, known) else "quarantine"


def overdrawn(plan: Plan, more: Sequence[ExcludedNode]) -> list[str]:
    """Which budgets do not allow what is left out, a sentence each.

    :param more: nodes that are left out beside those of the plan
    """
    told = []
    outside = [entry for entry in [*plan["excluded"], *more] if entry["counts"]]
    for tier in plan["tiers"]:
        of_tier = [entry for entry in outside if entry["tier"] == tier["name"]]
        if len(of_tier) > tier["budget"]:
            told.append(
                f"tier {tier['name']}: {len(of_tier)} of its {tier['nodes']} nodes would be left out, "
                f"its failure budget allows {tier['budget']}: {_named(of_tier)}"
            )
    if plan["budget"] is not None and len(outside) > plan["budget"]:
        nodes = sum(tier["nodes"] for tier in plan["tiers"])
        told.append(
            f"all tiers together: {len(outside)} of their {nodes} nodes would be left out, "
            f"the failure budget in total allows {plan['budget']}: {_named(outside)}"
        )
    return told


def warnings(
    wanted: Sequence[Tier], tiers: Sequence[PlannedTier], total: int | None, outside: Sequence[ExcludedNode]
) -> list[str]:
    """For the plan: where what is left out leaves no room for a failure."""
    told = []
    for asked, tier in zip(wanted[1:], tiers[1:]):
        if not tier["budget"] or total == 0 or room(tier, total, outside):
            continue
        spent = f"The failure budget of tier {tier['name']} is used up by {count(tier['left_out'], 'node')} left out"
        if tier["on_failure"] == "quarantine":
            told.append(f"{spent}, so none of its other nodes is started: each could fail too")
        elif asked.on_failure is None:
            told.append(f"{spent}, so the rollout halts at the first node of it that fails")
    return told


def spent(tier: PlannedTier, total: int | None, outside: Sequence[ExcludedNode]) -> str:
    """Why no node of the tier may start, to go on from its name."""
    of_tier = [entry for entry in outside if entry["counts"] and entry["tier"] == tier["name"]]
    if len(of_tier) >= tier["budget"] or total is None:
        return f"its failure budget of {tier['budget']} is used up: {_named(of_tier) or 'no node may fail'}"
    return (
        f"the failure budget of {total} in total is used up: {_named([entry for entry in outside if entry['counts']])}"
    )


def _named(outside: Sequence[ExcludedNode]) -> str:
    return listed([f"{entry['node']} ({entry['cause']})" for entry in outside])

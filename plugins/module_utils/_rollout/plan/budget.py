# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Failure budgets: how many nodes a rollout may leave out, of each tier and of all tiers together."""

from __future__ import annotations

from collections.abc import Sequence

from ..documents import ExcludedNode, Plan
from ..text.terminal import listed
from .tiers import read_budget


def read_total(value: int | str | None, nodes: int) -> int | None:
    """The budget of all tiers together, which have so many nodes; None where there is none."""
    return None if value is None or value == "" else read_budget(value, "failure_budget")(nodes)


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


def _named(outside: Sequence[ExcludedNode]) -> str:
    return listed([f"{entry['node']} ({entry['cause']})" for entry in outside])

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Workloads on nodes that are not known to enforce network policy."""

from __future__ import annotations

from typing import Literal, TypedDict

GapCause = Literal["calico_not_ready", "open", "closed", "late", "unproven"]
"""`calico_not_ready`: no Ready calico-node is on the node. The others are verdicts of a probe (NodeVerdict)."""


class UnenforcedWorkload(TypedDict):
    """A pod that NetworkPolicies select, on a node that is not known to enforce them."""

    workload: str
    """namespace/name"""
    policies: list[str]
    """The first of these policies, by name; their namespace is the pod's."""
    count: int
    """How many they are."""


class PolicyGap(TypedDict):
    """A node on which workloads run and that is not known to enforce network policy."""

    node: str
    cause: GapCause
    reason: str
    pods: int
    """How many workloads run on it."""
    examples: list[str]
    """The first of them, as namespace/name."""
    selected: int | None
    """How many of them a NetworkPolicy selects; null where the NetworkPolicies were not read."""
    policies: int | None
    """How many NetworkPolicies select them; null where they were not read."""
    unenforced: list[UnenforcedWorkload]
    """The first of the selected ones."""
    since: str | None
    """RFC 3339: when the oldest of them started."""
    admitted: bool

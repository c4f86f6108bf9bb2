# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which nodes failed, and may they go into quarantine? Else the rollout halts, since a person has to look.

Only nodes of the batch under way go into quarantine. Before their batch they had no calico-node, so nothing that ran well loses it. The
rollout halts for these:

- A node that was adopted, or that has run calico-node for hours, has workloads that Calico connects.
- A node of the control plane: its API server reaches Calico's own API and webhooks through it.
- Trouble that is not the batch's alone, as when nodes of earlier batches fall over with it: it may not be the nodes' fault.
- Where too few nodes with Calico would be left, its control plane would have nowhere to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..documents import PolicyProbeReport
from ..kubernetes.names import CONTROL_PLANE_LABELS
from ..plan.batches import FIRST_BATCH
from ..plan.budget import room
from ..text.instant import seconds_between, seconds_since
from ..text.terminal import count
from .situation import Situation, nodes_text

ESTABLISHED = 2 * 3600
"""Seconds. A calico-node that was Ready for longer than this is not that of a batch that has just begun."""
_NOT_OF_THE_NODE = ("node_missing", "not_labelled", "old_revision")
"""States of the gate that say nothing about the node."""


class Failure(NamedTuple):
    node: str
    cause: str
    """The state of the gate, or the verdict of a probe."""
    reason: str


def unready(situation: Situation) -> list[Failure]:
    """Every admitted node that does not pass the gate."""
    return [
        Failure(row["node"], row["state"], row["reason"] or row["state"])
        for row in situation.readiness["nodes"]
        if not row["ready"]
    ]


def unenforcing(probe: PolicyProbeReport) -> list[Failure]:
    return verdicts_of(probe, ["open", "closed", "late"])


def kept_in(situation: Situation, failures: Sequence[Failure]) -> str:
    """Why none of them went into quarantine, though their tier says so; to go on from that the rollout halts."""
    batch = situation.under_way
    tier = batch and situation.tier_of(batch)
    why = why_not(situation, failures)
    if tier is None or tier["on_failure"] == "halt" or not failures or why is None:
        return ""
    return f", and none went into quarantine: {why}"


def why_not(situation: Situation, failures: Sequence[Failure]) -> str | None:
    """Why the rollout halts instead; None where these may all go into quarantine."""
    batch = situation.under_way
    tier = batch and situation.tier_of(batch)
    if batch is None or tier is None:
        return "nodes that ran Calico before the rollout are never taken from it"
    if tier["on_failure"] == "halt":
        return f"tier {tier['name']} halts"
    if not (situation.scoped and situation.in_force) or situation.readiness["blockers"]:
        return "calico-node as a whole is not as it should be"
    names = [failure.node for failure in failures]
    others = [name for name in names if name not in batch["nodes"]]
    if others:
        return f"{nodes_text(others)} of before the batch failed too"
    of_the_rollout = [failure.node for failure in failures if failure.cause in _NOT_OF_THE_NODE]
    if of_the_rollout:
        return f"what {nodes_text(of_the_rollout)} waits for is not its own to do"
    for name in names:
        if any(key in situation.seen["nodes"][name]["labels"] for key in CONTROL_PLANE_LABELS):
            return f"{name} is a node of the control plane"
        if _established(situation, name):
            return f"{name} has run calico-node for hours, and so may its workloads"
    left = [row["node"] for row in situation.readiness["nodes"] if row["ready"] and row["node"] not in names]
    if len(left) < FIRST_BATCH:
        return f"Calico would be left on {count(len(left), 'node')}, and its control plane needs {FIRST_BATCH}"
    most = room(tier, situation.plan["budget"], situation.left_out)
    if len(names) > most:
        return f"{count(len(names), 'node')} failed, and the failure budget has room for {most}"
    return None


def _established(situation: Situation, node: str) -> bool:
    """A pod's Ready condition changed last when it became ready, or was made, or when it was lost."""
    for pod in situation.seen["pods"]:
        if pod["node"] == node:
            ready_for = (
                seconds_since(pod["since"], situation.seen["read_at"])
                if pod["ready"]
                else seconds_between(pod["created"], pod["since"])
            )
            if (ready_for or 0) > ESTABLISHED:
                return True
    return False


def verdicts_of(probe: PolicyProbeReport, verdicts: Sequence[str]) -> list[Failure]:
    return [
        Failure(entry["node"], entry["verdict"], entry["reason"])
        for entry in probe["nodes"]
        if entry["verdict"] in verdicts
    ]

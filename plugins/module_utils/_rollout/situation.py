# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Everything that a rule of the reducer may look at, worked out once for a decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .documents import Batch, Observation, Plan, Readiness, RolloutState
from .installation import scoped, taken
from .plan import planned_nodes
from .readiness import carries, judge
from .text import listed


class Situation(NamedTuple):
    plan: Plan
    state: RolloutState
    seen: Observation
    now: float
    scoped: bool
    """The selector is in the Installation."""
    taken: bool
    """The operator has put it into its DaemonSets."""
    admitted: frozenset[str]
    """Planned nodes that carry the admission label."""
    readiness: Readiness
    """The gate over all of them, those of earlier batches too: a node that fell over since holds the rollout up."""

    @property
    def passed(self) -> bool:
        return self.scoped and self.taken and self.readiness["ready"]

    @property
    def deadline(self) -> float:
        started = self.state["batch_started"]
        return (self.now if started is None else started) + self.plan["batch_timeout"]

    def unlabelled(self, batch: Batch) -> list[str]:
        return [node for node in batch["nodes"] if node not in self.admitted]

    @property
    def unlabelled_now(self) -> list[str]:
        """Nodes of the batch under way that do not carry the label."""
        under_way = [batch for batch in self.plan["batches"] if batch["name"] == self.state["batch"]]
        return self.unlabelled(under_way[0]) if under_way else []

    def lacking(self, most: int = 20) -> str:
        """What keeps the gate shut, in one sentence that goes on from `waiting for`."""
        if not (self.scoped and self.taken):
            return self.operator_lacks()
        told = []
        if self.unlabelled_now:
            told.append(f"the admission label on {nodes_text(self.unlabelled_now)}")
        rows = [row for row in self.readiness["nodes"] if not row["ready"]]
        told += [f"{row['node']} ({row['state']}: {row['reason']})" for row in rows[:most]]
        if len(rows) > most:
            told.append(f"{len(rows) - most} more nodes")
        return ", ".join(told + self.readiness["blockers"])

    def operator_lacks(self) -> str:
        if not self.scoped:
            return "the selector to appear in the Installation"
        degraded = self.seen["calico_status"].get("Degraded")
        says = (
            f" (it says {degraded['reason']}: {degraded['message']})"
            if degraded and degraded["status"] == "True"
            else ""
        )
        return f"tigera-operator to put the selector into its DaemonSets{says}"


def assess(plan: Plan, state: RolloutState, seen: Observation, now: float) -> Situation:
    label = plan["admission_label"]
    nodes = seen["nodes"]
    admitted = [name for name in planned_nodes(plan) if name in nodes and carries(nodes[name]["labels"], label)]
    situation = Situation(
        plan=plan,
        state=state,
        seen=seen,
        now=now,
        scoped=scoped(seen["installation"], label),
        taken=taken(seen, label),
        admitted=frozenset(admitted),
        readiness=judge(admitted, seen, label),
    )
    return situation._replace(state=_fold(situation, admitted))


def nodes_text(names: Sequence[str]) -> str:
    return f"node {names[0]}" if len(names) == 1 else f"{len(names)} nodes ({listed(names)})"


def _fold(situation: Situation, admitted: Sequence[str]) -> RolloutState:
    """The remembered state, brought up to what the cluster shows: where the two differ, the cluster is right."""
    state = situation.state.copy()
    if state["batch"] is None and admitted:
        state["batch"] = next(batch["name"] for batch in situation.plan["batches"] if admitted[-1] in batch["nodes"])
    if state["batch"] is not None and state["batch_started"] is None:
        state["batch_started"] = situation.now
    if situation.scoped and state["scoped_at"] is None:
        state["scoped_at"] = situation.now
    # While the labels of a batch are not all seen, the readiness of the nodes before it says nothing about it.
    settled = state["phase"] != "labelling" or not situation._replace(state=state).unlabelled_now
    if not (situation.passed and settled):
        state["ready_since"] = None
    elif state["ready_since"] is None:
        state["ready_since"] = situation.now
    return state

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Witnesses without pods: what they say, and what a rollout remembers of them after each action."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    FlowGap,
    FlowWitness,
    RolloutState,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.actions import Action
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.witnesses import (
    with_seen,
    with_started,
    with_told,
)

RUN = "a1b2c3d4"
GAP, HOLE = "2026-01-01T01:00:05.000Z", "2026-01-01T01:00:07.000Z"


def witnessed(node: str, gap: float | None = 20.0, denied_through: int = 0, **fields: Any) -> FlowWitness:
    """So many milliseconds without an allowed connection."""
    found = FlowWitness(
        node=node,
        peer="p-1",
        began="2026-01-01T01:00:00.000Z",
        seconds=60.0,
        connections=12000,
        resolution_ms=21.0,
        longest_gap=None if gap is None else FlowGap(began=GAP, milliseconds=gap, direction="egress"),
        denied_through=denied_through,
        first_denied_through=HOLE if denied_through else None,
        open_directions=["ingress"] if denied_through else [],
        open_at_start_ms=0.0,
        reason=None,
    )
    found.update(fields)  # type: ignore[typeddict-item]
    return found


def played(
    state: RolloutState,
    action: Action,
    now: float,
    left: dict[str, list[str]],
    holes: Mapping[str, int],
    slow: Collection[str] = (),
) -> RolloutState:
    """:param left: the nodes with witnesses by batch, as the cluster has them after the actions before
    :param holes: by node how many denied connections came through
    :param slow: nodes whose pods do not run at the start
    """
    if action["do"] == "start_witnesses":
        nodes = [*left.get(action["batch"], ()), *action["nodes"]]
        left.clear()
        left.update({action["batch"]: nodes} if nodes else {})
        untold = [node for node in action["nodes"] if node in slow]
        return with_started(state, action["batch"], nodes, RUN if nodes else None, {}, untold, now)
    if action["do"] == "tend_witnesses":
        return with_told(state, [], now)
    if action["do"] == "finish_witnesses":
        left.clear()
        found = [witnessed(node, denied_through=holes.get(node, 0)) for node in action["nodes"]]
        return with_seen(state, action["batch"], found)
    return state

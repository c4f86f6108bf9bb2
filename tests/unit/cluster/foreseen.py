# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode without an API server: the cluster as the actions of a rollout would leave it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.action import Call, Limits
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.registry import ACTIONS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Decision, Observation, Plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.actions import WAITS, Action
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.intent import NO_WISHES, Wishes
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import decide
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.policy_proof import as_foreseen
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.simulate import reacted
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.witnesses import with_started


def after(seen: Observation, plan: Plan, *actions: Action, wishes: Wishes = NO_WISHES) -> Observation:
    call = Call(cast(Any, None), plan, wishes, None, Limits(0, 0, 0), lambda: 0.0, seen, None)
    for action in actions:
        call = replace(call, seen=ACTIONS[action["do"]].predict(action, call))
    return reacted(call.seen, plan["admission_label"])


def foretold(plan: Plan, seen: Observation, now: float) -> tuple[list[Action], Decision]:
    """The writes that check mode foretells, and its last decision."""
    state, writes = new_state(plan), list[Action]()
    state["check_mode"] = True
    seen = after(seen, plan)
    while True:
        decision = decide(plan, state, seen, now)
        state = decision["state"]
        seen = after(seen, plan, *decision["actions"])
        for action in decision["actions"]:
            if action["do"] == "verify_policy":
                state = as_foreseen(state, action["batch"], action["nodes"], now)
            if action["do"] == "start_witnesses":
                state = with_started(state, action["batch"], action["nodes"], None, {}, [], now)
            if action["do"] == "wait":
                now = action["until"]
            elif action["do"] not in WAITS:
                writes.append(action)
        if decision["report"]["outcome"] != "in_progress":
            return writes, decision

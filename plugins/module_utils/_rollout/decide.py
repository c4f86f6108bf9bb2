# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The reducer of a rollout: what the cluster shows goes in, what to do next comes out.

Level-triggered: every decision starts from the observation. The state only remembers instants (when a batch began, since when
all is ready) and that a write was just made, so that losing it costs a soak and never a node.
"""

from __future__ import annotations

from typing import Callable

from .documents import Action, Batch, Decision, LabelNodes, Observation, Plan, RolloutState, ScopeInstallation, Wait
from .installation import refusals, rejection
from .labels import ANNOTATION_BATCH, ANNOTATION_PLAN, ANNOTATION_PRECHECK
from .plan import planned_nodes
from .situation import Situation, assess, nodes_text
from .standing import standing
from .text import listed

# A watch lags behind our own writes. Within this time an observation without them is taken as old, and no write is repeated.
SETTLE = 5.0

Rule = Callable[[Situation], "Decision | None"]


def new_state(plan: Plan) -> RolloutState:
    return RolloutState(
        plan_id=plan["id"],
        phase="new",
        batch=None,
        batch_started=None,
        ready_since=None,
        scoped_at=None,
        predicted=None,
    )


def decide(plan: Plan, state: RolloutState, observation: Observation, now: float) -> Decision:
    situation = assess(plan, state, observation, now)
    for rule in RULES:
        decision = rule(situation)
        if decision is not None:
            return decision
    return _done(situation)


# --- rules, in the order in which they are asked ------------------------------------------------------------------


def already_stopped(situation: Situation) -> Decision | None:
    if situation.state["phase"] != "stopped":
        return None
    return _stop(situation, "the rollout was stopped before; run it again to go on from what the cluster shows")


def plan_mismatch(situation: Situation) -> Decision | None:
    wanted, remembered = situation.plan["id"], situation.state["plan_id"]
    if wanted == remembered:
        return None
    return _stop(
        situation,
        f"the state given belongs to plan {remembered}, not to plan {wanted}; leave the state out to start from the cluster",
    )


def over_budget(situation: Situation) -> Decision | None:
    told = []
    for tier in situation.plan["tiers"]:
        if tier["left_out"] > tier["budget"]:
            outside = [
                entry for entry in situation.plan["excluded"] if entry["counts"] and entry["tier"] == tier["name"]
            ]
            names = listed([f"{entry['node']} ({entry['cause']})" for entry in outside])
            told.append(
                f"tier {tier['name']}: {tier['left_out']} of its {tier['nodes']} nodes would be left out, "
                f"its failure budget allows {tier['budget']}: {names}"
            )
    if not told:
        return None
    return _stop(
        situation,
        "; ".join(told) + ". Cure these nodes, declare them outside in the exclusions, or raise failure_budget",
    )


def planned_node_gone(situation: Situation) -> Decision | None:
    gone = [name for name in planned_nodes(situation.plan) if name not in situation.seen["nodes"]]
    if not gone:
        return None
    return _stop(situation, f"the cluster no longer has {nodes_text(gone)} of the plan; run again with a new plan")


def scope_lost(situation: Situation) -> Decision | None:
    """Never written a second time: whoever takes the selector out again would have every calico-node restarted each time."""
    if situation.scoped or situation.state["scoped_at"] is None:
        return None
    installation = situation.seen["installation"]
    writers = ", ".join(installation["managed_by"]) if installation else ""
    return _stop(
        situation,
        "the admission label was taken out of the Installation's selectors while the rollout was under way"
        + (f" (its spec is written by {writers})" if writers else "")
        + "; make that writer keep the selectors, then run again",
    )


def refused(situation: Situation) -> Decision | None:
    """Before the selector is in force, and so before the first label: what would make it harm the cluster."""
    if situation.scoped or situation.state["phase"] == "scoping":
        return None
    first = situation.unlabelled(situation.plan["batches"][0])
    reasons = refusals(situation.seen, situation.plan["admission_label"], about_to_be_labelled=first)
    return _stop(situation, "; ".join(reasons)) if reasons else None


def operator_rejected(situation: Situation) -> Decision | None:
    reason = rejection(situation.seen)
    return _stop(situation, reason) if reason else None


def batch_overdue(situation: Situation) -> Decision | None:
    if situation.state["batch_started"] is None or situation.now < situation.deadline:
        return None
    if situation.passed and not situation.unlabelled_now:
        return None
    return _stop(
        situation,
        f"batch {situation.state['batch']} is not ready after {situation.plan['batch_timeout']} s, still waiting for "
        f"{situation.lacking()}. No further node was admitted; cure or exclude what is named, then run again",
    )


def labels_settling(situation: Situation) -> Decision | None:
    started = situation.state["batch_started"]
    if situation.state["phase"] != "labelling" or started is None or not situation.unlabelled_now:
        return None
    until = started + SETTLE
    if situation.now >= until:
        return None
    why = (
        f"batch {situation.state['batch']}: waiting for the labels of {nodes_text(situation.unlabelled_now)} to be seen"
    )
    return _wait(situation, "labelling", why, until)


def label_first_batch(situation: Situation) -> Decision | None:
    """Labelled before the selector is written: with none labelled the operator would call an empty DaemonSet Available."""
    first = situation.plan["batches"][0]
    if situation.scoped or not situation.unlabelled(first):
        return None
    return _label(situation, first)


def scope_installation(situation: Situation) -> Decision | None:
    if situation.scoped or situation.state["phase"] == "scoping":
        return None
    create = situation.seen["installation"] is None
    state = situation.state.copy()
    state["phase"] = "scoping"
    what = "create the Installation with" if create else "put into the Installation"
    return _decision(
        situation,
        state,
        [ScopeInstallation(do="scope_installation", create=create)],
        "in_progress",
        f"{what} the selector that keeps calico-node to admitted nodes",
    )


def operator_pending(situation: Situation) -> Decision | None:
    if situation.scoped and situation.taken:
        return None
    return _wait(situation, "scoping", f"waiting for {situation.operator_lacks()}", situation.deadline)


def batch_unready(situation: Situation) -> Decision | None:
    if situation.readiness["ready"]:
        return None
    why = f"batch {situation.state['batch']}: waiting for {situation.lacking(most=3)}"
    return _wait(situation, "waiting", why, situation.deadline)


def batch_soaking(situation: Situation) -> Decision | None:
    since = situation.state["ready_since"]
    until = (situation.now if since is None else since) + situation.plan["soak"]
    if situation.now >= until:
        return None
    why = f"batch {situation.state['batch']}: watched for {situation.plan['soak']} s to stay so"
    return _wait(situation, "soaking", why, until)


def next_batch(situation: Situation) -> Decision | None:
    for batch in situation.plan["batches"]:
        if situation.unlabelled(batch):
            return _label(situation, batch)
    return None


RULES: tuple[Rule, ...] = (
    already_stopped,
    plan_mismatch,
    over_budget,
    planned_node_gone,
    scope_lost,
    refused,
    operator_rejected,
    batch_overdue,
    labels_settling,
    label_first_batch,
    scope_installation,
    operator_pending,
    batch_unready,
    batch_soaking,
    next_batch,
)


# --- what rules return --------------------------------------------------------------------------------------------


def _label(situation: Situation, batch: Batch) -> Decision:
    nodes = situation.unlabelled(batch)
    plan = situation.plan
    state = situation.state.copy()
    # The same batch again (a write that failed, a run that was killed): its time goes on, or it would never be overdue.
    if state["batch"] != batch["name"]:
        state["batch_started"] = None
    state["batch_started"] = situation.now if state["batch_started"] is None else state["batch_started"]
    state["batch"] = batch["name"]
    state["phase"] = "labelling"
    state["ready_since"] = None
    action = LabelNodes(
        do="label_nodes",
        batch=batch["name"],
        nodes=nodes,
        labels={plan["admission_label"]["key"]: plan["admission_label"]["value"]},
        annotations={
            ANNOTATION_PLAN: plan["id"],
            ANNOTATION_BATCH: batch["name"],
            ANNOTATION_PRECHECK: plan["precheck_digest"],
        },
    )
    return _decision(situation, state, [action], "in_progress", f"batch {batch['name']}: admit {nodes_text(nodes)}")


def _wait(situation: Situation, phase: str, why: str, until: float) -> Decision:
    state = situation.state.copy()
    state["phase"] = phase  # type: ignore[typeddict-item]
    return _decision(situation, state, [Wait(do="wait", why=why, until=until)], "in_progress", why)


def _stop(situation: Situation, reason: str) -> Decision:
    state = situation.state.copy()
    state["phase"] = "stopped"
    return _decision(situation, state, [], "stopped", reason)


def _done(situation: Situation) -> Decision:
    state = situation.state.copy()
    state["phase"] = "done"
    outside = len(situation.plan["excluded"])
    ready = situation.readiness["ready_count"]
    is_ready = "is ready" if state["predicted"] is None else "would be ready"
    reason = f"calico-node {is_ready} on all {ready} planned nodes; " + (
        f"{outside} outside" if outside else "none is outside"
    )
    return _decision(situation, state, [], "done", reason)


def _decision(situation: Situation, state: RolloutState, actions: list[Action], outcome: str, reason: str) -> Decision:
    report = standing(situation.plan, state, situation.readiness, outcome, reason)
    return Decision(actions=actions, state=state, report=report)

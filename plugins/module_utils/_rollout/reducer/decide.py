# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The reducer of a rollout: what the cluster shows goes in, what to do next comes out.

Level-triggered: every decision starts from the observation. The state only remembers instants (when a batch began, since when
all is ready) and that a write was just made, so that losing it costs a soak and never a node.
"""

from __future__ import annotations

from typing import Callable

from ..calico_node.max_unavailable import raises, surges
from ..documents import Decision, Observation, Plan, RolloutState
from ..documents.actions import Action, RaiseMaxUnavailable
from ..operator.installation import refusals, rejection
from ..operator.intent import NO_WISHES, Wishes
from ..plan.adoption import ADOPTION
from ..plan.budget import overdrawn
from ..plan.build import planned_nodes
from ..plan.exclusion import QUARANTINED
from ..text.terminal import count
from .decision import decided, done, label, labels_of, noted, restore, stand_still, stop, wait
from .evidence_rules import evidence_for_another_calico
from .failures import kept_in, unready
from .installation_rules import hand_over, overlaid, placement_restarts, scope_installation
from .lock import NO_LOCK, LockStanding
from .lock_rules import lock_held, lock_lost
from .policy_rules import policy_not_in_force, policy_unproven
from .quarantine_rules import (
    budget_spent,
    clear_network_unavailable,
    quarantine_unenforcing,
    quarantine_unproven,
    quarantine_unready,
)
from .restart_rules import calico_restarting, pods_held_up
from .situation import RESTART_SLACK, Situation, assess, nodes_text
from .witness_rules import (
    denied_came_through,
    witness_first_batch,
    witness_next_batch,
    witnesses_heard,
    witnesses_untold,
)

# A watch lags behind our own writes. Within this time an observation without them is taken as old, and no write is repeated.
SETTLE = 5.0

Rule = Callable[[Situation], "Decision | None"]


def decide(
    plan: Plan,
    state: RolloutState,
    observation: Observation,
    now: float,
    wishes: Wishes = NO_WISHES,
    lock: LockStanding = NO_LOCK,
) -> Decision:
    situation = assess(plan, state, observation, now, wishes, lock)
    for rule in RULES:
        decision = rule(situation)
        if decision is not None:
            return decision
    return done(situation)


# --- rules, in the order in which they are asked ------------------------------------------------------------------


def already_stopped(situation: Situation) -> Decision | None:
    if situation.state["phase"] != "stopped":
        return None
    return stand_still(situation, "the rollout was stopped before; run it again to go on from what the cluster shows")


def plan_mismatch(situation: Situation) -> Decision | None:
    wanted, remembered = situation.plan["id"], situation.state["plan_id"]
    if wanted == remembered:
        return None
    return stand_still(
        situation,
        f"the state given belongs to plan {remembered}, not to plan {wanted}; leave the state out to start from the cluster",
    )


def over_budget(situation: Situation) -> Decision | None:
    told = overdrawn(situation.plan, situation.given_up)
    if not told:
        return None
    return stop(
        situation,
        "; ".join(told) + ". Cure these nodes, declare them outside in the exclusions, or raise failure_budget",
    )


def planned_node_gone(situation: Situation) -> Decision | None:
    gone = [name for name in planned_nodes(situation.plan) if name not in situation.seen["nodes"]]
    if not gone:
        return None
    return stop(situation, f"the cluster no longer has {nodes_text(gone)} of the plan; run again with a new plan")


def scope_lost(situation: Situation) -> Decision | None:
    """Never written a second time: whoever takes the selector out again would have every calico-node restarted each time."""
    if situation.scoped or situation.state["scoped_at"] is None:
        return None
    installation = situation.seen["installation"]
    writers = ", ".join(installation["managed_by"]) if installation else ""
    return stop(
        situation,
        "the admission label was taken out of the Installation's selectors while the rollout was under way"
        + (f" (its spec is written by {writers})" if writers else "")
        + "; make that writer keep the selectors, then run again",
    )


def refused(situation: Situation) -> Decision | None:
    """Before the selector is in force, and so before the first label: what would make it harm the cluster."""
    if situation.scoped or situation.state["phase"] == "scoping":
        return None
    kept_out = situation.kept_out
    losing = [name for name in situation.at_risk if name in kept_out]
    quarantined = {entry["node"] for entry in situation.plan["excluded"] if entry["cause"] == QUARANTINED}
    reasons = [
        f"node {name} is kept out ({kept_out[name]}) and runs a Ready calico-node, which the selector would take away: "
        + ("release it" if name in quarantined else "take it out of the exclusions")
        + " and it is adopted"
        for name in losing
    ]
    labelled = [*situation.startable(situation.plan["batches"][0]), *situation.late]
    reasons += refusals(
        situation.seen,
        situation.plan["admission_label"],
        losing,
        about_to_be_labelled=labelled,
        take_over=situation.wishes.take_over,
    )
    return stop(situation, "; ".join(reasons)) if reasons else None


def adopt_late(situation: Situation) -> Decision | None:
    """Who became ready since the plan was made is adopted as long as the selector has not taken calico-node from it."""
    late = situation.late
    if not late:
        return None
    why = f"adopt {nodes_text(late)}: calico-node became ready there after the plan was made"
    state = situation.state.copy()
    state["notes"] = noted(
        state, f"{nodes_text(late)} adopted beside the plan: calico-node became ready there after it was made"
    )
    first = situation.plan["batches"][0]
    actions: list[Action] = [labels_of(situation, ADOPTION, late)]
    beginning = situation.startable(first)
    if not situation.scoped and beginning:
        following = label(situation._replace(state=state), first, beginning)
        state, actions = following["state"], actions + following["actions"]
    return decided(situation, state, actions, "in_progress", why)


def restore_left_over(situation: Situation) -> Decision | None:
    """An earlier run that was killed left maxUnavailable raised, and this one does not ask for that. While that run may still be
    alive, the value is left to it: two runs that undo each other's write would never end."""
    return None if situation.plan["adoption_max_unavailable"] else restore(situation)


def operator_rejected(situation: Situation) -> Decision | None:
    reason = rejection(situation.seen)
    return stop(situation, reason) if reason else None


def batch_overdue(situation: Situation) -> Decision | None:
    started = situation.state["batch_started"]
    if started is None or not situation.overdue:
        return None
    late = "is" if situation.state["batch"] else "are"
    return stop(
        situation,
        f"{situation.stage} {late} not ready after {situation.now - started:.0f} s, still waiting for {situation.lacking()}. "
        f"No further node was admitted{kept_in(situation, unready(situation))}; cure or exclude what is named, then run again",
    )


def labels_settling(situation: Situation) -> Decision | None:
    started = situation.state["batch_started"]
    if situation.state["phase"] != "labelling" or started is None or not situation.unlabelled_now:
        return None
    until = started + SETTLE
    if situation.now >= until:
        return None
    why = f"{situation.stage}: waiting for the labels of {nodes_text(situation.unlabelled_now)} to be seen"
    return wait(situation, "labelling", why, until)


def label_first_batch(situation: Situation) -> Decision | None:
    """Labelled before the selector is written: with none labelled the operator would call an empty DaemonSet Available."""
    first = situation.plan["batches"][0]
    beginning = situation.startable(first)
    if situation.scoped or not beginning:
        return None
    return label(situation, first, beginning)


def raise_max_unavailable(situation: Situation) -> Decision | None:
    """Not part of the pod template: by itself it restarts nothing. Before the selector, which does."""
    installation, wanted = situation.seen["installation"], situation.plan["adoption_max_unavailable"]
    restarting = situation.state["restart"] is not None if situation.scoped else situation.state["phase"] != "scoping"
    if installation is None or wanted is None or installation["raised"] or not restarting or situation.left_to_owner:
        return None
    if situation.state["raised"]:
        return None  # Somebody put it back: another run, or a person. It is theirs to decide.
    daemonset = situation.seen["daemonset"]
    if daemonset is not None and surges(daemonset["max_surge"]):
        return None
    staying = situation.admitted.intersection(pod["node"] for pod in situation.seen["pods"])
    if not staying or not raises(wanted, installation["max_unavailable"], len(staying)):
        return None
    why = (
        f"raise maxUnavailable of calico-node's rolling update from {installation['max_unavailable'] or 1} to {wanted} "
        f"while it restarts on {count(len(staying), 'node')}"
    )
    expected = situation.plan["restart"]
    longest = 2 * situation.plan["batch_timeout"] + RESTART_SLACK * (expected["seconds"] if expected else 0)
    state = situation.state.copy()
    state["raised"] = True
    action = RaiseMaxUnavailable(
        do="raise_max_unavailable", value=wanted, plan=situation.plan["id"], until=situation.seen["read_at"] + longest
    )
    return decided(situation, state, [action], "in_progress", why)


def operator_pending(situation: Situation) -> Decision | None:
    if situation.scoped and situation.in_force:
        return None
    return wait(situation, "scoping", f"waiting for {situation.operator_lacks()}", situation.deadline)


def batch_unready(situation: Situation) -> Decision | None:
    if situation.readiness["ready"]:
        return None
    why = f"{situation.stage}: waiting for {situation.lacking(most=3)}"
    return wait(situation, "waiting", why, situation.deadline)


def batch_soaking(situation: Situation) -> Decision | None:
    since = situation.state["ready_since"]
    until = (situation.now if since is None else since) + situation.plan["soak"]
    if situation.now >= until:
        return None
    why = f"{situation.stage}: watched for {situation.plan['soak']} s to stay so"
    return wait(situation, "soaking", why, until)


def restore_max_unavailable(situation: Situation) -> Decision | None:
    return restore(situation)


def next_batch(situation: Situation) -> Decision | None:
    for batch in situation.plan["batches"]:
        if situation.unlabelled(batch):
            return label(situation, batch, situation.startable(batch))
    return None


RULES: tuple[Rule, ...] = (
    already_stopped,
    plan_mismatch,
    lock_lost,
    lock_held,
    over_budget,
    planned_node_gone,
    scope_lost,
    overlaid,
    refused,
    evidence_for_another_calico,
    placement_restarts,
    calico_restarting,
    pods_held_up,
    witness_first_batch,
    adopt_late,
    restore_left_over,
    operator_rejected,
    quarantine_unenforcing,
    policy_not_in_force,
    denied_came_through,
    quarantine_unready,
    batch_overdue,
    labels_settling,
    label_first_batch,
    hand_over,
    raise_max_unavailable,
    scope_installation,
    witnesses_untold,
    operator_pending,
    batch_unready,
    batch_soaking,
    restore_max_unavailable,
    witnesses_heard,
    quarantine_unproven,
    policy_unproven,
    clear_network_unavailable,
    budget_spent,
    witness_next_batch,
    next_batch,
)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a rule of the reducer returns: the actions, the state to remember, and where the rollout stands."""

from __future__ import annotations

from ..documents import Batch, Decision, Observation, Outcome, Phase, Plan, RolloutState
from ..documents.actions import Action, FinishWitnesses, LabelNodes, RestoreMaxUnavailable, Wait
from ..evidence.admission_annotations import waived_on
from ..evidence.for_calico import noted_on
from ..kubernetes.names import ANNOTATION_BATCH, ANNOTATION_CHECKED_FOR, ANNOTATION_PLAN, ANNOTATION_PRECHECK
from ..operator.handover import Handover
from ..plan.adoption import ADOPTION
from ..plan.exclusion import NOT_IN_RUN, QUARANTINED
from ..text.terminal import count, listed
from .refusals import with_refusals, without_refusals
from .report import outside_now, standing
from .situation import Situation, nodes_text
from .witnesses import TEND_EVERY, with_witnesses


def label(situation: Situation, batch: Batch, nodes: list[str]) -> Decision:
    """`nodes` are those of the batch that begin together."""
    state = situation.state.copy()
    # The same ones again (a write that failed, a run that was killed): their time goes on, or they would never be overdue.
    if state["batch"] != batch["name"] or not {*nodes}.intersection(state["part"]):
        state["batch_started"], state["part"] = None, []
    state["part"] = list(dict.fromkeys([*state["part"], *nodes]))
    state["batch_started"] = situation.now if state["batch_started"] is None else state["batch_started"]
    state["batch"] = batch["name"]
    state["phase"] = "labelling"
    state["ready_since"] = None
    action = labels_of(situation, batch["name"], nodes)
    what = "adopt" if batch["name"] == ADOPTION else "admit"
    return decided(situation, state, [action], "in_progress", f"batch {batch['name']}: {what} {nodes_text(nodes)}")


def labels_of(situation: Situation, batch: str, nodes: list[str]) -> LabelNodes:
    return label_action(situation.plan, batch, nodes, situation.seen)


def label_action(plan: Plan, batch: str, nodes: list[str], seen: Observation) -> LabelNodes:
    return LabelNodes(
        do="label_nodes",
        batch=batch,
        nodes=nodes,
        labels={plan["admission_label"]["key"]: plan["admission_label"]["value"]},
        annotations={
            ANNOTATION_PLAN: plan["id"],
            ANNOTATION_BATCH: batch,
            ANNOTATION_PRECHECK: plan["precheck_digest"],
        },
        waived=waived_on(plan, nodes, seen["nodes"]),
        checked_for=noted_on(plan, nodes, _annotated(seen, ANNOTATION_CHECKED_FOR)),
    )


def _annotated(seen: Observation, key: str) -> set[str]:
    return {name for name, node in seen["nodes"].items() if key in node["annotations"]}


def restore(situation: Situation) -> Decision | None:
    """Put maxUnavailable back to what it was before the adoption."""
    state = situation.state.copy()
    actions, why = _restoration(situation, state)
    return decided(situation, state, actions, "in_progress", why) if actions else None


def _restoration(situation: Situation, state: RolloutState) -> tuple[list[Action], str]:
    """The action that restores maxUnavailable, and why. Nothing where another run has raised it and may still need it, or may write now.

    A value that somebody else has set since stays; the state notes that.
    """
    if situation.lock.lost is not None:
        return [], ""
    installation = situation.seen["installation"]
    raised = installation["raised"] if installation else None
    ours = situation.plan["adoption_max_unavailable"] is not None or situation.left_over
    if installation is None or raised is None or not ours:
        return [], ""
    if installation["max_unavailable"] == raised["raised"]:
        why = f"put maxUnavailable of calico-node's rolling update back to {raised['previous'] or 'none of its own'}"
    else:
        why = (
            f"maxUnavailable stays at {installation['max_unavailable'] or 'none of its own'}: somebody else changed it while it was "
            f"raised to {raised['raised']}"
        )
        state["notes"] = noted(state, why)
    return [RestoreMaxUnavailable(do="restore_max_unavailable")], why


def noted(state: RolloutState, note: str) -> list[str]:
    return state["notes"] if note in state["notes"] else [*state["notes"], note]


def wait(situation: Situation, phase: Phase, why: str, until: float) -> Decision:
    state = situation.state.copy()
    state["phase"] = phase
    look = state["witness"]["looked"] + TEND_EVERY
    if state["witness"]["untold"] and look > situation.now:
        until = min(until, look)
    return decided(situation, state, [Wait(do="wait", why=why, until=until)], "in_progress", why)


def stop(situation: Situation, reason: str) -> Decision:
    """The rollout ends. Its actions put back what was raised for the adoption, and hear the witnesses that go on."""
    state = situation.state.copy()
    actions, _why = _restoration(situation, state)
    state["phase"] = "stopped"
    return decided(situation, state, [*actions, *finishing(situation)], "stopped", reason)


def finishing(situation: Situation) -> list[FinishWitnesses]:
    """The action that ends the witnesses, if any go on. None where another run may write now: it takes them over."""
    witness = situation.state["witness"]
    if witness["run"] is None or witness["batch"] is None or situation.lock.lost is not None:
        return []
    return [FinishWitnesses(do="finish_witnesses", batch=witness["batch"], nodes=witness["nodes"], run=witness["run"])]


def stand_still(situation: Situation, reason: str) -> Decision:
    """The rollout ends and writes nothing: the state shows that it is over, or that it is another rollout's."""
    state = situation.state.copy()
    state["phase"] = "stopped"
    return decided(situation, state, [], "stopped", reason)


def cut_short(situation: Situation, decision: Decision, reason: str) -> Decision:
    """The rollout ends because an action of this decision failed. The report stays, with the new reason."""
    state = decision["state"].copy()
    actions, _why = _restoration(situation, state)
    state["phase"] = "stopped"
    report = decision["report"].copy()
    report["outcome"], report["reason"], report["notes"] = "stopped", reason, state["notes"]
    return Decision(actions=[*actions, *finishing(situation)], state=state, report=report)


def put_off(decision: Decision, state: RolloutState) -> Decision:
    """The decision, none of whose actions the API server took for now: the next one begins from this state. A stop stops later."""
    report = decision["report"].copy()
    report["outcome"] = "in_progress"
    return after_actions(Decision(actions=decision["actions"], state=decision["state"], report=report), state)


def committing(decision: Decision, owned: Handover) -> Decision:
    """The decision, with the YAML that is to be committed in its report."""
    report = decision["report"].copy()
    report["to_commit"] = owned.document
    return Decision(actions=decision["actions"], state=decision["state"], report=report)


def done(situation: Situation) -> Decision:
    state = situation.state.copy()
    state["phase"] = "done"
    excluded = [*outside_now(situation.plan, situation.readiness), *situation.quarantined]
    absent = sum(entry["cause"] == NOT_IN_RUN for entry in excluded)
    outside, kept = len(excluded) - absent, len(situation.plan["kept"])
    is_ready = "would be ready" if state["check_mode"] else "is ready"
    where = f"all {situation.readiness['ready_count'] - kept} planned nodes"
    where += f" and {kept} admitted before" if kept else ""
    told = [f"{outside} outside" if outside else "none is outside", *([f"{absent} not in this run"] if absent else [])]
    quarantined = [entry["node"] or "" for entry in excluded if entry["cause"] == QUARANTINED]
    told += [f"in quarantine: {listed(quarantined)}"] if quarantined else []
    reason = f"calico-node {is_ready} on {where}; {', '.join(told)}{_policy_told(situation)}"
    return decided(situation, state, [], "done", reason)


def _policy_told(situation: Situation) -> str:
    if situation.plan["verify"] is None:
        return ""
    proven = sum(batch["nodes"] for batch in situation.state["policy"]["batches"].values())
    is_proven = "would be proven" if situation.state["check_mode"] else "is proven"
    return f"; network policy {is_proven} on {count(proven, 'node')}"


def decided(
    situation: Situation, state: RolloutState, actions: list[Action], outcome: Outcome, reason: str
) -> Decision:
    reason = with_refusals(reason, state["refused"]) if outcome != "done" else reason
    report = standing(situation.plan, state, situation.readiness, situation.quarantined, outcome, reason)
    return Decision(actions=actions, state=state, report=report)


def after_actions(decision: Decision, state: RolloutState) -> Decision:
    """The decision, once its actions left this state: the report says which writes were refused for now, in the API server's words,
    and what witnesses saw."""
    report = with_witnesses(decision["report"], state)
    report["refused"] = state["refused"]
    report["reason"] = with_refusals(without_refusals(report["reason"], decision["state"]["refused"]), state["refused"])
    return Decision(actions=decision["actions"], state=state, report=report)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Admits nodes: one write each, with the admission label and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..._kube.client import ApiError
from ..._kube.writes import write_all
from ..._rollout.calico_node.readiness import running
from ..._rollout.documents import NodeSeen, Observation, Plan, RolloutState
from ..._rollout.documents.actions import LabelNodes
from ..._rollout.evidence.admission_annotations import written_to
from ..._rollout.kubernetes.names import ANNOTATION_BATCH, ANNOTATION_PLAN
from ..._rollout.operator.installation import scoped
from ..._rollout.plan.adoption import ADOPTION
from ..._rollout.plan.build import planned_nodes
from ..._rollout.reducer.decision import noted
from ..admission import label_writes, try_admission
from ..dry_run import denial
from .action import INSTALLATION, Answers, Call, Change, Done, Handler, RefusedForNow, Told, refusable
from .node_writes import node_writes, refuse_strangers, told
from .scope_installation import scoping


class Labelling(Handler[LabelNodes]):
    def try_out(self, actions: Sequence[LabelNodes], call: Call, state: RolloutState) -> Iterator[RolloutState]:
        """The selector that comes after the first label, and once a run the labels of every batch."""
        with refusable("selector"):
            self._try_selector(actions, call)
        state = Answers("selector", {}, [INSTALLATION]).kept_in(state, call.clock())
        yield state
        if state["labels_tried"]:
            return
        limits = call.limits
        trial = try_admission(
            call.cluster, call.plan, actions, call.seen, limits.rate, limits.concurrency, call.deadline
        )
        answers = Answers("label", {name: error.said for name, error in trial.passing.items()}, trial.tried)
        if trial.passing:
            raise RefusedForNow(answers, f"The API server does not take the admission label of {denial(trial.passing)}")
        state = answers.kept_in(state, call.clock())
        state["labels_tried"] = trial.complete
        for note in trial.notes() if trial.complete else ():
            state["notes"] = noted(state, note)
        yield state

    def carry_out(self, action: LabelNodes, call: Call) -> Done:
        _refuse_strangers(action, call)
        limits = call.limits
        written = write_all(call.cluster, label_writes(action), limits.rate, limits.concurrency, deadline=call.deadline)
        taken = node_writes({name: outcome.error for name, outcome in written.items()})
        return Done(
            tell(action, call.seen, taken.done, taken.sentences),
            stored=[("nodes", [outcome.object for outcome in written.values() if outcome.object is not None])],
            learned=taken.answers("label"),
            again=taken.again,
            failure=_failure(action, taken.final),
        )

    def foresee(self, action: LabelNodes, call: Call) -> Done:
        return Done(tell(action, call.seen, action["nodes"], {}))

    def predict(self, action: LabelNodes, call: Call) -> Observation:
        after = call.seen.copy()
        after["nodes"] = {
            name: _labelled(node, call.plan, action["batch"]) if name in action["nodes"] else node
            for name, node in call.seen["nodes"].items()
        }
        return after

    def _try_selector(self, actions: Sequence[LabelNodes], call: Call) -> None:
        if scoped(call.seen["installation"], call.plan["admission_label"]):
            return
        ahead = call
        for action in actions:
            ahead = replace(ahead, seen=self.predict(action, ahead))
        scoping(ahead, call.seen["installation"] is None, check_mode=True)


def tell(action: LabelNodes, seen: Observation, written: Sequence[str], failed: Mapping[str, str]) -> Told:
    """`failed` has a sentence for each node that the API server did not take the label for."""
    entry: dict[str, Any] = {
        "do": action["do"],
        "batch": action["batch"],
        "count": len(written),
        "nodes": list(written),
        **({"failed": dict(failed)} if failed else {}),
    }
    before, after = {}, {}
    for name in written:
        node, annotations = seen["nodes"][name], written_to(action, name)
        before[name] = {
            "labels": _present(node["labels"], action["labels"]),
            "annotations": _present(node["annotations"], annotations),
        }
        kept = {key: value for key, value in annotations.items() if value is not None}
        after[name] = {"labels": dict(action["labels"]), "annotations": kept}
    return Told(entry, bool(written), [Change("nodes", before, after)])


def _refuse_strangers(action: LabelNodes, call: Call) -> None:
    known = set(planned_nodes(call.plan))
    if action["batch"] == ADOPTION:
        known |= running(call.seen)
    refuse_strangers(action["nodes"], known)


def _failure(action: LabelNodes, final: Sequence[ApiError]) -> str | None:
    if not final:
        return None
    return f"batch {action['batch']}: {len(final)} of {len(action['nodes'])} nodes could not be labelled: {told(final)}"


def _labelled(node: NodeSeen, plan: Plan, batch: str) -> NodeSeen:
    after, label = node.copy(), plan["admission_label"]
    after["labels"] = {**node["labels"], label["key"]: label["value"]}
    after["annotations"] = {**node["annotations"], ANNOTATION_PLAN: plan["id"], ANNOTATION_BATCH: batch}
    return after


def _present(has: Mapping[str, str], written: Mapping[str, Any]) -> dict[str, str]:
    return {key: has[key] for key in written if key in has}

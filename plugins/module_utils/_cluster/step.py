# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Observe, decide, act: the hands of a rollout. Every decision is decide()'s."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from .._kube.client import ApiError, Cluster
from .._kube.writes import NOT_TRIED, WriteOutcome, write_all
from .._rollout.calico_node.readiness import judge, running
from .._rollout.documents import Action, Decision, LabelNodes, Observation, Plan, Readiness, RolloutState
from .._rollout.errors import RolloutError
from .._rollout.operator.installation import scoped
from .._rollout.operator.intent import NO_WISHES, PATCH, Wishes
from .._rollout.plan.adoption import ADOPTION, adopted_since
from .._rollout.plan.build import planned_nodes
from .._rollout.reducer.decide import decide
from .._rollout.reducer.decision import after_refusals, cut_short, noted, put_off
from .._rollout.reducer.refusals import remembered
from .._rollout.reducer.simulate import nothing_predicted, predict, simulate
from .._rollout.reducer.situation import assess
from .._rollout.text.instant import seconds_since
from . import admission_record
from .admission import label_writes, try_admission
from .control_plane import read_control_plane
from .dry_run import denial
from .installation.max_unavailable import LimitOutcome, foreseen_restoration, raise_limit, restore_limit
from .installation.scope import scope
from .installation.scope_request import ScopeOutcome, ScopeRequest
from .observe import KINDS, Observer, listed, observe_once
from .step_result import Journal

LIST_SECONDS = 30.0
"""The first lists may take that much longer than the call: there is always a decision to return."""
WAITS = ("wait", "await_owner", "await_restart")
INSTALLATION = "Installation/default"
RETRY_PAUSE = 2.0
"""Before a decision is taken anew after writes that failed: a node that refuses must not be asked in a tight loop."""


@dataclass(frozen=True)
class Limits:
    max_duration: float
    rate: float
    concurrency: int


@dataclass
class Step:
    """One call of rollout_step."""

    cluster: Cluster
    plan: Plan
    state: RolloutState
    installation_spec: Mapping[str, Any] | None
    limits: Limits
    wishes: Wishes = NO_WISHES
    clock: Callable[[], float] = time.time
    journal: Journal = field(default_factory=Journal)
    decision: Decision = field(init=False)
    observation: Observation = field(init=False)
    batch_completed: bool = False
    to_commit: str | None = None
    """What is to be committed by the Installation's owner, in the call that begins to wait for it."""
    _just_scoped: bool = False
    _generation: int = 0
    """Of the newest Installation seen: what a list has shown is not taken back by a watch that is behind."""
    _before: RolloutState = field(init=False)
    """What was remembered when the present decision was taken."""

    def carry_out(self) -> None:
        """Act until the rollout is finished, a batch is through, or the call's time is used up."""
        deadline = time.monotonic() + self.limits.max_duration
        begun = False
        with Observer(self.cluster, deadline + LIST_SECONDS) as observer:
            while True:
                observation, decision = self._decided(observer)
                if (
                    begun
                    and time.monotonic() >= deadline
                    and any(action["do"] not in WAITS for action in decision["actions"])
                ):
                    # No write is begun that the call has no time for: the next one decides it anew.
                    return
                if begun and self._goes_on(decision):
                    # The next call begins the next batch, so that a line of progress stands between the two.
                    self.batch_completed = True
                    self._record(observation)
                    self.decision = {"actions": [], "state": self.state, "report": decision["report"]}
                    return
                self._take(decision, observation)
                begun = True
                pause = self._act(decision, observation, observer, deadline)
                if self.finished:
                    self._record(observation)
                    self._tell_the_rest(observer.objects)
                if self.finished or time.monotonic() >= deadline:
                    return
                if pause > 0:
                    observer.wait_for_change(min(pause, deadline - time.monotonic()))

    def rehearse(self) -> None:
        """The whole rollout at once on one observation: each action is predicted, and what can be judged by the API is."""
        truth = observe_once(self.cluster)
        now = self.clock()
        if self.state["predicted"] is None:
            self.state["predicted"] = nothing_predicted()
        while True:
            observation = simulate(truth, self.plan, self.state)
            decision = decide(self.plan, self.state, observation, now, self.wishes)
            self._take(decision, observation)
            now = self._foresee(decision["actions"], observation, now)
            if self.finished:
                self._record(truth, check_mode=True)
                self._tell_the_rest(lambda kind: listed(self.cluster, KINDS[kind]))
                return

    @property
    def finished(self) -> bool:
        return self.decision["report"]["outcome"] != "in_progress"

    def readiness(self) -> Readiness:
        """The table of the batches that were begun, and of the nodes that an earlier run admitted."""
        begun = {batch["name"] for batch in self.decision["report"]["batches"] if batch["state"] != "pending"}
        expected = [node for batch in self.plan["batches"] if batch["name"] in begun for node in batch["nodes"]]
        label = self.plan["admission_label"]
        expected += adopted_since(self.observation, self.plan["id"], label, planned_nodes(self.plan))
        return judge([*self.plan["kept"], *expected], self.observation, label)

    def _decided(self, observer: Observer) -> tuple[Observation, Decision]:
        """What is to be done. Right before the selector is set, and once after it, Ready pods are listed anew: a watch may be
        behind, and from a node that became ready without the label the selector takes its calico-node."""
        observation = observer.observe()
        if self._just_scoped or _generation(observation) < self._generation:
            observation = observe_once(self.cluster)
        decision = decide(self.plan, self.state, observation, self.clock(), self.wishes)
        if any(action["do"] == "scope_installation" for action in decision["actions"]):
            observation = observe_once(self.cluster)
            decision = decide(self.plan, self.state, observation, self.clock(), self.wishes)
        self._just_scoped, self._generation = False, _generation(observation)
        return observation, decision

    def _take(self, decision: Decision, observation: Observation) -> None:
        self.batch_completed = self.batch_completed or decision["report"]["outcome"] == "done"
        if self.state["owner_asked"] is None and decision["report"]["to_commit"]:
            self.to_commit = decision["report"]["to_commit"]
        self._before = self.state
        self.decision, self.state, self.observation = decision, decision["state"], observation

    def _goes_on(self, decision: Decision) -> bool:
        """The decision is to begin another batch than the one that this call took further."""
        return self.state["batch"] is not None and decision["state"]["batch"] != self.state["batch"]

    def _act(self, decision: Decision, observation: Observation, observer: Observer, deadline: float) -> float:
        """Carry out the decision; how long to wait for a change before the next one."""
        pause = 0.0
        try:
            self._try(decision["actions"], observation, deadline)
            for action in decision["actions"]:
                if action["do"] == "wait" or action["do"] == "await_owner" or action["do"] == "await_restart":
                    self.journal.waits(action)
                    pause = max(0.05, action["until"] - self.clock())
                elif action["do"] == "label_nodes":
                    written = self._label(action, observation, deadline)
                    observer.settle(
                        "nodes", [outcome.object for outcome in written.values() if outcome.object is not None]
                    )
                    if not all(outcome.ok for outcome in written.values()):
                        self._pause(deadline)
                elif action["do"] == "scope_installation":
                    self._just_scoped = True
                    with self._tolerated("selector", deadline):
                        self.journal.scoped(self._scope(action["create"], observation, check_mode=False))
                elif action["do"] == "raise_max_unavailable":
                    with self._tolerated(action["do"], deadline):
                        self._limited(action["do"], raise_limit(self.cluster, action), observer)
                else:
                    with self._tolerated(action["do"], deadline):
                        self._limited(action["do"], restore_limit(self.cluster), observer)
        except _Refused:
            self._pause(deadline)
        except RolloutError as error:
            self._stop(str(error), observation)
            self._put_back(observer)
        return pause

    def _put_back(self, observer: Observer) -> None:
        """What the stop puts back. A sentence says so where that fails: the stop is final."""
        try:
            for _action in self.decision["actions"]:
                self._limited("restore_max_unavailable", restore_limit(self.cluster), observer)
        except RolloutError as error:
            report = self.decision["report"].copy()
            report["reason"] += " maxUnavailable is still raised, the next run puts it back: %s" % error
            self.decision = {**self.decision, "report": report}

    def _limited(self, do: str, outcome: LimitOutcome, observer: Observer) -> None:
        self.journal.limited(do, outcome)
        if outcome.stored is not None:
            observer.settle("installations", [outcome.stored])

    def _foresee(self, actions: Sequence[Action], observation: Observation, now: float) -> float:
        """Predict what the actions lead to; the instant at which the next decision is taken."""
        try:
            self._try(actions, observation)
            for action in actions:
                if action["do"] == "wait":
                    self.journal.waits(action)
                    now = max(now, action["until"])
                elif action["do"] == "await_restart":
                    # Foreseen is that it ends well, as everywhere in check mode.
                    self.journal.waits(action)
                elif action["do"] == "await_owner":
                    # What is to be committed is judged as if it were to be written.
                    self._scope(create=False, observation=observation, check_mode=True)
                    self.journal.waits(action)
                elif action["do"] == "label_nodes":
                    self.journal.labelled(action, observation, action["nodes"], {})
                elif action["do"] == "scope_installation":
                    self.journal.scoped(self._scope(action["create"], observation, check_mode=True))
                elif action["do"] == "raise_max_unavailable":
                    self.journal.limited(action["do"], raise_limit(self.cluster, action, check_mode=True))
                else:
                    self.journal.limited(action["do"], foreseen_restoration(observation))
                self.state = predict(self.state, action)
        except _Refused as refused:
            # Nobody is waited for: whether it passes is not known in check mode.
            self._stop("%s. Run again when that is cured" % refused, observation)
        except RolloutError as error:
            self._stop(str(error), observation)
        return now

    def _try(self, actions: Sequence[Action], observation: Observation, deadline: float | None = None) -> None:
        """Before the first label: what would the API server say to all that comes after it?

        Raises _Refused where it cannot say now, and RolloutError where it says no. Nothing is written.
        """
        labels = [action for action in actions if action["do"] == "label_nodes"]
        if not labels:
            return
        with self._tolerated("selector", deadline, wrote=False):
            self._try_scope(actions, observation)
        if not self.state["labels_tried"]:
            self._try_labels(labels, observation, deadline)

    def _try_labels(self, labels: Sequence[LabelNodes], observation: Observation, deadline: float | None) -> None:
        """Those of every batch, once a run."""
        limits = self.limits
        trial = try_admission(self.cluster, self.plan, labels, observation, limits.rate, limits.concurrency, deadline)
        said = {name: error.said for name, error in trial.passing.items()}
        self._remember("label", said, trial.tried)
        if said:
            raise _Refused("The API server does not take the admission label of %s" % denial(trial.passing))
        state = self.state.copy()
        state["labels_tried"] = trial.complete
        for note in trial.notes() if trial.complete else ():
            state["notes"] = noted(state, note)
        self._state_after(state)

    def _try_scope(self, actions: Sequence[Action], observation: Observation) -> None:
        """Before the first label: would the API server and our own judgement take the selector that comes after it?"""
        labels = [action for action in actions if action["do"] == "label_nodes"]
        if not labels or scoped(observation["installation"], self.plan["admission_label"]):
            return
        state = self.state
        for action in labels:
            state = predict(state, action)
        ahead = simulate(observation, self.plan, state)
        self._scope(observation["installation"] is None, ahead, check_mode=True)

    def _scope(self, create: bool, observation: Observation, check_mode: bool) -> ScopeOutcome:
        return scope(
            self.cluster,
            ScopeRequest(
                label=self.plan["admission_label"],
                placement=self.wishes.placement,
                planned=planned_nodes(self.plan),
                take_over=self.wishes.take_over,
                # A trial judges; who is to write it is decided when it is written.
                patch_owned=check_mode or self.wishes.when_owned == PATCH,
                check_mode=check_mode,
            ),
            observation=observation,
            create_spec=self.installation_spec if create else None,
        )

    def _label(self, action: LabelNodes, observation: Observation, deadline: float) -> dict[str, WriteOutcome]:
        known = set(planned_nodes(self.plan))
        if action["batch"] == ADOPTION:
            known |= running(observation)
        strangers = set(action["nodes"]) - known
        if strangers:
            raise RolloutError("Nodes that are not in the plan are never touched: %s." % ", ".join(sorted(strangers)))
        writes = label_writes(action)
        written = write_all(self.cluster, writes, self.limits.rate, self.limits.concurrency, deadline=deadline)
        failed = {
            name: outcome.error
            for name, outcome in written.items()
            if outcome.error is not None and outcome.error.reason != NOT_TRIED
        }
        done = [name for name, outcome in written.items() if outcome.ok]
        self.journal.labelled(action, observation, done, {name: str(error) for name, error in failed.items()})
        self._remember(
            "label",
            {name: error.said for name, error in failed.items() if error.status != 404},
            [name for name in written if written[name].ok or name in failed],
        )
        final = {name: error for name, error in failed.items() if _is_final(error)}
        if final:
            raise RolloutError(
                "batch %s: %d of %d nodes could not be labelled: %s"
                % (
                    action["batch"],
                    len(final),
                    len(writes),
                    "; ".join(str(error) for error in list(final.values())[:3]),
                )
            )
        return written

    def _record(self, observation: Observation, check_mode: bool = False) -> None:
        """Note who carries the label where it outlives the Nodes. No decision goes by it, so that a failure is a note."""
        label = self.plan["admission_label"]
        kept_out = {entry["node"] for entry in self.plan["excluded"] if entry["node"] and entry["cause"] == "declared"}
        try:
            wanted, why_not = admission_record.lacking(self.cluster, observation, label, kept_out)
            if wanted is not None:
                why_not = "" if check_mode else admission_record.keep(self.cluster, wanted, label)
                self.journal.changed = self.journal.changed or not why_not
        except ApiError as error:
            why_not = str(error)
        if why_not:
            told = "the admitted nodes are not recorded, so that status cannot tell one that is registered anew: %s"
            self.state = self.state.copy()
            self.state["notes"] = noted(self.state, told % why_not)

    def _tell_the_rest(self, objects: Callable[[str], Sequence[Any]]) -> None:
        """How the rest of Calico stands goes into the last report. It decides nothing, so that a failure to read it is a note."""
        report = self.decision["report"].copy()
        report["notes"] = list(dict.fromkeys([*report["notes"], *self.state["notes"]]))
        try:
            report["operator"], report["control_plane"] = read_control_plane(self.cluster, objects)
        except ApiError as error:
            report["notes"] = [*report["notes"], "how the rest of Calico stands could not be read: %s" % error]
        self.decision = {**self.decision, "report": report}

    @contextlib.contextmanager
    def _tolerated(self, write: str, deadline: float | None, wrote: bool = True) -> Iterator[None]:
        """A write of the Installation, or the trial of one. What may pass is remembered and tried again with the next decision, for as
        long as a batch may take; the rest is raised.

        :param wrote: it was no trial, so the next decision begins from the state before this one
        """
        try:
            yield
        except ApiError as error:
            if not error.is_passing:
                raise
            self._remember(write, {INSTALLATION: error.said}, [INSTALLATION])
            since = min(entry["since"] for entry in self.state["refused"] if entry["write"] == write)
            if deadline is not None and (seconds_since(since, self.clock()) or 0) >= self.plan["batch_timeout"]:
                raise
            if wrote:
                before = self._before.copy()
                before["refused"] = self.state["refused"]
                self.decision, self.state = put_off(self.decision, before), before
            raise _Refused(str(error)) from error
        else:
            self._remember(write, {}, [INSTALLATION])

    def _remember(self, write: str, failed: Mapping[str, str], tried: Collection[str]) -> None:
        state = self.state.copy()
        state["refused"] = remembered(state["refused"], write, failed, tried, self.clock())
        self._state_after(state)

    def _state_after(self, state: RolloutState) -> None:
        """What the actions of a decision left to remember."""
        self.state = state
        self.decision = after_refusals(self.decision, state)

    def _pause(self, deadline: float) -> None:
        time.sleep(max(0.0, min(RETRY_PAUSE, deadline - time.monotonic())))

    def _stop(self, reason: str, observation: Observation) -> None:
        situation = assess(self.plan, self.state, observation, self.clock(), self.wishes)
        self.decision = cut_short(situation, {**self.decision, "state": self.state}, reason)
        self.state = self.decision["state"]


def _generation(observation: Observation) -> int:
    return observation["installation"]["generation"] if observation["installation"] else 0


def _is_final(error: ApiError) -> bool:
    """The server's no, which the same request would meet again. A node that is gone (404) is for decide() to judge."""
    return not error.is_passing and error.status != 404


class _Refused(RolloutError):
    """The API server does not take a write, or says nothing of it, for now."""

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. One call of rollout_step: observe, decide, hand each action over. Every decision is decide()'s."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable

from .._kube.client import ApiError, Cluster
from .._rollout.calico_node.readiness import judge
from .._rollout.documents import Decision, Observation, Plan, Readiness, RolloutState
from .._rollout.documents.actions import WAITS, Action
from .._rollout.errors import RolloutError
from .._rollout.operator.intent import NO_WISHES, Wishes
from .._rollout.plan.adoption import adopted_since
from .._rollout.plan.build import planned_nodes
from .._rollout.plan.exclusion import QUARANTINED
from .._rollout.plan.verify import LONGEST_PROBE
from .._rollout.reducer.decide import decide
from .._rollout.reducer.decision import after_actions, cut_short, noted, put_off
from .._rollout.reducer.lock import NO_LOCK, LockStanding
from .._rollout.reducer.simulate import reacted
from .._rollout.reducer.situation import assess
from .._rollout.text.instant import seconds_since
from . import admission_record
from .actions.action import Answers, Call, Done, Learned, Limits, RefusedForNow
from .actions.registry import ACTIONS
from .control_plane import read_control_plane
from .lock import Lock
from .observe import KINDS, Observer, listed, observe_once
from .policy_probe.namespace import remove_namespace, sweep
from .policy_probe.pods import WITNESS
from .step_result import Journal

LIST_SECONDS = 30.0
"""The first lists may take that much longer than the call: there is always a decision to return. So may a probe of network policy."""
RETRY_PAUSE = 2.0
"""Before a decision is taken anew after writes that failed: a node that refuses must not be asked in a tight loop."""


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
    _look_anew: bool = False
    _generation: int = 0
    """Of the newest Installation seen: what a list has shown is not taken back by a watch that is behind."""
    _before: RolloutState = field(init=False)
    """What was remembered when the present decision was taken."""
    _lock: Lock | None = None
    """None in check mode."""

    def carry_out(self, lock: Lock) -> None:
        """Act until the rollout is finished, a batch is through, or the call's time is used up."""
        self._lock = lock
        deadline = time.monotonic() + self.limits.max_duration
        longest = LIST_SECONDS + (LONGEST_PROBE if self.plan["verify"] else 0)
        begun = False
        with Observer(self.cluster, deadline + longest) as observer:
            lock.wakes(observer.wake)
            while True:
                lock.look()
                observation, decision = self._decided(observer, lock)
                if begun and self._goes_on(decision):
                    # The report says what comes, and none of it is done: a line of progress stands between the two batches.
                    self.batch_completed = True
                    self._record(observation)
                    self.decision = {"actions": [], "state": self.state, "report": decision["report"]}
                    return
                phase = decision["state"]["phase"]
                another = self.state["phase"] != phase
                if (_begins_a_call(decision) and (begun or another)) or (another and phase == "awaiting_lock"):
                    # A line stands before what takes long. What the state remembers lets the next call begin with it.
                    self._take({"actions": [], "state": decision["state"], "report": decision["report"]}, observation)
                    return
                if begun and time.monotonic() >= deadline and any(not _waits(each) for each in decision["actions"]):
                    # No write is begun that the call has no time for: the next one decides it anew.
                    return
                self._take(decision, observation)
                begun = True
                pause = self._act(self._call(observation, deadline), observer)
                if self.finished:
                    if lock.standing.held_as is not None:
                        self._record(observation)
                        self._clean_up()
                    lock.release()
                    self._tell_the_rest(observer.objects)
                # What took the whole call is followed by one more decision, so that its batch is through.
                if self.finished or (time.monotonic() >= deadline and not _begins_a_call(decision)):
                    return
                if pause > 0:
                    observer.wait_for_change(min(pause, deadline - time.monotonic()))

    def rehearse(self, *notes: str) -> None:
        """The whole rollout at once on one observation: each action is predicted, and what can be judged by the API is."""
        truth = observe_once(self.cluster)
        now = self.clock()
        self.state["check_mode"] = True
        self.state["notes"] = [*self.state["notes"], *notes]
        observation = reacted(truth, self.plan["admission_label"])
        while True:
            self._take(decide(self.plan, self.state, observation, now, self.wishes), observation)
            now, observation = self._foresee(self._call(observation, None), now)
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
        out = {entry["node"] for entry in self.decision["report"]["excluded"] if entry["cause"] == QUARANTINED}
        batches = [batch for batch in self.plan["batches"] if batch["name"] in begun]
        expected = [node for batch in batches for node in batch["nodes"] if node not in out]
        label = self.plan["admission_label"]
        expected += adopted_since(self.observation, self.plan["id"], label, planned_nodes(self.plan))
        return judge([*self.plan["kept"], *expected], self.observation, label)

    # --- observe, decide ------------------------------------------------------------------------------------------

    def _decided(self, observer: Observer, lock: Lock) -> tuple[Observation, Decision]:
        """The decision to carry out. Actions that ask for it are decided on fresh lists, and so is what follows them: a watch may
        be behind. No write begins before the lock was renewed: it may have been lost since."""
        observation = observer.observe()
        if self._look_anew or _generation(observation) < self._generation:
            observation = observe_once(self.cluster)
        decision = self._decide(observation)
        if any(ACTIONS[action["do"]].looks_anew for action in decision["actions"]):
            observation = observe_once(self.cluster)
            decision = self._decide(observation)
        if not all(map(_waits, decision["actions"])):
            before = lock.standing
            lock.renew()
            if lock.standing != before:
                decision = self._decide(observation)
        self._look_anew, self._generation = False, _generation(observation)
        return observation, decision

    def _decide(self, observation: Observation) -> Decision:
        return decide(self.plan, self.state, observation, self.clock(), self.wishes, self._standing)

    @property
    def _standing(self) -> LockStanding:
        return NO_LOCK if self._lock is None else self._lock.standing

    def _take(self, decision: Decision, observation: Observation) -> None:
        self.batch_completed = self.batch_completed or decision["report"]["outcome"] == "done"
        if self.state["owner_asked"] is None and decision["report"]["to_commit"]:
            self.to_commit = decision["report"]["to_commit"]
        self._before = self.state
        self.decision, self.state, self.observation = decision, decision["state"], observation

    def _goes_on(self, decision: Decision) -> bool:
        """The decision is to begin another batch than the one that this call took further."""
        return self.state["batch"] is not None and decision["state"]["batch"] != self.state["batch"]

    # --- hand over ------------------------------------------------------------------------------------------------

    def _call(self, observation: Observation, deadline: float | None) -> Call:
        return Call(
            self.cluster,
            self.plan,
            self.wishes,
            self.installation_spec,
            self.limits,
            self.clock,
            observation,
            deadline,
        )

    def _act(self, call: Call, observer: Observer) -> float:
        """Carry out the decision; how long to wait for a change before the next one."""
        trying = True
        try:
            self._try(call)
            trying = False
            return max([0.0, *(self._carried_out(action, call, observer) for action in self.decision["actions"])])
        except RefusedForNow as refused:
            self._remember(refused.answers)
            if self._refused_for_too_long(refused.answers):
                self._end(str(refused), call, observer)
            else:
                if not trying:
                    # What is judged before the write must be judged again, so the next decision begins before this one.
                    before = self._before.copy()
                    before["refused"] = self.state["refused"]
                    self.decision, self.state = put_off(self.decision, before), before
                self._pause(call)
        except RolloutError as error:
            self._end(str(error), call, observer)
        return 0.0

    def _carried_out(self, action: Action, call: Call, observer: Observer) -> float:
        handler = ACTIONS[action["do"]]
        self._look_anew = self._look_anew or handler.looks_anew
        done = handler.carry_out(action, call)
        self._tell(action, done)
        for kind, objects in done.stored:
            observer.settle(kind, objects)
        if done.failure is not None:
            raise RolloutError(done.failure)
        if done.again:
            self._pause(call)
        return 0.0 if done.until is None else max(0.05, done.until - self.clock())

    def _foresee(self, call: Call, now: float) -> tuple[float, Observation]:
        """Predict what the decision leads to; when the next one is taken, and on what."""
        try:
            self._try(call)
            for action in self.decision["actions"]:
                handler = ACTIONS[action["do"]]
                done = handler.foresee(action, call)
                self._tell(action, done)
                now = now if done.until is None else max(now, done.until)
                call = replace(call, seen=handler.predict(action, call))
        except RefusedForNow as refused:
            # Nobody is waited for: whether it passes is not known in check mode.
            self._remember(refused.answers)
            self._end(f"{refused}. Run again when that is cured", call)
        except RolloutError as error:
            self._end(str(error), call)
        return now, reacted(call.seen, self.plan["admission_label"])

    def _try(self, call: Call) -> None:
        """What would the API server say to the actions? Raises RefusedForNow where it cannot say, RolloutError where it says no."""
        by_kind: dict[str, list[Action]] = {}
        for action in self.decision["actions"]:
            by_kind.setdefault(action["do"], []).append(action)
        for do, actions in by_kind.items():
            for state in ACTIONS[do].try_out(actions, call, self.state):
                self._state_after(state)

    def _end(self, reason: str, call: Call, observer: Observer | None = None) -> None:
        """An action failed, so the rollout stops. What the stop puts back is put back at once; a stop that cannot do that says so."""
        if not self.finished:
            if self._lock is not None:
                self._lock.renew()
            situation = assess(self.plan, self.state, call.seen, self.clock(), self.wishes, self._standing)
            self.decision = cut_short(situation, {**self.decision, "state": self.state}, reason)
            self.state = self.decision["state"]
            try:
                for action in self.decision["actions"]:
                    if observer is None:
                        self._tell(action, ACTIONS[action["do"]].foresee(action, call))
                    else:
                        self._carried_out(action, call, observer)
                return
            except RolloutError as error:
                reason = str(error)
        report = self.decision["report"].copy()
        report["reason"] += f" maxUnavailable is still raised, the next run puts it back: {reason}"
        self.decision = {**self.decision, "report": report}

    # --- remember and tell ----------------------------------------------------------------------------------------

    def _tell(self, action: Action, done: Done) -> None:
        self.journal.add(done.told, _waits(action))
        if done.learned is not None:
            self._remember(done.learned)

    def _remember(self, learned: Learned) -> None:
        self._state_after(learned.kept_in(self.state, self.clock()))

    def _state_after(self, state: RolloutState) -> None:
        """What the actions of a decision left to remember."""
        self.state = state
        self.decision = after_actions(self.decision, state)

    def _refused_for_too_long(self, answers: Answers) -> bool:
        """A batch may take that long, and no longer."""
        since = min(entry["since"] for entry in self.state["refused"] if entry["write"] == answers.write)
        return (seconds_since(since, self.clock()) or 0) >= self.plan["batch_timeout"]

    def _pause(self, call: Call) -> None:
        left = 0.0 if call.deadline is None else call.deadline - time.monotonic()
        time.sleep(max(0.0, min(RETRY_PAUSE, left)))

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
            told = f"the admitted nodes are not recorded, so that status cannot tell one that is registered anew: {why_not}"
            self.state = self.state.copy()
            self.state["notes"] = noted(self.state, told)

    def _clean_up(self) -> None:
        """Between batches the namespace of the probes stays. Here its witnesses go, those of a run that was killed too."""
        if self.plan["verify"] is None:
            return
        namespace = self.plan["verify"]["namespace"]
        try:
            sweep(self.cluster, namespace, WITNESS)
            remove_namespace(self.cluster, namespace)
        except ApiError as error:
            self.state = self.state.copy()
            self.state["notes"] = noted(self.state, f"the namespace {namespace} of the probes is left: {error}")

    def _tell_the_rest(self, objects: Callable[[str], Sequence[Any]]) -> None:
        """How the rest of Calico stands goes into the last report. It decides nothing, so that a failure to read it is a note."""
        report = self.decision["report"].copy()
        report["notes"] = list(dict.fromkeys([*report["notes"], *self.state["notes"]]))
        try:
            report["operator"], report["control_plane"] = read_control_plane(self.cluster, objects)
        except ApiError as error:
            report["notes"] = [*report["notes"], f"how the rest of Calico stands could not be read: {error}"]
        self.decision = {**self.decision, "report": report}


def _waits(action: Action) -> bool:
    return action["do"] in WAITS


def _begins_a_call(decision: Decision) -> bool:
    return any(ACTIONS[action["do"]].begins_a_call for action in decision["actions"])


def _generation(observation: Observation) -> int:
    return observation["installation"]["generation"] if observation["installation"] else 0

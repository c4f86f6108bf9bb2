# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of a few dictionaries that does what a rollout is answered with: the operator, the DaemonSet, slow or stuck pods."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    Decision,
    Observation,
    Plan,
    PolicyProbeReport,
    RolloutState,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.actions import Action, VerifyPolicy
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.names import (
    ANNOTATION_QUARANTINE,
    QUARANTINE_KEY,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.policy_proof import with_probe
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import LABEL, bare, daemonset, installation, node_seen, pod
from tests.unit.rollout.probes import probe_of
from tests.unit.rollout.witnesses import played


class FakeCluster:
    """`delay` seconds from a pod's start to its readiness, `lag` of what is observed behind what is; `stuck` never get ready, `open`
    ones get ready and enforce nothing, on `mute` ones no pod of a probe starts. `holes` has how many denied connections of a witness come
    through on a node; on those of `slow`, the pods of a witness do not run before calico-node is ready."""

    def __init__(
        self,
        names: Sequence[str],
        delay: float = 3.0,
        stuck: Collection[str] = (),
        lag: float = 0.0,
        open_nodes: Collection[str] = (),
        mute: Collection[str] = (),
        holes: Mapping[str, int] | None = None,
        slow: Collection[str] = (),
    ) -> None:
        self.truth: Observation = bare(names)
        self.delay = delay
        self.stuck = set(stuck)
        self.lag = lag
        self.open, self.mute = set(open_nodes), set(mute)
        self.probes: list[VerifyPolicy] = []
        self.holes, self.slow = dict(holes or {}), set(slow)
        self.witnesses: dict[str, list[str]] = {}
        self.started: dict[str, float] = {}
        self.listed = 0.0
        self.history: list[tuple[float, Observation]] = []
        self.label_writes: list[tuple[float, str, list[str]]] = []
        self.quarantines: list[tuple[float, str, list[str]]] = []
        self.scope_writes: list[float] = []

    def act(self, action: Action, now: float) -> None:
        self._keep(now)
        self.truth = self.truth.copy()
        self.truth["nodes"] = dict(self.truth["nodes"])
        if action["do"] == "label_nodes":
            self.label_writes.append((now, action["batch"], list(action["nodes"])))
            self.label(*action["nodes"])
        elif action["do"] == "quarantine":
            self.quarantines.append((now, action["batch"], list(action["nodes"])))
            for name in action["nodes"]:
                self.started.pop(name, None)
                node = self.truth["nodes"][name] = node_seen(labels={QUARANTINE_KEY: action["causes"][name]})
                node["annotations"] = {ANNOTATION_QUARANTINE: action["reasons"][name]}
        elif action["do"] == "scope_installation":
            assert action["create"] == (self.truth["installation"] is None)
            self.scope_writes.append(now)
            self.truth["installation"] = installation()
        self._keep(now)

    def probed(self, action: VerifyPolicy) -> PolicyProbeReport:
        self.probes.append(action)
        verdicts = {**dict.fromkeys(self.mute, "unproven"), **dict.fromkeys(self.open, "open")}
        return probe_of({node: verdicts.get(node, "enforced") for node in action["nodes"]})

    def observe(self, now: float) -> Observation:
        """What a watch shows: the truth of a lag ago, but never older than the list that it began with."""
        self._keep(now)
        newest = max(now - self.lag, self.listed)
        return next((seen for at, seen in reversed(self.history) if at <= newest), self.history[0][1])

    def list_anew(self, now: float) -> None:
        self.listed = now

    def label(self, *names: str) -> None:
        for name in names:
            self.truth["nodes"][name] = node_seen(admitted=True, ready=False)

    def admitted(self) -> list[str]:
        return sorted(
            name for name, node in self.truth["nodes"].items() if node["labels"].get(LABEL["key"]) == LABEL["value"]
        )

    def _keep(self, now: float) -> None:
        """Whatever the cluster does by itself up to now. What was observed before is never changed, only replaced."""
        truth = self.truth.copy()
        truth["nodes"] = dict(truth["nodes"])
        if truth["installation"] is not None:
            admitted = self.admitted()
            for name in admitted:
                self.started.setdefault(name, now)
            ready = {name for name in admitted if name not in self.stuck and now >= self.started[name] + self.delay}
            truth["daemonset"] = truth["csi_daemonset"] = daemonset(len(admitted))
            truth["pods"] = [
                pod(name, ready=name in ready, reason=None if name in ready else "felix is not live")
                for name in admitted
            ]
            for name in admitted:
                truth["nodes"][name] = node_seen(admitted=True, ready=name in ready)
        self.truth = truth
        self.history.append((now, truth))


class Run:
    """Decides and acts until the rollout ends. `killed_at` loses the state after that many decisions, as a killed run would."""

    def __init__(self, plan: Plan, cluster: FakeCluster, now: float = 1000.0, tick: float = 1.0) -> None:
        self.plan = plan
        self.cluster = cluster
        self.now = now
        self.tick = tick
        self.state: RolloutState = new_state(plan)
        self.decisions: list[Decision] = []
        self.seen: list[tuple[float, Observation]] = []

    def step(self) -> Decision:
        observation = self.cluster.observe(self.now)
        decision = decide(self.plan, self.state, observation, self.now)
        self.seen.append((self.now, observation))
        self.decisions.append(decision)
        self.state = decision["state"]
        for action in decision["actions"]:
            self.cluster.act(action, self.now)
            if action["do"] == "verify_policy":
                self.now += self.tick
                self.state = with_probe(self.state, action["batch"], self.cluster.probed(action), [], self.now)
            self.state = played(
                self.state, action, self.now, self.cluster.witnesses, self.cluster.holes, self.cluster.slow
            )
        if any(action["do"] == "wait" for action in decision["actions"]):
            self.now += self.tick
        return decision

    def to_the_end(self, killed_at: Collection[int] = (), most: int = 3000) -> Any:
        for number in range(most):
            decision = self.step()
            if decision["report"]["outcome"] != "in_progress":
                return decision["report"]
            if number in killed_at:
                self.state = new_state(self.plan)
                self.cluster.list_anew(self.now)
        raise AssertionError(f"no end after {most} decisions; the last: {self.decisions[-1]}")

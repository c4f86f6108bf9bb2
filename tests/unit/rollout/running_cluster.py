# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that runs Calico already, in a few dictionaries: what its operator and its DaemonSet do with a selector."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.max_unavailable import at_once
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.readiness import carries
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    Decision,
    Observation,
    Plan,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.actions import Action
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.installation import scoped
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.instant import rfc3339

from tests.unit.rollout.builders import LABEL, READ_AT, SELECTOR, daemonset, installation, pod, unscoped
from tests.unit.rollout.witnesses import played

OLD, NEW = "old", "new"
BEGIN, LONG_AGO = 1000.0, -1000.0


def instant(now: float) -> str:
    return rfc3339(READ_AT + now - BEGIN)


class RunningCluster:
    """`stuck` nodes never get ready, `late` ones in the moment in which the selector is written, `worn` ones when restarted; those
    `between` are between two Ready calico-nodes when all begins (at 1000.0), and get ready after another `delay`.

    The operator takes `operator_lag` seconds to put the selector into force. Then calico-node is taken from all nodes without
    the label at once, and restarted on the others as maxUnavailable allows. `lost` names who lost a Ready one to the former,
    `most_down` is how many were without one at the same time because of the latter.
    """

    def __init__(
        self,
        names: Sequence[str],
        stuck: Collection[str] = (),
        late: Collection[str] = (),
        delay: float = 3.0,
        operator_lag: float = 1.0,
        max_unavailable: str = "1",
        between: Collection[str] = (),
    ) -> None:
        running = [name for name in names if name not in {*stuck, *late}]
        self.seen: Observation = unscoped(names, running, [*stuck, *late])
        self.stuck, self.late = set(stuck), set(late)
        self.worn: set[str] = set()
        self.delay, self.operator_lag = delay, operator_lag
        self.seen["installation"] = installation({}, max_unavailable=max_unavailable)
        self.revision = OLD
        self.pods: dict[str, tuple[str, float]] = dict.fromkeys(names, (OLD, LONG_AGO))
        self.pods.update(dict.fromkeys(between, (OLD, BEGIN)))
        self.scoped_at: float | None = None
        self.lost: set[str] = set()
        self.most_down = 0
        self.limits: list[str | None] = []
        self.actions: list[Action] = []
        self.holes: dict[str, int] = {}
        """Denied connections of a witness that come through."""
        self.witnesses: dict[str, list[str]] = {}

    def ready(self, name: str, now: float) -> bool:
        if name not in self.pods or name in self.stuck | self.late:
            return False
        revision, started = self.pods[name]
        return (revision == NEW or name not in self.worn) and now >= started + self.delay

    def act(self, action: Action, now: float) -> None:
        self.seen = copy.deepcopy(self.seen)
        installed: Any = self.seen["installation"]
        if action["do"] not in ("wait", "await_restart"):
            self.actions.append(action)
        if action["do"] == "label_nodes":
            for name in action["nodes"]:
                self.seen["nodes"][name]["labels"].update(action["labels"])
                self.seen["nodes"][name]["annotations"].update(action["annotations"])
        elif action["do"] == "scope_installation":
            self.late.clear()
            for field in ("calico_node_selector", "csi_node_driver_selector", "control_plane_selector"):
                installed[field] = dict(SELECTOR)
            installed["generation"] += 1
            self.scoped_at = now
        elif action["do"] == "raise_max_unavailable":
            installed["raised"] = {
                "previous": installed["max_unavailable"],
                "raised": action["value"],
                "plan": action["plan"],
                "until": rfc3339(action["until"]),
            }
            installed["max_unavailable"] = action["value"]
        elif action["do"] == "restore_max_unavailable":
            if installed["max_unavailable"] == installed["raised"]["raised"]:
                installed["max_unavailable"] = installed["raised"]["previous"]
            installed["raised"] = None

    def observe(self, now: float) -> Observation:
        self._live(now)
        self.seen = copy.deepcopy(self.seen)
        desired = list(self.pods)
        for name, node in self.seen["nodes"].items():
            node["ready"] = self.ready(name, now) or node["ready"]
        self.seen["read_at"] = READ_AT + now - BEGIN
        self.seen["pods"] = [
            pod(
                name,
                revision=revision,
                ready=self.ready(name, now),
                reason=None if self.ready(name, now) else "felix is not live",
                created=instant(started),
                since=instant(started + (self.delay if self.ready(name, now) else 0)),
            )
            for name, (revision, started) in self.pods.items()
        ]
        selector = SELECTOR if self.revision == NEW else {}
        limit = (self.seen["installation"] or {}).get("max_unavailable") or "1"
        self.seen["daemonset"] = daemonset(len(desired), selector, revision=self.revision, max_unavailable=limit)
        self.seen["csi_daemonset"] = daemonset(len(desired), selector)
        return self.seen

    def _live(self, now: float) -> None:
        if self.scoped_at is not None and now >= self.scoped_at + self.operator_lag:
            assert scoped(self.seen["installation"], LABEL)
            self.revision = NEW
            wanted = {name for name, node in self.seen["nodes"].items() if carries(node["labels"], LABEL)}
            self.lost |= set(self.pods) - wanted - self.stuck - self.late
            self.pods = {name: pod for name, pod in self.pods.items() if name in wanted}
            for name in wanted - set(self.pods):
                self.pods[name] = (NEW, now)
        old = [name for name, (revision, _started) in self.pods.items() if revision != self.revision]
        for name in old:
            down = [each for each in self.pods if not self.ready(each, now) and each not in self.stuck]
            if not self.ready(name, now):
                self.pods[name] = (self.revision, now)
            elif len(down) < at_once((self.seen["installation"] or {}).get("max_unavailable") or "1", len(self.pods)):
                self.pods[name] = (self.revision, now)
                self.most_down = max(self.most_down, len(down) + 1)


class AdoptingRun:
    """Decides and acts as rollout_step does: Ready pods are read again right before the selector is written."""

    def __init__(self, plan: Plan, cluster: RunningCluster, now: float = 1000.0) -> None:
        self.plan, self.cluster, self.now = plan, cluster, now
        self.state = new_state(plan)
        self.decisions: list[Decision] = []

    def step(self) -> Decision:
        decision = decide(self.plan, self.state, self.cluster.observe(self.now), self.now)
        self.decisions.append(decision)
        self.state = decision["state"]
        for action in decision["actions"]:
            self.cluster.act(action, self.now)
            self.state = played(self.state, action, self.now, self.cluster.witnesses, self.cluster.holes)
        if any(action["do"] in ("wait", "await_restart") for action in decision["actions"]):
            self.now += 1.0
        return decision

    def to_the_end(self, killed_at: Collection[int] = (), most: int = 3000) -> Any:
        for number in range(most):
            decision = self.step()
            if decision["report"]["outcome"] != "in_progress":
                return decision["report"]
            if number in killed_at:
                self.state = new_state(self.plan)
        raise AssertionError(f"no end after {most} decisions; the last: {self.decisions[-1]}")

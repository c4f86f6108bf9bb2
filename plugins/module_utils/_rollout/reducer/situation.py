# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Everything that a rule of the reducer may look at, worked out once for a decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..calico_node.max_unavailable import at_a_time
from ..calico_node.network_left import network_left_text
from ..calico_node.readiness import carries, judge
from ..documents import Batch, ExcludedNode, Observation, Plan, PlannedTier, Readiness, RestartState, RolloutState
from ..kubernetes.quarantine import quarantine_reason
from ..operator.handover import Handover, Lacking, handover, lacking
from ..operator.installation import in_force, scoped, stranded
from ..operator.intent import PATCH, Wishes
from ..plan.adoption import ADOPTION, adopted_since
from ..plan.budget import room
from ..plan.build import planned_nodes
from ..plan.exclusion import QUARANTINED, quarantined_node
from ..plan.restarting import ASSUMED_SECONDS, Trouble, unlabelled_troubles, without_pod
from ..text.instant import seconds_since
from ..text.order import natural
from ..text.terminal import count, listed
from .lock import LockStanding, remembered
from .policy_proof import still_ready
from .refusals import in_brackets, still_refused

# A restart may take that many times as long as it is expected to.
RESTART_SLACK = 2


class Situation(NamedTuple):
    plan: Plan
    state: RolloutState
    seen: Observation
    now: float
    scoped: bool
    """The selector is in the Installation."""
    in_force: bool
    """The operator has put it into its DaemonSets."""
    admitted: frozenset[str]
    """Nodes that carry the admission label: planned ones, those that an earlier run admitted and this one leaves alone, and those
    that were adopted beside the plan."""
    readiness: Readiness
    """The gate over all of them, those of earlier batches too: a node that fell over since holds the rollout up."""
    quarantined: list[ExcludedNode]
    """Nodes of the plan that are in quarantine by now. None of them is admitted, or waited for."""
    wishes: Wishes
    wanting: Lacking
    """What the operator's resources lack of what is wanted."""
    troubles: dict[str, Trouble]
    """Nodes without the label on which calico-node should be Ready and is not: what the selector would take from them. None once
    it is set."""
    handover: Handover | None
    """What of it whoever applies them from outside the cluster is to commit; None where that does not hold the rollout up."""
    lock: LockStanding

    @property
    def passed(self) -> bool:
        return self.scoped and self.in_force and self.readiness["ready"]

    @property
    def deadline(self) -> float:
        """While calico-node restarts everywhere, a batch has the time that this takes, as long as one node after the other
        gets through."""
        started = self.state["batch_started"]
        usual = (self.now if started is None else started) + self.plan["batch_timeout"]
        restart = self.state["restart"]
        if restart is None:
            return usual
        return max(usual, min(restart["until"], restart["moved"] + self.plan["batch_timeout"]))

    @property
    def restarting(self) -> list[Trouble]:
        """Nodes that the selector would rob of a calico-node which is about to be Ready again. One that the user keeps out may go
        while its kubelet is silent: that is how a machine which is gone for good is named."""
        first = self.before_the_selector
        return [
            trouble
            for name, trouble in self.troubles.items()
            if name not in first
            and (trouble.kind == "restarting" or (trouble.kind == "silent" and name not in self.kept_out))
        ]

    @property
    def held_up(self) -> list[str]:
        """Nodes whose calico-node cannot go, for their kubelet is silent."""
        having = {pod["node"] for pod in self.seen["pods"]}
        return [
            name
            for name in sorted(having, key=natural)
            if name in self.seen["nodes"] and self.seen["nodes"][name]["kubelet_silent"]
        ]

    @property
    def given_up(self) -> list[ExcludedNode]:
        """Nodes that restarted calico-node when the plan was made, and that stay outside since it did not become ready."""
        return [
            each["otherwise"]
            for each in self.plan["restarting"]
            if each["otherwise"] is not None and self.troubles.get(each["node"], _NONE).kind == "stuck"
        ]

    @property
    def kept_out(self) -> dict[str, str]:
        """Nodes that the user, their kind or their quarantine keeps out, with the reason: not to be adopted."""
        return {
            entry["node"]: entry["reason"]
            for entry in self.plan["excluded"]
            if entry["node"] is not None and entry["cause"] in ("declared", "unsupported", QUARANTINED)
        }

    @property
    def at_risk(self) -> list[str]:
        """Nodes with a Ready calico-node that have no label and are not about to get it with the first batch: the selector
        takes their calico-node from them as soon as the operator has put it into force."""
        if self.in_force:
            return []
        first = () if self.scoped else self.before_the_selector
        return [name for name in stranded(self.seen, self.plan["admission_label"]) if name not in first]

    @property
    def late(self) -> list[str]:
        """Those of them that are adopted beside the plan."""
        return [name for name in self.at_risk if name in self.seen["nodes"] and name not in self.kept_out]

    @property
    def stage(self) -> str:
        """What is waited for, to open a sentence with."""
        return f"batch {self.state['batch']}" if self.state["batch"] else "the nodes admitted before"

    @property
    def left_to_owner(self) -> bool:
        """Somebody applies the Installation from outside the cluster, and nothing is patched into it."""
        installation = self.seen["installation"]
        return installation is not None and bool(installation["owned_by"]) and self.wishes.when_owned != PATCH

    @property
    def owner_deadline(self) -> float:
        asked = self.state["owner_asked"]
        return (self.now if asked is None else asked) + self.wishes.owner_timeout

    @property
    def left_over(self) -> bool:
        """maxUnavailable is raised, and nobody needs that any more: the time is over that the run which raised it may take, or
        there is nothing left to restart."""
        installation, daemonset = self.seen["installation"], self.seen["daemonset"]
        if installation is None or installation["raised"] is None:
            return False
        if seconds_since(installation["raised"]["until"], self.seen["read_at"]):
            return True
        through = daemonset is not None and daemonset["updated"] >= daemonset["desired"] <= daemonset["available"]
        return self.scoped and self.in_force and through

    @property
    def overdue(self) -> bool:
        """The batch under way has had its time, and is not through."""
        if self.state["batch_started"] is None or self.now < self.deadline or self.handover is not None:
            return False
        return not self.passed or bool(self.unlabelled_now)

    @property
    def under_way(self) -> Batch | None:
        return next((batch for batch in self.plan["batches"] if batch["name"] == self.state["batch"]), None)

    @property
    def left_out(self) -> list[ExcludedNode]:
        """Everyone whom a failure budget may have to pay for, now."""
        return [*self.plan["excluded"], *self.given_up, *self.quarantined]

    def tier_of(self, batch: Batch) -> PlannedTier | None:
        """None for the adoption."""
        return next((tier for tier in self.plan["tiers"] if tier["name"] == batch["tier"]), None)

    def unlabelled(self, batch: Batch) -> list[str]:
        out = {entry["node"] for entry in self.quarantined}
        return [node for node in batch["nodes"] if node not in self.admitted and node not in out]

    def startable(self, batch: Batch) -> list[str]:
        """Those of them that may get the label now. Where a failed node goes into quarantine, the budget has room for all of
        them to fail, together with those of the batch that have not passed yet."""
        waiting, tier = self.unlabelled(batch), self.tier_of(batch)
        if tier is None or tier["on_failure"] != "quarantine":
            return waiting
        in_flight = 0 if self.passed else len(self.admitted.intersection(batch["nodes"]))
        return waiting[: max(0, room(tier, self.plan["budget"], self.left_out) - in_flight)]

    @property
    def before_the_selector(self) -> frozenset[str]:
        """Nodes of the first batch that have the label, or get it before the selector is written."""
        first = self.plan["batches"][0]
        return self.admitted.intersection(first["nodes"]).union(self.startable(first))

    @property
    def unlabelled_now(self) -> list[str]:
        """Nodes of the batch under way that were to carry the label, and do not."""
        batch = self.under_way
        if batch is None:
            return []
        part = self.state["part"]
        return [node for node in self.unlabelled(batch) if not part or node in part]

    @property
    def labels_lacking(self) -> str:
        """The labels of the batch under way that are not there, and the API server's words where it refuses them."""
        return f"the admission label on {nodes_text(self.unlabelled_now)}{in_brackets(self.state['refused'], 'label')}"

    def lacking(self, most: int = 20) -> str:
        """What keeps the gate shut, in one sentence that goes on from `waiting for`."""
        if self.unlabelled_now and not self.scoped:
            # The selector comes after these labels, and nothing else is done before them.
            return self.labels_lacking
        if not (self.scoped and self.in_force):
            return self.operator_lacks()
        told = []
        if self.unlabelled_now:
            told.append(self.labels_lacking)
        rows = [row for row in self.readiness["nodes"] if not row["ready"]]
        if self.state["restart"]:
            # Those whose turn has not come run as before, and tell nothing.
            turn = sum(row["state"] == "old_revision" for row in rows)
            rows = [row for row in rows if row["state"] != "old_revision"]
            if turn:
                told.append(
                    f"calico-node to restart on {count(turn, 'more node')} ({self.revisions}{self._holding_up()})"
                )
        told += [f"{row['node']} ({row['state']}: {row['reason']})" for row in rows[:most]]
        if len(rows) > most:
            told.append(f"{len(rows) - most} more nodes")
        return ", ".join(told + self.readiness["blockers"])

    def _holding_up(self) -> str:
        """What the rolling update stands still for, should it do so."""
        held = self.held_up
        if not held:
            return ""
        return f"; on {nodes_text(held)} the kubelet is silent, and a pod that cannot go there counts against maxUnavailable"

    @property
    def revisions(self) -> str:
        """Why calico-node restarts: from which revision of its pod template to which."""
        newest = self.seen["daemonset"]["revision"] if self.seen["daemonset"] else None
        old = {pod["revision"] or "unknown" for pod in self.seen["pods"] if pod["node"] in self.admitted} - {newest}
        return f"from template revision {listed(sorted(old), 3)} to {newest}"

    def operator_lacks(self) -> str:
        if not self.scoped:
            return f"the selector to appear in the Installation{in_brackets(self.state['refused'], 'selector')}"
        degraded = self.seen["calico_status"].get("Degraded")
        says = (
            f" (it says {degraded['reason']}: {degraded['message']})"
            if degraded and degraded["status"] == "True"
            else ""
        )
        return f"tigera-operator to put the selector into its DaemonSets{says}"


_NONE = Trouble("", "restarting", None, "", 0, 0)


def assess(
    plan: Plan, state: RolloutState, seen: Observation, now: float, wishes: Wishes, lock: LockStanding
) -> Situation:
    label = plan["admission_label"]
    nodes = seen["nodes"]
    planned = [*plan["kept"], *planned_nodes(plan)]
    quarantined = _quarantined(plan, seen)
    out = {entry["node"] for entry in quarantined}
    admitted = [name for name in planned if name in nodes and carries(nodes[name]["labels"], label) and name not in out]
    admitted += adopted_since(seen, plan["id"], label, set(planned))
    state = _missing_since(state, seen, now)
    missing = {name: now - since for name, since in state["missing"].items()}
    situation = Situation(
        plan=plan,
        state=state,
        seen=seen,
        now=now,
        scoped=scoped(seen["installation"], label),
        in_force=in_force(seen, label),
        admitted=frozenset(admitted),
        readiness=judge(admitted, seen, label),
        quarantined=quarantined,
        wishes=wishes,
        wanting=lacking(seen, label, wishes.placement),
        troubles=unlabelled_troubles(seen, label, plan["restart_patience"], plan["batch_timeout"], missing),
        handover=None if wishes.when_owned == PATCH else handover(seen, label, wishes.placement),
        lock=lock,
    )
    return situation._replace(state=_fold(situation))


def _quarantined(plan: Plan, seen: Observation) -> list[ExcludedNode]:
    hosts = {node: host for evidence in plan["evidence"] for node, host in evidence["nodes"].items()}
    found = []
    for batch in plan["batches"]:
        for name in batch["nodes"]:
            node = seen["nodes"].get(name)
            reason = node and quarantine_reason(node["labels"], node["annotations"])
            if node is not None and reason:
                reason += network_left_text(node)
                found.append(quarantined_node(name, hosts.get(name), batch["tier"], reason))
    return found


def nodes_text(names: Sequence[str]) -> str:
    return f"node {names[0]}" if len(names) == 1 else f"{len(names)} nodes ({listed(names)})"


def _missing_since(state: RolloutState, seen: Observation, now: float) -> RolloutState:
    after = state.copy()
    after["missing"] = {name: state["missing"].get(name, now) for name in without_pod(seen)}
    return after


def _fold(situation: Situation) -> RolloutState:
    """The remembered state, brought up to what the cluster shows: where the two differ, the cluster is right."""
    state = situation.state.copy()
    state["lock"] = remembered(state["lock"], situation.lock, situation.now)
    if state["batch"] is None:
        state["batch"] = _under_way(situation)
    # Nodes that an earlier run admitted have as long to be ready as a batch.
    if situation.admitted and state["batch_started"] is None:
        state["batch_started"] = situation.now
    if not situation.restarting:
        state["restarts_awaited"] = None
    state["notes"] = [*state["notes"], *(note for note in _raised_by_another(situation) if note not in state["notes"])]
    if situation.scoped and state["scoped_at"] is None:
        state["scoped_at"] = situation.now
    if state["owner_asked"] is not None and situation.handover is None:
        # The commit is there: the batch's time begins now.
        state["owner_asked"], state["batch_started"] = None, situation.now
    state["restart"] = _restart(situation)
    state["policy"] = still_ready(
        state["policy"], {row["node"] for row in situation.readiness["nodes"] if row["ready"]}
    )
    state["refused"] = still_refused(state["refused"], situation.seen, situation.plan["admission_label"])
    # While the labels of a batch are not all seen, the readiness of the nodes before it says nothing about it.
    settled = state["phase"] != "labelling" or not situation._replace(state=state).unlabelled_now
    if not (situation.passed and settled):
        state["ready_since"] = None
    elif state["ready_since"] is None:
        state["ready_since"] = situation.now
    return state


def _raised_by_another(situation: Situation) -> list[str]:
    """maxUnavailable that another run has raised, and may still need: this one leaves it alone, and says so."""
    installation = situation.seen["installation"]
    raised = installation["raised"] if installation else None
    if raised is None or situation.left_over or situation.plan["adoption_max_unavailable"] is not None:
        return []
    by = f"the rollout of plan {raised['plan']}" if raised["plan"] else "another rollout"
    until = f" until {raised['until']}" if raised["until"] else ""
    return [f"maxUnavailable is {raised['raised']}: {by} has raised it, may need it{until}, and is to put it back"]


def _under_way(situation: Situation) -> str | None:
    """The batch that an earlier run was at: the last that has admitted nodes, unless the adoption is not through."""
    ready = {row["node"] for row in situation.readiness["nodes"] if row["ready"]}
    begun = [batch for batch in situation.plan["batches"] if situation.admitted.intersection(batch["nodes"])]
    if begun and begun[0]["name"] == ADOPTION and not ready.issuperset(begun[0]["nodes"]):
        return ADOPTION
    return begun[-1]["name"] if begun else None


def _restart(situation: Situation) -> RestartState | None:
    """The rolling update that the selector, or whatever else changed the pod template, set off."""
    kept, rows = situation.state["restart"], situation.readiness["nodes"]
    if not (situation.scoped and situation.in_force):
        return kept
    if situation.readiness["ready"]:
        return None
    through = situation.readiness["ready_count"]
    if kept is not None:
        return (
            RestartState(until=kept["until"], through=through, moved=situation.now)
            if through > kept["through"]
            else kept
        )
    pending = sum(row["state"] == "old_revision" for row in rows)
    daemonset, expected = situation.seen["daemonset"], situation.plan["restart"]
    if not pending or daemonset is None:
        return None
    rounds = -(-pending // at_a_time(daemonset["max_unavailable"], daemonset["max_surge"], len(rows)))
    seconds = rounds * (expected["seconds_each"] if expected else ASSUMED_SECONDS) * RESTART_SLACK
    return RestartState(
        until=situation.now + situation.plan["batch_timeout"] + seconds, through=through, moved=situation.now
    )

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is decided, remembered and reported."""

from __future__ import annotations

from typing import Literal, TypedDict

from .actions import Action, RefusedWrite
from .control_plane import ControlPlane, OperatorStatus
from .lock import LockState
from .nodes import ClusterName
from .plan import ExcludedNode, PlannedTier, PlannedWaiver, UnprovenNode, VerifyMode
from .policy import FlowWitness, PolicyProbeReport
from .policy_gap import PolicyGap
from .precheck import CrossFinding

Phase = Literal[
    "new",
    "awaiting_lock",
    "restarting",
    "witnessing",
    "labelling",
    "awaiting_owner",
    "scoping",
    "waiting",
    "soaking",
    "verifying",
    "quarantining",
    "done",
    "stopped",
]
BatchState = Literal["pending", "in_progress", "done"]
Outcome = Literal["in_progress", "done", "stopped"]


class ReadinessRow(TypedDict):
    """One node of the readiness table: who, what, why, since."""

    node: str
    ready: bool
    state: str
    """`ready`, or the first condition of the gate that is false: `node_missing`, `not_labelled`, `kubelet_silent`, `no_pod`,
    `two_pods`, `deleting`, `old_revision`, `not_ready`, `network_unavailable`, `node_not_ready`
    (the kubelet takes seconds to see the CNI of a ready calico-node)."""
    reason: str | None
    since: str | None
    """RFC 3339: when the trouble of the reason began: a condition of the Node, or the pod's readiness."""
    pod: str | None


class Readiness(TypedDict):
    kind: Literal["Readiness"]
    version: int
    ready: bool
    expected: int
    ready_count: int
    blockers: list[str]
    """Conditions of the DaemonSet as a whole that are false: missing, old generation, wrong count."""
    nodes: list[ReadinessRow]


class RestartState(TypedDict):
    """A rolling update of calico-node that is under way."""

    until: float
    """When it must be over: scales with the number of nodes that it still had to go through when it was first seen."""
    through: int
    """Nodes ready on the newest revision."""
    moved: float
    """When that number last grew."""


class BatchProof(TypedDict):
    """What probes proved of network policy on the nodes of a batch."""

    nodes: int
    """How many of them enforce it."""
    probes: int
    """How many probes that took, with those that gave no evidence."""
    longest_ms: float | None
    """The longest that policy took to be in force after a write; null where it was not measured."""
    at: str
    """RFC 3339: when the last probe ended."""


class PolicyState(TypedDict):
    """What probes have shown so far in this run."""

    batches: dict[str, BatchProof]
    """By batch. Batches that an earlier run admitted are not in it."""
    batch: str | None
    """The batch that `proven` is about."""
    proven: list[str]
    """Its nodes that enforce policy, and whose calico-node has been ready since."""
    since: float | None
    """When the first probe of the nodes began that are not proven yet."""
    last: PolicyProbeReport | None
    """The last probe, where it did not prove its nodes, as Report has it."""
    gaps: list[PolicyGap]
    """Workloads on the nodes that failed in it."""
    limits: list[str]
    """Of all probes of this run."""


class BatchWitness(TypedDict):
    """What connections showed that went on while calico-node started or restarted on the nodes of a batch."""

    gaps_ms: dict[str, float]
    """By node the longest time in which no allowed connection came through; 0 where each one did."""
    denied_through: dict[str, int]
    """By node how many denied connections came through, of the nodes with any."""
    in_full: list[FlowWitness]
    """The whole of ten nodes at most: those with denied connections that came through, then those with the longest gaps."""
    incomplete: int
    """Of how many nodes nothing, or not all, is known."""
    reasons: dict[str, str]
    """By node why, of twenty at most."""


class WitnessState(TypedDict):
    """What is remembered of witnesses: those that go on, and what those before saw in this run."""

    batch: str | None
    """The last batch that was to have some."""
    run: str | None
    """What those that go on were started as; null where there are none."""
    nodes: list[str]
    """The nodes of the batch that have some, or for which that was tried."""
    over: list[str]
    """Those whose witnesses were heard, and those for which nothing is tried any more."""
    untold: list[str]
    """Those whose pods did not run when last looked at, and so know nobody to connect to."""
    looked: float
    """When that was."""
    trouble: dict[str, str]
    """By node why it had no witness at the start, of twenty at most."""
    batches: dict[str, BatchWitness]


class RolloutState(TypedDict):
    """What a rollout remembers between calls. Everything else is read from the cluster: losing it costs a soak, never a node."""

    plan_id: str
    phase: Phase
    lock: LockState
    batch: str | None
    part: list[str]
    """Nodes of the batch that began together: not all of them where the failure budget has no room for that many."""
    batch_started: float | None
    """When this part of the batch began."""
    ready_since: float | None
    scoped_at: float | None
    """When the selector was written or first seen in force."""
    owner_asked: float | None
    """Since when a commit by the Installation's owner is waited for."""
    restart: RestartState | None
    restarts_awaited: float | None
    """Since when nodes that restart calico-node are waited for."""
    missing: dict[str, float]
    """Since when a node has been seen without the calico-node pod that the DaemonSet wants there."""
    raised: bool
    """This rollout has raised maxUnavailable: it does so once."""
    cleared: list[str]
    """Nodes in quarantine whose NetworkUnavailable this rollout has cleared: it does so once, whoever sets it again."""
    refused: list[RefusedWrite]
    """Writes that the API server refused for now, until they succeed; of the nodes no more than `refusals.MOST`."""
    policy: PolicyState
    witness: WitnessState
    labels_tried: bool
    """A dry run has shown whether the API server takes the labels."""
    notes: list[str]
    """What the report is to tell that the cluster no longer shows."""
    check_mode: bool
    """Nothing is written: the observations show the cluster as it would be after the actions so far."""


class BatchReport(TypedDict):
    name: str
    tier: str | None
    nodes: int
    node_names: list[str]
    admitted: int
    ready: int
    quarantined: int
    """How many of its nodes failed and are in quarantine."""
    state: BatchState
    policy: BatchProof | None
    """Null where this run has proven nothing on it."""
    witness: BatchWitness | None
    """Null where this run has witnessed nothing on it."""


class PolicyStanding(TypedDict):
    """What the rollout's probes show of network policy."""

    mode: VerifyMode
    nodes: int
    """On how many nodes policy was proven in this run."""
    limits: list[str]
    """What was not proven on them and why, a sentence each."""
    unproven: PolicyProbeReport | None
    """The probe that did not prove its nodes, with those of its nodes and rows that are wrong or gave no evidence; null where none is."""
    policy_gaps: list[PolicyGap]
    """Workloads on the nodes that were seen not to enforce policy, or late."""


class Report(TypedDict):
    """Where the rollout stands; the last one is the report of the run."""

    kind: Literal["Report"]
    version: int
    plan_id: str
    cluster: ClusterName | None
    outcome: Outcome
    reason: str
    """One sentence: what happens now, or why it stopped and what to do next."""
    planned: int
    ready: int
    tiers: list[PlannedTier]
    """As the plan has them."""
    batches: list[BatchReport]
    excluded: list[ExcludedNode]
    unproven: list[UnprovenNode]
    waivers: list[PlannedWaiver]
    cross_findings: list[CrossFinding]
    not_ready: list[ReadinessRow]
    refused: list[RefusedWrite]
    """Writes that are still to be done, because the API server refused them so far."""
    notes: list[str]
    """What was done beside the plan, and why."""
    policy: PolicyStanding | None
    """Null where the plan proves no policy."""
    operator: list[OperatorStatus]
    """Every TigeraStatus, and the control plane, when the run ended: told, and no gate. Empty and null while it goes on."""
    control_plane: ControlPlane | None
    to_commit: str | None
    """YAML that the owner of the Installation or the APIServer must commit before the rollout can go on."""
    check_mode: bool


class Decision(TypedDict):
    actions: list[Action]
    state: RolloutState
    report: Report

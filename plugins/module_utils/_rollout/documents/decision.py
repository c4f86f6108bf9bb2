# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is decided, remembered and reported."""

from __future__ import annotations

from typing import Literal, TypedDict, Union

from .control_plane import ControlPlane, OperatorStatus
from .nodes import ClusterName
from .plan import ExcludedNode, PlannedTier, PlannedWaiver, UnprovenNode
from .precheck import CrossFinding


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
    """RFC 3339: when what the reason tells of began: a condition of the Node, or the pod's readiness."""
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


class LabelNodes(TypedDict):
    do: Literal["label_nodes"]
    batch: str
    nodes: list[str]
    labels: dict[str, str]
    annotations: dict[str, str]
    """Those that each of the nodes gets."""
    waived: dict[str, Union[str, None]]
    """By node, what it gets as annotation of the waivers that it is admitted by; null takes that of an earlier admission off."""
    checked_for: dict[str, Union[str, None]]
    """The same for the settings that its host was checked for."""


class ScopeInstallation(TypedDict):
    do: Literal["scope_installation"]
    create: bool


class RaiseMaxUnavailable(TypedDict):
    do: Literal["raise_max_unavailable"]
    value: str
    plan: str
    """Id of the plan that asks for it."""
    until: float
    """When the run that raises it has ended at the latest, by the cluster's clock: then it is left over."""


class RestoreMaxUnavailable(TypedDict):
    do: Literal["restore_max_unavailable"]


class Wait(TypedDict):
    do: Literal["wait"]
    why: str
    """What is waited for, in one sentence."""
    until: float
    """Instant at which the decision must be taken anew at the latest."""


class AwaitOwner(TypedDict):
    """Whoever applies the Installation or the APIServer is to commit what is wanted of it; the report has the YAML."""

    do: Literal["await_owner"]
    why: str
    until: float


class AwaitRestart(TypedDict):
    """Nodes restart calico-node, and the selector would take it from them for good."""

    do: Literal["await_restart"]
    why: str
    until: float
    nodes: list[str]


Action = Union[
    LabelNodes, ScopeInstallation, RaiseMaxUnavailable, RestoreMaxUnavailable, AwaitOwner, AwaitRestart, Wait
]


class RestartState(TypedDict):
    """A rolling update of calico-node that is under way."""

    until: float
    """When it must be over: scales with the number of nodes that it still had to go through when it was first seen."""
    through: int
    """Nodes ready on the newest revision."""
    moved: float
    """When that number last grew."""


class RefusedWrite(TypedDict):
    """A write that is still to be done, and the API server's last answer to it."""

    write: Literal["label", "selector", "raise_max_unavailable", "restore_max_unavailable"]
    object: str
    """The node's name, or `Installation/default`."""
    said: str
    """The API server's own words; that it gave no answer, where it gave none."""
    since: str
    """RFC 3339: when the write was first refused."""
    last: str
    """RFC 3339: when it was last refused."""


class RolloutState(TypedDict):
    """What a rollout remembers between calls. Everything else is read from the cluster: losing it costs a soak, never a node."""

    plan_id: str
    phase: Literal[
        "new", "restarting", "labelling", "awaiting_owner", "scoping", "waiting", "soaking", "done", "stopped"
    ]
    batch: str | None
    batch_started: float | None
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
    refused: list[RefusedWrite]
    """Writes that the API server refused for now, until they succeed; of the nodes no more than `refusals.MOST`."""
    labels_tried: bool
    """The API server was asked by a dry run whether it takes the labels."""
    notes: list[str]
    """What the report is to tell that the cluster no longer shows."""
    predicted: PredictedChanges | None
    """Check mode only: what the steps so far would have changed."""


class PredictedChanges(TypedDict):
    labelled: dict[str, str]
    """The batch by node."""
    restarted: list[str]
    """Nodes whose calico-node became ready again."""
    scoped: bool
    max_unavailable: str | None
    """What it was raised to; the empty string once it was put back."""


class BatchReport(TypedDict):
    name: str
    tier: str | None
    nodes: int
    node_names: list[str]
    admitted: int
    ready: int
    state: Literal["pending", "in_progress", "done"]


class Report(TypedDict):
    """Where the rollout stands; the last one is the report of the run."""

    kind: Literal["Report"]
    version: int
    plan_id: str
    cluster: ClusterName | None
    outcome: Literal["in_progress", "done", "stopped"]
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
    operator: list[OperatorStatus]
    """Every TigeraStatus, and the control plane, when the run ended: told, and no gate. Empty and null while it goes on."""
    control_plane: ControlPlane | None
    to_commit: str | None
    """YAML that whoever applies the Installation or the APIServer is to commit before the rollout can go on."""
    check_mode: bool


class Decision(TypedDict):
    actions: list[Action]
    state: RolloutState
    report: Report

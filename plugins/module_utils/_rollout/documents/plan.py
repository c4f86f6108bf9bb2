# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the user asks for, and the plan that it makes."""

from __future__ import annotations

from typing import Any, Literal, TypedDict, Union

from .nodes import ClusterName
from .precheck import CrossFinding, PrecheckSettings, Waiver

UnprovenCause = Literal["no_host", "precheck_failed", "unreachable", "no_result", "contradiction"]
ExclusionCause = Literal[
    UnprovenCause, "quarantined", "declared", "unsupported", "no_tier", "not_checked", "no_node", "not_in_run"
]
OnFailure = Literal["halt", "quarantine"]


class TierSettings(TypedDict, total=False):
    """A tier as the user writes it."""

    name: str
    selector: str
    """Kubernetes label selector; empty selects all nodes."""
    match: str
    """In place of the selector: a JMESPath expression over the Node, see NodeFacts.object."""
    batch_size: Union[int, str, list[Union[int, str]]]
    """A count, or a percentage of the tier's admitted nodes ("10%", rounded down, one at least). Or a list of these, one a batch, whose
    last one repeats."""
    canary: Union[bool, int]
    """Let nodes go ahead that cover each architecture and zone of the tier: as many as that takes, or this many at least."""
    failure_budget: Union[int, str]
    """How many of the tier's nodes may be left out: a count, or a percentage ("10%", rounded up)."""
    on_failure: OnFailure
    """What happens when an admitted node fails."""


class Exclusion(TypedDict, total=False):
    """A rule of the user's that keeps nodes out of the rollout."""

    selector: str
    match: str
    """In place of the selector: a JMESPath expression over the Node, see NodeFacts.object."""
    reason: str


class AdmissionLabel(TypedDict):
    key: str
    value: str


class Batch(TypedDict):
    index: int
    """From 1, over all tiers."""
    name: str
    """Tier and number within the tier: `edge-2`; `adoption` for the nodes that run a Ready calico-node already."""
    tier: str | None
    """Null for the adoption, which goes over all tiers."""
    canary: bool
    """Its nodes go ahead: all canary batches of a tier together have a node of each of its architectures and zones."""
    nodes: list[str]


class ExcludedNode(TypedDict):
    """A node, or a host without node, that stays outside, with its reason."""

    node: str | None
    host: str | None
    tier: str | None
    cause: ExclusionCause
    reason: str
    """One sentence for the person on call."""
    remedy: str | None
    counts: bool
    """True when it uses up the tier's failure budget (a fault), false when it was declared or is none of the rollout's business."""


class UnprovenNode(TypedDict):
    """A node that is adopted because calico-node is Ready on it, although its own host gave no passing precheck."""

    node: str
    host: str | None
    tier: str | None
    cause: UnprovenCause
    reason: str
    remedy: str | None


class StuckNode(TypedDict):
    """A node whose calico-node is not ready, and has not been for longer than a restart takes: the selector takes it away."""

    node: str
    since: str | None
    """RFC 3339: when it began; null if the cluster does not show it."""
    reason: str
    """One sentence: since when, why that counts as stuck, and what is the matter."""


class RestartingNode(TypedDict):
    """A node whose calico-node may be between two Ready ones: the rollout waits for it before it sets the selector."""

    node: str
    tier: str | None
    since: str | None
    """As StuckNode has it."""
    reason: str
    otherwise: ExcludedNode | None
    """Why it stays outside should calico-node not become ready there; null where it passes its precheck and is in a batch."""


class Restart(TypedDict):
    """What setting the selector restarts: it changes calico-node's pod template, so calico-node restarts wherever it stays."""

    nodes: int
    max_unavailable: str
    """Of the DaemonSet, when the plan was made."""
    max_surge: str
    """The same; where it is not `0`, it is the limit, and maxUnavailable is neither that nor raised."""
    raised_to: str | None
    """What it is raised to for that time; null where it stays."""
    at_once: int
    """On how many nodes calico-node restarts at the same time."""
    seconds_each: int
    """From a calico-node's start to its readiness."""
    observed: bool
    """It was read from the pods that run; false where it had to be assumed."""
    seconds: int
    """About how long all of it takes."""
    taken_from: list[StuckNode]
    """Nodes that the selector rids of a calico-node that is not ready there."""


class PlannedWaiver(TypedDict):
    """A waiver that counts for the plan, or that would have, had it not expired."""

    host: str
    node: str | None
    waiver: Waiver


class Evidence(TypedDict):
    """Hosts that were checked for the same Calico."""

    settings: PrecheckSettings
    nodes: dict[str, str]
    """By node, the host whose result it is."""


class PlannedTier(TypedDict):
    name: str
    selector: str | None
    """Null where the tier has a `match` instead."""
    match: str | None
    nodes: int
    """Nodes that are the tier's and not declared outside."""
    budget: int
    left_out: int
    """Nodes of the tier that count against the budget."""
    on_failure: OnFailure
    """What happens when an admitted node of it fails."""


class QuarantineSettings(TypedDict):
    """What a quarantine does beside taking the admission label off."""

    taint: Literal["NoSchedule", "NoExecute", "none"]
    """Effect of the taint that closes the node to workloads."""
    clear_network_unavailable: bool
    """The condition NetworkUnavailable that calico-node left on the Node is set to False once its pod is gone."""


VerifyMode = Literal["canary", "each_batch", "each_node"]
WitnessMode = Literal["none", "canary", "each_batch"]


class VerifySettings(TypedDict):
    """How network policy is proven on the nodes of a batch, by packets between pods of the rollout's own."""

    mode: VerifyMode
    image: str
    namespace: str
    image_pull_secrets: list[str]
    tolerations: list[dict[str, Any]] | None
    """Of the pods; null for those that the rollout's own taints and a node that is not ready need."""
    resources: dict[str, Any] | None
    """Of each container, as a pod's spec has them; null for small ones."""
    runtime_class: str | None
    security_context: dict[str, Any]
    """Fields over those that Pod Security `restricted` wants of a container."""
    strength: Literal["2", "3", "full"]
    """Of the covering array of a PolicyProbeReport."""
    seed: int
    """Of the draw of peers."""
    deadline: int
    """Seconds after a write in which policy must be in force."""
    timeout: int
    """Seconds in which the pods of one probe must run."""
    foreign_policies: Literal["refuse", "ignore"]
    """What to do where policies of others select the pods."""
    calico_policy: bool
    """A GlobalNetworkPolicy of Calico's is proven too."""
    dns_service: str
    """NAMESPACE/NAME of the Service of the cluster's DNS; `none` where it is not to be tried; empty where it is to be looked for."""
    witness: WitnessMode
    """The batches whose nodes are witnessed while calico-node starts or restarts there; `canary` has the adoption among them."""


class Plan(TypedDict):
    """Which node is admitted when: frozen, and the same for the same input."""

    kind: Literal["Plan"]
    version: int
    id: str
    """First 12 characters of the SHA-256 over all the rest."""
    cluster: ClusterName | None
    """Whose nodes these are; null where the plan was made without saying so."""
    admission_label: AdmissionLabel
    precheck_digest: str
    evidence: list[Evidence]
    """What the nodes were checked for that are admitted on a precheck; those of the adoption have their pod."""
    tiers: list[PlannedTier]
    budget: Union[int, None]
    """How many nodes of all tiers together may be left out; null where only the tiers' own budgets count."""
    batches: list[Batch]
    """The adoption, if there is any, comes first: its labels precede the selector."""
    excluded: list[ExcludedNode]
    unproven: list[UnprovenNode]
    """Nodes of the adoption that fail the precheck, or gave no evidence of their own."""
    restart: Restart | None
    """Null where the selector is in force already, or no calico-node runs yet."""
    adoption_max_unavailable: str | None
    """What the DaemonSet's maxUnavailable is raised to while the restart goes on; null leaves it."""
    waivers: list[PlannedWaiver]
    cross_findings: list[CrossFinding]
    kept: list[str]
    """Nodes that an earlier run admitted and whose hosts are not in this one: nothing is written to them, and the gate expects them."""
    restarting: list[RestartingNode]
    """Nodes that restart calico-node while the plan is made. They are adopted as soon as it is ready there."""
    quarantine: QuarantineSettings
    verify: VerifySettings | None
    """Null where network policy is not proven."""
    warnings: list[str]
    """What the person who starts the rollout should know before, a sentence each, without its full stop."""
    restart_patience: int
    """Seconds that calico-node may at least be not ready before it counts as stuck, and not as restarting."""
    batch_timeout: int
    """Seconds that a batch may take from its label write to its readiness."""
    soak: int
    """Seconds that readiness must hold before the next batch."""

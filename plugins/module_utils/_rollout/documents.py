# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The documents that go from one step of a rollout to the next.

inventory + cluster nodes -> PrecheckReport -> Plan -> (decide -> actions -> Observation)* -> Report

Each is plain JSON: dicts, lists, strings, numbers, booleans and null. The JSON Schemas in docs/schemas are generated from
these definitions, and every document of a real run is validated against them in the tests.
Instants are seconds since the epoch on the controller's clock; durations are seconds.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict, Union

DOCUMENT_VERSION = 1


# --- precheck -----------------------------------------------------------------------------------------------------


class CheckResult(TypedDict):
    """What one check found on one host that is not well, or why it could not judge. A check that found all well is told by its id."""

    id: str
    """The check's name, stable over versions."""
    rank: int
    """Place in the catalogue; 1 hurts most users."""
    category: str
    status: Literal["warn", "fail", "skipped"]
    """`skipped`: the check applies and could not judge."""
    message: str
    """One sentence: what was found, or why the check could not judge."""
    observed: str | None
    expected: str | None
    remedy: str | None
    """What to do on the host, or what would let the check judge."""
    source: str
    """Where the requirement comes from."""


class HostIdentity(TypedDict):
    """What tells this host from others; a Node is matched by machine id, system UUID or address, never by a similar name."""

    hostname: str
    fqdn: str
    machine_id: str | None
    system_uuid: str | None
    """Lower case, as DMI has it; the machine id where there is no DMI, as the kubelet has it; null where it cannot be read."""
    boot_id: str | None
    addresses: list[str]
    """Every global address of the host's interfaces, without prefix length."""
    architecture: str
    """`uname -m`."""
    kernel: str
    os_id: str | None
    os_version: str | None


class PrecheckSettings(TypedDict):
    """Which Calico the host is checked for."""

    dataplane: Literal["iptables", "nftables", "bpf"]
    encapsulation: Literal["none", "ipip", "vxlan"]
    bgp: bool
    ipv6: bool
    wireguard: bool
    ip_autodetection: str
    """Method as the Installation has it: `first-found`, `interface=REGEX`, `cidr=CIDR`, `can-reach=ADDRESS`, `kubernetes-internal-ip`."""
    cni_bin_dir: str
    cni_conf_dir: str
    calico_version: str
    """Minor version, as `3.33`."""
    iptables_backend: Literal["auto", "legacy", "nft"]
    mtu: int
    """0: found by Felix."""
    mtu_interface_pattern: str
    cgroup_v2_path: str
    vxlan_port: int
    vxlan_vni: int
    health_port: int
    metrics_port: int
    wireguard_port: int
    wireguard_port_v6: int
    typha: bool
    sctp: bool
    host_endpoints: bool
    flow_offload: bool
    pod_cidrs: list[str]
    service_cidrs: list[str]
    flexvolume_path: str
    apiserver: str
    allow_module_load: bool
    """Functional probes may load kernel modules."""


class HostFacts(TypedDict):
    """What one host alone cannot judge: it is compared with other hosts."""

    clock: float
    """The host's clock when the check began, in seconds since the epoch."""
    clock_offset: float | None
    """`clock` less the controller's clock as it stood in the task: the call took that much longer at most. Null when it was not given."""
    address: str | None
    """The IPv4 address that calico-node will take; null where it takes none, or Kubernetes decides."""
    interface: str | None
    mtu: int | None
    """MTU of `interface`."""
    macs: list[str]
    """Hardware addresses of the host's own interfaces, in order."""


class PrecheckSummary(TypedDict):
    """How much of the evidence comes from the kernel itself."""

    exercised: int
    """Checks that applied and rest on what the kernel and the host answered."""
    static: int
    """Checks that applied and rest in part on the module files alone: asking would have loaded modules."""
    would_load: list[str]
    """The modules that `allow_module_load` would load, to exercise these too."""


class PrecheckResult(TypedDict):
    """What host_precheck returns for one host."""

    kind: Literal["PrecheckResult"]
    version: int
    settings: PrecheckSettings
    node_name: str | None
    """The Node's name as the inventory states it (`node_name`), else null: matched by identity."""
    identity: HostIdentity
    facts: HostFacts
    verdict: Literal["pass", "fail"]
    """`pass` when every check that applies was made and could judge, and none failed."""
    findings: list[CheckResult]
    """Every check that warns, fails or could not judge, by rank."""
    ok: list[str]
    """Ids of the checks that found all well, by rank; so are the following."""
    not_applicable: list[str]
    """Ids of the checks that these settings do not need."""
    not_asked: list[str]
    """Ids of the checks that apply and were left out by `checks`."""
    summary: PrecheckSummary
    modules_loaded: list[str]
    """Kernel modules that the probes made the kernel load; always empty without `allow_module_load`."""
    duration: float
    """Seconds on the host."""


class PrecheckRecord(TypedDict):
    """A host's passing result as the controller keeps it, for `precheck_max_age`."""

    kind: Literal["PrecheckRecord"]
    version: int
    host: str
    asked: str
    """SHA-256 over the options of the check and the code of the checks."""
    checked_at: float
    call_seconds: float
    precheck: PrecheckResult


class Waiver(TypedDict):
    """A check that a user chose not to let count on a host."""

    check: str
    effect: Literal["warn", "skip"]
    """Whether the check counts as a warning, or not at all."""
    reason: str
    until: str
    """The last day, in UTC, as an ISO date."""
    state: Literal["in_force", "expired", "unused"]
    """`expired` does not count; `unused` has nothing to waive in this run."""


class CrossFinding(TypedDict):
    """What no host can tell alone: it shows when hosts are compared with each other, with the controller, or with their Nodes."""

    id: str
    severity: Literal["warn", "fail"]
    """`fail` keeps the hosts' nodes out."""
    hosts: list[str]
    message: str
    remedy: str


class HostOutcome(TypedDict):
    """One host of the inventory in a PrecheckReport."""

    outcome: Literal["passed", "failed", "unreachable", "no_result"]
    """What the result means once waivers and the other hosts are taken into account."""
    reason: str | None
    """Why there is no passing result, in one sentence; null when passed."""
    node_name: str | None
    result: PrecheckResult | None
    """As the host gave it: a waiver changes nothing in it."""
    waivers: list[Waiver]
    checked_at: float | None
    """When the call began; null where that is not known."""
    call_seconds: float | None
    """How long the call took, as the controller saw it: the error that clock_offset may have."""
    reused: bool
    """The result is one of an earlier run, see `precheck_max_age`."""


class PrecheckReport(TypedDict):
    """The hosts of a play, checked with the same settings."""

    kind: Literal["PrecheckReport"]
    version: int
    digest: str
    """SHA-256 over settings and every host's verdict: names the evidence that a plan rests on."""
    hosts: dict[str, HostOutcome]
    """By inventory name."""
    cross_findings: list[CrossFinding]
    not_in_run: dict[str, Union[str, None]]
    """The other hosts, when the run was limited to some (`--limit`), each with its node_name. Nothing is held against them."""


class ReachFinding(TypedDict):
    """Probes from some hosts to others that failed in the same way."""

    target: str
    """`tcp/179`, `udp/4789`, `ip/4`."""
    outcome: Literal["timeout", "refused", "unreachable"]
    sources: list[str]
    destinations: list[str]
    pairs: int
    """How many pairs of source and destination failed."""
    remedy: str


class ReachReport(TypedDict):
    """What the hosts of a play reach of each other on the ports of Calico."""

    kind: Literal["ReachReport"]
    version: int
    outcome: Literal["passed", "failed"]
    """`failed` when a probe failed or a host took no part; what is not provable does not fail."""
    reason: str
    """One sentence."""
    hosts: int
    targets: list[str]
    probes: int
    """Pairs of hosts, times targets."""
    reached: int
    not_provable: int
    """The port is in use at the destination, or its listener was not there any more."""
    silent: dict[str, str]
    """Hosts that took no part, with the reason."""
    ended_early: list[str]
    """Hosts whose listener ended before the step did."""
    findings: list[ReachFinding]


# --- the cluster's nodes, trimmed -----------------------------------------------------------------------------------


class NodeFacts(TypedDict):
    """What a plan and the matching of hosts need to know of a Node."""

    name: str
    uid: str
    labels: dict[str, str]
    machine_id: str | None
    system_uuid: str | None
    boot_id: str | None
    internal_ips: list[str]
    architecture: str
    os: str
    unschedulable: bool
    calico_ready: bool
    """A Ready calico-node pod runs on it, whoever let it there."""
    object: dict[str, Any]
    """What `match` sees: metadata (name, labels), spec (podCIDRs, providerID, taints, unschedulable) and status (addresses, allocatable,
    capacity, nodeInfo, and of each condition type, status and reason)."""
    batch: str | None
    """The batch in which a rollout admitted it, as its annotation says; `adoption` where it ran calico-node before."""


class ClusterName(TypedDict):
    """Which cluster it is, for people: so that nobody rolls out on another one unknowingly. No credential is in it."""

    context: str | None
    """Of the kubeconfig; null where the connection is not made by one."""
    name: str | None
    """What the kubeconfig calls the context's cluster."""
    server: str
    """The API server's address."""


# --- plan -----------------------------------------------------------------------------------------------------------


class TierSettings(TypedDict, total=False):
    """A tier as the user writes it."""

    name: str
    selector: str
    """Kubernetes label selector; empty selects all nodes."""
    match: str
    """In place of the selector: a JMESPath expression over the Node, see NodeFacts.object."""
    batch_size: Union[int, str, list[Union[int, str]]]
    """A count, a percentage of the tier's admitted nodes ("10%", rounded down, one at least), or a list of them for one batch after
    the other, of which the last one repeats."""
    canary: Union[bool, int]
    """Let nodes go ahead that cover each architecture and zone of the tier: as many as that takes, or this many at least."""
    failure_budget: Union[int, str]
    """How many of the tier's nodes may be left out: a count, or a percentage ("10%", rounded up)."""


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
    cause: Literal[
        "declared",
        "unsupported",
        "no_tier",
        "no_host",
        "precheck_failed",
        "unreachable",
        "no_result",
        "no_node",
        "not_in_run",
        "contradiction",
    ]
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
    cause: Literal["no_host", "precheck_failed", "unreachable", "no_result", "contradiction"]
    reason: str
    remedy: str | None


class Restart(TypedDict):
    """What setting the selector restarts: it changes calico-node's pod template, so calico-node restarts wherever it stays."""

    nodes: int
    max_unavailable: str
    """Of the DaemonSet, when the plan was made."""
    raised_to: str | None
    """What it is raised to for that time; null where it stays."""
    at_once: int
    """How many nodes may be without calico-node at the same time."""
    seconds_each: int
    """From a calico-node's start to its readiness."""
    observed: bool
    """It was read from the pods that run; false where it had to be assumed."""
    seconds: int
    """About how long all of it takes."""
    taken_from: list[str]
    """Nodes that the selector rids of a calico-node that is not ready there."""


class PlannedWaiver(TypedDict):
    """A waiver that counts for the plan, or that would have, had it not expired."""

    host: str
    node: str | None
    waiver: Waiver


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
    tiers: list[PlannedTier]
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
    batch_timeout: int
    """Seconds that a batch may take from its label write to its readiness."""
    soak: int
    """Seconds that readiness must hold before the next batch."""


# --- observation ------------------------------------------------------------------------------------------------------


class TaintSeen(TypedDict):
    key: str
    value: str
    effect: str


class NodeSeen(TypedDict):
    labels: dict[str, str]
    annotations: dict[str, str]
    """Only those of the rollout's own domain."""
    ready: bool
    ready_since: str | None
    """RFC 3339: last transition of the Ready condition."""
    not_ready_reason: str | None
    """Why the Node is not Ready, as its kubelet says; null when it is."""
    kubelet_silent: bool
    """The Ready condition is Unknown: the kubelet no longer reports, and what its pods' status says is old."""
    network_unavailable: bool
    """The NetworkUnavailable condition is True."""
    network_reason: str | None
    network_since: str | None
    """RFC 3339: last transition of the NetworkUnavailable condition."""
    unschedulable: bool
    taints: list[TaintSeen]


class PodSeen(TypedDict):
    """A calico-node pod."""

    name: str
    node: str
    revision: str | None
    """Label controller-revision-hash."""
    ready: bool
    deleting: bool
    phase: str
    reason: str | None
    """Why it is not ready, from container states and conditions."""
    since: str | None
    """RFC 3339: last transition of the Ready condition, else the pod's creation."""
    created: str | None
    """RFC 3339."""


class DaemonSetSeen(TypedDict):
    generation: int
    observed_generation: int
    desired: int
    updated: int
    available: int
    node_selector: dict[str, str]
    revision: str | None
    """controller-revision-hash of the newest ControllerRevision."""
    max_unavailable: str


class ConditionSeen(TypedDict):
    status: str
    reason: str
    message: str
    observed_generation: int


class RaisedSeen(TypedDict):
    """That a rollout raised maxUnavailable, as its annotation on the Installation says: what the next run restores it from."""

    previous: str | None
    """Null where the Installation had no value."""
    raised: str


class InstallationSeen(TypedDict):
    uid: str
    generation: int
    calico_node_selector: dict[str, str]
    csi_node_driver_selector: dict[str, str]
    control_plane_selector: dict[str, str]
    max_unavailable: str | None
    """nodeUpdateStrategy.rollingUpdate.maxUnavailable."""
    raised: RaisedSeen | None
    variant: str | None
    provider: str | None
    managed_by: list[str]
    """Names of the field managers that write its spec."""
    owned_by: list[str]
    """Helm releases and GitOps controllers that apply it from outside the cluster, in words."""
    placement: dict[str, dict[str, Any]]
    """nodeSelector, affinity and tolerations of each component's override, as far as there are any."""


class ApiServerSeen(TypedDict):
    uid: str
    generation: int
    managed_by: list[str]
    owned_by: list[str]
    placement: dict[str, dict[str, Any]]


class Observation(TypedDict):
    """The cluster at one instant, trimmed to what a decision needs."""

    nodes: dict[str, NodeSeen]
    pods: list[PodSeen]
    daemonset: DaemonSetSeen | None
    csi_daemonset: DaemonSetSeen | None
    installation: InstallationSeen | None
    overlay: bool
    """An Installation named `overlay` exists."""
    apiserver: ApiServerSeen | None
    v3_crds: bool
    """Calico's own API is made of CRDs: webhooks run in place of calico-apiserver."""
    manifest_install: list[str]
    """calico-node or canal DaemonSets outside the operator, as namespace/name."""
    calico_status: dict[str, ConditionSeen]
    """Conditions of TigeraStatus/calico by type; for diagnosis, never a gate."""


# --- decision ---------------------------------------------------------------------------------------------------------


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


class ScopeInstallation(TypedDict):
    do: Literal["scope_installation"]
    create: bool


class RaiseMaxUnavailable(TypedDict):
    do: Literal["raise_max_unavailable"]
    value: str


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


Action = Union[LabelNodes, ScopeInstallation, RaiseMaxUnavailable, RestoreMaxUnavailable, AwaitOwner, Wait]


class RestartState(TypedDict):
    """A rolling update of calico-node that is under way."""

    until: float
    """When it must be over: scales with the number of nodes that it still had to go through when it was first seen."""
    through: int
    """Nodes ready on the newest revision."""
    moved: float
    """When that number last grew."""


class RolloutState(TypedDict):
    """What a rollout remembers between calls. Everything else is read from the cluster: losing it costs a soak, never a node."""

    plan_id: str
    phase: Literal["new", "labelling", "awaiting_owner", "scoping", "waiting", "soaking", "done", "stopped"]
    batch: str | None
    batch_started: float | None
    ready_since: float | None
    scoped_at: float | None
    """When the selector was written or first seen in force."""
    owner_asked: float | None
    """Since when a commit by the Installation's owner is waited for."""
    restart: RestartState | None
    notes: list[str]
    """What the report is to tell that the cluster no longer shows."""
    predicted: PredictedChanges | None
    """Check mode only: what the steps so far would have changed."""


class PredictedChanges(TypedDict):
    labelled: dict[str, str]
    """The batch by node."""
    scoped: bool
    max_unavailable: str | None
    """What it was raised to; the empty string once it was put back."""


class BatchReport(TypedDict):
    name: str
    tier: str | None
    nodes: int
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
    batches: list[BatchReport]
    excluded: list[ExcludedNode]
    unproven: list[UnprovenNode]
    waivers: list[PlannedWaiver]
    cross_findings: list[CrossFinding]
    not_ready: list[ReadinessRow]
    notes: list[str]
    """What was done beside the plan, and why."""
    to_commit: str | None
    """YAML that whoever applies the Installation or the APIServer is to commit before the rollout can go on."""
    check_mode: bool


class Decision(TypedDict):
    actions: list[Action]
    state: RolloutState
    report: Report


# --- status -----------------------------------------------------------------------------------------------------------


class Admission(TypedDict):
    """A node that carries the admission label, and what the rollout noted when it set it."""

    node: str
    batch: str | None
    """Null where the label was set by somebody else."""
    plan: str | None
    precheck: str | None
    """Digest of the evidence it was admitted on."""


class OutsideNode(TypedDict):
    """A node that does not carry the admission label."""

    node: str
    cause: Literal["quarantined", "unsupported", "not_admitted"]
    reason: str
    """One sentence for the person on call."""
    calico_ready: bool
    """A Ready calico-node runs on it all the same."""
    unschedulable: bool
    """It is cordoned."""
    taints: list[str]
    """Those that keep pods away, as kubectl writes them: `key=value:Effect`."""


class PolicyGap(TypedDict):
    """A node on which workloads run and no Ready calico-node: no network policy is in force for them."""

    node: str
    pods: int
    examples: list[str]
    """The first of them, as namespace/name."""
    since: str | None
    """RFC 3339: when the oldest of them started."""
    admitted: bool


class OperatorStatus(TypedDict):
    """A TigeraStatus: what tigera-operator says of one of its components."""

    name: str
    available: bool
    progressing: bool
    degraded: bool
    reason: str | None
    """Of the condition that is not as it should be, with its message and the instant since when; null when all are."""
    message: str | None
    since: str | None
    conditions: dict[str, ConditionSeen]


class Scope(TypedDict):
    """Where the Installation lets calico-node run."""

    state: Literal["absent", "unscoped", "pending", "in_force"]
    """`absent`: no Installation; `unscoped`: a selector lacks the admission label; `pending`: tigera-operator has not taken them yet."""
    reason: str
    calico_node_selector: dict[str, str]
    csi_node_driver_selector: dict[str, str]
    control_plane_selector: dict[str, str]
    managed_by: list[str]
    """Names of the field managers that write the Installation's spec."""


class ClusterStatus(TypedDict):
    """Where a cluster stands: who is in, who is ready, who is outside and why, where policy is not in force."""

    kind: Literal["ClusterStatus"]
    version: int
    read_at: float
    admission_label: AdmissionLabel
    ready: bool
    """Some node is admitted, and every admitted node passes the gate."""
    reason: str
    """One sentence."""
    admitted: list[Admission]
    readiness: Readiness
    """The gate over the admitted nodes."""
    outside: list[OutsideNode]
    policy_gaps: list[PolicyGap] | None
    """Null where the workloads were not read."""
    operator: list[OperatorStatus]
    scope: Scope

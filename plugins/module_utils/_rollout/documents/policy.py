# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What probes between pods show of network policy: which connections were tried, what became of them, what that proves."""

from __future__ import annotations

from typing import Literal, TypedDict, Union

Family = Literal["IPv4", "IPv6"]
Protocol = Literal["TCP", "UDP"]
Way = Literal["same_node", "cross_node"]
Direction = Literal["ingress", "egress"]

ProbePhase = Literal["open", "default_deny", "precise_allow", "reopened"]
"""The order in which a probe goes. `open`: no policy selects the pods; `default_deny`: both directions are denied; `precise_allow`: one
peer, one port and one namespace are allowed again; `reopened`: the policies are gone."""

Fate = Literal["answered", "refused", "dropped", "unreachable", "none"]
"""What became of connections. `refused` came through: the pod itself answered that nobody listens. `unreachable` is an ICMP error or
no route, which no policy of Calico's causes. `none`: no connection was tried, which is no evidence."""

RowKind = Literal["ordinary", "wrong_port", "wrong_namespace", "large_packets", "dns"]
"""`dns`: a question to a pod of the cluster's DNS, whose policy and node are not the probe's. If it answers none while no policy selects
the one who asks, the row blames nobody."""

NodeVerdict = Literal["enforced", "open", "closed", "late", "unproven"]
"""`open`: a denied connection came through; `closed`: an allowed one did not; `late`: each became right after the deadline;
`unproven`: there is no evidence, which never passes. A node with several faults has the first of these that fits."""

ProbeOutcome = Literal["proven", "failed", "not_proven"]
"""`failed`: a packet's fate was wrong. `not_proven`: evidence is missing, and nothing that was seen is wrong."""


RulesVerdict = Literal["present", "missing", "unreadable"]
"""`present`: forwarded packets of each workload interface come to Calico's chains; `missing`: of at least one they do not; `unreadable`:
that is not known."""


class ProbeFate(TypedDict):
    """What became of the connections of one row in one phase."""

    phase: ProbePhase
    expected: Literal["through", "dropped"]
    seen: Fate
    """The fate at the end of the phase."""
    ok: bool
    settled_ms: Union[float, None]
    """From the API server's answer to the write that began the phase to the last connection that still had another fate. At least 0. Null
    where the phase expects what the one before did, where the fate never settled, and where the clock of the client's node is not known."""
    hole_ms: Union[float, None]
    """For how long, from its first connection to its last, the fate was wrong again after it had settled; null where it held."""
    tries: int


class ProbeRow(TypedDict):
    """One connection that is tried again and again through all phases, and what became of it."""

    id: str
    """Node and number: `w-1/3`."""
    kind: RowKind
    node: str
    """The node whose policy decides: it runs the pod that the policies select."""
    peer: str
    """The node of the other pod; the same as `node` where the way is `same_node`, and in a row `dns`."""
    way: Way
    family: Family
    protocol: Protocol
    direction: Direction
    """`ingress`: the peer connects to the node's pod; `egress`: the node's pod connects to the peer."""
    allowed: bool
    """Is it among what `precise_allow` allows?"""
    fates: list[ProbeFate]
    """In the order of the phases; empty until they are known."""


class NodeProof(TypedDict):
    """What the probes show of one node: of each in the batch, and of a proven one that explains what went wrong."""

    node: str
    verdict: NodeVerdict
    reason: str
    """One sentence."""
    remedy: Union[str, None]
    """What to look at next; null where policy is enforced."""
    rows: int
    """In how many rows the node took part."""
    failed: list[str]
    """The rows, by id, that were wrong or gave no evidence: those of the node, and those of others that the node explains."""
    settled_ms: Union[float, None]
    """The longest that policy took to be in force on the node after a write; null where it was not measured."""
    resolution_ms: Union[float, None]
    """How exact that is: the time between two connections, and the doubt about the node's clock."""


class PairFault(TypedDict):
    """Two nodes between which connections fail that succeed with any other: a tunnel, a route, an MTU."""

    nodes: list[str]
    """Two names."""
    reason: str
    remedy: str
    failed: list[str]
    """The rows, by id."""


class HostRules(TypedDict):
    """What the rules of a node's host say, read over SSH before the probe: evidence beside packets, and never in their place."""

    node: str
    host: Union[str, None]
    """Its name in the inventory; null where no host that answered is this node."""
    verdict: RulesVerdict
    sentence: str
    """The verdict with its reason."""
    disagreement: Union[str, None]
    """What to look at where packets and rules say different things; null where they do not."""


class SettledTime(TypedDict):
    """How long policy took to be in force, over all rows and writes. Milliseconds."""

    median: float
    p99: float
    longest: float


class PolicyProbeReport(TypedDict):
    """What probes between real pods show of network policy on some nodes."""

    kind: Literal["PolicyProbeReport"]
    version: int
    outcome: ProbeOutcome
    reason: str
    """One sentence."""
    began: str
    """RFC 3339."""
    seconds: dict[str, float]
    """How long each part took: `pods` (until all run), `phases`, `cleanup`."""
    nodes: list[NodeProof]
    pairs: list[PairFault]
    rows: list[ProbeRow]
    settled: Union[SettledTime, None]
    """Null where nothing was measured."""
    proven_before: list[str]
    """Nodes on which policy was proven earlier and that took part as peers: those drawn from the ones that were offered."""
    strength: Union[int, Literal["full"]]
    """Of the covering array of way, family, protocol, direction and allowed: any so many of them are tried in every combination."""
    seed: int
    """Of the draw of peers: the same seed and nodes give the same rows."""
    deadline_ms: int
    """How long after a write policy may take to be in force."""
    namespace: str
    image: str
    host_rules: list[HostRules]
    """One for each of `nodes` where the hosts were asked, else none. Neither verdict nor outcome depends on it."""
    foreign_policies: list[str]
    """Policies of others that select the probe's pods and may distort what is seen: kind and name."""
    limits: list[str]
    """What was not proven and why, a sentence each: no second node, no IPv6."""
    looks: int
    """How many times the rows were tried: a second time where some were closed or late, which counts only where both looks show it."""
    connections: int
    """How many were tried."""
    requests: int
    """How many requests the API server got, watches not counted."""


class FlowGap(TypedDict):
    """The longest time in which no connection of an allowed flow came through."""

    began: str
    """RFC 3339, to the millisecond, by the clock of the client's node."""
    milliseconds: float
    direction: Direction


class FlowWitness(TypedDict):
    """Connections that must succeed and others that must not, tried every few milliseconds on a node while something else happens.

    `ingress`: the peer connects to the node's pod; `egress`: the node's pod connects to the peer.
    """

    node: str
    peer: str
    """The node of the other pod."""
    began: Union[str, None]
    """RFC 3339, to the millisecond: the first connection. Null where nothing is known."""
    seconds: float
    """From then to the last one."""
    connections: int
    resolution_ms: Union[float, None]
    """The longest time between two connections of one flow: what was shorter may not have been seen."""
    longest_gap: Union[FlowGap, None]
    """Null where each allowed connection came through since the first that did."""
    denied_through: int
    """How many denied connections came through, two or more in turn, after they had been dropped for 0.2 s: more than none is a failure."""
    first_denied_through: Union[str, None]
    """RFC 3339, to the millisecond: the first of those."""
    open_directions: list[Direction]
    """In which they came through."""
    open_at_start_ms: Union[float, None]
    """For how long denied connections came through before that: an engine may hear of a new pod late. Null where nothing is known."""
    reason: Union[str, None]
    """Why nothing, or not all, is known; null where it is."""

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Nodes without a Ready calico-node: which are between two Ready ones, and which are stuck.

The selector deletes every calico-node of a node without the admission label. A node that restarts calico-node in that moment
would lose it for good, so "not Ready at this instant" is not "does not run Calico". What distinguishes the two:

- When the trouble began. The latest of these: the pod's creation, the last transition of its Ready condition, the request to delete it,
  and the last transition of the Node's Ready condition. The last one matters after a reboot: the kubelet keeps the instant at which the
  node controller took the pod's Ready away (kubelet, `status_manager.go`, `updateLastTransitionTime`), so that the pod alone looks as if
  it had been unready for all the minutes of the reboot.
- How long calico-node takes here to become Ready: the median of the pods that run.
- Whether anything ran yet. A pod whose image is being pulled has neither failed nor passed; it gets the time of a batch.
- Whether the kubelet reports. The node controller turns Ready off for the pods of a silent node and leaves their container
  statuses alone (kube-controller-manager, `controller_utils.go`, `MarkPodsNotReady`). Containers that were ready at the kubelet's
  last word are no fault of Calico's, however long ago that was.

All instants are the cluster's, also the one at which it was read. So a wrong clock on the controller misjudges no node.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from ..calico_node.readiness import carries, running
from ..documents import AdmissionLabel, DaemonSetSeen, NodeSeen, Observation, PodSeen
from ..kubernetes.names import OS_LABEL
from ..kubernetes.scheduling import Demands, obstacle
from ..operator.installation import scoped
from ..text.instant import latest, seconds_between, seconds_since
from ..text.order import natural

# tigera/operator pkg/render/node.go, nodeProbes: up to operator 1.41 (Calico 3.31) the kubelet asks for readiness every 30 s; since
# 1.42 a startup probe asks every 2 s. Felix takes about 10 s to write its first tables. The longer of both is assumed.
ASSUMED_SECONDS = 30
# Above that a pod did not start slowly, it was unready in between. Since 1.42 its startup probe may fail 150 times, each after 2 s or a
# timeout of 5 s; then the kubelet kills it.
LONGEST_START = 750
# A restart may take that many times as long as calico-node usually takes here.
PATIENCE_FACTOR = 3
LEAST_PATIENCE = 60
"""Seconds that it may take in any case, unless the user says otherwise."""


class Trouble(NamedTuple):
    """A node on which calico-node should be Ready and is not."""

    node: str
    kind: Literal["restarting", "silent", "stuck"]
    """`restarting`: it may be between two Ready ones. `silent`: it was well at its kubelet's last word. `stuck`: neither."""
    since: str | None
    """RFC 3339: when it began; null if the cluster does not show it."""
    reason: str
    """What is the matter, to go on from `not ready: `."""
    patience: float
    """Seconds that it may take to become Ready from `since` on."""
    left: float
    """Seconds until it counts as stuck; 0 once it does."""


def troubles(
    observation: Observation, least_patience: float, batch_timeout: float, missing: Mapping[str, float]
) -> dict[str, Trouble]:
    """Every Linux node on which the DaemonSet has, or wants, a calico-node and none is Ready, by name.

    `missing` has for how many seconds a node has been seen without any pod: the cluster does not show that.
    """
    daemonset = observation["daemonset"]
    if daemonset is None:
        return {}
    ready = running(observation)
    on_node: dict[str, list[PodSeen]] = {}
    for pod in observation["pods"]:
        on_node.setdefault(pod["node"], []).append(pod)
    patience = patience_of(observation, least_patience)
    found = {}
    for name in sorted(observation["nodes"], key=natural):
        node, pods = observation["nodes"][name], on_node.get(name, [])
        if name in ready or not (pods or wants(daemonset, name, node)):
            continue
        found[name] = _trouble(name, node, pods, observation["read_at"], patience, batch_timeout, missing.get(name, 0))
    return found


def unlabelled_troubles(
    observation: Observation,
    label: AdmissionLabel,
    least_patience: float,
    batch_timeout: float,
    missing: Mapping[str, float] | None = None,
) -> dict[str, Trouble]:
    """Those whose calico-node the selector would take; none once it is in the Installation."""
    if scoped(observation["installation"], label):
        return {}
    nodes = observation["nodes"]
    return {
        name: trouble
        for name, trouble in troubles(observation, least_patience, batch_timeout, missing or {}).items()
        if not carries(nodes[name]["labels"], label)
    }


def without_pod(observation: Observation) -> list[str]:
    """Nodes on which the DaemonSet wants a calico-node and no pod is: for a second of every restart."""
    daemonset = observation["daemonset"]
    if daemonset is None:
        return []
    having = {pod["node"] for pod in observation["pods"]}
    nodes = observation["nodes"]
    return [name for name in sorted(nodes) if name not in having and wants(daemonset, name, nodes[name])]


def wants(daemonset: DaemonSetSeen, name: str, node: NodeSeen) -> bool:
    """The DaemonSet controller keeps a pod on the node (kube-controller-manager, `daemon_controller.go`, `NodeShouldRunDaemonPod`)."""
    if node["labels"].get(OS_LABEL) != "linux":
        return False
    demands = Demands(daemonset["node_selector"], daemonset["affinity"], daemonset["tolerations"])
    return obstacle(name, node, demands) is None


def patience_of(observation: Observation, least: float) -> float:
    """Seconds that a restart of calico-node may take here."""
    return max(least, PATIENCE_FACTOR * (readiness_seconds(observation) or 0))


def readiness_seconds(observation: Observation) -> int | None:
    """The median time from creation to readiness of the pods that run; None if no pod shows it."""
    ready = running(observation)
    times = [
        seconds
        for pod in observation["pods"]
        if pod["node"] in ready and pod["ready"]
        for seconds in [seconds_between(pod["created"], pod["since"])]
        if seconds is not None and 0 <= seconds <= LONGEST_START
    ]
    return max(1, round(statistics.median(times))) if times else None


def why_stuck(trouble: Trouble) -> str:
    """Since when, and why that counts as stuck: what a plan says of a node that loses its calico-node."""
    since = f"since {trouble.since}" if trouble.since else "for longer than this rollout has looked"
    return (
        f"not ready {since}, which is more than the {trouble.patience:.0f} s that a restart may take: {trouble.reason}"
    )


def _trouble(
    name: str,
    node: NodeSeen,
    pods: Sequence[PodSeen],
    read_at: float,
    patience: float,
    batch_timeout: float,
    missing_for: float,
) -> Trouble:
    if node["kubelet_silent"] and any(pod["last_ready"] for pod in pods):
        since = node["ready_since"]
        return Trouble(name, "silent", since, f"{node['not_ready_reason']}, and calico-node was ready then", 0, 0)
    if not pods:
        left = max(0.0, patience - missing_for)
        told = "the DaemonSet wants a calico-node there, and no pod is"
        return Trouble(name, "restarting" if left else "stuck", None, told, patience, left)
    # The one that the DaemonSet made last: beside it there may be one that is about to go.
    pod = max(pods, key=lambda each: (not each["deleting"], each["created"] or "", each["name"]))
    since = latest(pod["created"], None if pod["ready"] else pod["since"], pod["deleting_since"], *_node_back(node))
    if pod["starting"]:
        patience = max(patience, batch_timeout)
    passed = seconds_since(since, read_at)
    left = 0.0 if passed is None else max(0.0, patience - passed)
    return Trouble(name, "restarting" if left else "stuck", since, _reason(pod), patience, left)


def _node_back(node: NodeSeen) -> list[str | None]:
    return [] if node["kubelet_silent"] else [node["ready_since"]]


def _reason(pod: PodSeen) -> str:
    if pod["deleting"]:
        return f"pod {pod['name']} is being deleted"
    return pod["reason"] or f"pod {pod['name']} is {pod['phase']} and not ready"

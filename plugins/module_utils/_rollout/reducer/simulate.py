# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Check mode: what the cluster does by itself once an action is done, if all goes well."""

from __future__ import annotations

from collections.abc import Collection

from ..calico_node.readiness import labelled
from ..documents import AdmissionLabel, DaemonSetSeen, NodeSeen, Observation, PodSeen
from ..kubernetes.names import OS_LABEL
from ..operator.installation import scoped

_REVISION = "predicted"


def reacted(seen: Observation, label: AdmissionLabel) -> Observation:
    """What the operator, the DaemonSet controller and the kubelets make of it: with the selector in the Installation, calico-node
    runs on the nodes that carry the label, is ready there, and is nowhere else."""
    if not scoped(seen["installation"], label):
        return seen
    admitted = labelled(seen, label)
    daemonset = _rolled_out(seen["daemonset"], label, len(admitted))
    after = seen.copy()
    after["daemonset"] = daemonset
    after["csi_daemonset"] = _rolled_out(seen["csi_daemonset"], label, len(admitted))
    after["pods"] = [_pod(name, daemonset["revision"]) for name in admitted]
    after["nodes"] = _networked(seen, admitted)
    return after


def restarted(seen: Observation, names: Collection[str]) -> Observation:
    """calico-node has become ready again on these nodes."""
    revision = seen["daemonset"]["revision"] if seen["daemonset"] else None
    after = seen.copy()
    others = [pod for pod in seen["pods"] if pod["node"] not in names]
    after["pods"] = [*others, *(_pod(name, revision) for name in names)]
    after["nodes"] = _networked(seen, names)
    return after


def _networked(seen: Observation, names: Collection[str]) -> dict[str, NodeSeen]:
    return {name: _ready(node) if name in names else node for name, node in seen["nodes"].items()}


def _ready(node: NodeSeen) -> NodeSeen:
    after = node.copy()
    after["ready"], after["not_ready_reason"], after["kubelet_silent"] = True, None, False
    after["network_unavailable"], after["network_reason"] = False, None
    return after


def _rolled_out(daemonset: DaemonSetSeen | None, label: AdmissionLabel, count: int) -> DaemonSetSeen:
    selector = {OS_LABEL: "linux", label["key"]: label["value"]}
    generation = daemonset["generation"] if daemonset else 1
    return DaemonSetSeen(
        generation=generation,
        observed_generation=generation,
        desired=count,
        updated=count,
        available=count,
        node_selector=selector,
        affinity=daemonset["affinity"] if daemonset else {},
        tolerations=daemonset["tolerations"] if daemonset else [{"operator": "Exists"}],
        revision=(daemonset["revision"] if daemonset else None) or _REVISION,
        max_unavailable=daemonset["max_unavailable"] if daemonset else "1",
        max_surge=daemonset["max_surge"] if daemonset else "0",
    )


def _pod(node: str, revision: str | None) -> PodSeen:
    return PodSeen(
        name=f"calico-node-on-{node}",
        node=node,
        revision=revision,
        ready=True,
        deleting=False,
        phase="Running",
        reason=None,
        since=None,
        created=None,
        deleting_since=None,
        starting=False,
        last_ready=True,
    )

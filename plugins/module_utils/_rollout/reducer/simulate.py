# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Check mode: the cluster as it would be after the steps so far, had they been carried out and had all gone well."""

from __future__ import annotations

from collections.abc import Collection

from ..calico_node.readiness import labelled
from ..documents import (
    Action,
    AdmissionLabel,
    DaemonSetSeen,
    InstallationSeen,
    NodeSeen,
    Observation,
    Plan,
    PodSeen,
    PredictedChanges,
    RaisedSeen,
    RolloutState,
)
from ..kubernetes.names import ANNOTATION_BATCH, ANNOTATION_PLAN, OS_LABEL
from ..operator.installation import scoped

_REVISION = "predicted"
RESTORED = ""
"""In place of a value of maxUnavailable: it was put back."""


def predict(state: RolloutState, action: Action) -> RolloutState:
    """The state that remembers the action as if it had been done. Waiting changes nothing."""
    after = state.copy()
    known = (state["predicted"] or nothing_predicted()).copy()
    if action["do"] == "label_nodes":
        known["labelled"] = {**known["labelled"], **dict.fromkeys(action["nodes"], action["batch"])}
    elif action["do"] == "await_restart":
        known["restarted"] = sorted({*known["restarted"], *action["nodes"]})
    elif action["do"] in ("scope_installation", "await_owner"):
        known["scoped"] = True
    elif action["do"] == "raise_max_unavailable":
        known["max_unavailable"] = action["value"]
    elif action["do"] == "restore_max_unavailable":
        known["max_unavailable"] = RESTORED
    after["predicted"] = known
    return after


def nothing_predicted() -> PredictedChanges:
    return PredictedChanges(labelled={}, restarted=[], scoped=False, max_unavailable=None)


def simulate(observation: Observation, plan: Plan, state: RolloutState) -> Observation:
    """The observation with the predicted labels and selector in it, and calico-node ready wherever it is to run."""
    predicted = state["predicted"] or nothing_predicted()
    label = plan["admission_label"]
    batches = predicted["labelled"]
    seen = observation.copy()
    seen["nodes"] = {
        name: _labelled(node, plan, batches[name]) if name in batches else node
        for name, node in observation["nodes"].items()
    }
    if predicted["restarted"]:
        seen["pods"], seen["nodes"] = _restarted(seen, predicted["restarted"])
    if seen["installation"] is not None and predicted["max_unavailable"] is not None:
        seen["installation"] = _limited(seen["installation"], predicted["max_unavailable"])
    if predicted["scoped"]:
        seen["installation"] = _scoped(seen["installation"], label)
    if not scoped(seen["installation"], label):
        return seen
    admitted = labelled(seen, label)
    daemonset = _rolled_out(observation["daemonset"], label, len(admitted))
    seen["daemonset"] = daemonset
    seen["csi_daemonset"] = _rolled_out(observation["csi_daemonset"], label, len(admitted))
    seen["pods"] = [_pod(name, daemonset["revision"]) for name in admitted]
    seen["nodes"] = {name: _networked(node) if name in admitted else node for name, node in seen["nodes"].items()}
    return seen


def _restarted(seen: Observation, names: Collection[str]) -> tuple[list[PodSeen], dict[str, NodeSeen]]:
    revision = seen["daemonset"]["revision"] if seen["daemonset"] else None
    others = [pod for pod in seen["pods"] if pod["node"] not in names]
    nodes = {name: _networked(node) if name in names else node for name, node in seen["nodes"].items()}
    return [*others, *(_pod(name, revision) for name in names)], nodes


def _labelled(node: NodeSeen, plan: Plan, batch: str) -> NodeSeen:
    after = node.copy()
    label = plan["admission_label"]
    after["labels"] = {**node["labels"], label["key"]: label["value"]}
    after["annotations"] = {**node["annotations"], ANNOTATION_PLAN: plan["id"], ANNOTATION_BATCH: batch}
    return after


def _limited(installation: InstallationSeen, value: str) -> InstallationSeen:
    after, kept = installation.copy(), installation["raised"]
    if value != RESTORED:
        after["raised"] = RaisedSeen(previous=installation["max_unavailable"], raised=value, plan=None, until=None)
        after["max_unavailable"] = value
    else:
        after["raised"] = None
        if kept and kept["raised"] == installation["max_unavailable"]:
            after["max_unavailable"] = kept["previous"]
    return after


def _networked(node: NodeSeen) -> NodeSeen:
    after = node.copy()
    after["ready"], after["not_ready_reason"], after["kubelet_silent"] = True, None, False
    after["network_unavailable"], after["network_reason"] = False, None
    return after


def _scoped(installation: InstallationSeen | None, label: AdmissionLabel) -> InstallationSeen:
    selector = {label["key"]: label["value"]}
    if installation is None:
        return InstallationSeen(
            uid="",
            generation=1,
            calico_node_selector=selector,
            csi_node_driver_selector=selector,
            control_plane_selector=selector,
            max_unavailable=None,
            raised=None,
            variant=None,
            provider=None,
            selector_since=None,
            managed_by=[],
            owned_by=[],
            placement={},
        )
    after = installation.copy()
    after["calico_node_selector"] = {**installation["calico_node_selector"], **selector}
    after["csi_node_driver_selector"] = {**installation["csi_node_driver_selector"], **selector}
    after["control_plane_selector"] = {**installation["control_plane_selector"], **selector}
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

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Check mode: the cluster as it would be after the steps so far, had they been carried out and had all gone well."""

from __future__ import annotations

from .documents import (
    Action,
    AdmissionLabel,
    DaemonSetSeen,
    InstallationSeen,
    NodeSeen,
    Observation,
    Plan,
    PodSeen,
    PredictedChanges,
    RolloutState,
)
from .installation import scoped
from .labels import OS_LABEL
from .readiness import labelled

_REVISION = "predicted"


def predict(state: RolloutState, action: Action) -> RolloutState:
    """The state that remembers the action as if it had been done. Waiting changes nothing."""
    after = state.copy()
    known = state["predicted"] or PredictedChanges(labelled=[], scoped=False)
    labels = list(known["labelled"])
    selector = known["scoped"]
    if action["do"] == "label_nodes":
        labels += [node for node in action["nodes"] if node not in labels]
    elif action["do"] == "scope_installation":
        selector = True
    after["predicted"] = PredictedChanges(labelled=labels, scoped=selector)
    return after


def simulate(observation: Observation, plan: Plan, state: RolloutState) -> Observation:
    """The observation with the predicted labels and selector in it, and calico-node ready wherever it is to run."""
    predicted = state["predicted"] or PredictedChanges(labelled=[], scoped=False)
    label = plan["admission_label"]
    seen = observation.copy()
    seen["nodes"] = {
        name: _labelled(node, label) if name in predicted["labelled"] else node
        for name, node in observation["nodes"].items()
    }
    if predicted["scoped"]:
        seen["installation"] = _scoped(observation["installation"], label)
    if not scoped(seen["installation"], label):
        return seen
    admitted = labelled(seen, label)
    daemonset = _rolled_out(observation["daemonset"], label, len(admitted))
    seen["daemonset"] = daemonset
    seen["csi_daemonset"] = _rolled_out(observation["csi_daemonset"], label, len(admitted))
    seen["pods"] = [_pod(name, daemonset["revision"]) for name in admitted]
    seen["nodes"] = {name: _networked(node) if name in admitted else node for name, node in seen["nodes"].items()}
    return seen


def _labelled(node: NodeSeen, label: AdmissionLabel) -> NodeSeen:
    after = node.copy()
    after["labels"] = {**node["labels"], label["key"]: label["value"]}
    return after


def _networked(node: NodeSeen) -> NodeSeen:
    after = node.copy()
    after["ready"] = True
    after["network_unavailable"] = False
    after["network_reason"] = None
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
            variant=None,
            provider=None,
            managed_by=[],
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
        revision=(daemonset["revision"] if daemonset else None) or _REVISION,
        max_unavailable=daemonset["max_unavailable"] if daemonset else "1",
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
    )

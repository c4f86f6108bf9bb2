# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The Installation's selector: what is written, what must not be there, and whether the operator took it.

The selector is set once, with a constant key and value. Every change of calico-node's pod template restarts it on every node that has it.
So nodes are admitted by their label, never by another selector.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

from ..calico_node.readiness import carries, labelled, running
from ..documents import AdmissionLabel, InstallationSeen, NodeSeen, Observation
from ..errors import RolloutError
from ..text.terminal import listed
from .field_managers import purposes
from .overrides import DAEMONSETS, kept_off, pod_spec, selector_narrows, tolerations_narrow
from .placement import NOTHING_MORE, Placement, daemonset_pod

NAME = "default"
API_VERSION = "operator.tigera.io/v1"

_FIELDS = {
    "calico_node_selector": "calicoNodeDaemonSet's nodeSelector",
    "csi_node_driver_selector": "csiNodeDriverDaemonSet's nodeSelector",
    "control_plane_selector": "controlPlaneNodeSelector",
}

_REJECTIONS = {
    "InvalidConfigurationError": "Correct the Installation's spec",
    "MigrationError": "Change the Calico that was installed from manifests as the message says",
    "ResourceMigrationError": "Finish the migration of the Calico that was installed from manifests",
    "ResourceScalingError": "Typha needs more Linux nodes that are not cordoned: uncordon some",
}
_TOO_FEW_NODES = "not enough linux nodes"


def selectors_of(raw_installation: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The three selectors of a raw Installation, under the names they have in InstallationSeen."""
    spec = raw_installation.get("spec") or {}
    calico_node, csi = (dict(pod_spec(spec, name).get("nodeSelector") or {}) for name in DAEMONSETS)
    return {
        "calico_node_selector": calico_node,
        "csi_node_driver_selector": csi,
        "control_plane_selector": dict(spec.get("controlPlaneNodeSelector") or {}),
    }


def full_document(
    spec: Mapping[str, Any],
    label: AdmissionLabel,
    placement: Placement = NOTHING_MORE,
    nodes: Mapping[str, NodeSeen] | None = None,
) -> dict[str, Any]:
    """A new Installation: the user's spec with everything that a rollout wants of it, from its first moment."""
    merged = copy.deepcopy(dict(spec))
    pod = daemonset_pod(placement, provider_of({"spec": spec}), nodes or {})
    for purpose in purposes(label, placement, pod):
        _merge(merged, purpose.spec, "spec")
    document = {"apiVersion": API_VERSION, "kind": "Installation", "metadata": {"name": NAME}, "spec": merged}
    problems = judge_applied(document, label)
    if problems:
        raise RolloutError(f"The Installation to create does not fit a rollout: {'; '.join(problems)}.")
    return document


def judge_applied(
    installation: Mapping[str, Any],
    label: AdmissionLabel,
    nodes: Mapping[str, NodeSeen] | None = None,
    expected: Collection[str] = (),
) -> list[str]:
    """What is wrong with an Installation as the API would store it (a dry run's answer); empty when nothing is.

    nodeSelector is a granular map: keys of other field managers merge in without a conflict and narrow the set of nodes. They may,
    as long as they leave the nodes that must run calico-node: `expected` these.
    """
    spec = installation.get("spec") or {}
    problems = _missing(selectors_of(installation), label)
    running = None if nodes is None else {name: nodes[name] for name in expected if name in nodes}
    for daemonset in DAEMONSETS:
        override = pod_spec(spec, daemonset)
        problems += selector_narrows(daemonset, override.get("nodeSelector") or {}, label, running)
        problems += tolerations_narrow(daemonset, override)
        problems += kept_off(daemonset, override, running or {})
    return problems


def provider_of(installation: Mapping[str, Any]) -> str | None:
    """The Kubernetes provider: as the spec says, or as the operator found out and published."""
    computed = (installation.get("status") or {}).get("computed") or {}
    return (installation.get("spec") or {}).get("kubernetesProvider") or computed.get("kubernetesProvider") or None


def scoped(installation: InstallationSeen | None, label: AdmissionLabel) -> bool:
    """The three selectors all carry the admission label."""
    return installation is not None and not _missing(_three(installation), label)


def stranded(observation: Observation, label: AdmissionLabel) -> list[str]:
    """Nodes with a Ready calico-node that do not carry the label: the selector would take it from them within seconds."""
    nodes = observation["nodes"]
    return sorted(
        name for name in running(observation) if name not in nodes or not carries(nodes[name]["labels"], label)
    )


def refusals(
    observation: Observation,
    label: AdmissionLabel,
    may_lose_calico: Collection[str] = (),
    about_to_be_labelled: Collection[str] = (),
    take_over: bool = False,
    restarting: Mapping[str, str] | None = None,
) -> list[str]:
    """Why the selector must not be written to this cluster; empty when it may. For use before it is in force.

    `about_to_be_labelled` are nodes that get the label before the selector is written. With `take_over` another manager's value
    of the label gives way. `restarting` has the nodes without the label that are between two Ready calico-nodes, with the reason.
    """
    reasons = []
    text = f"{label['key']}={label['value']}"
    spared = {*may_lose_calico, *about_to_be_labelled}
    left = [name for name in stranded(observation, label) if name not in spared]
    if left:
        runs, does = ("node runs", "does") if len(left) == 1 else ("nodes run", "do")
        reasons.append(
            f"{len(left)} {runs} a Ready calico-node and {does} not carry {text}, so the selector would take it away: "
            f"{listed(left)}. Label what must keep it first, or name what may lose it in may_lose_calico"
        )
    between = [f"{name} ({why})" for name, why in (restarting or {}).items() if name not in spared]
    if between:
        reasons.append(
            f"calico-node restarts in this moment on {listed(between)} without {text}, so the selector would take it away for good: "
            "run again once it is ready there, or name what may lose it in may_lose_calico"
        )
    if observation["overlay"]:
        reasons.append(
            "an Installation named overlay exists: a selector, affinity or tolerations in it replace those of Installation/default as a "
            "whole, and Installation/default does not show it. Merge it into Installation/default and delete it"
        )
    if observation["manifest_install"]:
        reasons.append(
            f"Calico was installed from manifests ({', '.join(observation['manifest_install'])}): migrate to tigera-operator "
            "first, its migration takes calico-node from nodes that do not carry the admission label"
        )
    if observation["installation"] is not None:
        seen = _three(observation["installation"])
        reasons += [] if take_over else _other_values(seen, label)
        nodes = observation["nodes"]
        first = {name: nodes[name] for name in {*labelled(observation, label), *about_to_be_labelled} if name in nodes}
        reasons += selector_narrows(DAEMONSETS[0], seen["calico_node_selector"], label, first)
        reasons += selector_narrows(DAEMONSETS[1], seen["csi_node_driver_selector"], label, first)
    if not labelled(observation, label) and not about_to_be_labelled:
        reasons.append(
            f"no Linux node carries {text}: calico-node would run nowhere, and the operator would call that Available. "
            "Label the first nodes before"
        )
    return reasons


def rejection(observation: Observation) -> str | None:
    """How the operator rejected the Installation as it is now, with advice; None when it did not.

    It uses ResourceScalingError also for passing states: just after its start ("could not list nodes: the cache is not started"), and
    after a failed write of Typha's replicas. Only too few nodes are held against the Installation; the words are the same in
    tigera/operator 1.34 to 1.44 (typha_autoscaler.go, nodeCounts and autoscaleReplicas).
    """
    installation = observation["installation"]
    degraded = observation["calico_status"].get("Degraded")
    if installation is None or degraded is None or degraded["status"] != "True":
        return None
    advice = _REJECTIONS.get(degraded["reason"])
    # The operator leaves the generation out (0 here) until its first reconcile is through.
    if advice is None or degraded["observed_generation"] < installation["generation"]:
        return None
    if degraded["reason"] == "ResourceScalingError" and _TOO_FEW_NODES not in degraded["message"]:
        return None
    message = degraded["message"].strip().rstrip(".")
    return f"tigera-operator rejects the Installation ({degraded['reason']}): {message}. {advice}, then run again"


def in_force(observation: Observation, label: AdmissionLabel) -> bool:
    """The operator put the selector into its DaemonSets, and the DaemonSet controller has seen it.

    csi-node-driver may be missing altogether (`kubeletVolumePluginPath: None`); where it exists it must have the selector too.
    """
    calico_node, csi = observation["daemonset"], observation["csi_daemonset"]
    return calico_node is not None and all(
        carries(daemonset["node_selector"], label) and daemonset["observed_generation"] >= daemonset["generation"]
        for daemonset in (calico_node, csi)
        if daemonset is not None
    )


def _three(installation: InstallationSeen) -> dict[str, dict[str, str]]:
    return {
        "calico_node_selector": installation["calico_node_selector"],
        "csi_node_driver_selector": installation["csi_node_driver_selector"],
        "control_plane_selector": installation["control_plane_selector"],
    }


def _missing(selectors: Mapping[str, Mapping[str, str]], label: AdmissionLabel) -> list[str]:
    text = f"{label['key']}={label['value']}"
    return [
        f"{_FIELDS[name]} does not carry {text}"
        for name, selector in selectors.items()
        if selector.get(label["key"]) != label["value"]
    ]


def _other_values(selectors: Mapping[str, Mapping[str, str]], label: AdmissionLabel) -> list[str]:
    key, value = label["key"], label["value"]
    return [
        f"{_FIELDS[name]} has {key}={selector[key]} where {value} is wanted: take it out of the Installation"
        for name, selector in selectors.items()
        if selector.get(key, value) != value
    ]


def _merge(into: dict[str, Any], addition: Mapping[str, Any], where: str) -> None:
    for key, value in addition.items():
        here = f"{where}.{key}"
        if not isinstance(value, Mapping):
            if into.get(key, value) != value:
                raise RolloutError(
                    f"The Installation to create has {here}: {into[key]}, but the rollout needs {value}."
                )
            into[key] = value
            continue
        inner = into.get(key)
        if inner is None:
            inner = into[key] = {}
        if not isinstance(inner, dict):
            raise RolloutError(f"The Installation to create has {here}: {inner} where a mapping belongs.")
        _merge(inner, value, here)

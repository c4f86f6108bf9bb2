# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The Installation's selector: what is written, what must not be there, and whether the operator took it.

The selector is set once, with a constant key and value. Every change of calico-node's pod template restarts calico-node on
every node that has it, so nodes are admitted by their label and never by another selector.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

from .documents import AdmissionLabel, InstallationSeen, Observation
from .errors import RolloutError
from .labels import OS_LABEL, check_label
from .readiness import carries, labelled

NAME = "default"
API_VERSION = "operator.tigera.io/v1"
FIELD_MANAGER = "calico-ops-scope"

_DAEMONSETS = ("calicoNodeDaemonSet", "csiNodeDriverDaemonSet")
_POD_SPEC = ("spec", "template", "spec")

_REJECTIONS = {
    "InvalidConfigurationError": "Correct the Installation's spec",
    "MigrationError": "Change the Calico that was installed from manifests as the message says",
    "ResourceMigrationError": "Finish the migration of the Calico that was installed from manifests",
    "ResourceScalingError": "Typha needs more Linux nodes that are not cordoned: uncordon some",
}

# Taints that a node without a CNI carries: calico-node must tolerate them to be able to cure them.
_BOOTSTRAP_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/network-unavailable")

# The operator's own default affinity on EKS and AKS: keeps out what cannot run a DaemonSet, and nothing else.
_HARMLESS_TERMS = (
    ("eks.amazonaws.com/compute-type", "NotIn", ("fargate",)),
    ("type", "NotIn", ("virtual-kubelet",)),
    (OS_LABEL, "In", ("linux",)),
)


def selectors_of(raw_installation: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The three selectors of a raw Installation, under the names they have in InstallationSeen."""
    spec = raw_installation.get("spec") or {}
    calico_node, csi = (dict(_at(spec, (name, *_POD_SPEC, "nodeSelector"))) for name in _DAEMONSETS)
    return {
        "calico_node_selector": calico_node,
        "csi_node_driver_selector": csi,
        "control_plane_selector": dict(spec.get("controlPlaneNodeSelector") or {}),
    }


def scope_document(label: AdmissionLabel, uid: str) -> dict[str, Any]:
    """The body of the server-side apply. The uid makes it fail, rather than create, when the Installation is gone meanwhile."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Installation",
        "metadata": {"name": NAME, "uid": uid},
        "spec": _selectors(label),
    }


def full_document(spec: Mapping[str, Any], label: AdmissionLabel) -> dict[str, Any]:
    """A new Installation: the user's spec with the selectors in it from its first moment."""
    merged = copy.deepcopy(dict(spec))
    _merge(merged, _selectors(label), "spec")
    document = {"apiVersion": API_VERSION, "kind": "Installation", "metadata": {"name": NAME}, "spec": merged}
    problems = judge_applied(document, label)
    if problems:
        raise RolloutError("The Installation to create does not fit a rollout: {}.".format("; ".join(problems)))
    return document


def judge_applied(installation: Mapping[str, Any], label: AdmissionLabel) -> list[str]:
    """What is wrong with an Installation as the API would store it (a dry run's answer); empty when nothing is.

    nodeSelector is a granular map: keys of other field managers merge in without a conflict and narrow the set of nodes.
    """
    spec = installation.get("spec") or {}
    seen = selectors_of(installation)
    problems = _missing(seen, label)
    for name, selector in zip(_DAEMONSETS, (seen["calico_node_selector"], seen["csi_node_driver_selector"])):
        problems += _narrowing(name, selector, label)
        pod = _at(spec, (name, *_POD_SPEC))
        if _affinity_narrows(pod):
            problems.append(
                f"{name} has a required node affinity of its own, which keeps it off nodes that carry the admission label"
            )
        if pod.get("tolerations") is not None:
            lacking = [taint for taint in _BOOTSTRAP_TAINTS if not _tolerated(pod["tolerations"], taint)]
            if lacking:
                problems.append(
                    "{} replaces the operator's tolerations and does not tolerate {}: a node without a CNI would never get its pod".format(
                        name, " and ".join(f"{taint}:NoSchedule" for taint in lacking)
                    )
                )
    return problems


def scoped(installation: InstallationSeen | None, label: AdmissionLabel) -> bool:
    """The three selectors all carry the admission label."""
    return installation is not None and not _missing(_three(installation), label)


def stranded(observation: Observation, label: AdmissionLabel) -> list[str]:
    """Nodes with a Ready calico-node that do not carry the label: the selector would take it from them within seconds."""
    ready = {pod["node"] for pod in observation["pods"] if pod["ready"] and not pod["deleting"]}
    return sorted(
        name
        for name in ready
        if name not in observation["nodes"] or not carries(observation["nodes"][name]["labels"], label)
    )


def refusals(
    observation: Observation,
    label: AdmissionLabel,
    may_lose_calico: Collection[str] = (),
    about_to_be_labelled: Collection[str] = (),
) -> list[str]:
    """Why the selector must not be written to this cluster; empty when it may. For use before it is in force.

    `about_to_be_labelled` are nodes that get the label before the selector is written.
    """
    reasons = []
    try:
        check_label(label["key"], label["value"])
    except RolloutError as error:
        reasons.append(str(error).rstrip("."))
    if observation["overlay"]:
        reasons.append(
            "an Installation named overlay exists, whose selectors replace those of Installation/default without a trace: "
            "merge it into Installation/default and delete it"
        )
    if observation["manifest_install"]:
        reasons.append(
            "Calico was installed from manifests ({}): migrate to tigera-operator first, its migration takes calico-node "
            "from nodes that do not carry the admission label".format(", ".join(observation["manifest_install"]))
        )
    if observation["installation"] is not None:
        seen = _three(observation["installation"])
        reasons += [f"{text}: take it out of the Installation" for text in _other_values(seen, label)]
        reasons += _narrowing(_DAEMONSETS[0], seen["calico_node_selector"], label)
        reasons += _narrowing(_DAEMONSETS[1], seen["csi_node_driver_selector"], label)
    left = [
        name
        for name in stranded(observation, label)
        if name not in may_lose_calico and name not in about_to_be_labelled
    ]
    if left:
        reasons.append(
            "%d node%s a Ready calico-node and %s not carry %s=%s, so the selector would remove it: %s. Label them first, or name them in may_lose_calico"
            % (
                len(left),
                " runs" if len(left) == 1 else "s run",
                "does" if len(left) == 1 else "do",
                label["key"],
                label["value"],
                ", ".join(left),
            )
        )
    if not labelled(observation, label) and not about_to_be_labelled:
        reasons.append(
            "no Linux node carries {}={}: calico-node would run nowhere, and the operator would call that Available. Label the first nodes before".format(
                label["key"], label["value"]
            )
        )
    return reasons


def rejection(observation: Observation) -> str | None:
    """How the operator rejected the Installation as it is now, with advice; None when it did not."""
    installation = observation["installation"]
    degraded = observation["calico_status"].get("Degraded")
    if (
        installation is None
        or degraded is None
        or degraded["status"] != "True"
        or degraded["reason"] not in _REJECTIONS
    ):
        return None
    if degraded["observed_generation"] < installation["generation"]:
        return None
    return "tigera-operator rejects the Installation ({}): {}. {}, then run again".format(
        degraded["reason"],
        degraded["message"].strip().rstrip("."),
        _REJECTIONS[degraded["reason"]],
    )


def taken(observation: Observation, label: AdmissionLabel) -> bool:
    """The operator put the selector into its DaemonSets, and the DaemonSet controller has seen it.

    csi-node-driver may be missing altogether (`kubeletVolumePluginPath: None`); where it exists it must have the selector too.
    """
    calico_node, csi = observation["daemonset"], observation["csi_daemonset"]
    return calico_node is not None and all(
        daemonset["node_selector"].get(label["key"]) == label["value"]
        and daemonset["observed_generation"] >= daemonset["generation"]
        for daemonset in (calico_node, csi)
        if daemonset is not None
    )


def _selectors(label: AdmissionLabel) -> dict[str, Any]:
    selector = {label["key"]: label["value"]}
    spec: dict[str, Any] = {
        name: {"spec": {"template": {"spec": {"nodeSelector": dict(selector)}}}} for name in _DAEMONSETS
    }
    spec["controlPlaneNodeSelector"] = dict(selector)
    return spec


def _three(installation: InstallationSeen) -> dict[str, dict[str, str]]:
    return {
        "calico_node_selector": installation["calico_node_selector"],
        "csi_node_driver_selector": installation["csi_node_driver_selector"],
        "control_plane_selector": installation["control_plane_selector"],
    }


_FIELDS = {
    "calico_node_selector": "calicoNodeDaemonSet's nodeSelector",
    "csi_node_driver_selector": "csiNodeDriverDaemonSet's nodeSelector",
    "control_plane_selector": "controlPlaneNodeSelector",
}


def _missing(selectors: Mapping[str, Mapping[str, str]], label: AdmissionLabel) -> list[str]:
    return [
        "{} does not carry {}={}".format(_FIELDS[name], label["key"], label["value"])
        for name, selector in selectors.items()
        if selector.get(label["key"]) != label["value"]
    ]


def _other_values(selectors: Mapping[str, Mapping[str, str]], label: AdmissionLabel) -> list[str]:
    return [
        "{} has {}={} where {} is wanted".format(_FIELDS[name], label["key"], selector[label["key"]], label["value"])
        for name, selector in selectors.items()
        if selector.get(label["key"], label["value"]) != label["value"]
    ]


def _narrowing(name: str, selector: Mapping[str, str], label: AdmissionLabel) -> list[str]:
    others = sorted(
        "{}={}".format(*item) for item in selector.items() if item[0] != label["key"] and item != (OS_LABEL, "linux")
    )
    if not others:
        return []
    return [
        "{}'s nodeSelector also demands {}, so nodes that carry the admission label would not get its pod: remove it".format(
            name, " and ".join(others)
        )
    ]


def _affinity_narrows(pod: Mapping[str, Any]) -> bool:
    required = _at(pod, ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"))
    for term in required.get("nodeSelectorTerms") or []:
        if term.get("matchFields"):
            return True
        for expression in term.get("matchExpressions") or []:
            if (
                expression.get("key"),
                expression.get("operator"),
                tuple(expression.get("values") or ()),
            ) not in _HARMLESS_TERMS:
                return True
    return False


def _tolerated(tolerations: Collection[Mapping[str, Any]], taint: str) -> bool:
    return any(
        toleration.get("effect") in (None, "", "NoSchedule")
        and (toleration.get("key") == taint or (not toleration.get("key") and toleration.get("operator") == "Exists"))
        for toleration in tolerations
    )


def _at(value: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    for key in path:
        value = value.get(key) or {}
    return value


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

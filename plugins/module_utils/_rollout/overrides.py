# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What in an Installation's overrides would keep a DaemonSet's pods off nodes that carry the admission label."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .documents import AdmissionLabel
from .labels import OS_LABEL

DAEMONSETS = ("calicoNodeDaemonSet", "csiNodeDriverDaemonSet")

_POD_SPEC = ("spec", "template", "spec")

# Taints that a node without a CNI carries: calico-node must tolerate them to be able to cure them.
_BOOTSTRAP_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/network-unavailable")

# The operator's own default affinity on EKS and AKS: keeps out what cannot run a DaemonSet, and nothing else.
_HARMLESS_TERMS = (
    ("eks.amazonaws.com/compute-type", "NotIn", ("fargate",)),
    ("type", "NotIn", ("virtual-kubelet",)),
    (OS_LABEL, "In", ("linux",)),
)


def pod_spec(spec: Mapping[str, Any], daemonset: str) -> Mapping[str, Any]:
    """The pod spec overrides of one DaemonSet; empty where there are none."""
    return _at(spec, (daemonset, *_POD_SPEC))


def with_pod_spec(daemonset: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {daemonset: {"spec": {"template": {"spec": dict(overrides)}}}}


def selector_narrows(daemonset: str, selector: Mapping[str, str], label: AdmissionLabel) -> list[str]:
    others = sorted(
        f"{key}={value}"
        for key, value in selector.items()
        if key != label["key"] and (key, value) != (OS_LABEL, "linux")
    )
    if not others:
        return []
    demands = " and ".join(others)
    return [
        f"{daemonset}'s nodeSelector also demands {demands}: nodes that carry the admission label would not get its pod; remove it"
    ]


def placement_narrows(daemonset: str, overrides: Mapping[str, Any]) -> list[str]:
    """Affinity and tolerations replace the operator's own as a whole."""
    problems = []
    if _affinity_narrows(overrides):
        problems.append(
            f"{daemonset} has a required node affinity of its own, which keeps it off nodes that carry the admission label: remove it"
        )
    tolerations = overrides.get("tolerations")
    lacking = [taint for taint in _BOOTSTRAP_TAINTS if tolerations is not None and not _tolerated(tolerations, taint)]
    if lacking:
        taints = " and ".join(f"{taint}:NoSchedule" for taint in lacking)
        problems.append(
            f"{daemonset} replaces the operator's tolerations and does not tolerate {taints}: a node without a CNI would never get its pod"
        )
    return problems


def _affinity_narrows(overrides: Mapping[str, Any]) -> bool:
    required = _at(overrides, ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"))
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

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The overrides of an Installation that place its components, and what in them would keep admitted nodes without pods."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..documents import AdmissionLabel, NodeSeen, TaintSeen
from ..kubernetes.names import OS_LABEL
from ..kubernetes.scheduling import Demands, obstacles, tolerates
from ..text.terminal import count, listed

DAEMONSETS = ("calicoNodeDaemonSet", "csiNodeDriverDaemonSet")
TYPHA = "typhaDeployment"
KUBE_CONTROLLERS = "calicoKubeControllersDeployment"
COMPONENTS = (*DAEMONSETS, TYPHA, KUBE_CONTROLLERS)
CONTROL_PLANE_SELECTOR = "controlPlaneNodeSelector"
APISERVER_COMPONENTS = ("apiServerDeployment", "calicoWebhooksDeployment")

PLACING = ("nodeSelector", "affinity", "tolerations")
"""The fields of a pod's spec that say where it runs."""

NAMES_SHOWN = 10

_POD_SPEC = ("spec", "template", "spec")

# Taints that a node without a CNI carries: calico-node must tolerate them to be able to cure them.
_BOOTSTRAP_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/network-unavailable")


def pod_spec(spec: Mapping[str, Any], component: str) -> Mapping[str, Any]:
    """The pod spec overrides of one component; empty where there are none."""
    inner = spec
    for key in (component, *_POD_SPEC):
        inner = inner.get(key) or {}
    return inner


def with_pod_spec(component: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {component: {"spec": {"template": {"spec": dict(overrides)}}}}


def selector_narrows(
    daemonset: str, selector: Mapping[str, str], label: AdmissionLabel, nodes: Mapping[str, NodeSeen] | None
) -> list[str]:
    """Keys of somebody else's, which are no harm as long as the nodes that must run its pod carry them.

    `nodes` are those; where they are not known, every such key is taken as one that keeps it off.
    """
    others = {
        key: value
        for key, value in sorted(selector.items())
        if key != label["key"] and (key, value) != (OS_LABEL, "linux")
    }
    if not others:
        return []
    demands = (
        f"{daemonset}'s nodeSelector also demands {' and '.join(f'{key}={value}' for key, value in others.items())}"
    )
    if nodes is None:
        return [f"{demands}: nodes that carry the admission label would not get its pod; remove it"]
    lacking = [name for name, node in sorted(nodes.items()) if not others.items() <= node["labels"].items()]
    if not lacking:
        return []
    fault = (
        f"{demands}, without which {count(len(lacking), 'node')} that must run it would not get its pod: {listed(lacking)}. "
        "Label what lacks it, or take the key out of the Installation"
    )
    return [fault]


def placed(spec: Mapping[str, Any], components: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What of each component's override says where its pods run; components without any of it are left away."""
    found = {}
    for component in components:
        override = pod_spec(spec, component)
        fields = {field: override[field] for field in PLACING if override.get(field) not in (None, {})}
        if fields:
            found[component] = fields
    return found


def tolerations_narrow(daemonset: str, overrides: Mapping[str, Any]) -> list[str]:
    """Tolerations replace the operator's own as a whole."""
    tolerations = overrides.get("tolerations")
    lacking = [] if tolerations is None else lacking_tolerations(tolerations)
    if not lacking:
        return []
    taints = " and ".join(f"{taint}:NoSchedule" for taint in lacking)
    return [
        f"{daemonset} replaces the operator's tolerations and does not tolerate {taints}: a node without a CNI would never get its pod"
    ]


def kept_off(daemonset: str, override: Mapping[str, Any], nodes: Mapping[str, NodeSeen]) -> list[str]:
    """The nodes that an affinity or tolerations, of any writer, would keep a DaemonSet from. `nodes` must run its pod."""
    demands = Demands({}, override.get("affinity") or {}, override.get("tolerations"))
    found = obstacles(nodes, demands)
    if not found:
        return []
    told = listed([f"{name} {why}" for name, why in found.items()], NAMES_SHOWN)
    fault = (
        f"{daemonset}'s affinity or tolerations keep it off {count(len(found), 'node')} that must run it: {told}. "
        "Change them in the Installation or in the task's options"
    )
    return [fault]


def lacking_tolerations(tolerations: Collection[Mapping[str, Any]]) -> list[str]:
    """Keys of the taints that every node has until calico-node runs there, as far as they are not tolerated."""
    return [
        key
        for key in _BOOTSTRAP_TAINTS
        if not any(tolerates(each, TaintSeen(key=key, value="", effect="NoSchedule")) for each in tolerations)
    ]

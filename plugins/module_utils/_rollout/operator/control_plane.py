# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where Calico's control plane could run, as an Installation would have it.

The operator asks none of this: pods without a node stay Pending, and TigeraStatus says nothing of typha and csi-node-driver.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ..documents import NodeSeen
from ..kubernetes.scheduling import Demands, Toleration, matching_nodes, obstacles
from ..text.terminal import listed
from .field_managers import served_by
from .overrides import CONTROL_PLANE_SELECTOR, KUBE_CONTROLLERS, pod_spec

NAMES_SHOWN = 10

_CRITICAL_ADDONS: Toleration = {"key": "CriticalAddonsOnly", "operator": "Exists"}
_CONTROL_PLANE: tuple[Toleration, ...] = (
    {"key": "node-role.kubernetes.io/master", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
)

Nodes = Mapping[str, NodeSeen]
Raw = Mapping[str, Any]


class _Deployment(NamedTuple):
    name: str
    demands: Demands
    consequence: str


def control_plane_homeless(spec: Raw, nodes: Nodes, apiserver: Raw | None, v3_crds: bool) -> list[str]:
    """Deployments of Calico's control plane that no node would take; `apiserver` is the spec of the APIServer, where there is one."""
    deployments = [
        _Deployment(
            "calico-kube-controllers",
            _demands(
                spec, pod_spec(spec, KUBE_CONTROLLERS), spec.get(CONTROL_PLANE_SELECTOR) or {}, (_CRITICAL_ADDONS,)
            ),
            "calico would never be Available",
        )
    ]
    if apiserver is not None:
        # The webhooks that stand for calico-apiserver on CRDs of Calico's own API do not follow controlPlaneNodeSelector.
        base = {} if v3_crds else spec.get(CONTROL_PLANE_SELECTOR) or {}
        deployments.append(
            _Deployment(
                "calico-webhooks" if v3_crds else "calico-apiserver",
                _demands(spec, pod_spec(apiserver, served_by(v3_crds)), base),
                "the Calico API would not answer",
            )
        )
    usable = {name: node for name, node in nodes.items() if not node["unschedulable"]}
    return [_homeless(each, usable) for each in deployments if not matching_nodes(usable, each.demands)]


def _homeless(deployment: _Deployment, nodes: Nodes) -> str:
    selector = deployment.demands.node_selector
    demands = " and ".join(f"{key}={value}" for key, value in sorted(selector.items())) or "no label"
    # Those that get farthest: nodes which have all the labels, if any do.
    labelled = {
        name: node
        for name, node in nodes.items()
        if all(node["labels"].get(key) == value for key, value in selector.items())
    }
    reasons = obstacles(labelled, deployment.demands)
    closest = f" ({listed([f'{name} {why}' for name, why in reasons.items()], NAMES_SHOWN)})" if reasons else ""
    return (
        f"no node would take {deployment.name}, which needs {demands}{closest}: its pods would stay Pending, and "
        f"{deployment.consequence}. Label or uncordon a node for it, or change where it is to run"
    )


def _demands(spec: Raw, override: Raw, base: Mapping[str, str], tolerated: Collection[Toleration] = ()) -> Demands:
    """Overrides add selector keys that are not there yet, and replace affinity and tolerations."""
    tolerations = override.get("tolerations")
    if tolerations is None:
        tolerations = [*(spec.get("controlPlaneTolerations") or []), *_CONTROL_PLANE, *tolerated]
    return Demands({**(override.get("nodeSelector") or {}), **base}, override.get("affinity") or {}, tolerations)

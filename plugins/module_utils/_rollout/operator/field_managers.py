# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is applied to the operator's resources, by which field manager: one for each purpose.

So each can be taken back alone: an apply that leaves a field away that its manager owned takes it out. For the same reason an affinity or
tolerations once set stay in the apply. If a later run leaves an option out, nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..documents import AdmissionLabel
from .overrides import CONTROL_PLANE_SELECTOR, DAEMONSETS, KUBE_CONTROLLERS, TYPHA, pod_spec, with_pod_spec
from .ownership import applied_by
from .placement import Placement, PodSpec

SCOPE_MANAGER = "calico-ops-scope"
"""All fields that place calico-node and csi-node-driver. Each change of calico-node's template restarts it on every node, so selector,
affinity and tolerations are one write."""
TYPHA_MANAGER = "calico-ops-typha"
CONTROL_PLANE_MANAGER = "calico-ops-control-plane"
"""Of the Installation kube-controllers' overrides, of the APIServer those of the pods that serve the Calico API."""
CREATION_MANAGER = "calico-ops-install"
"""Another manager than those that apply: it owns the user's whole spec."""

_CARRIED = ("affinity", "tolerations")

Raw = Mapping[str, Any]


class Purpose(NamedTuple):
    manager: str
    spec: dict[str, Any]


def purposes(
    label: AdmissionLabel, placement: Placement, daemonset_pod: PodSpec, installation: Raw | None = None
) -> list[Purpose]:
    """What is applied to the Installation, in this order: the selector comes last, so that it stands for all the others."""
    selector = {label["key"]: label["value"]}
    wanted: list[Purpose] = []
    if placement.typha_label is not None:
        pin = {placement.typha_label["key"]: placement.typha_label["value"]}
        wanted.append(Purpose(TYPHA_MANAGER, with_pod_spec(TYPHA, {"nodeSelector": pin})))
    if placement.kube_controllers is not None:
        carried = _carried(installation, CONTROL_PLANE_MANAGER, KUBE_CONTROLLERS, (*_CARRIED, "nodeSelector"))
        pod = {**carried, **placement.kube_controllers}
        wanted.append(Purpose(CONTROL_PLANE_MANAGER, with_pod_spec(KUBE_CONTROLLERS, pod)))
    scope: dict[str, Any] = {CONTROL_PLANE_SELECTOR: dict(selector)}
    for daemonset in DAEMONSETS:
        carried = _carried(installation, SCOPE_MANAGER, daemonset, _CARRIED)
        scope.update(with_pod_spec(daemonset, {"nodeSelector": dict(selector), **carried, **daemonset_pod}))
    return [*wanted, Purpose(SCOPE_MANAGER, scope)]


def apiserver_purpose(
    label: AdmissionLabel, placement: Placement, v3_crds: bool, apiserver: Raw | None = None
) -> Purpose | None:
    """What is applied to the APIServer; None when nothing is.

    calico-apiserver follows the Installation's controlPlaneNodeSelector. If Calico's own API is made of CRDs, webhooks run in its place.
    They follow their own override alone, so the selector goes there.
    """
    component = served_by(v3_crds)
    pod: PodSpec = dict(placement.apiserver or {})
    if v3_crds:
        pod["nodeSelector"] = {label["key"]: label["value"], **(pod.get("nodeSelector") or {})}
    if not pod:
        return None
    return Purpose(
        CONTROL_PLANE_MANAGER,
        with_pod_spec(
            component, {**_carried(apiserver, CONTROL_PLANE_MANAGER, component, (*_CARRIED, "nodeSelector")), **pod}
        ),
    )


def selector_since(installation: Raw) -> str | None:
    """When the selector was applied last, or the Installation created with it, by the API server's clock."""
    for manager in (SCOPE_MANAGER, CREATION_MANAGER):
        times = [
            str(entry["time"])
            for entry in installation["metadata"].get("managedFields") or []
            if entry.get("manager") == manager and entry.get("time")
        ]
        if times:
            return max(times)
    return None


def served_by(v3_crds: bool) -> str:
    """The override of the APIServer whose pods serve the Calico API."""
    return "calicoWebhooksDeployment" if v3_crds else "apiServerDeployment"


def _carried(raw: Raw | None, manager: str, component: str, fields: Sequence[str]) -> PodSpec:
    if raw is None:
        return {}
    own = pod_spec(applied_by(raw, manager).get("spec") or {}, component)
    return {field: own[field] for field in fields if field in own}

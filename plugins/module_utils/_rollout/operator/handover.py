# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The wanted fields that the operator's resources still lack, and those that their owners must commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

from ..documents import AdmissionLabel, ApiServerSeen, InstallationSeen, NodeSeen, Observation
from ..text.terminal import listed
from .field_managers import apiserver_purpose, purposes
from .installation import API_VERSION, NAME
from .overrides import CONTROL_PLANE_SELECTOR, DAEMONSETS, pod_spec
from .ownership import to_commit
from .placement import Placement, daemonset_pod, differing


class Lacking(NamedTuple):
    """Fields that are not as wanted, as `component's field`."""

    selectors: list[str]
    """Of calico-node, csi-node-driver and the control plane: the admission label."""
    restarting: list[str]
    """Further fields of calico-node's and csi-node-driver's templates: setting one restarts them everywhere."""
    others: list[str]
    """Of typha and kube-controllers."""
    apiserver: list[str]

    @property
    def of_installation(self) -> list[str]:
        return [*self.selectors, *self.restarting, *self.others]


NOTHING_LACKS = Lacking([], [], [], [])

_NEW = InstallationSeen(
    uid="",
    generation=1,
    calico_node_selector={},
    csi_node_driver_selector={},
    control_plane_selector={},
    max_unavailable=None,
    raised=None,
    variant=None,
    provider=None,
    selector_since=None,
    managed_by=[],
    owned_by=[],
    placement={},
)
"""An Installation that is to be created."""


class Handover(NamedTuple):
    owners: list[str]
    fields: list[str]
    document: str
    """YAML to commit."""

    def text(self) -> str:
        return (
            f"{listed(self.owners)} applies what is to be changed ({listed(self.fields)}), and would take out at its next sync "
            "what was patched into it"
        )


class Operands(TypedDict):
    """The fields of an Observation that show what is missing."""

    nodes: dict[str, NodeSeen]
    installation: InstallationSeen | None
    apiserver: ApiServerSeen | None
    v3_crds: bool


def lacking(seen: Operands, label: AdmissionLabel, placement: Placement) -> Lacking:
    """Where there is no Installation yet, all of it; where there is no APIServer, nothing of that."""
    installation, apiserver = seen["installation"], seen["apiserver"]
    found = Lacking([], [], [], [])
    has: Mapping[str, Any] = installation["placement"] if installation else {}
    for component, wanted in _wanted(seen, label, placement).items():
        if component == CONTROL_PLANE_SELECTOR:
            selector = installation["control_plane_selector"] if installation else {}
            found.selectors.extend(
                [component] if differing({"nodeSelector": wanted}, {"nodeSelector": selector}) else []
            )
            continue
        for field in differing(wanted, has.get(component, {})):
            if component not in DAEMONSETS:
                where = found.others
            else:
                where = found.selectors if field == "nodeSelector" else found.restarting
            where.append(f"{component}'s {field}")
    purpose = apiserver_purpose(label, placement, seen["v3_crds"]) if apiserver else None
    if purpose and apiserver:
        for component in purpose.spec:
            fields = differing(pod_spec(purpose.spec, component), apiserver["placement"].get(component, {}))
            found.apiserver.extend(f"{component}'s {field}" for field in fields)
    return found


def handover(seen: Observation, label: AdmissionLabel, placement: Placement) -> Handover | None:
    """What lacks in objects that somebody applies from outside the cluster; None when nothing does."""
    installation, apiserver = seen["installation"], seen["apiserver"]
    if not any(each and each["owned_by"] for each in (installation, apiserver)):
        return None
    wanting = lacking(seen, label, placement)
    owners: list[str] = []
    fields: list[str] = []
    documents: list[dict[str, Any]] = []
    if installation and installation["owned_by"] and wanting.of_installation:
        owners += installation["owned_by"]
        fields += wanting.of_installation
        pod = daemonset_pod(placement, installation["provider"], seen["nodes"])
        spec: dict[str, Any] = {}
        for purpose in reversed(purposes(label, placement, pod)):
            spec.update(purpose.spec)
        documents.append(_document("Installation", spec))
    if apiserver and apiserver["owned_by"] and wanting.apiserver:
        owners += [owner for owner in apiserver["owned_by"] if owner not in owners]
        fields += wanting.apiserver
        served = apiserver_purpose(label, placement, seen["v3_crds"])
        documents.append(_document("APIServer", served.spec if served else {}))
    return Handover(owners, fields, to_commit(documents, owners)) if documents else None


def as_wanted(seen: Observation, label: AdmissionLabel, placement: Placement) -> Observation:
    """The same cluster once nothing lacks: it was written by us, or committed. Other keys and fields stay."""
    after, apiserver = seen.copy(), seen["apiserver"]
    installation = _NEW.copy() if seen["installation"] is None else seen["installation"].copy()
    installation["placement"] = dict(installation["placement"])
    for component, wanted in _wanted(seen, label, placement).items():
        if component == CONTROL_PLANE_SELECTOR:
            installation["control_plane_selector"] = {**installation["control_plane_selector"], **wanted}
        else:
            has = installation["placement"].get(component, {})
            installation["placement"][component] = _with(has, wanted)
    selector = {label["key"]: label["value"]}
    installation["calico_node_selector"] = {**installation["calico_node_selector"], **selector}
    installation["csi_node_driver_selector"] = {**installation["csi_node_driver_selector"], **selector}
    after["installation"] = installation
    purpose = apiserver_purpose(label, placement, seen["v3_crds"]) if apiserver else None
    if purpose and apiserver:
        apiserver = apiserver.copy()
        apiserver["placement"] = dict(apiserver["placement"])
        for component in purpose.spec:
            has = apiserver["placement"].get(component, {})
            apiserver["placement"][component] = _with(has, pod_spec(purpose.spec, component))
        after["apiserver"] = apiserver
    return after


def _with(has: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A pod's spec with further fields. nodeSelector is a granular map: the keys that it has stay."""
    selector = {**(has.get("nodeSelector") or {}), **(wanted.get("nodeSelector") or {})}
    return {**has, **wanted, **({"nodeSelector": selector} if selector else {})}


def _wanted(seen: Operands, label: AdmissionLabel, placement: Placement) -> dict[str, Any]:
    """By component: the fields of its pod's spec; for the control plane's selector that itself."""
    installation = seen["installation"]
    pod = daemonset_pod(placement, installation["provider"] if installation else None, seen["nodes"])
    return {
        component: wanted if component == CONTROL_PLANE_SELECTOR else pod_spec(purpose.spec, component)
        for purpose in purposes(label, placement, pod)
        for component, wanted in purpose.spec.items()
    }


def _document(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": NAME}, "spec": dict(spec)}

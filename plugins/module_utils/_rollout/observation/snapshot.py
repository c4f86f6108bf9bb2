# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Raw API objects trimmed to what a decision needs. Pure: dict in, document out.

A missing field counts as not yet written: an unwritten condition is not true, an unwritten status has observed nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..calico_node.max_unavailable import max_unavailable_of, raised_of
from ..documents import (
    ApiServerSeen,
    ConditionSeen,
    DaemonSetSeen,
    InstallationSeen,
    NodeSeen,
    OperatorStatus,
    PodSeen,
)
from ..kubernetes.names import DOMAIN
from ..operator.field_managers import selector_since
from ..operator.installation import provider_of, selectors_of
from ..operator.overrides import APISERVER_COMPONENTS, COMPONENTS, placed
from ..operator.ownership import owners, spec_managers
from .diagnosis import conditions, deletion_asked, kubelet_silent, last_ready, node_trouble, pod_trouble, starting

REVISION_LABEL = "controller-revision-hash"

Raw = Mapping[str, Any]


def name_of(raw: Raw) -> str:
    return str(_metadata(raw).get("name", ""))


def node_seen(raw: Raw) -> NodeSeen:
    metadata = _metadata(raw)
    ready, network = (conditions(raw).get(kind, {}) for kind in ("Ready", "NetworkUnavailable"))
    return {
        "uid": str(metadata.get("uid") or ""),
        "created": metadata.get("creationTimestamp"),
        "labels": dict(metadata.get("labels") or {}),
        "annotations": {
            key: value for key, value in (metadata.get("annotations") or {}).items() if key.startswith(DOMAIN + "/")
        },
        "ready": ready.get("status") == "True",
        "ready_since": ready.get("lastTransitionTime"),
        "not_ready_reason": node_trouble(raw),
        "kubelet_silent": kubelet_silent(raw),
        "network_unavailable": network.get("status") == "True",
        "network_reason": network.get("reason") if network.get("status") == "True" else None,
        "network_since": network.get("lastTransitionTime"),
        "unschedulable": bool((raw.get("spec") or {}).get("unschedulable")),
        "taints": [
            {"key": str(taint.get("key")), "value": str(taint.get("value") or ""), "effect": str(taint.get("effect"))}
            for taint in (raw.get("spec") or {}).get("taints") or []
        ],
    }


def pod_seen(raw: Raw) -> PodSeen:
    metadata = _metadata(raw)
    status = raw.get("status") or {}
    ready = conditions(raw).get("Ready", {})
    is_ready = ready.get("status") == "True"
    return {
        "name": name_of(raw),
        "node": str((raw.get("spec") or {}).get("nodeName") or _intended_node(raw)),
        "revision": (metadata.get("labels") or {}).get(REVISION_LABEL),
        "ready": is_ready,
        "deleting": bool(metadata.get("deletionTimestamp")),
        "phase": str(status.get("phase") or "Pending"),
        "reason": None if is_ready else pod_trouble(raw),
        "since": ready.get("lastTransitionTime") or metadata.get("creationTimestamp"),
        "created": metadata.get("creationTimestamp"),
        "deleting_since": deletion_asked(raw),
        "starting": starting(raw),
        "last_ready": last_ready(raw),
    }


def daemonset_seen(raw: Raw, revisions: Iterable[Raw]) -> DaemonSetSeen:
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    return {
        "generation": int(_metadata(raw).get("generation") or 0),
        "observed_generation": int(status.get("observedGeneration") or 0),
        "desired": int(status.get("desiredNumberScheduled") or 0),
        "updated": int(status.get("updatedNumberScheduled") or 0),
        "available": int(status.get("numberAvailable") or 0),
        "node_selector": dict(pod.get("nodeSelector") or {}),
        "affinity": dict(pod.get("affinity") or {}),
        "tolerations": list(pod.get("tolerations") or []),
        "revision": newest_revision(raw, revisions),
        "max_unavailable": str(rolling.get("maxUnavailable", 1)),
        "max_surge": str(rolling.get("maxSurge", 0)),
    }


def newest_revision(daemonset: Raw, revisions: Iterable[Raw]) -> str | None:
    """The controller-revision-hash of the template in force.

    By `.revision`, not by age: when a template returns to an earlier content, the controller raises the old revision's number.
    """
    uid = _metadata(daemonset).get("uid")
    owned = [
        revision
        for revision in revisions
        if any(owner.get("uid") == uid for owner in _metadata(revision).get("ownerReferences") or [])
    ]
    if not owned:
        return None
    newest = max(owned, key=lambda revision: int(revision.get("revision") or 0))
    return (_metadata(newest).get("labels") or {}).get(REVISION_LABEL)


def installation_seen(raw: Raw) -> InstallationSeen:
    metadata, spec, selectors = _metadata(raw), raw.get("spec") or {}, selectors_of(raw)
    return {
        "uid": str(metadata.get("uid", "")),
        "generation": int(metadata.get("generation") or 0),
        "calico_node_selector": selectors["calico_node_selector"],
        "csi_node_driver_selector": selectors["csi_node_driver_selector"],
        "control_plane_selector": selectors["control_plane_selector"],
        "max_unavailable": max_unavailable_of(raw),
        "raised": raised_of(raw),
        "variant": spec.get("variant"),
        "provider": provider_of(raw),
        "selector_since": selector_since(raw),
        "managed_by": spec_managers(raw),
        "owned_by": owners(raw),
        "placement": placed(spec, COMPONENTS),
    }


def apiserver_seen(raw: Raw) -> ApiServerSeen:
    metadata = _metadata(raw)
    return {
        "uid": str(metadata.get("uid", "")),
        "generation": int(metadata.get("generation") or 0),
        "managed_by": spec_managers(raw),
        "owned_by": owners(raw),
        "placement": placed(raw.get("spec") or {}, APISERVER_COMPONENTS),
    }


def status_conditions(raw: Raw | None) -> dict[str, ConditionSeen]:
    """A TigeraStatus' conditions by type."""
    if raw is None:
        return {}
    return {
        kind: {
            "status": str(condition.get("status") or "Unknown"),
            "reason": str(condition.get("reason") or ""),
            "message": str(condition.get("message") or ""),
            "observed_generation": int(condition.get("observedGeneration") or 0),
        }
        for kind, condition in conditions(raw).items()
    }


def operator_status(raw: Raw) -> OperatorStatus:
    """A TigeraStatus, and what is the matter with it: Degraded says more than Progressing, and that more than not being Available."""
    seen = status_conditions(raw)
    is_true = {
        kind: kind in seen and seen[kind]["status"] == "True" for kind in ("Available", "Progressing", "Degraded")
    }
    wrong = next((kind for kind in ("Degraded", "Progressing") if is_true[kind]), None)
    if wrong is None and not is_true["Available"]:
        wrong = "Available"
    told = conditions(raw).get(wrong or "", {})
    return {
        "name": name_of(raw),
        "available": is_true["Available"],
        "progressing": is_true["Progressing"],
        "degraded": is_true["Degraded"],
        "reason": told.get("reason") or None,
        "message": told.get("message") or None,
        "since": told.get("lastTransitionTime"),
        "conditions": seen,
    }


def named(objects: Sequence[Raw], name: str) -> Raw | None:
    return next((raw for raw in objects if name_of(raw) == name), None)


def _metadata(raw: Raw) -> Raw:
    return raw.get("metadata") or {}


def _intended_node(raw: Raw) -> str:
    """A DaemonSet's pod that waits for the scheduler is tied to its node by affinity to the node's name."""
    affinity = ((raw.get("spec") or {}).get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or []:
        for field in term.get("matchFields") or []:
            if (
                field.get("key") == "metadata.name"
                and field.get("operator") == "In"
                and len(field.get("values") or []) == 1
            ):
                return str(field["values"][0])
    return ""

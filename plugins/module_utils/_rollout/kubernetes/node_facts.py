# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a plan needs of a Node, out of the raw object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..documents import NodeFacts
from .names import ANNOTATION_BATCH, ARCHITECTURE_LABEL, OS_LABEL
from .quarantine import quarantine_reason


def node_facts(raw_node: Mapping[str, Any]) -> NodeFacts:
    """`calico_ready` is false: the Node object does not show it, its pods do."""
    metadata = raw_node.get("metadata") or {}
    status = raw_node.get("status") or {}
    info = status.get("nodeInfo") or {}
    labels, annotations = dict(metadata.get("labels") or {}), metadata.get("annotations") or {}
    return NodeFacts(
        name=metadata["name"],
        uid=metadata.get("uid") or "",
        labels=labels,
        machine_id=_identifier(info.get("machineID")),
        system_uuid=_identifier(info.get("systemUUID")),
        boot_id=_identifier(info.get("bootID")),
        internal_ips=[
            address["address"]
            for address in status.get("addresses") or []
            if address.get("type") == "InternalIP" and address.get("address")
        ],
        architecture=info.get("architecture") or labels.get(ARCHITECTURE_LABEL) or "",
        os=info.get("operatingSystem") or labels.get(OS_LABEL) or "",
        unschedulable=bool((raw_node.get("spec") or {}).get("unschedulable")),
        calico_ready=False,
        object=_visible(raw_node),
        quarantined=quarantine_reason(labels, annotations),
        batch=annotations.get(ANNOTATION_BATCH),
    )


def _visible(raw_node: Mapping[str, Any]) -> dict[str, Any]:
    """Without images and managed fields, which are most of a Node, and without annotations, which may hold what is nobody's business.

    Instants are left out as well: a heartbeat would make every reading another one.
    """
    metadata, spec, status = (raw_node.get(part) or {} for part in ("metadata", "spec", "status"))
    return {
        "metadata": {"name": metadata["name"], "labels": dict(metadata.get("labels") or {})},
        "spec": {key: spec[key] for key in ("podCIDRs", "providerID", "taints", "unschedulable") if key in spec},
        "status": {
            **{key: status[key] for key in ("addresses", "allocatable", "capacity", "nodeInfo") if key in status},
            "conditions": [
                {key: condition.get(key) for key in ("type", "status", "reason")}
                for condition in status.get("conditions") or []
            ],
        },
    }


def _identifier(text: str | None) -> str | None:
    """Lower case: firmware and kubelet versions differ in the case of a UUID. Empty means that the kubelet could not read it."""
    return (text or "").strip().lower() or None

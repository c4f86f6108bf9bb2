# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a plan needs of a Node, out of the raw object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .documents import NodeFacts
from .labels import OS_LABEL


def node_facts(raw_node: Mapping[str, Any]) -> NodeFacts:
    """`calico_ready` is false: the Node object does not tell, its pods do."""
    metadata = raw_node.get("metadata") or {}
    status = raw_node.get("status") or {}
    info = status.get("nodeInfo") or {}
    labels = dict(metadata.get("labels") or {})
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
        architecture=info.get("architecture") or labels.get("kubernetes.io/arch") or "",
        os=info.get("operatingSystem") or labels.get(OS_LABEL) or "",
        unschedulable=bool((raw_node.get("spec") or {}).get("unschedulable")),
        calico_ready=False,
    )


def _identifier(text: str | None) -> str | None:
    """Lower case: firmware and kubelet versions differ in the case of a UUID. Empty means that the kubelet could not read it."""
    return (text or "").strip().lower() or None

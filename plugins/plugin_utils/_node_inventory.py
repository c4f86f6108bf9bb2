# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The cluster's nodes as hosts and groups of an inventory: facts in, plain data out.

Names of groups are made of labels, which are not trusted, so they are reduced to what may name a group. An address becomes
`ansible_host`, an argument of ssh on the controller: what is neither an IP address nor a DNS name is none.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.readiness import carries
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import AdmissionLabel, NodeFacts
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.scheduling import taint_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.tiers import Tier
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.status.cluster_status import (
    quarantine_taints,
    taints_of,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.order import natural

ZONE_LABELS = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
ADDRESS_TYPES = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")

_DNS_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*\Z"
)


@dataclass(frozen=True)
class Wishes:
    label: AdmissionLabel
    tiers: Sequence[Tier] = ()
    address_types: Sequence[str] = ("InternalIP",)


@dataclass
class NodeInventory:
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Variables by host; the host's name is the Node's."""
    groups: dict[str, list[str]] = field(default_factory=dict)


def inventory_of(nodes: Iterable[NodeFacts], wishes: Wishes) -> NodeInventory:
    made = NodeInventory(groups={"admitted": [], "not_admitted": [], "quarantined": []})
    for tier in wishes.tiers:
        made.groups.setdefault(group_name("tier", tier.name), [])
    for node in sorted(nodes, key=lambda node: natural(node["name"])):
        made.hosts[node["name"]] = _variables(node, wishes)
        for group in dict.fromkeys(_groups(node, wishes)):
            made.groups.setdefault(group, []).append(node["name"])
    return made


def group_name(kind: str, value: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", f"{kind}_{value}")


def _variables(node: NodeFacts, wishes: Wishes) -> dict[str, Any]:
    address = _address(node, wishes.address_types)
    return {
        **({"ansible_host": address} if address else {}),
        "node_name": node["name"],
        "node_labels": node["labels"],
        "node_taints": [taint_text(taint) for taint in taints_of(node)],
        "node_architecture": node["architecture"],
        "node_os": node["os"],
        "node_zone": _zone(node["labels"]),
        "node_tiers": [tier.name for tier in wishes.tiers if tier.selection.matches(node)],
        "node_admitted": carries(node["labels"], wishes.label),
        "node_quarantined": _quarantined(node),
        "node_cordoned": node["unschedulable"],
        "node_internal_ips": node["internal_ips"],
        "node_info": node["object"]["status"].get("nodeInfo") or {},
    }


def _groups(node: NodeFacts, wishes: Wishes) -> Iterable[str]:
    yield "admitted" if carries(node["labels"], wishes.label) else "not_admitted"
    if _quarantined(node):
        yield "quarantined"
    for tier in wishes.tiers:
        if tier.selection.matches(node):
            yield group_name("tier", tier.name)
    if node["architecture"]:
        yield group_name("architecture", node["architecture"])
    zone = _zone(node["labels"])
    if zone:
        yield group_name("zone", zone)


def _quarantined(node: NodeFacts) -> bool:
    """Closed to new workloads, or in quarantine: cordoned by anybody, or labelled or tainted by a rollout."""
    return node["unschedulable"] or node["quarantined"] is not None or bool(quarantine_taints(node))


def _zone(labels: Mapping[str, str]) -> str | None:
    return next((labels[key] for key in ZONE_LABELS if labels.get(key)), None)


def _address(node: NodeFacts, types: Sequence[str]) -> str | None:
    """The first usable address of the first type that has one."""
    addresses = node["object"]["status"].get("addresses") or []
    return next(
        (
            one["address"]
            for kind in types
            for one in addresses
            if one.get("type") == kind and _usable(kind, str(one.get("address") or ""))
        ),
        None,
    )


def _usable(kind: str, address: str) -> bool:
    if not kind.endswith("IP"):
        return bool(_DNS_NAME.match(address))
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return "%" not in address

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Could a pod with these demands run on this node? As the scheduler and the DaemonSet controller judge it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..documents import NodeSeen, TaintSeen
from .names import DOMAIN, OS_LABEL

# Taints that come and go with a node's condition, or that the rollout itself takes off: a pod waits for their end.
_PASSING = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", DOMAIN + "/")

_INTEGER = re.compile(r"-?[0-9]+\Z")

Toleration = Mapping[str, Any]


class Demands(NamedTuple):
    """What decides where a pod may run, as its spec has it."""

    node_selector: Mapping[str, str]
    affinity: Mapping[str, Any]
    tolerations: Sequence[Toleration] | None
    """None where the pod tolerates every taint."""


def obstacle(name: str, node: NodeSeen, demands: Demands) -> str | None:
    """What keeps the pod off the node, to go on from its name; None when nothing does."""
    labels = node["labels"]
    for key, value in demands.node_selector.items():
        if labels.get(key) != value:
            return f"does not carry {key}={value}"
    if not matches_affinity(name, labels, demands.affinity):
        return "does not match the required node affinity"
    for taint in node["taints"]:
        if taint["effect"] == "PreferNoSchedule" or taint["key"].startswith(_PASSING):
            continue
        if demands.tolerations is not None and not any(tolerates(one, taint) for one in demands.tolerations):
            return f"has the taint {taint_text(taint)}, which is not tolerated"
    return None


def has_network(node: NodeSeen) -> bool:
    """Its kubelet runs pods that have a network of their own."""
    return node["ready"] and not node["network_unavailable"]


def matching_nodes(nodes: Mapping[str, NodeSeen], demands: Demands) -> list[str]:
    """The Linux nodes that would take the pod, by name."""
    linux = {name: node for name, node in nodes.items() if node["labels"].get(OS_LABEL) == "linux"}
    return [name for name in sorted(linux) if obstacle(name, linux[name], demands) is None]


def obstacles(nodes: Mapping[str, NodeSeen], demands: Demands) -> dict[str, str]:
    """The nodes that would not take the pod, with what keeps it off."""
    found = {name: obstacle(name, nodes[name], demands) for name in sorted(nodes)}
    return {name: why for name, why in found.items() if why is not None}


def tolerates(toleration: Toleration, taint: TaintSeen) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    exists = toleration.get("operator") == "Exists"
    if not toleration.get("key"):
        return exists
    same_key = toleration["key"] == taint["key"]
    return same_key and (exists or (toleration.get("value") or "") == taint["value"])


def taint_text(taint: Mapping[str, Any]) -> str:
    """As kubectl writes it."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def matches_affinity(name: str, labels: Mapping[str, str], affinity: Mapping[str, Any]) -> bool:
    """The required part of the node affinity: one of its terms holds."""
    required = required_terms(affinity)
    return required is None or any(_term_holds(name, labels, term) for term in required)


def required_terms(affinity: Mapping[str, Any]) -> Sequence[dict[str, Any]] | None:
    required = (affinity.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    return None if required is None else required.get("nodeSelectorTerms") or []


def _term_holds(name: str, labels: Mapping[str, str], term: Mapping[str, Any]) -> bool:
    """An empty term matches no node, as in Kubernetes."""
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return False
    own = {"metadata.name": name}
    return all(_holds(labels, each) for each in expressions) and all(_holds(own, each) for each in fields)


def _holds(values: Mapping[str, str], requirement: Mapping[str, Any]) -> bool:
    value = values.get(requirement["key"])
    operator, wanted = requirement["operator"], requirement.get("values") or []
    if operator == "In":
        return value is not None and value in wanted
    if operator == "NotIn":
        return value not in wanted
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if value is None or not _INTEGER.match(value) or not wanted or not _INTEGER.match(str(wanted[0])):
        return False
    return int(value) > int(wanted[0]) if operator == "Gt" else int(value) < int(wanted[0])

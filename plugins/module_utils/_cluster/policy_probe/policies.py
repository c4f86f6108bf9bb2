# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The policies of a probe. They select the pods of one run only, in the probe's own namespace."""

from __future__ import annotations

from typing import Any

from .cluster_dns import ClusterDns
from .pods import DENIED_TCP, DENIED_UDP, ROLE, RUN, TCP, UDP, WRONG_NAMESPACE, Owner

_BOTH = ["Ingress", "Egress"]
NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label of every namespace, by the API server's own hand (well-known labels of Kubernetes)."""
AFTER_NETWORK_POLICIES = 2000
"""Calico gives a NetworkPolicy of Kubernetes the order 1000 (converter of libcalico-go's backend/k8s/conversion)."""


def default_deny(owner: Owner) -> dict[str, Any]:
    """Nobody may connect to a subject, nor it to anybody."""
    spec = {"podSelector": _pods(owner, "subject"), "policyTypes": _BOTH}
    return _network_policy(owner, "default-deny", spec)


def global_deny(owner: Owner) -> dict[str, Any]:
    """The same by Calico's own API, after what a NetworkPolicy allows."""
    metadata = {"name": owner.name, "labels": owner.labels}
    spec = {
        "namespaceSelector": f"projectcalico.org/name == '{owner.namespace}'",
        "selector": f"{RUN} == '{owner.run}' && {ROLE} == 'subject'",
        "order": AFTER_NETWORK_POLICIES,
        "types": _BOTH,
        "ingress": [{"action": "Deny"}],
        "egress": [{"action": "Deny"}],
    }
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "GlobalNetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }


def precise_allow(owner: Owner, dns: ClusterDns | None = None) -> dict[str, Any]:
    """Peers may use two ports, and subjects the cluster's DNS.

    Two more rules fit nobody: one by its pod selector, the other by its namespace selector.
    """
    here = {"matchLabels": {NAMESPACE_NAME: owner.namespace}}
    elsewhere = {"matchLabels": {NAMESPACE_NAME: f"{owner.namespace}.none"}}
    peers, subjects = _pods(owner, "peer"), _pods(owner, "subject")
    rules = [
        (here, peers, [("TCP", TCP), ("UDP", UDP)]),
        (here, subjects, [("TCP", DENIED_TCP), ("UDP", DENIED_UDP)]),
        (elsewhere, peers, [("TCP", WRONG_NAMESPACE)]),
    ]

    def as_rules(side: str) -> list[dict[str, Any]]:
        return [
            {
                side: [{"namespaceSelector": namespaces, "podSelector": pods}],
                "ports": [{"protocol": protocol, "port": port} for protocol, port in ports],
            }
            for namespaces, pods, ports in rules
        ]

    spec = {
        "podSelector": subjects,
        "policyTypes": _BOTH,
        "ingress": as_rules("from"),
        "egress": [*as_rules("to"), *([_to_dns(dns)] if dns else [])],
    }
    return _network_policy(owner, "precise-allow", spec)


def _to_dns(dns: ClusterDns) -> dict[str, Any]:
    """As an operator allows it beside a default deny. The port is the pod's own: a policy sees packets after DNAT."""
    namespace = {"matchLabels": {NAMESPACE_NAME: dns.namespace}}
    return {
        "to": [{"namespaceSelector": namespace, "podSelector": {"matchLabels": dict(dns.labels)}}],
        "ports": [{"protocol": "UDP", "port": port} for port in sorted({server.port for server in dns.servers})],
    }


def _pods(owner: Owner, role: str) -> dict[str, Any]:
    return {"matchLabels": {RUN: owner.run, ROLE: role}}


def _network_policy(owner: Owner, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = owner.metadata(f"{owner.name}-{name}")
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}

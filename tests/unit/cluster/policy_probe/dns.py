# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's DNS as distributions have it: its Service and its pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LABELS = {"k8s-app": "kube-dns"}


def service(name: str = "kube-dns", target: int | str | None = 53, **spec: Any) -> dict[str, Any]:
    """kubeadm's, unless told otherwise."""
    port: dict[str, Any] = {"name": "dns", "port": 53, "protocol": "UDP"}
    if target is not None:
        port["targetPort"] = target
    tcp = {**port, "name": "dns-tcp", "protocol": "TCP"}
    return {
        "metadata": {"name": name, "labels": LABELS},
        "spec": {"clusterIP": "10.96.0.10", "selector": LABELS, "ports": [tcp, port], **spec},
    }


def pod(name: str, *addresses: str, ready: bool = True, ports: Mapping[str, int] | None = None, **spec: Any) -> Any:
    named = [{"name": port, "containerPort": number} for port, number in (ports or {}).items()]
    return {
        "metadata": {"name": name, "labels": LABELS},
        "spec": {"containers": [{"name": "dns", "ports": named}, {"name": "metrics"}], **spec},
        "status": {
            "podIPs": [{"ip": address} for address in addresses],
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The cluster and its nodes, trimmed to what a plan needs."""

from __future__ import annotations

from typing import Any, TypedDict


class NodeFacts(TypedDict):
    """What a plan and the matching of hosts need to know of a Node."""

    name: str
    uid: str
    labels: dict[str, str]
    machine_id: str | None
    system_uuid: str | None
    boot_id: str | None
    internal_ips: list[str]
    architecture: str
    os: str
    unschedulable: bool
    calico_ready: bool
    """A Ready calico-node pod runs on it, with or without the label."""
    object: dict[str, Any]
    """What `match` sees: metadata (name, labels), spec (podCIDRs, providerID, taints, unschedulable) and status (addresses, allocatable,
    capacity, nodeInfo, and of each condition type, status and reason)."""
    quarantined: str | None
    """Why a rollout put it in quarantine; null where it is in none."""
    batch: str | None
    """The batch in which a rollout admitted it, as its annotation says; `adoption` where it ran calico-node before."""


class ClusterAddress(TypedDict):
    """Where a connection leads. No credential is in it."""

    context: str | None
    """Of the kubeconfig; null where the connection is not made by one."""
    name: str | None
    """What the kubeconfig calls the context's cluster."""
    server: str
    """The API server's address."""


class ClusterName(ClusterAddress):
    """Which cluster it is: so that nobody rolls out on another one unknowingly."""

    uid: str | None
    """Of the namespace kube-system, which is there as long as the cluster is; null where the account may not read it."""

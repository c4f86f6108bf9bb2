# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What of a clean install's spec makes tigera-operator render calico-node twice, so that its first batch restarts one by one.

Without a method of address autodetection the operator sets one only once there is an IP pool of that family (tigera/operator
pkg/controller/installation/core_controller.go, fillDefaults: needIPv4Autodetection, and NodeAddressAutodetectionV6 below it; at v1.34,
1.36, 1.40 and master). It makes the pool itself, a moment later. A calico-node that it renders before has IP=none
(pkg/render/node.go), and another pod template after. With eBPF it does not wait for the pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..calico_node.max_unavailable import at_once
from ..documents import Batch, Observation
from .adoption import ASSUMED_SECONDS, duration

FEW = 4
"""Nodes of a first batch whose restart one by one takes no more than two minutes or so, and needs no word."""


def lacking_autodetection(spec: Mapping[str, Any]) -> list[str]:
    """Fields of spec.calicoNetwork that the operator would set later."""
    network = spec.get("calicoNetwork") or {}
    pools = network.get("ipPools")
    cidrs = [str(pool.get("cidr") or "") for pool in pools if isinstance(pool, Mapping)] if pools is not None else None
    # Where no pool is named, the operator makes one of IPv4, unless kubeadm's pod network is another.
    families = {"V4"} if cidrs is None else {"V6" if ":" in cidr else "V4" for cidr in cidrs}
    if network.get("linuxDataplane") == "BPF":
        families.discard("V4")
    fields = [f"nodeAddressAutodetection{family}" for family in sorted(families)]
    return [field for field in fields if not network.get(field)]


def warnings(spec: Mapping[str, Any] | None, observation: Observation | None, batches: Sequence[Batch]) -> list[str]:
    """For the plan; none where the cluster was not read, or has an Installation already."""
    if observation is None or observation["installation"] is not None or not batches:
        return []
    told = restart_warning(spec, batches[0]["nodes"])
    return [told] if told else []


def restart_warning(spec: Mapping[str, Any] | None, first_batch: Sequence[str]) -> str | None:
    """For the plan of a clean install; None where the first batch is small, or nothing is lacking."""
    if spec is None or len(first_batch) <= FEW:
        return None
    fields = lacking_autodetection(spec)
    if not fields:
        return None
    strategy = (spec.get("nodeUpdateStrategy") or {}).get("rollingUpdate") or {}
    together = at_once(str(strategy.get("maxUnavailable") or 1), len(first_batch))
    seconds = -(-len(first_batch) // together) * ASSUMED_SECONDS
    return (
        f"The first batch may restart calico-node once more on its {len(first_batch)} nodes, {together} at a time, about "
        f"{duration(seconds)}: without calicoNetwork.{' and calicoNetwork.'.join(fields)} in the spec, tigera-operator adds an "
        "autodetection method only after it has made the IP pool, and that changes the pod template. Set it (firstFound: true is the "
        "operator's own choice, but on EKS and Docker Enterprise), or make the first batch smaller"
    )

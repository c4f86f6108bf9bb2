# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many typha replicas a cluster gets: counted from its nodes, never from the spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class NotEnoughNodes(Exception):
    """Fewer uncordoned Linux nodes than typha needs replicas."""


def replicas(uncordoned: Iterable[Mapping[str, str]]) -> int:
    """From the labels of the uncordoned nodes: all of them count, whether calico-node may run there or not."""
    counted = [labels for labels in uncordoned if not _virtual(labels)]
    linux = sum(1 for labels in counted if labels.get("kubernetes.io/os") == "linux")
    wanted = expected_scale(len(counted))
    if linux < wanted:
        raise NotEnoughNodes(f"not enough linux nodes to schedule typha pods on, require {wanted} and have {linux}")
    return wanted


def expected_scale(nodes: int) -> int:
    if nodes <= 2:
        return 1
    if nodes <= 4:
        return 2
    return max(3, nodes // 200 + 2)


def _virtual(labels: Mapping[str, str]) -> bool:
    return "kubernetes.azure.com/cluster" in labels and labels.get("type") == "virtual-kubelet"

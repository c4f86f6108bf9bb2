# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The condition NetworkUnavailable that calico-node leaves on a Node when it goes.

calico-node's preStop hook sets it to True with the reason CalicoIsDown (projectcalico/calico node/pkg/lifecycle/utils/utils.go,
SetNodeNetworkUnavailableCondition). Only a calico-node that starts there again sets it to False. Until then the node lifecycle controller
keeps the taint node.kubernetes.io/network-unavailable:NoSchedule on the node.

A newer calico-kube-controllers sets the same once a run on each node that has had no Ready calico-node for 30 s
(kube-controllers/pkg/controllers/node, nodeConditionController.checkNodes). Cloud route controllers have reasons of their own, and
whatever they set is theirs to clear.
"""

from __future__ import annotations

from ..documents import NodeSeen, Observation

CONDITION = "NetworkUnavailable"
LEFT = "CalicoIsDown"
"""The reason that calico-node gives when it goes, and calico-kube-controllers when it does not run."""


def network_left(node: NodeSeen) -> bool:
    return node["network_unavailable"] and node["network_reason"] == LEFT


def network_left_text(node: NodeSeen) -> str:
    """To go on from why the node has no calico-node; empty where nothing was left."""
    if not network_left(node):
        return ""
    since = f" since {node['network_since']}" if node["network_since"] else ""
    return (
        f"; calico-node left {CONDITION}=True ({LEFT}) on the Node{since}, so Kubernetes keeps new pods off it "
        "(taint node.kubernetes.io/network-unavailable) until calico-node runs there again"
    )


def clearable(seen: Observation) -> list[str]:
    """Nodes with that condition that have no calico-node any more: one that is still about to go would set it again."""
    having = {pod["node"] for pod in seen["pods"]}
    return [name for name, node in sorted(seen["nodes"].items()) if network_left(node) and name not in having]

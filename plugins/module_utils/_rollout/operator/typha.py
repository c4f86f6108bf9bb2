# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where Typha could run, as an Installation would have it, and whether that is enough. Pure.

calico-node is not ready before it reaches Typha, and Typha runs on the host's network: it needs no calico-node, but a node. What the
operator renders is read from tigera/operator pkg/render/typha.go, typhaDeployment(), at 1.34 to 1.44; pkg/render/common/meta/meta.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..documents import NodeSeen, TaintSeen
from ..kubernetes.scheduling import Demands, Toleration, matching_nodes, taint_text, tolerates
from ..text.terminal import count, listed
from .overrides import TYPHA, pod_spec

NAMES_SHOWN = 10

Nodes = Mapping[str, NodeSeen]
Raw = Mapping[str, Any]
Version = tuple[int, int]
"""Major and minor."""

# TolerateAll, the operator's default up to 1.42 (Calico 3.32): Typha goes to cordoned nodes too.
TOLERATE_ALL: tuple[Toleration, ...] = (
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
    {"operator": "Exists", "effect": "NoSchedule"},
    {"operator": "Exists", "effect": "NoExecute"},
)
# TolerateBootstrap, since 1.43 (tigera/operator#4820).
TOLERATE_BOOTSTRAP: tuple[Toleration, ...] = (
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
    {"key": "node-role.kubernetes.io/master", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.cloudprovider.kubernetes.io/uninitialized", "operator": "Exists", "effect": "NoSchedule"},
)
_LAST_THAT_TOLERATES_ALL = (3, 32)
_LAST_OPERATOR_THAT_TOLERATES_ALL = (1, 42)
# TolerateGKEARM64NoSchedule comes on top of either, and of controlPlaneTolerations.
_GKE_ARM64: Toleration = {"key": "kubernetes.io/arch", "operator": "Equal", "value": "arm64", "effect": "NoSchedule"}
_UNSCHEDULABLE = TaintSeen(key="node.kubernetes.io/unschedulable", value="", effect="NoSchedule")
# A node has these until calico-node is ready there. The kubelet is not Ready without a CNI, and a stopping calico-node reports its
# network unavailable (calico-node's preStop, condition CalicoIsDown).
_UNTIL_CALICO_RUNS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/network-unavailable")


class _Tolerated(NamedTuple):
    tolerations: Sequence[Toleration]
    field: str | None
    """The field of the Installation that says so; None for the operator's default."""


def typha_too_few(installation: Raw, nodes: Nodes, operator: Version | None = None) -> list[str]:
    """Fewer nodes than the replicas that the autoscaler will ask for, of which a node takes one (host port 5473)."""
    demands = _demands(installation, _tolerated(installation, operator, TOLERATE_BOOTSTRAP))
    fit = _takers(nodes, demands)
    counted = sum(not node["unschedulable"] and not _virtual(node) for node in nodes.values())
    replicas = typha_replicas(counted)
    lacking = replicas - len(fit)
    if lacking <= 0:
        return []
    fault = (
        f"typha pinned to {_selector_text(demands)} has {count(len(fit), 'node')} to run on ({listed(fit, NAMES_SHOWN) or 'none'}), but "
        f"tigera-operator counts all {counted} nodes that are not cordoned and asks for {replicas} replicas, one a node: {lacking} "
        f"would stay Pending, which TigeraStatus does not show. Label {count(lacking, 'more node', 'more nodes')}, "
        "or leave typha_label out"
    )
    return [fault]


def typha_homeless(installation: Raw, nodes: Nodes, operator: Version | None = None) -> list[str]:
    """No node takes Typha before calico-node runs there, and calico-node is ready nowhere before Typha runs.

    If neither the operator's version nor Calico's gives the default, the wider one is assumed: what might work is not refused.
    """
    tolerated = _tolerated(installation, operator, TOLERATE_ALL)
    demands = _demands(installation, tolerated)
    takers = _takers(nodes, demands)
    if not takers:
        selector = (
            f"needs {_selector_text(demands)}" if demands.node_selector else "follows its affinity and tolerations"
        )
        fault = (
            f"no node would take typha, which {selector}: its pods would stay Pending, which TigeraStatus does not show, and "
            f"calico-node is not ready without typha. Change {TYPHA} in the Installation, or label or uncordon a node for it"
        )
        return [fault]
    held = {name: _waiting(nodes[name], tolerated.tolerations) for name in takers}
    if not all(held.values()):
        return []
    taints = sorted({taint_text(taint) for found in held.values() for taint in found})
    keys = sorted({taint["key"] for found in held.values() for taint in found})
    needed = ", ".join(f"{{key: {key}, operator: Exists, effect: NoSchedule}}" for key in keys)
    fault = (
        f"typha and calico-node would wait for each other: {tolerated.field} replaces the operator's own tolerations and does not "
        f"tolerate {' and '.join(taints)}, and {count(len(takers), 'node')} that could run typha "
        f"{'have' if len(takers) > 1 else 'has'} that taint until calico-node is ready there ({listed(takers, NAMES_SHOWN)}). "
        f"Add to {tolerated.field}: {needed}"
    )
    return [fault]


def typha_replicas(nodes: int) -> int:
    """As the operator's autoscaler counts, from all nodes that are not cordoned, whether they are admitted or not."""
    if nodes <= 2:
        return 1
    return 2 if nodes <= 4 else max(3, nodes // 200 + 2)


def _demands(installation: Raw, tolerated: _Tolerated) -> Demands:
    spec = installation.get("spec") or {}
    override = pod_spec(spec, TYPHA)
    affinity = override.get("affinity") or {"nodeAffinity": (spec.get("typhaAffinity") or {}).get("nodeAffinity") or {}}
    return Demands(override.get("nodeSelector") or {}, affinity, tolerated.tolerations)


def _tolerated(installation: Raw, operator: Version | None, unknown: Sequence[Toleration]) -> _Tolerated:
    """The override replaces all; else controlPlaneTolerations replace the default. The operator's version decides the default; if that is
    not known, the version of Calico that an operator published.

    `unknown` stands for the default where neither is known.
    """
    spec, status = installation.get("spec") or {}, installation.get("status") or {}
    own = pod_spec(spec, TYPHA).get("tolerations")
    if own is not None:
        return _Tolerated(own, f"{TYPHA}.spec.template.spec.tolerations")
    provider = spec.get("kubernetesProvider") or (status.get("computed") or {}).get("kubernetesProvider")
    further = [_GKE_ARM64] if provider == "GKE" else []
    if spec.get("controlPlaneTolerations"):
        return _Tolerated([*spec["controlPlaneTolerations"], *further], "controlPlaneTolerations")
    calico = _minor(str(status.get("calicoVersion") or ""))
    for version, last in ((operator, _LAST_OPERATOR_THAT_TOLERATES_ALL), (calico, _LAST_THAT_TOLERATES_ALL)):
        if version is not None:
            return _Tolerated([*(TOLERATE_ALL if version <= last else TOLERATE_BOOTSTRAP), *further], None)
    return _Tolerated([*unknown, *further], None)


def _minor(version: str) -> tuple[int, int] | None:
    """(3, 31) of v3.31.7; None where it is none, as of a build of one's own."""
    parts = version.lstrip("v").split(".")
    if len(parts) < 2 or not parts[0].isdigit() or not parts[1].isdigit():
        return None
    return int(parts[0]), int(parts[1])


def _takers(nodes: Nodes, demands: Demands) -> list[str]:
    """Nodes that could run it once the taints that pass by themselves are gone."""
    usable = {
        name: node
        for name, node in nodes.items()
        if not node["unschedulable"] or any(tolerates(one, _UNSCHEDULABLE) for one in demands.tolerations or ())
    }
    return matching_nodes(usable, demands)


def _waiting(node: NodeSeen, tolerations: Sequence[Toleration]) -> list[TaintSeen]:
    """Each of the node's taints that goes when calico-node runs, and keeps Typha off until then."""
    return [
        taint
        for taint in node["taints"]
        if taint["key"] in _UNTIL_CALICO_RUNS
        # The API server lets every pod tolerate NoExecute of these for five minutes (DefaultTolerationSeconds).
        and taint["effect"] == "NoSchedule"
        and not any(tolerates(one, taint) for one in tolerations)
    ]


def _selector_text(demands: Demands) -> str:
    return " and ".join(f"{key}={value}" for key, value in sorted(demands.node_selector.items()))


def _virtual(node: NodeSeen) -> bool:
    """A virtual kubelet on AKS, which the autoscaler leaves out."""
    return "kubernetes.azure.com/cluster" in node["labels"] and node["labels"].get("type") == "virtual-kubelet"

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters with a name, for the demos, for molecule and for whoever wants to look around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lab.eventually import eventually
from tests.lab.hosts import HostSpec
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec
from tests.lab.pods import faults, kubelet_host

CORE = "node-role.kubernetes.io/control-plane"
EDGE = "node-role.kubernetes.io/edge"
ADMITTED = "rollout.calico-ops.dev/admitted"

_INSTALLATIONS = "/apis/operator.tigera.io/v1/installations"
_PODS = "/api/v1/namespaces/calico-system/pods"


@dataclass(frozen=True)
class Topology:
    """A cluster before a rollout."""

    hosts: tuple[HostSpec, ...]
    """Each is a node."""
    nodes: tuple[NodeSpec, ...] = ()
    """Nodes that no host of the inventory is."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """What becomes of calico-node on a node."""
    unjudged: str = ""
    """A host with a real kubelet on which calico-node gets ready and enforces nothing."""
    installation: Mapping[str, Any] | None = None
    """The spec of a Calico that runs already; None where there is none."""
    runs_on: int = 0
    """On how many nodes calico-node gets ready then."""

    def bring_up(self, lab: Lab) -> None:
        """Until the cluster is as somebody would hand it over."""
        lab.up(self.hosts)
        lab.add_nodes(self.nodes)
        for node, fault in self.faults.items():
            lab.set_fault(node, fault)
        for host in lab.hosts:
            if host.name == self.unjudged:
                faults.untrack(host)
        if self.installation is not None:
            body = {"apiVersion": "operator.tigera.io/v1", "kind": "Installation", "metadata": {"name": "default"}}
            lab.admin.create(_INSTALLATIONS, {**body, "spec": self.installation}, fieldManager="kubectl-create")
            eventually(lambda: _ready(lab) == self.runs_on)


def _ready(lab: Lab) -> int:
    pods = lab.admin.list(_PODS, labelSelector="k8s-app=calico-node")
    conditions = [condition for pod in pods for condition in pod.get("status", {}).get("conditions", [])]
    return sum(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _core(number: int, labels: Mapping[str, str] | None = None) -> HostSpec:
    return HostSpec(f"core-{number}", groups=["core"], labels={CORE: "", **(labels or {})})


def _edge(number: int, labels: Mapping[str, str] | None = None, netfilter_refused: bool = False) -> HostSpec:
    labels = {EDGE: "", **(labels or {})}
    return HostSpec(f"edge-{number}", groups=["edge"], labels=labels, netfilter_refused=netfilter_refused)


# The kernel of edge-4 knows no netfilter netlink: neither ipset nor nftables can work there.
DEMO = Topology(
    (
        *(_core(number) for number in (1, 2, 3)),
        *(_edge(number, netfilter_refused=number == 4) for number in (1, 2, 3, 4)),
    )
)

_VXLAN = {
    "calicoNetwork": {
        "bgp": "Disabled",
        "linuxDataplane": "Iptables",
        "nodeAddressAutodetectionV4": {"firstFound": True},
        "ipPools": [{"cidr": "10.244.0.0/16", "encapsulation": "VXLAN"}],
    }
}

# Calico everywhere, and stuck: calico-node on edge-5 never gets ready, whose kernel refuses what it needs. That of edge-4 refuses
# it too, and calico-node is Ready there all the same. Nobody has an SSH host for the twelve nodes in the field.
STUCK = Topology(
    (
        *(_core(number) for number in (1, 2, 3)),
        *(_edge(number, netfilter_refused=number >= 4) for number in (1, 2, 3, 4, 5)),
    ),
    nodes=tuple(NodeSpec(f"field-{number}", {EDGE: ""}) for number in range(1, 13)),
    faults={"edge-5": "never-ready"},
    installation=_VXLAN,
    runs_on=19,
)

# Calico runs where the platform team's own key says so. Half of these nodes somebody has admitted by hand; edge-4 has neither.
_OWN = {"example.com/cni": "calico"}
_BY_HAND = {**_OWN, ADMITTED: "true"}
_TERM = {"matchExpressions": [{"key": "example.com/cni", "operator": "Exists"}]}
OWN_PLACEMENT = {
    "nodeSelector": _OWN,
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_TERM]}}},
}
BROWNFIELD = Topology(
    (
        *(_core(1, _BY_HAND), _core(2, _BY_HAND), _core(3, _OWN)),
        *(_edge(1, _BY_HAND), _edge(2, _OWN), _edge(3, _OWN), _edge(4)),
    ),
    installation={**_VXLAN, "calicoNodeDaemonSet": {"spec": {"template": {"spec": OWN_PLACEMENT}}}},
    runs_on=6,
)

# Real kubelets, and NetworkPolicy in force on them.
PODS = Topology(
    tuple(kubelet_host(f"w-{number}", groups=["core"], dual_stack=True) for number in (1, 2, 3)),
    installation={"calicoNetwork": {"nodeAddressAutodetectionV4": {"firstFound": True}}},
    runs_on=3,
)

# The same before Calico, in two tiers. On edge-1 calico-node gets ready and enforces nothing.
POLICY = Topology(
    (
        *(kubelet_host(f"core-{number}", groups=["core"], labels={CORE: ""}, dual_stack=True) for number in (1, 2)),
        kubelet_host("edge-1", groups=["edge"], labels={EDGE: ""}, dual_stack=True),
    ),
    unjudged="edge-1",
)

TOPOLOGIES: dict[str, Topology] = {
    "demo": DEMO,
    "stuck": STUCK,
    "brownfield": BROWNFIELD,
    "pods": PODS,
    "policy": POLICY,
}

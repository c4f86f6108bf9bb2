# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster with something of everything: admitted and ready, admitted and stuck, outside and open, outside and closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.calico import Calico, wait_for
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec

ADMITTED = {"rollout.calico-ops.dev/admitted": "true"}
QUARANTINE = {"key": "rollout.calico-ops.dev/quarantine", "value": "precheck-failed", "effect": "NoSchedule"}
ZONE = "topology.kubernetes.io/zone"
READY = ["core-1", "core-2"]
STUCK = "edge-1"


def bring_up(lab: Lab) -> Calico:
    """Nodes core-1, core-2 and edge-1 (stuck) are admitted by batches; edge-2 is open to workloads and has some, edge-3 is closed."""
    lab.add_nodes(
        [
            *(_admitted(name, "core-1") for name in READY),
            _admitted(STUCK, "edge-1", fault="never-ready"),
            NodeSpec("edge-2", {"tier": "edge", ZONE: "a"}, architecture="arm64", ready=True),
            NodeSpec("edge-3", {"tier": "edge"}, unschedulable=True, taints=(QUARANTINE,), ready=True),
        ]
    )
    calico = Calico(lab)
    calico.install(scoped_spec())
    wait_for(lambda: calico.nodes_with(ready=True) == set(READY), lambda: f"ready: {calico.nodes_with(ready=True)}")
    wait_for(lambda: STUCK in calico.nodes_with(), lambda: f"a pod on {STUCK}")
    for name, node in (("web", "edge-2"), ("shop", "edge-2"), ("covered", "core-1")):
        run_pod(lab, name, node)
    run_pod(lab, "in-host-network", "edge-3", hostNetwork=True)
    wait_for(lambda: _running(lab) == 4, lambda: f"{_running(lab)} pods run")
    return calico


def scoped_spec() -> dict[str, Any]:
    override = {"spec": {"template": {"spec": {"nodeSelector": ADMITTED}}}}
    return {
        "calicoNodeDaemonSet": override,
        "csiNodeDriverDaemonSet": override,
        # Not onto the node whose calico-node is stuck: its pods would be workloads without network policy there, by chance.
        "controlPlaneNodeSelector": {**ADMITTED, "tier": "core"},
    }


def run_pod(lab: Lab, name: str, node: str, labels: Mapping[str, str] | None = None, **spec: Any) -> None:
    """A workload, bound to its node as if the scheduler had chosen it."""
    container = {"name": "app", "image": "lab.calico-ops.dev/app"}
    pod = {"nodeName": node, "containers": [container], "tolerations": [{"operator": "Exists"}], **spec}
    lab.admin.create(
        "/api/v1/namespaces/default/pods", {"metadata": {"name": name, "labels": labels or {}}, "spec": pod}
    )


def _admitted(name: str, batch: str, **more: Any) -> NodeSpec:
    notes = {"rollout.calico-ops.dev/batch": batch, "rollout.calico-ops.dev/plan": "0123456789ab"}
    return NodeSpec(name, {**ADMITTED, "tier": name.partition("-")[0], ZONE: "b"}, notes, **more)


def _running(lab: Lab) -> int:
    pods = lab.admin.list("/api/v1/namespaces/default/pods")
    return sum(pod.get("status", {}).get("phase") == "Running" for pod in pods)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Node objects as a kubelet registers them, before any CNI is there."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lab.faults import FAULT, KUBELET_GONE, Fault

CNI_MISSING = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)
_HEALTHY = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


@dataclass(frozen=True)
class NodeSpec:
    """One node. What is left empty is made up from the name, and the same name makes up the same."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    machine_id: str = ""
    system_uuid: str = ""
    boot_id: str = ""
    architecture: str = "amd64"
    operating_system: str = "linux"
    kernel_version: str = "6.12.0-lab"
    os_image: str = "Lab Linux"
    fault: str = ""  # one of faults.FAULTS, with its argument after a colon
    ready: bool = False  # a node that runs another CNI
    unschedulable: bool = False
    taints: tuple[Mapping[str, str], ...] = ()


def node_object(spec: NodeSpec, kubelet_version: str) -> dict[str, Any]:
    """What a kubelet would POST, status included."""
    labels = {
        "kubernetes.io/hostname": spec.name,
        "kubernetes.io/os": spec.operating_system,
        "kubernetes.io/arch": spec.architecture,
        **spec.labels,
        **({KUBELET_GONE: ""} if Fault.parse(spec.fault).kind == "kubelet-gone" else {}),
    }
    annotations = {**spec.annotations, **({FAULT: spec.fault} if spec.fault else {})}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": labels, "annotations": annotations},
        "spec": {
            **({"unschedulable": True} if spec.unschedulable else {}),
            **({"taints": [dict(taint) for taint in spec.taints]} if spec.taints else {}),
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": spec.address or _address(spec.name)},
                {"type": "Hostname", "address": spec.name},
            ],
            "capacity": {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"},
            "allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"},
            "conditions": kubelet_conditions(spec.ready),
            "nodeInfo": {
                "machineID": spec.machine_id or _made_up(spec.name, "machine").hex,
                "systemUUID": spec.system_uuid or str(_made_up(spec.name, "system")),
                "bootID": spec.boot_id or str(_made_up(spec.name, "boot")),
                "architecture": spec.architecture,
                "operatingSystem": spec.operating_system,
                "kernelVersion": spec.kernel_version,
                "osImage": spec.os_image,
                "containerRuntimeVersion": "containerd://2.2.0",
                "kubeletVersion": kubelet_version,
                "kubeProxyVersion": "",
            },
        },
    }


def kubelet_conditions(ready: bool) -> list[dict[str, str]]:
    """What a kubelet that runs says of its Node."""
    now = now_text()
    times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    kubelet = (
        {"status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
        if ready
        else {"status": "False", "reason": "KubeletNotReady", "message": CNI_MISSING}
    )
    return [
        *({"type": kind, "status": "False", "reason": why, "message": text, **times} for kind, why, text in _HEALTHY),
        {"type": "Ready", **kubelet, **times},
    ]


def kubelet_gone_conditions() -> list[dict[str, str]]:
    """What the node controller writes over them; the time of the last heartbeat stays."""
    unknown = {
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
        "lastTransitionTime": now_text(),
    }
    return [{"type": kind, **unknown} for kind in (*(kind for kind, _why, _text in _HEALTHY), "Ready")]


def calico_condition(up: bool) -> dict[str, str]:
    """What calico-node says of its Node when it has started, and when it is asked to go."""
    now = now_text()
    return {
        "type": "NetworkUnavailable",
        "status": "False" if up else "True",
        "reason": "CalicoIsUp" if up else "CalicoIsDown",
        "message": f"Calico is {'running' if up else 'shutting down'} on this node",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }


def go_architecture() -> str:
    """This machine's, as Go calls it, and with it the label kubernetes.io/arch."""
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def now_text() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _made_up(name: str, purpose: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{purpose}.{name}.lab.calico-ops.dev")


def _address(name: str) -> str:
    # From 100.64.0.0/10, where neither hosts of the lab nor pods are: an address to be read, no packet ever goes there.
    first, second, third = hashlib.sha256(name.encode()).digest()[:3]
    return f"100.{64 + first % 64}.{second}.{1 + third % 254}"

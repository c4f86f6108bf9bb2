# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The pods of a probe: two a node, each a server and a client.

`subject` is what the policies select; `peer` is not selected by any, so that each connection between the two is decided on one side only.
The client begins when its pod's annotation names its targets: the kubelet writes it into a volume as soon as it sees the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..._rollout.kubernetes.names import DOMAIN
from .client import (
    AWAITED,
    CLIENT,
    MESSAGE,
    OVER_FILE,
    SERVER,
    STATE,
    TARGETS_FILE,
    TOLD,
    WAITER,
    client_arguments,
)
from .request import ProbeRequest

Role = Literal["subject", "peer"]
ROLES: tuple[Role, ...] = ("subject", "peer")

Purpose = Literal["policy-probe", "policy-witness"]
PROBE: Purpose = "policy-probe"
WITNESS: Purpose = "policy-witness"
PURPOSES = (PROBE, WITNESS)

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = f"calico-ops-{PROBE}"
RUN = DOMAIN + "/policy-probe"
ROLE = DOMAIN + "/policy-probe-role"
TARGETS = DOMAIN + "/policy-probe-targets"
OVER = DOMAIN + "/policy-probe-over"

TCP, UDP = 8080, 8081
"""Where a peer may connect once precise_allow is written."""
DENIED_TCP, DENIED_UDP = 8082, 8083
"""Where only pods may that no peer is."""
WRONG_PORT, WRONG_NAMESPACE = 8084, 8085
"""Without a listener: refused means that the packet came through. No rule names the first, a rule for another namespace the second."""

SERVER_NAME, CLIENT_NAME = "server", "client"
_WAITER_RESOURCES = {"requests": {"cpu": "1m", "memory": "4Mi"}, "limits": {"cpu": "50m", "memory": "16Mi"}}
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}
# A mesh's sidecar would answer in the server's place.
_NO_MESH_LABELS = {
    "sidecar.istio.io/inject": "false",
    "istio.io/dataplane-mode": "none",
    "kuma.io/sidecar-injection": "disabled",
}
_NO_MESH_ANNOTATIONS = {
    "sidecar.istio.io/inject": "false",
    "linkerd.io/inject": "disabled",
    "kuma.io/sidecar-injection": "disabled",
    "consul.hashicorp.com/connect-inject": "false",
}


@dataclass(frozen=True)
class Owner:
    """One run: what carries its label goes with its ConfigMap."""

    run: str
    namespace: str
    uid: str
    purpose: Purpose = PROBE

    @property
    def name(self) -> str:
        return f"{self.purpose}-{self.run}"

    @property
    def labels(self) -> dict[str, str]:
        return {MANAGED_BY: manager(self.purpose), RUN: self.run}

    @property
    def selector(self) -> dict[str, str]:
        return {"labelSelector": ",".join(f"{key}={value}" for key, value in self.labels.items())}

    def metadata(self, name: str) -> dict[str, Any]:
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": self.name, "uid": self.uid}
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": self.labels,
            "ownerReferences": [reference],
        }


def manager(purpose: Purpose) -> str:
    return f"calico-ops-{purpose}"


def pod(owner: Owner, request: ProbeRequest, name: str, node: str, role: Role, lifetime: int) -> dict[str, Any]:
    """:param lifetime: seconds after which the kubelet ends it, whatever became of the run"""
    containers = [
        container(request, SERVER_NAME, SERVER, [str(port) for port in (TCP, UDP, DENIED_TCP, DENIED_UDP)]),
        container(request, CLIENT_NAME, CLIENT, client_arguments(lifetime)),
        *(
            {
                **container(request, waiter(phase), WAITER, [MESSAGE, STATE, phase, str(lifetime)]),
                "resources": _WAITER_RESOURCES,
            }
            for phase in AWAITED
        ),
    ]
    return pinned_pod(owner, request, name, node, role, lifetime, containers)


def pinned_pod(
    owner: Owner,
    request: ProbeRequest,
    name: str,
    node: str,
    role: Role,
    lifetime: int,
    containers: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    metadata = owner.metadata(name)
    metadata["labels"] = {**metadata["labels"], ROLE: role, **_NO_MESH_LABELS}
    metadata["annotations"] = {**_NO_MESH_ANNOTATIONS, "cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}
    on_node = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    spec = {
        # By the scheduler, as a user's pod: taints, resources and quota count.
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [on_node]}}
        },
        "tolerations": list(request.tolerations),
        "restartPolicy": "Never",
        "activeDeadlineSeconds": lifetime,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": secret} for secret in request.pull_secrets],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": _volumes(),
        "containers": list(containers),
    }
    if request.runtime_class is not None:
        spec["runtimeClassName"] = request.runtime_class
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def waiter(phase: str) -> str:
    """The name of the container that ends when the phase has settled."""
    return phase.replace("_", "-")


def container(request: ProbeRequest, name: str, program: str, arguments: list[str]) -> dict[str, Any]:
    context: Mapping[str, Any] = {**_RESTRICTED, **request.security_context}
    return {
        "name": name,
        "image": request.image,
        "command": ["/bin/bash", "-c", program, name],
        "args": arguments,
        "env": [{"name": "POD_IPS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}}],
        "resources": dict(request.resources),
        "securityContext": {field: value for field, value in context.items() if value is not None},
        "volumeMounts": [
            {"name": "state", "mountPath": STATE},
            {"name": "told", "mountPath": TOLD, "readOnly": True},
        ],
    }


def _volumes() -> list[dict[str, Any]]:
    items = [
        {"path": path, "fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
        for path, annotation in ((TARGETS_FILE, TARGETS), (OVER_FILE, OVER))
    ]
    return [
        {"name": "state", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "told", "downwardAPI": {"items": items}},
    ]

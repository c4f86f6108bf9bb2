# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The objects of a witness: two pods for each node, and one policy that stands as long as they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._rollout.documents.policy import Family
from ..._rollout.kubernetes.names import DOMAIN
from ..._rollout.policy.witness import Pair
from .pods import (
    CLIENT_NAME,
    DENIED_TCP,
    DENIED_UDP,
    OVER,
    ROLE,
    RUN,
    SERVER_NAME,
    TARGETS,
    TCP,
    UDP,
    Owner,
    Role,
    container,
    pinned_pod,
)
from .request import ProbeRequest
from .witness_client import BEGUN, CLIENT, SERVER, client_arguments, targets_text

NODE, PEER = DOMAIN + "/policy-witness-node", DOMAIN + "/policy-witness-peer"
OUTLIVES = 30
"""Seconds that a pod outlives its client, which then has time for its report."""
GRACE = 4
"""Seconds in which a client that is ended says what it saw, and for which a server outlives it."""


def witness_pod(
    owner: Owner,
    request: ProbeRequest,
    name: str,
    pair: Pair,
    role: Role,
    lifetime: int,
    server: Mapping[Family, str] | None,
) -> dict[str, Any]:
    """`subject` runs on the node that is witnessed, `peer` on the other one. Both are server and client.

    :param server: addresses of the other pod, where they are known already
    """
    on = pair.node if role == "subject" else pair.peer
    ports = [str(port) for port in (TCP, UDP, DENIED_TCP, DENIED_UDP)]
    # It succeeds once, and then the kubelet runs it no more.
    begun = {
        "exec": {"command": ["/bin/bash", "-c", f"[[ -e {BEGUN} ]]"]},
        "periodSeconds": 1,
        "failureThreshold": lifetime,
    }
    containers = [
        container(request, SERVER_NAME, SERVER, ports),
        {**container(request, CLIENT_NAME, CLIENT, client_arguments(lifetime)), "startupProbe": begun},
    ]
    body = pinned_pod(owner, request, name, on, role, lifetime + OUTLIVES, containers)
    body["spec"]["terminationGracePeriodSeconds"] = GRACE
    body["metadata"]["annotations"].update({NODE: pair.node, PEER: pair.peer})
    if server:
        body["metadata"]["annotations"][TARGETS] = targets_text(server)
    return body


def standing_policy(owner: Owner) -> dict[str, Any]:
    """Subjects and peers may use one port. Anything else of a subject is denied, in both directions."""
    subjects, peers = ({"matchLabels": {RUN: owner.run, ROLE: role}} for role in ("subject", "peer"))
    ports = [{"protocol": "UDP", "port": UDP}]
    spec = {
        "podSelector": subjects,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": peers}], "ports": ports}],
        "egress": [{"to": [{"podSelector": peers}], "ports": ports}],
    }
    metadata = owner.metadata(owner.name)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def over() -> dict[str, Any]:
    """A patch of a pod whose client is to report. The pod goes on, so the other one's client loses no connection to it."""
    return {"metadata": {"annotations": {OVER: "1"}}}


def ended() -> dict[str, Any]:
    """A patch of a pod that has lived for a second: the kubelet ends it, and keeps it with its client's message.

    activeDeadlineHandler (pkg/kubelet/active_deadline.go in kubernetes/kubernetes) looks once a second. Where a client has not heard that
    all is over, this does: a kubelet with much to do writes a file of a downwardAPI volume late.
    """
    return {"spec": {"activeDeadlineSeconds": 1}}

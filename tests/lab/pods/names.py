# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of a lab with real pods call each other by."""

from __future__ import annotations

REAL_KUBELET = "lab.calico-ops.dev/real-kubelet"
"""Label of a Node that a real kubelet serves: kwok and the node agent leave it alone."""

AGNHOST = "lab.calico-ops.dev/agnhost:lab"
ENGINE = "lab.calico-ops.dev/kube-network-policies:lab"
PAUSE = "lab.calico-ops.dev/pause:lab"
"""Images that the lab makes, and nobody can pull. Their tag is no version: nobody is to take it for Calico's."""

KUBELET_PORT, ENGINE_PORT = 6443, 6444
"""Where a host's kubelet, and the policy engine on it, find the API server: on 127.0.0.1, each by a relay of its own."""
METRICS_PORT = 9080

QUEUE_TABLE = "lab-queue"
"""The tables of the host's firewall, of both families, that send connections to the policy engine."""
ENGINES_TABLE = "inet kube-network-policies"
"""The engine's own, where the kernel has what it takes."""
EXEMPT = "exempt"
"""The chain of the lab's tables for what is not to be judged."""

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real pods on lab hosts: a kubelet, containerd, runc and a CNI chain of ptp, host-local, portmap and loopback.

A host that `kubelet_host` declares is a node whose pods run and talk to each other through the hosts' kernels, beside
nodes of kwok's. Their calico-node is kube-network-policies, a policy engine of a Kubernetes SIG's, which the stand-in for
tigera-operator deploys; it is not Calico. It stands for "a DaemonSet named calico-node enforces NetworkPolicy on its node".
It does not stand for Calico's own policies, for what heals by itself, for egress that is judged on the client's node, for
encapsulation, for eBPF, nor for calico-node's probes. A NetworkPolicy is judged on the server's host, both directions of it.

What may go wrong with a host is in faults.py.
"""

from __future__ import annotations

from .names import AGNHOST, REAL_KUBELET
from .spec import kubelet_host

__all__ = ["AGNHOST", "REAL_KUBELET", "kubelet_host"]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. What a host with a fault is declared as, and the settings by which hosts are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.lab.hosts import HostSpec

IPTABLES = "encapsulation=vxlan mtu=1450 host_endpoints=true pod_cidrs=10.244.0.0/16 service_cidrs=10.96.0.0/12"
BEFORE_3_30 = f"{IPTABLES} calico_version=3.29"
LEGACY = f"{IPTABLES} iptables_backend=legacy"
NFTABLES = "dataplane=nftables encapsulation=vxlan sctp=true"
OFFLOADED = f"{NFTABLES} flow_offload=true"
LOGGED = f"{NFTABLES} flow_logs=true"
BPF = "dataplane=bpf encapsulation=vxlan"
BPF_IPV6 = f"{BPF} ipv6=true"
BPF_3_30 = f"{BPF} calico_version=3.30"
IPV6 = "encapsulation=vxlan ipv6=true"
IPV6_ALONE = f"{IPV6} bgp=false ip_autodetection=none"
TUNNELS = "encapsulation=ipip mtu=1400 wireguard=true"

KUBELETS = {"/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint": "{}"}
"""What a kubelet has made once it runs."""
KUBELET_RUNS = {"tcp/10248": "kubelet", "unix/run/containerd/containerd.sock": "containerd"}
"""A kubelet and its container runtime."""


@dataclass(frozen=True)
class Faulty:
    spec: HostSpec
    told: Mapping[str, str]
    """Every finding of the host: check to status."""
    settings: str = IPTABLES
    beside: str = "plain"
    """The host that differs from it by having no fault."""

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. When checks apply."""

from ..upstream.iptables_backend import runs_iptables
from .declaration import Condition

IPTABLES = Condition("data plane iptables", lambda want: want.dataplane == "iptables")
NFTABLES = Condition("data plane nftables", lambda want: want.dataplane == "nftables")
BPF = Condition("data plane bpf", lambda want: want.dataplane == "bpf")
IPTABLES_OR_BPF = Condition("data planes iptables and bpf", lambda want: want.dataplane in ("iptables", "bpf"))
IPTABLES_OR_NFTABLES = Condition(
    "data planes iptables and nftables", lambda want: want.dataplane in ("iptables", "nftables")
)
READS_IPTABLES = Condition(
    "data planes iptables and bpf, and nftables of Calico 3.31 and 3.32",
    lambda want: runs_iptables(want.dataplane, want.calico_version),
)
IPV6 = Condition("ipv6 with data plane iptables", lambda want: want.ipv6 and want.dataplane == "iptables")
IPIP = Condition("encapsulation ipip", lambda want: want.ipip)
# Felix in bpf mode forwards NodePort traffic between nodes by VXLAN, whatever the pools' encapsulation.
VXLAN = Condition("encapsulation vxlan, and data plane bpf", lambda want: want.vxlan or want.dataplane == "bpf")
IPV4 = Condition("ip_autodetection other than none", lambda want: want.ipv4)
IPV6_POOL = Condition("ipv6", lambda want: want.ipv6)
TYPHA = Condition("typha", lambda want: want.typha)
SCTP = Condition("sctp", lambda want: want.sctp)
HOST_ENDPOINTS = Condition("host_endpoints", lambda want: want.host_endpoints)
FLOW_OFFLOAD = Condition(
    "flow_offload with data plane nftables", lambda want: want.flow_offload and want.dataplane == "nftables"
)
# FelixConfiguration flowLogsGoldmaneServer or flowLogsLocalReporter; Calico has them since 3.30, and bpf logs by other means.
FLOW_LOGS = Condition(
    "flow_logs of Calico 3.30 and newer with data planes iptables and nftables",
    lambda want: want.flow_logs and want.dataplane != "bpf" and want.calico_version not in ("3.28", "3.29"),
)
CIDRS = Condition("pod_cidrs or service_cidrs", lambda want: bool(want.pod_cidrs or want.service_cidrs))
APISERVER = Condition("apiserver", lambda want: bool(want.apiserver))
BGP_OR_IPIP = Condition("bgp or encapsulation ipip", lambda want: want.bgp or want.ipip)
FLEXVOLUME = Condition("flexvolume_path", lambda want: bool(want.flexvolume_path))
WIREGUARD = Condition("wireguard", lambda want: want.wireguard)
BGP = Condition("bgp", lambda want: want.bgp)
NODE_ADDRESS = Condition(
    "bgp, an encapsulation, wireguard or data plane bpf",
    lambda want: want.bgp or want.encapsulation != "none" or want.wireguard or want.dataplane == "bpf",
)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The options of host_precheck, for each way in which a host is asked."""

import ipaddress
import re
from typing import Any, Dict, Mapping, Optional

from .checks.catalogue import CATALOGUE
from .checks.declaration import MTU_INTERFACES, Want
from .checks.versions import DOCUMENTED
from .upstream import autodetection, go_regexp

OPTIONS: Dict[str, Dict[str, Any]] = {
    "dataplane": {"type": "str", "choices": ["iptables", "nftables", "bpf"], "default": "iptables"},
    "encapsulation": {"type": "str", "choices": ["none", "ipip", "vxlan"], "default": "ipip"},
    "bgp": {"type": "bool", "default": True},
    "ipv6": {"type": "bool", "default": False},
    "wireguard": {"type": "bool", "default": False},
    "ip_autodetection": {"type": "str", "default": "first-found"},
    # Paths of the host: the controller must not expand them.
    "cni_bin_dir": {"type": "str", "default": "/opt/cni/bin"},
    "cni_conf_dir": {"type": "str", "default": "/etc/cni/net.d"},
    "calico_version": {"type": "str", "choices": sorted(DOCUMENTED), "default": "3.33"},
    "iptables_backend": {"type": "str", "choices": ["auto", "legacy", "nft"], "default": "auto"},
    "mtu": {"type": "int", "default": 0},
    "mtu_interface_pattern": {"type": "str", "default": MTU_INTERFACES},
    "cgroup_v2_path": {"type": "str", "default": ""},
    "vxlan_port": {"type": "int", "default": 4789},
    "vxlan_vni": {"type": "int", "default": 4096},
    "health_port": {"type": "int", "default": 9099},
    "metrics_port": {"type": "int", "default": 0},
    "wireguard_port": {"type": "int", "default": 51820},
    "wireguard_port_v6": {"type": "int", "default": 51821},
    "typha": {"type": "bool", "default": True},
    "sctp": {"type": "bool", "default": False},
    "host_endpoints": {"type": "bool", "default": False},
    "flow_offload": {"type": "bool", "default": False},
    "pod_cidrs": {"type": "list", "elements": "str", "default": []},
    "service_cidrs": {"type": "list", "elements": "str", "default": []},
    "flexvolume_path": {"type": "str", "default": "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"},
    "apiserver": {"type": "str", "default": ""},
    "allow_module_load": {"type": "bool", "default": False},
    "node_name": {"type": "str"},
    "controller_clock": {"type": "float"},
    "max_age": {"type": "float", "default": 0.0},
    "cache_dir": {"type": "path"},
    "checks": {"type": "list", "elements": "str", "choices": [check.id for check in CATALOGUE]},
    "fail_on": {"type": "str", "choices": ["fail", "warn", "never"], "default": "fail"},
    "deadline": {"type": "int", "default": 30},
}


def problem_with(params: Mapping[str, Any]) -> Optional[str]:
    """What Ansible's own validation does not see; None when all is well."""
    problem = autodetection.problem_with(params["ip_autodetection"])
    if problem:
        return "ip_autodetection: {}".format(problem)
    try:
        go_regexp.compiled(params["mtu_interface_pattern"])
    except go_regexp.NotGo as error:
        return "mtu_interface_pattern: {}".format(error)
    for name in ("pod_cidrs", "service_cidrs"):
        for cidr in params[name]:
            try:
                ipaddress.ip_network(cidr, strict=False)
            except ValueError:
                return "{}: {} is no CIDR, as 192.168.0.0/16 is one".format(name, cidr)
    if params["apiserver"] and not re.match(r"^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$", params["apiserver"]):
        return "apiserver: {} is not HOST:PORT, as 10.0.0.1:6443 is".format(params["apiserver"])
    if params["deadline"] < 1:
        return "deadline must be at least 1 second, not {}".format(params["deadline"])
    return problem_with_keeping(params)


def problem_with_keeping(params: Mapping[str, Any]) -> Optional[str]:
    if params["max_age"] < 0:
        return "max_age is a number of seconds, 0 to check anew each time, not {:g}".format(params["max_age"])
    if params["max_age"] and not params["cache_dir"]:
        return "max_age needs cache_dir, the directory where results are kept"
    return None


def wanted(params: Mapping[str, Any]) -> Want:
    return Want(**{name: params[name] for name in Want._fields})

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. All checks, the one that hurts most users first."""

from typing import Tuple

from .address import node_ip_autodetect
from .declaration import Check
from .host import (
    bgp_port_free,
    bpffs_mounted,
    cni_bin_dir_writable,
    cni_conflist_foreign,
    firewalld_active,
    kernel_min,
    node_name_unique,
)
from .ipset import ipset_functional
from .links import ipip_link_create, veth_create, vxlan_link_create, wireguard_link_create
from .modules import module_package_missing, modules_in_container_loadable
from .netfilter import conntrack_netlink, ip6_rpfilter_and_tables, nft_functional, xt_match_set, xt_required_extensions

CATALOGUE: Tuple[Check, ...] = (
    ipset_functional,
    module_package_missing,
    node_ip_autodetect,
    firewalld_active,
    vxlan_link_create,
    bgp_port_free,
    node_name_unique,
    cni_conflist_foreign,
    modules_in_container_loadable,
    ipip_link_create,
    xt_match_set,
    xt_required_extensions,
    ip6_rpfilter_and_tables,
    nft_functional,
    kernel_min,
    wireguard_link_create,
    bpffs_mounted,
    cni_bin_dir_writable,
    conntrack_netlink,
    veth_create,
)

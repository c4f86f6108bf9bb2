# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. All checks, the one that hurts most users first."""

from typing import NamedTuple, Tuple

from ..checks import (
    address,
    backend,
    bpf,
    bpf_kernel,
    cloud,
    cni,
    conntrack,
    filesystem,
    firewall,
    identity,
    ipset,
    kernel,
    leftovers,
    links,
    local,
    machine,
    modules,
    mtu,
    netfilter,
    offload,
    pods,
    ports,
    proxy,
    routing,
    runtime,
    security,
    sysctl,
)
from .declaration import Check

_PARTS = (
    *(address, backend, bpf, bpf_kernel, cloud, cni, conntrack, filesystem),
    *(firewall, identity, ipset, kernel, leftovers, links, local, machine, modules),
    *(mtu, netfilter, offload, pods, ports, proxy, routing, runtime, security, sysctl),
)


class Elsewhere(NamedTuple):
    """A row of the catalogue that a host cannot decide by itself."""

    rank: int
    id: str
    decided_by: str
    source: str


ELSEWHERE = (
    Elsewhere(
        35, "ipv4_conflict", "the report over all hosts: an address that two of them have", "projectcalico/calico#1628"
    ),
    Elsewhere(
        54, "peers_tcp_reach", "a step of its own, between hosts (`precheck_reach`)", "projectcalico/calico#4059"
    ),
    Elsewhere(
        55,
        "peers_udp_path",
        "a step of its own, between hosts (`precheck_reach`), with a small packet and a whole one as large as the overlay's",
        "projectcalico/calico#2399",
    ),
    Elsewhere(
        83,
        "registry_or_image_present",
        "the container runtime, which alone has the credentials",
        "tigera/operator ImageSet",
    ),
    Elsewhere(106, "vfio_hugepages_vpp", "nobody: the VPP data plane is not one of `dataplane`", "docs.tigera.io VPP"),
    Elsewhere(107, "windows_node", "the plan, which leaves Windows nodes out by itself", "projectcalico/calico#4727"),
    Elsewhere(
        108,
        "bpf_gro_bond",
        "nobody: Felix asks nothing of a card's GRO, with a bond or without; it turns it off where bpfDisableGROForIfaces says so",
        "felix/dataplane/linux/bpf_ep_mgr.go, syncIfaceProperties; projectcalico/calico#7633",
    ),
)

CATALOGUE: Tuple[Check, ...] = tuple(
    sorted((one for part in _PARTS for one in vars(part).values() if isinstance(one, Check)), key=lambda one: one.rank)
)

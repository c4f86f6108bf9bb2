# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. All checks, the one that hurts most users first."""

from typing import Tuple

from . import (
    address,
    backend,
    bpf,
    cloud,
    cni,
    filesystem,
    firewall,
    identity,
    ipset,
    kernel,
    links,
    modules,
    mtu,
    netfilter,
    offload,
    ports,
    proxy,
)
from .declaration import Check

_PARTS = (
    *(address, backend, bpf, cloud, cni, filesystem, firewall, identity, ipset),
    *(kernel, links, modules, mtu, netfilter, offload, ports, proxy),
)

CATALOGUE: Tuple[Check, ...] = tuple(
    sorted((one for part in _PARTS for one in vars(part).values() if isinstance(one, Check)), key=lambda one: one.rank)
)

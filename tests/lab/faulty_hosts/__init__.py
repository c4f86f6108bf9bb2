# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the lab that have a fault, each with all that host_precheck has to say about it and with a host that has it not."""

from __future__ import annotations

from .declared import Faulty
from .kernels import KERNELS
from .networks import ADDRESSES_AND_PORTS, OTHER_NETWORKS
from .systems import FILE_SYSTEMS, MACHINES, NAMES_AND_TIME, NODES, SETTINGS

FAULTY: dict[str, Faulty] = {
    one.spec.name: one
    for one in (
        *(*ADDRESSES_AND_PORTS, *OTHER_NETWORKS, *NAMES_AND_TIME, *FILE_SYSTEMS),
        *(*SETTINGS, *MACHINES, *NODES, *KERNELS),
    )
}
NO_HOST_HAS = {
    "bpf_known_bad_kernel": "a personality makes a kernel 2.6 by its version, and no other",
    "capabilities_root": "it is about who logs in: without become it is skipped on every host",
    "dmesg_conntrack_full": "the kernel's log is the machine's, and a line that is written to it is read on every host",
    "page_size": "the size of pages is the kernel's, and is told to each process when it starts",
}
"""Checks that no host of the lab can fail, and why."""

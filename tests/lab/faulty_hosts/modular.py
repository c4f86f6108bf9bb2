# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. A host whose kernel is built of modules, whatever this machine's is like."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.lab.hosts import HostSpec

RELEASE = os.uname().release
# What setarch --uname-2.6 makes of it, kernel/sys.c: override_release().
OLD_RELEASE = re.sub(r"^\d+\.(\d+)[\d.]*", lambda found: f"2.6.{60 + int(found[1])}", RELEASE)
OLD = ("--uname-2.6",)

# A module, and what the kernel asks modprobe for when it wants it.
MODULES = {
    "ip6t_REJECT": "ip6t_REJECT",
    "ip_set": "nfnetlink-subsys-6",
    "ip_set_hash_ip": "ip_set_hash:ip",
    "ip_set_hash_net": "ip_set_hash:net",
    "ip_tables": "ip_tables",
    "ipip": "rtnl-link-ipip",
    "nf_conntrack_netlink": "nfnetlink-subsys-1",
    "nf_flow_table": "nf-flowtable-2",
    "nf_tables": "nfnetlink-subsys-10",
    "nfnetlink_log": "nf-logger-2-1",
    "sch_ingress": "net-sch-clsact",
    "sctp": "net-pf-2-proto-132",
    "veth": "rtnl-link-veth",
    "vxlan": "rtnl-link-vxlan",
    "wireguard": "rtnl-link-wireguard",
    "xt_conntrack": "ipt_conntrack",
    "xt_ipvs": "ipt_ipvs",
    "xt_set": "ipt_set",
}


def modular(
    name: str,
    forbidden: Sequence[str] = (),
    lost: Sequence[str] = (),
    release: str = RELEASE,
    modprobe: str = "/sbin/modprobe",
    folder: str = "/usr/lib/modules",
    files: Mapping[str, str] | None = None,
    shown: Mapping[str, str] | None = None,
    **more: Any,
) -> HostSpec:
    """A host whose kernel has these modules on disk and none of them loaded, whatever this machine's kernel is built like."""
    tree = f"{folder}/{release}"
    there = {
        f"{tree}/modules.dep": "".join(f"kernel/{module}.ko:\n" for module in MODULES),
        f"{tree}/modules.alias": "".join(f"alias {alias} {module}\n" for module, alias in MODULES.items()),
        f"{tree}/modules.builtin": "",
        **{f"{tree}/kernel/{module}.ko": "" for module in MODULES if module not in lost},
        "/etc/modprobe.d/hardening.conf": "".join(f"install {module} /bin/false\n" for module in forbidden),
    }
    seen = {
        "/proc/modules": "ext4 1110016 1 - Live 0x0\n",
        "/proc/sys/kernel/modprobe": f"{modprobe}\n",
        "/proc/sys/kernel/modules_disabled": "0\n",
        "/sys/class/dmi/id/sys_vendor": "Lab\n",
    }
    return HostSpec(name, files={**there, **(files or {})}, shown={**seen, **(shown or {})}, **more)

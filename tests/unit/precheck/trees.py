# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Little file trees that stand for a host's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps.root import Root

RELEASE = "6.12.0-55.el10.x86_64"
MODULES = f"/lib/modules/{RELEASE}"

MODULAR = {
    "/proc/modules": "nfnetlink 20480 4 nf_tables, Live 0x0000000000000000\nxt_set 16384 0 - Live 0x0000000000000000\n",
    "/proc/cmdline": "root=/dev/vda1 ro\n",
    "/proc/sys/kernel/modprobe": "/sbin/modprobe\n",
    "/proc/sys/kernel/modules_disabled": "0\n",
    f"{MODULES}/modules.builtin": "kernel/drivers/net/veth.ko\n",
    f"{MODULES}/modules.dep": (
        "kernel/net/netfilter/nfnetlink.ko.xz:\n"
        "kernel/net/netfilter/xt_set.ko.xz: kernel/net/netfilter/ipset/ip_set.ko.xz\n"
        "kernel/net/netfilter/ipset/ip_set.ko.xz: kernel/net/netfilter/nfnetlink.ko.xz\n"
        "kernel/net/netfilter/ipset/ip_set_hash_net.ko.xz: kernel/net/netfilter/ipset/ip_set.ko.xz\n"
        "kernel/drivers/net/vxlan/vxlan.ko.xz:\n"
    ),
    f"{MODULES}/modules.alias": (
        "alias nfnetlink-subsys-6 ip_set\n"
        "alias ip_set_hash:net ip_set_hash_net\n"
        "alias rtnl-link-vxlan vxlan\n"
        "alias rtnl-link-veth veth\n"
        "alias net-pf-16-proto-12 nfnetlink\n"
        "alias pci:v00008086d*sv*sd*bc*sc*i* e1000e\n"
    ),
    f"{MODULES}/kernel/net/netfilter/ipset/ip_set.ko.xz": "",
    f"{MODULES}/kernel/net/netfilter/ipset/ip_set_hash_net.ko.xz": "",
}


def tree(base: Path, *layers: Mapping[str, str]) -> Root:
    """Files by absolute path, below a root of their own; a later layer wins. What every host has is there."""
    for path in ("proc/self", "sys/kernel", "etc/ssl", "run/lock"):
        (base / path).mkdir(parents=True, exist_ok=True)
    for path, text in {path: text for layer in layers for path, text in layer.items()}.items():
        file = base / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Root(str(base))

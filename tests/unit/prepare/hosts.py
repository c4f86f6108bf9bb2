# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the world as trees of their files, and host_prepare's parts run on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps.root import Root
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare import apply, request, saved_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.facts import gather
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.kernel_modules import Unmet
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.plan import Plan, give, take_away

from tests.unit.precheck.trees import tree

Files = dict[str, str]
EVERYTHING = {"modules": True, "sysctls": True, "persist": True}

_IPSET = ("ip_set", "ip_set_hash_ip", "ip_set_hash_net")
_XTABLES = (
    *("xt_set", "xt_addrtype", "xt_comment", "xt_conntrack", "xt_mark", "xt_multiport", "xt_nat", "xt_CT"),
    *("ipt_rpfilter", "xt_MASQUERADE", "ipt_REJECT"),
)
_LINKS = ("veth", "vxlan", "ipip", "wireguard", "nf_conntrack_netlink", "nf_tables")
ALL = (*_IPSET, *_XTABLES, *_LINKS)


@dataclass(frozen=True)
class World:
    """A distribution on a machine."""

    release: str
    machine: str
    os_release: str
    on_disk: Sequence[str]
    loaded: Sequence[str] = ()
    built_in: Sequence[str] = ()
    suffix: str = ".ko"
    more: Mapping[str, str] = field(default_factory=dict)

    def files(self) -> Files:
        folder = f"/lib/modules/{self.release}"
        paths = {name: f"kernel/net/{name}{self.suffix}" for name in self.on_disk}
        return {
            "/etc/os-release": self.os_release,
            "/proc/modules": "".join(f"{name} 16384 0 - Live 0x0\n" for name in self.loaded),
            "/proc/cmdline": "ro\n",
            "/proc/sys/kernel/modprobe": "/sbin/modprobe\n",
            "/proc/sys/kernel/modules_disabled": "0\n",
            f"{folder}/modules.builtin": "".join(f"kernel/net/{name}.ko\n" for name in self.built_in),
            f"{folder}/modules.dep": "".join(f"{path}:\n" for path in paths.values()),
            **{f"{folder}/{path}": "" for path in paths.values()},
            **SYSCTLS,
            **self.more,
        }


SYSCTLS = {
    "/proc/sys/net/ipv4/ip_forward": "0\n",
    "/proc/sys/net/ipv4/conf/all/forwarding": "0\n",
    "/proc/sys/net/ipv4/conf/default/forwarding": "0\n",
    "/proc/sys/net/ipv4/conf/eth0.100/forwarding": "0\n",
    "/proc/sys/net/ipv4/conf/all/accept_redirects": "1\n",
    "/proc/sys/net/ipv6/conf/all/forwarding": "0\n",
    "/proc/sys/net/ipv6/conf/eth0/forwarding": "0\n",
    "/proc/sys/net/ipv6/conf/eth0/accept_ra": "1\n",
    "/proc/sys/net/core/bpf_jit_enable": "0\n",
}

RHEL10_WITHOUT_EXTRA = World(
    "6.12.0-55.el10.x86_64",
    "x86_64",
    'ID="rhel"\nID_LIKE="centos fedora"\nVERSION_ID="10.0"\n',
    [name for name in ALL if name not in (*_IPSET, "xt_set", "ipip")],
    loaded=["nf_tables"],
    suffix=".ko.xz",
)
UBUNTU_ON_A_PI = World(
    "5.15.0-1061-raspi",
    "aarch64",
    "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=22.04\n",
    [name for name in ALL if name != "vxlan"],
    suffix=".ko.zst",
)
EL8 = World(
    "4.18.0-553.el8_10.x86_64",
    "x86_64",
    'ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.10"\n',
    # ipt_MASQUERADE became xt_MASQUERADE with 5.2.
    [*(name for name in ALL if name not in ("wireguard", "xt_MASQUERADE")), "ipt_MASQUERADE"],
    suffix=".ko.xz",
)
FLATCAR = World(
    "6.6.60-flatcar",
    "x86_64",
    'ID=flatcar\nID_LIKE=coreos\nVERSION_ID="4081.2.0"\n',
    _LINKS,
    built_in=[*_IPSET, *_XTABLES],
)


class Trial:
    """One host, and what host_prepare makes of it, as often as it is called."""

    def __init__(self, base: Path, world: World, *layers: Mapping[str, str]) -> None:
        self.world = world
        self.base = base
        self.root: Root = tree(base, world.files(), *layers)
        self.loaded: list[str] = []

    def plan(self, **options: Any) -> Plan:
        wanted = request.on(self.world.machine, {**_DEFAULTS, **options})
        return give(gather(self.root, self.world.release, self.world.machine, wanted), wanted)

    def give(self, modprobe: Callable[[str], str | None] | None = None, **options: Any) -> list[Unmet]:
        plan = self.plan(**options)
        return plan.unmet + apply.give(plan, self.root, modprobe or self._modprobe)

    def absence(self) -> Plan:
        wanted = request.on(self.world.machine, _DEFAULTS)
        return take_away(gather(self.root, self.world.release, self.world.machine, wanted))

    def take_away(self) -> Plan:
        plan = self.absence()
        folders = saved_state.parse(self.root.read(saved_state.PATH)).folders
        assert apply.take_away(plan, self.root, folders) == []
        return plan

    def write(self, path: str, text: str) -> None:
        tree(self.base, {path: text})

    def read(self, path: str) -> str | None:
        return self.root.read(path)

    def value(self, key: str) -> str:
        return (self.root.read("/proc/sys/" + key) or "").strip()

    def everything(self) -> dict[str, str | None]:
        """Every file of the host, and every folder, but the list of loaded modules: those stay."""
        found: dict[str, str | None] = {}
        for folder, folders, names in os.walk(self.base):
            found.update({os.path.join(folder, name): None for name in folders})
            found.update({os.path.join(folder, name): Path(folder, name).read_text().strip() for name in names})
        found.pop(str(self.base / "proc/modules"))
        return found

    def _modprobe(self, name: str) -> str | None:
        self.loaded.append(name)
        self.write("/proc/modules", (self.read("/proc/modules") or "") + f"{name} 16384 0 - Live 0x0\n")
        return None


_DEFAULTS: dict[str, Any] = {
    "dataplane": "iptables",
    "encapsulation": "vxlan",
    "ipv6": False,
    "wireguard": False,
    "modules": False,
    "sysctls": False,
    "persist": False,
    "extra_modules": {},
    "extra_sysctls": {},
}

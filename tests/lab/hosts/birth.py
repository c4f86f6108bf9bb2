# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Who a host will be, and the orders that make it so."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from . import content, differences
from .host import Host
from .keys import Keys
from .launch import Launch
from .links import beside
from .process import Process
from .spec import HostSpec

BOOT_ID = "/proc/sys/kernel/random/boot_id"
PRODUCT_UUID = "/sys/devices/virtual/dmi/id/product_uuid"

# Past the last address that a lab gives to a host.
NOBODY = ".254"


@dataclass(frozen=True)
class Birth:
    """Who a host will be, decided before it runs."""

    spec: HostSpec
    address: str
    prefix: int
    machine_id: str
    system_uuid: str
    boot_id: str

    @classmethod
    def of(cls, spec: HostSpec, address: str, prefix: int) -> Birth:
        # A product UUID of its own where the machine has one to cover; else, as the kubelet does, the machine id.
        machine_id = uuid.uuid4().hex
        system_uuid = str(uuid.uuid4()) if Path(PRODUCT_UUID).exists() else machine_id
        return cls(spec, address, prefix, machine_id, system_uuid, str(uuid.uuid4()))

    def launch(self, folder: Path, keys: Keys) -> Launch:
        """Start the host's init; the host is being made while this returns."""
        workspace = folder / "root"
        workspace.mkdir(parents=True, exist_ok=True)
        identities = {BOOT_ID: self.boot_id}
        if self.system_uuid != self.machine_id:
            identities[PRODUCT_UUID] = self.system_uuid
        sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin") or "/usr/sbin/sshd"
        orders = {
            "name": self.spec.hostname or self.spec.name,
            "workspace": str(workspace),
            "mounted": dict(self.spec.mounted),
            "files": [file.order() for file in self._files(keys)],
            "identities": identities,
            "network": [
                ["ip", "link", "set", "dev", "lo", "up"],
                ["ip", "address", "add", f"{self.address}/{self.prefix}", "dev", "eth0"],
                ["ip", "link", "set", "dev", "eth0", "up"],
                # Nobody else has it, and a host does not begin with a second in which it may not send from its address.
                *(
                    [["ip", "address", "add", f"{beside(self.address)}/64", "dev", "eth0", "nodad"]]
                    if self.spec.dual_stack
                    else []
                ),
                # As a machine that was made ready for a kubelet: it forwards, and has a way out, here to nobody.
                ["ip", "route", "add", "default", "via", self.address.rpartition(".")[0] + NOBODY],
                ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
                *([["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"]] if self.spec.dual_stack else []),
                *differences.commands(self.spec),
            ],
            "refused": differences.refusals(self.spec),
            "daemon": differences.daemon(self.spec, self.address, sshd),
        }
        return Launch(self.spec.name, orders, folder / "log")

    def host(self, process: Process, keys: Keys) -> Host:
        return Host(self.spec, self.address, self.machine_id, self.system_uuid, self.boot_id, process, keys)

    def _files(self, keys: Keys) -> list[content.File]:
        tables = [Path("/etc", name).read_text() for name in ("passwd", "group", "shadow")]
        return [
            *content.identity(self.spec.hostname or self.spec.name, self.address, self.machine_id),
            *content.accounts(*tables),
            *content.login(keys.public_login_key()),
            *content.sudo(self.spec.sudo_password),
            *content.sshd(self.address, *keys.host_key(self.spec.name), first=self.spec.ssh_settings),
            *differences.files(self.spec),
        ]

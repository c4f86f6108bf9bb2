# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. The files that make an overlay over this machine a host of its own. Pure, but for what it is given."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

USER = "ops"
USER_ID = 61001  # free on a usual machine: above what useradd gives to people, below systemd's dynamic users
ROOT = 0


@dataclass(frozen=True)
class File:
    path: str
    content: str
    mode: int = 0o644
    owner: int = ROOT

    def order(self) -> dict[str, Any]:
        return asdict(self)


def identity(name: str, address: str, machine_id: str) -> list[File]:
    hosts = f"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{address} {name}\n"
    return [
        File("/etc/hostname", name + "\n"),
        File("/etc/hosts", hosts),
        File("/etc/machine-id", machine_id + "\n", mode=0o444),
        # Names come from the host's own files: no question to a name server leaves the lab.
        File("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"),
    ]


def accounts(passwd: str, group: str, shadow: str) -> list[File]:
    """Add the user to the machine's own tables; "*" is no password, where "!" would be a locked account to sshd."""
    home = f"/home/{USER}"
    return [
        File("/etc/passwd", _with_line(passwd, f"{USER}:x:{USER_ID}:{USER_ID}::{home}:/bin/sh")),
        File("/etc/group", _with_line(group, f"{USER}:x:{USER_ID}:")),
        File("/etc/shadow", _with_line(shadow, f"{USER}:*:1::::::"), mode=0o640),
    ]


def login(public_key: str) -> list[File]:
    path = f"/home/{USER}/.ssh/authorized_keys"
    return [File(path, public_key, mode=0o600, owner=USER_ID)]


def sudo(password: bool = False) -> list[File]:
    """sudo without a terminal, the same whatever the machine's own sudoers and PAM ask for; without a password unless told."""
    rules = (
        'Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"\n'
        "root ALL=(ALL:ALL) ALL\n"
        f"{USER} ALL=(ALL:ALL) {'' if password else 'NOPASSWD: '}ALL\n"
    )
    asks = "pam_unix.so" if password else "pam_permit.so"
    permits = f"auth required {asks}\naccount required pam_permit.so\nsession required pam_permit.so\n"
    return [File("/etc/sudoers", rules, mode=0o440), File("/etc/pam.d/sudo", permits)]


def sshd(address: str, private_key: str, public_key: str, first: str = "") -> list[File]:
    settings = (
        f"{first}\n"
        f"ListenAddress {address}\n"
        "HostKey /etc/ssh/ssh_host_ed25519_key\n"
        f"AllowUsers {USER}\n"
        "PermitRootLogin no\n"
        "PasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\n"
        "PermitUserEnvironment no\n"
        "UsePAM no\n"
        "UseDNS no\n"
        "MaxStartups 100\n"
        "MaxSessions 100\n"
        "Subsystem sftp internal-sftp\n"
    )
    return [
        File("/etc/ssh/sshd_config", settings),
        File("/etc/ssh/ssh_host_ed25519_key", private_key, mode=0o600),
        File("/etc/ssh/ssh_host_ed25519_key.pub", public_key),
    ]


def _with_line(table: str, line: str) -> str:
    name = line.split(":")[0]
    others = [known for known in table.splitlines() if known.split(":")[0] != name]
    return "\n".join([*others, line, ""])

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. SSH keys of one lab, made once: one key pair to log in with, one per host, and the known_hosts file."""

from __future__ import annotations

import subprocess
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Keys:
    folder: Path

    @property
    def login(self) -> Path:
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def public_login_key(self) -> str:
        _make(self.login, "calico_ops.rollout lab")
        return self.login.with_suffix(".pub").read_text()

    def host_key(self, name: str) -> tuple[str, str]:
        """The private and the public half of a host's own key."""
        path = self.folder / (f"host_{name}")
        _make(path, name)
        return path.read_text(), path.with_suffix(".pub").read_text()

    def write_known_hosts(self, addresses: dict[str, str], mistaken: Set[str] = frozenset()) -> None:
        """Trust each host's key at its own address (name -> address), and nothing else; for the mistaken, a key they lack."""
        lines = []
        for name, address in addresses.items():
            public = self.public_login_key() if name in mistaken else self.host_key(name)[1]
            kind, key = public.split()[:2]
            lines.append(f"{address} {kind} {key}\n")
        self.known_hosts.write_text("".join(lines))


def _make(path: Path, comment: str) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

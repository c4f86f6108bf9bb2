# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. One host of the lab: what was asked for, who it is, and how to reach it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .content import USER
from .keys import Keys
from .links import beside
from .machine import INTERPRETER
from .process import Process
from .spec import HostSpec

SECONDS_TO_STOP = 5.0


@dataclass(frozen=True)
class Host:
    """A started host; everything here is kept in the lab's state directory, for other processes to know it."""

    spec: HostSpec
    address: str
    machine_id: str
    system_uuid: str
    boot_id: str
    process: Process
    keys: Keys
    user: str = USER

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def address_v6(self) -> str | None:
        return beside(self.address) if self.spec.dual_stack else None

    @property
    def pid(self) -> int:
        """The host's PID 1, as the machine sees it."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.alive

    @property
    def ssh_private_key(self) -> Path:
        return self.keys.login

    def run(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command as root, from outside: no sshd is needed, and the host's seccomp filter is not on it."""
        command = self.inside(argv)
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command that runs this one as root in the host, from outside."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--uts", "--net", "--pid", "--wd=/", "--", *argv]

    def ssh(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Log in as the unprivileged user and run a command, as Ansible does."""
        target = f"{self.user}@{self.address}"
        command = ["ssh", *self.ssh_options(), "-o", "BatchMode=yes", "-i", str(self.ssh_private_key), target]
        command.append(shlex.join(argv))
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def ask_to_stop(self) -> None:
        self.process.send(signal.SIGTERM)

    def stop(self) -> None:
        """End this host and everything in it; a host that is gone already is well too."""
        self.ask_to_stop()
        if not self.process.wait(time.monotonic() + SECONDS_TO_STOP):
            self.process.send(signal.SIGKILL)
            self.process.wait(time.monotonic() + SECONDS_TO_STOP)

    def ssh_options(self) -> list[str]:
        """Only the lab's own keys count: neither the settings nor the known hosts of whoever runs this."""
        options = {
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": f'"{self.keys.known_hosts}"',
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
        }
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["-F", "/dev/null", *settings]

    def variables(self, control_path: str) -> dict[str, Any]:
        """What Ansible must know of the host."""
        return {
            "ansible_host": self.address,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": str(self.ssh_private_key),
            "ansible_ssh_common_args": shlex.join([*self.ssh_options(), "-o", f"ControlPath={control_path}"]),
            "ansible_python_interpreter": INTERPRETER,
        }

    def record(self) -> dict[str, Any]:
        kept = asdict(self)
        kept.pop("keys")
        return kept

    @classmethod
    def from_record(cls, record: Mapping[str, Any], keys: Keys) -> Host:
        parts = {**record, "spec": HostSpec.from_record(record["spec"]), "process": Process(**record["process"])}
        return cls(**parts, keys=keys)

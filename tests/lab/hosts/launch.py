# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Starting one host: its orders, its init, and the wait until its sshd answers."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from . import content
from .host import INTERPRETER, Host, HostSpec
from .keys import Keys
from .process import Process

INIT = Path(__file__).with_name("init.py")
BOOT_ID = "/proc/sys/kernel/random/boot_id"
PRODUCT_UUID = "/sys/devices/virtual/dmi/id/product_uuid"
SECONDS_TO_ANSWER = 15.0
LOG_LINES_SHOWN = 5


class HostError(RuntimeError):
    """A host did not start; the message says which one and what its log says."""


@dataclass(frozen=True)
class Pipes:
    """What the lab holds of an init: where it reads its orders from, and where it answers."""

    orders: IO[str]
    answers: IO[str]


@dataclass(frozen=True)
class Launch:
    """A host whose namespaces and files are being made, and which waits for its network card."""

    host: Host
    log: Path
    pipes: Pipes

    def wait_until_built(self) -> None:
        if self.pipes.answers.readline() != "built\n":
            raise self.failure("was not built")

    def go(self) -> None:
        """Tell the host that its card is in place."""
        try:
            self.pipes.orders.write("go\n")
            self.pipes.orders.close()
        except BrokenPipeError as gone:
            raise self.failure("ended before it was connected") from gone

    def wait_for_login(self, deadline: float) -> None:
        while not _answers(self.host.address):
            if not self.host.alive:
                raise self.failure("ended while it started")
            if time.monotonic() > deadline:
                raise self.failure("does not answer on port 22")
            time.sleep(0.02)

    def failure(self, what: str) -> HostError:
        return HostError(f"lab host {self.host.name} {what}: {_end_of(self.log)}")

    def abandon(self) -> None:
        """Close the pipes to the host; one that was not told to go on then ends by itself."""
        with suppress(BrokenPipeError):  # an unsent "go" is of no use to a host that is gone
            self.pipes.orders.close()
        self.pipes.answers.close()


def launch(spec: HostSpec, address: str, prefix: int, folder: Path, keys: Keys) -> Launch:
    """Start the host's init; it makes its root file system while this returns."""
    workspace = folder / "root"
    workspace.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    machine_id, boot_id = uuid.uuid4().hex, str(uuid.uuid4())
    system_uuid, identities = _system_uuid(machine_id), {BOOT_ID: boot_id}
    if system_uuid != machine_id:
        identities[PRODUCT_UUID] = system_uuid
    orders = {
        "name": spec.name,
        "workspace": str(workspace),
        "files": [file.order() for file in _files(spec, address, machine_id, keys)],
        "identities": identities,
        "network": _network_commands(f"{address}/{prefix}"),
        "netfilter_refused": spec.netfilter_refused,
        "sshd": shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin") or "/usr/sbin/sshd",
    }
    pipes, process = _start(orders, log)
    return Launch(Host(spec, address, machine_id, system_uuid, boot_id, process, keys), log, pipes)


def _start(orders: dict[str, Any], log: Path) -> tuple[Pipes, Process]:
    with log.open("w") as stream:
        starter = subprocess.Popen(
            [INTERPRETER, "-I", "-S", str(INIT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            cwd="/",
        )
    assert starter.stdin
    assert starter.stdout
    pipes = Pipes(starter.stdin, starter.stdout)
    pipes.orders.write(json.dumps(orders) + "\n")
    pipes.orders.flush()
    pid = pipes.answers.readline().strip()
    starter.wait()
    try:
        return pipes, Process.of(int(pid))
    except (ValueError, ProcessLookupError) as never_ran:
        raise HostError(f"lab host {orders['name']} did not start: {_end_of(log)}") from never_ran


def _files(spec: HostSpec, address: str, machine_id: str, keys: Keys) -> list[content.File]:
    tables = [Path("/etc", name).read_text() for name in ("passwd", "group", "shadow")]
    return [
        *content.identity(spec.name, address, machine_id),
        *content.accounts(*tables),
        *content.login(keys.public_login_key()),
        *content.sudo(),
        *content.sshd(address, *keys.host_key(spec.name)),
        *(content.File(path, text) for path, text in spec.files.items()),
    ]


def _network_commands(address: str) -> list[list[str]]:
    return [
        ["ip", "link", "set", "dev", "lo", "up"],
        ["ip", "address", "add", address, "dev", "eth0"],
        ["ip", "link", "set", "dev", "eth0", "up"],
    ]


def _system_uuid(machine_id: str) -> str:
    """A product UUID of its own where the machine has one to cover; else, as the kubelet does, the machine id."""
    return str(uuid.uuid4()) if Path(PRODUCT_UUID).exists() else machine_id


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    return " | ".join(lines) or "its log is empty"


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1.0) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False

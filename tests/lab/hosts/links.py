# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. The lab's own bridge and the hosts' network cards, through iproute2.

The bridge's name says which /24 of 198.18.0.0/15 (RFC 2544, for tests between machines) the lab has; its MAC address is
made from the lab's state directory. The kernel makes both in one step, so that two labs started at once share none,
and a lab finds the bridge of its own crashed run without a note of it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME_PREFIX = "crlab"
SUBNETS = 256
FIRST_HOST = 10
EXISTS_ALREADY = "File exists"
# When ip looks for the link, and when the kernel does: a host's end takes the other one with it at any moment.
GONE = ("Cannot find device", "No such device")


class LinkError(RuntimeError):
    """iproute2 refused what the lab asked for."""


@dataclass(frozen=True)
class Bridge:
    """One lab's bridge; `number` is the third byte of its addresses."""

    number: int

    @property
    def name(self) -> str:
        return f"{NAME_PREFIX}{self.number}"

    @property
    def network(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(f"198.18.{self.number}.0/24")

    def host_address(self, position: int) -> str:
        return str(self.network[FIRST_HOST + position])

    def port(self, position: int) -> str:
        return f"{self.name}h{position}"

    @classmethod
    def claim(cls, state_dir: Path) -> Bridge:
        """Make the bridge under the first free number; no other lab can then have it."""
        taken = _addresses_in_use()
        first = int.from_bytes(_digest(state_dir)[:1], "big")
        for step in range(SUBNETS):
            bridge = cls((first + step) % SUBNETS)
            if any(address in bridge.network for address in taken):
                continue
            try:
                _ip("link", "add", "name", bridge.name, "address", mac_address(state_dir), "type", "bridge")
            except LinkError as error:
                if EXISTS_ALREADY in str(error):
                    continue
                raise
            bridge._configure()
            return bridge
        raise LinkError("no free /24 in 198.18.0.0/16 for the lab's bridge")

    @classmethod
    def find(cls, state_dir: Path) -> Bridge | None:
        """The bridge an earlier run of this lab made, if it is still there."""
        for link in _links("type", "bridge"):
            number = str(link["ifname"]).removeprefix(NAME_PREFIX)
            if link["address"] == mac_address(state_dir) and number.isdigit():
                return cls(int(number))
        return None

    def connect(self, inits: Sequence[int]) -> None:
        """Give each host, known by its init's pid, a card named eth0 whose other end is a port of this bridge."""
        lines = []
        for position, pid in enumerate(inits):
            port = self.port(position)
            lines.append(f"link add name {port} master {self.name} type veth peer name eth0 netns {pid}")
            # The bridge passes frames on and has IPv4 to talk to the hosts: no IPv6 address of the lab on the machine.
            lines.append(f"link set dev {port} addrgenmode none up")
        _ip("-batch", "-", given="\n".join(lines))

    def delete(self) -> None:
        # The kernel takes the ports of an ended host away by itself, but in its own time.
        ports = [link["ifname"] for link in _links() if link.get("master") == self.name]
        for name in [*ports, self.name]:
            _delete(name)

    def _configure(self) -> None:
        gateway = f"{self.network[1]}/{self.network.prefixlen}"
        _ip("link", "set", "dev", self.name, "addrgenmode", "none")
        _ip("address", "add", gateway, "dev", self.name)
        _ip("link", "set", "dev", self.name, "up")


def beside(address: str) -> str:
    """The IPv6 address of a host with this IPv4 address: of 2001:2::/48, which RFC 5180 keeps for tests between machines."""
    number, host = address.split(".")[2:]
    return str(ipaddress.IPv6Address(f"2001:2:0:{number}::{host}"))


def mac_address(state_dir: Path) -> str:
    """A locally administered unicast address that is this lab's alone."""
    return ":".join(f"{byte:02x}" for byte in bytes([0x02]) + _digest(state_dir)[1:6])


def _digest(state_dir: Path) -> bytes:
    return hashlib.sha256(str(state_dir.resolve()).encode()).digest()


def _addresses_in_use() -> list[ipaddress.IPv4Address]:
    links = json.loads(_ip("-json", "-4", "address", "show"))
    return [ipaddress.IPv4Address(entry["local"]) for link in links for entry in link.get("addr_info", ())]


def _links(*selection: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(_ip("-json", "link", "show", *selection) or "[]")
    return answer


def _delete(name: str) -> None:
    try:
        _ip("link", "delete", "dev", name)
    except LinkError as error:
        if not any(words in str(error) for words in GONE):
            raise


def _ip(*arguments: str, given: str | None = None) -> str:
    done = subprocess.run(["ip", *arguments], input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LinkError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout

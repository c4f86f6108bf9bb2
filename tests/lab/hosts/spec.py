# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. What a host of the lab shall be like, declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """A system call that fails on the host, for every process and for good, as a kernel built without something refuses it."""

    call: str
    errno: str
    """Its name: ENOSYS, EPERM, EAFNOSUPPORT."""
    arguments: Mapping[int, int] = field(default_factory=dict)
    """Only calls with these values at these places; all of them when empty."""


@dataclass(frozen=True)
class HostSpec:
    """What a host shall be like. All of it is in place before sshd answers; what is left out is as on a healthy host."""

    name: str
    groups: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    # -- the kernel, as far as one kernel can be several
    netfilter_refused: bool = False
    """No netfilter netlink: neither ipset nor nftables can work."""
    refused: Sequence[Refusal] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    """Path below /proc or /sys -> what the host reads there, for what is the machine's and cannot be changed for one host.
    It may be a file that this machine's kernel does not have."""
    linked: Mapping[str, str] = field(default_factory=dict)
    """Symbolic link below /proc or /sys that the kernel does not have -> where it leads."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """Settings below net. that the host has for itself: `net.ipv4.conf.all.rp_filter` -> `1`. Others go into `shown`."""
    personality: Sequence[str] = ()
    """As setarch(8) takes it: `linux32` for a machine of 32 bits, `--uname-2.6` for a kernel that is old by its version."""

    # -- files
    files: Mapping[str, str] = field(default_factory=dict)
    """Path -> content."""
    mounted: Mapping[str, str] = field(default_factory=dict)
    """Folder of the host -> the machine's folder that lies there, whatever disk that is on."""
    absent: Sequence[str] = ()
    """Files and folders that are not there."""
    read_only: Sequence[str] = ()
    """Folders that nobody can write to."""
    full: Sequence[str] = ()
    """Small folders, each on a disk of its own that has neither a free block nor a free inode."""
    python: bool = True
    """False: there is no Python on it."""

    # -- the network
    mtu: int = 0
    ipv6: bool = True
    dual_stack: bool = False
    """It has a global IPv6 address beside the IPv4 one."""
    listeners: Mapping[str, str] = field(default_factory=dict)
    """Port or socket that somebody has -> the name of that program: `tcp/179` -> `bird`, `unix/run/crio/crio.sock` -> `crio`."""
    firewall: str = ""
    """A ruleset as nft reads it."""
    ip_sets: Mapping[str, str] = field(default_factory=dict)
    """Name -> type, as `hash:net`, in the newest revision that the kernel has."""
    commands: Sequence[str] = ()
    """Lines of shell that root runs when all of the above is there: links, routes, rules of more than the one card."""

    # -- who and when it is
    hostname: str = ""
    """What it calls itself, when that is not its name."""
    clock_offset: int = 0
    """Seconds that its clock is ahead, or behind when negative."""

    # -- how it is logged in to
    ssh_delay: float = 0.0
    """Seconds that pass before sshd says a word to whoever connects."""
    ssh_silent: bool = False
    """Accepts connections and never says a word."""
    ssh_settings: str = ""
    """Lines before all others in sshd_config, where the first word counts."""
    ssh_key_mistaken: bool = False
    """The lab's known_hosts holds another key for it than the one it has."""
    sudo_password: bool = False
    """sudo asks for a password, and there is none."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> HostSpec:
        """From what asdict() made, after its way through JSON."""
        refused = [
            Refusal(one["call"], one["errno"], {int(place): value for place, value in one["arguments"].items()})
            for one in record["refused"]
        ]
        return cls(**{**record, "refused": refused})

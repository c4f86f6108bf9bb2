# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. How a host is made to differ from a healthy one: files to write, commands to run in it before its sshd starts,
system calls to refuse, and what answers on port 22."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .content import File
from .machine import INTERPRETER, faketime_library
from .spec import HostSpec, Refusal
from .views import hide, kernels, link, shell, show

_SHOWN = "/run/shown"
_NETLINK_NETFILTER = 12
_NETFILTER = Refusal("socket", "EPROTONOSUPPORT", {0: int(socket.AF_NETLINK), 2: _NETLINK_NETFILTER})
_PYTHONS = ("/usr/bin/python3*", "/usr/local/bin/python3*")
_SETARCH = "/usr/bin/setarch"
_PROGRAMS = Path(__file__).parent

# A disk is full when a folder cannot be made on it either, so that inodes count as well.
_FILL = """
set -e
mkdir -p "$1" /run/kept; mount --bind "$1" /run/kept; mount --make-private /run/kept
mount -t tmpfs -o "size=256k,nr_inodes=128,mode=$(stat -c %a "$1")" full "$1"
chown "$(stat -c %u:%g /run/kept)" "$1"; cp -a /run/kept/. "$1" 2>/dev/null || true
umount /run/kept
dd if=/dev/zero of="$1/.full" bs=4096 2>/dev/null || true
number=0; while true >"$1/.full-$number"; do number=$((number + 1)); done 2>/dev/null
"""
_WRITE = 'printf %s "$1" > "$2"'


def files(spec: HostSpec) -> Iterator[File]:
    """In the order in which they are written: the last of a path counts."""
    for number, content in enumerate(spec.shown.values()):
        yield File(f"{_SHOWN}/{number}", content)
    if spec.clock_offset:
        yield File("/etc/ld.so.preload", f"{faketime_library()}\n")
        yield File("/etc/faketimerc", f"{spec.clock_offset:+d}\n")
    if spec.firewall:
        yield File("/etc/nftables.conf", spec.firewall)
    for path, content in spec.files.items():
        yield File(path, content)


def commands(spec: HostSpec) -> list[list[str]]:
    """Run as root in the host once its card is up."""
    made = [shell(_WRITE, value, f"/proc/sys/{name.replace('.', '/')}") for name, value in spec.sysctls.items()]
    if spec.mtu:
        made.append(["ip", "link", "set", "dev", "eth0", "mtu", str(spec.mtu)])
    if not spec.ipv6:
        made += [shell(_WRITE, "1", f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6") for which in ("all", "default")]
    if spec.firewall:
        made.append(["nft", "--file", "/etc/nftables.conf"])
    made += [hide(path) if kernels(path) else ["rm", "-rf", path] for path in spec.absent]
    made += [show(f"{_SHOWN}/{number}", path) for number, path in enumerate(spec.shown)]
    made += [link(target, path) for path, target in spec.linked.items()]
    for path in spec.read_only:
        made += [["mkdir", "-p", path], ["mount", "--bind", path, path], ["mount", "-o", "remount,bind,ro", path]]
    made += [shell(_FILL, path) for path in spec.full]
    if spec.listeners:
        made.append(_python("listeners.py", json.dumps(dict(spec.listeners))))
    if spec.ip_sets:
        made.append(_python("ip_sets.py", json.dumps(dict(spec.ip_sets))))
    made += [shell(line) for line in spec.commands]
    if not spec.python:
        made.append(["sh", "-c", f"rm -f {' '.join(_PYTHONS)}"])
    return made


def refusals(spec: HostSpec) -> list[dict[str, Any]]:
    """As the host's init carries them out."""
    refused = [*spec.refused, *([_NETFILTER] if spec.netfilter_refused else [])]
    return [{**asdict(one), "errno": getattr(errno, one.errno)} for one in refused]


def daemon(spec: HostSpec, address: str, sshd: str) -> list[str]:
    """What a host runs to be logged in to, and what whoever logs in inherits the personality of."""
    personality = [_SETARCH, *spec.personality] if spec.personality else []
    if spec.ssh_silent:
        return [*personality, *_python("late_sshd.py", address)]
    if spec.ssh_delay:
        return [*personality, *_python("late_sshd.py", address, str(spec.ssh_delay), sshd)]
    return [*personality, sshd, "-D", "-e"]


def _python(program: str, *arguments: str) -> list[str]:
    # By its text: the checkout may lie on a mount that a host does not have.
    return [INTERPRETER, "-I", "-S", "-c", (_PROGRAMS / program).read_text(), *arguments]

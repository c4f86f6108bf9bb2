# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. bpf(2) itself: a map, and the smallest program of each kind that Felix loads. Closing the descriptors undoes them."""

import ctypes
import os
import struct
from typing import Dict, Tuple

from ..no_evidence import NoEvidence

# By machine (uname -m) and bytes of a pointer: a 32-bit Python on a 64-bit kernel makes 32-bit calls.
# arch/*/entry/syscalls/*.tbl and include/uapi/asm-generic/unistd.h.
_NUMBERS: Dict[Tuple[str, int], int] = {
    ("x86_64", 8): 321,
    ("x86_64", 4): 357,
    ("i686", 4): 357,
    ("aarch64", 8): 280,
    ("aarch64", 4): 386,
    ("armv8l", 4): 386,
    ("armv7l", 4): 386,
    ("armv6l", 4): 386,
    ("riscv64", 8): 280,
    ("loongarch64", 8): 280,
    ("ppc64le", 8): 361,
    ("ppc64", 8): 361,
    ("s390x", 8): 351,
}
_MAP_CREATE, _PROG_LOAD = 0, 5
_HASH = 1
# Kind of program, and where it is to be attached for those that must say so: BPF_CGROUP_INET4_CONNECT.
PROGRAMS = {"sched_cls": (3, 0), "xdp": (6, 0), "cgroup_skb": (8, 0), "cgroup_sock_addr": (18, 10)}
_LICENSE = b"GPL\0"


def number_of(machine: str, pointer: int) -> int:
    """The number of bpf(2) for a process on this machine."""
    try:
        return _NUMBERS[(machine, pointer)]
    except KeyError:
        reason = f"the number of bpf(2) is not known for {machine} with {pointer * 8} bits"
        raise NoEvidence(
            reason, "choose data plane iptables or nftables: Calico's bpf is for x86-64 and arm64"
        ) from None


def instructions() -> bytes:
    """r0 = 1; exit."""
    return struct.pack("=BBhi", 0xB7, 0, 0, 1) + struct.pack("=BBhi", 0x95, 0, 0, 0)


def map_attributes() -> bytes:
    return struct.pack("=IIIII", _HASH, 4, 4, 1, 0)


def program_attributes(kind: int, attach: int, code: int, license_text: int) -> bytes:
    """`code` and `license_text` are addresses."""
    head = struct.pack("=IIQQ", kind, 2, code, license_text)
    return head.ljust(68, b"\0") + struct.pack("=I", attach)


def create_map() -> None:
    _call(_MAP_CREATE, map_attributes(), "map")


def load(name: str) -> None:
    kind, attach = PROGRAMS[name]
    code, text = ctypes.create_string_buffer(instructions()), ctypes.create_string_buffer(_LICENSE)
    _call(_PROG_LOAD, program_attributes(kind, attach, ctypes.addressof(code), ctypes.addressof(text)), name)


def _call(command: int, attributes: bytes, step: str) -> None:
    number = number_of(os.uname().machine, struct.calcsize("P"))
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    libc = ctypes.CDLL(None, use_errno=True)
    found = libc.syscall(ctypes.c_long(number), ctypes.c_int(command), buffer, ctypes.c_uint(128))
    if found < 0:
        refusal = ctypes.get_errno()
        raise OSError(refusal, f"{step}: {os.strerror(refusal)}")
    os.close(found)

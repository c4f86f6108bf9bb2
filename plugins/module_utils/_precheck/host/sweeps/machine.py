# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The machine: processor, memory, clock, and what the kernel complained of."""

import ctypes
import os
import sys
from typing import Any, Dict, List, Optional

from ..no_evidence import NoEvidence
from .lines import value_of
from .root import Root

_FLAGS = {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}
_TIME_ERROR = 5
_READ_ALL, _BUFFER = 3, 65536
COMPLAINTS = (b"nf_conntrack: table full", b"neighbor table overflow", b"neighbour table overflow")


def machine(root: Root) -> Dict[str, Any]:
    memory = value_of(root.read("/proc/meminfo") or "", "MemTotal", ":")
    processors = root.read("/proc/cpuinfo")
    if memory is None or processors is None:
        raise NoEvidence("/proc/meminfo or /proc/cpuinfo is not there", "make /proc readable")
    # The first processor's; there may be hundreds.
    flags = ("\n" + processors).partition("\nflags")[2].partition("\n")[0].split()
    return {
        "processors": os.sysconf("SC_NPROCESSORS_ONLN"),
        "memory": int(memory.split()[0]) * 1024,
        "page_size": os.sysconf("SC_PAGE_SIZE"),
        "byte_order": sys.byteorder,
        "flags": sorted(_FLAGS.intersection(flags)),
        "uptime": _uptime(root),
    }


def _uptime(root: Root) -> Optional[float]:
    """Seconds since the boot, which is what the kernel's log counts in."""
    words = (root.read("/proc/uptime") or "").split()
    return float(words[0]) if words and words[0].replace(".", "", 1).isdigit() else None


def clock_synchronized(root: Root) -> bool:
    """The state that the clock's discipline has given the kernel; with no mode set, adjtimex(2) only reads."""
    root.is_a_hosts()
    libc = ctypes.CDLL(None, use_errno=True)
    # struct timex is smaller than this on every machine, and begins with the modes.
    state = libc.adjtimex(ctypes.create_string_buffer(512))
    if state < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")
    return bool(state != _TIME_ERROR)


def complaints(root: Root) -> List[str]:
    """The last line of each kind in the kernel's log that reports a full table."""
    root.is_a_hosts()
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_BUFFER)
    size = libc.klogctl(_READ_ALL, buffer, _BUFFER)
    if size < 0:
        raise OSError(ctypes.get_errno(), "the kernel's log")
    raw, found = buffer.raw[:size], []
    for kind in COMPLAINTS:
        at = raw.rfind(kind)
        if at >= 0:
            line = raw[raw.rfind(b"\n", 0, at) + 1 :].partition(b"\n")[0].decode("utf-8", "replace")
            found.append(line.partition(">")[2] if line.startswith("<") else line)
    return found

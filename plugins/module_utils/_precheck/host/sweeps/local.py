# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What Felix takes for granted on its own host: the name localhost, and the lock of iptables."""

import os
import socket
import time
from typing import Any, Callable, Dict, List, Optional

from .lines import words
from .root import Root

_LOCK = "/run/xtables.lock"
# iptables holds the lock for milliseconds; who has it at each of these looks has it for longer. Seconds between two looks.
_LOOKS, _PAUSE = 4, 0.25


def localhost(root: Root) -> List[str]:
    """The addresses that /etc/hosts gives the name localhost, as Go's resolver reads the file: without regard to case."""
    found = []
    for line in words(root.read("/etc/hosts") or ""):
        names = " ".join(line).partition("#")[0].split()
        if "localhost" in [name.lower().rstrip(".") for name in names[1:]] and _is_address(names[0]):
            found.append(names[0])
    return found


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text.partition("%")[0])
            return True
        except OSError:
            continue
    return False


def lock_holder(root: Root, pause: Callable[[float], None] = time.sleep) -> Optional[Dict[str, Any]]:
    """The process that keeps the lock of iptables: `pid`, `program` and `seconds` for which it was seen to; None when nobody does."""
    holder = _holder(root)
    for _look in range(_LOOKS - 1):
        if holder is None:
            return None
        pause(_PAUSE)
        if _holder(root) != holder:
            return None
    if holder is None:
        return None
    program = root.line_or_none(f"/proc/{holder}/comm")
    return {"pid": holder, "program": program, "seconds": (_LOOKS - 1) * _PAUSE}


def _holder(root: Root) -> Optional[int]:
    """By /proc/locks: `1: FLOCK ADVISORY WRITE 1234 00:1a:5678 0 EOF`, where the sixth word is the file. A waiting lock has an arrow."""
    if not root.exists(_LOCK):
        return None
    try:
        file = os.stat(root.at(_LOCK))
    except FileNotFoundError:
        # Gone meanwhile, or a link that leads nowhere.
        return None
    wanted = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    for line in words(root.read("/proc/locks") or ""):
        if len(line) > 5 and line[1] in ("FLOCK", "POSIX") and line[5] == wanted and line[4].isdigit():
            return int(line[4])
    return None

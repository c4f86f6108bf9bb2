# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Processes of this machine, named so that another process here can tell later whether they are gone. Linux only.

"Gone" must never be said of a process that lives: a Lease is taken from its holder on that word.

- Two containers of a machine have the same boot id and other processes. So the PID namespace is part of the machine's name. The kernel
  gives its number (ns_alloc_inum in fs/nsfs.c of Linux) to no other namespace while it exists.
- A pid is given again. So the start time belongs to a process (field 22 of /proc/PID/stat, see proc(5)).
- /proc may hide the processes of other users (hidepid). So kill(2) without a signal is asked first: it knows them all.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NamedTuple

from .._rollout.kubernetes.lease import Holder, Process, Processes

_PROC = Path("/proc")


class _Stat(NamedTuple):
    state: str
    started: int


def of_this_machine(*pids: int) -> Processes | None:
    """These processes, each once; None where they cannot be told from others for sure."""
    machine = _machine()
    found = [(pid, _stat(pid)) for pid in dict.fromkeys(pids)]
    if machine is None or any(stat is None for _pid, stat in found):
        return None
    return Processes(machine, tuple(Process(pid, stat.started) for pid, stat in found if stat is not None))


def this_process() -> Holder:
    """This one as the holder of a Lease, with a name of its own each time."""
    pid = os.getpid()
    return Holder(f"{socket.gethostname()}_{pid}_{os.urandom(4).hex()}", of_this_machine(pid))


def are_gone(these: Processes | None) -> bool:
    """They were here, and none of them is left."""
    return these is not None and these.machine == _machine() and all(map(_is_gone, these.processes))


def _is_gone(process: Process) -> bool:
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # It is another user's.
    except OverflowError:
        return False  # No pid at all: somebody else's words.
    stat = _stat(process.pid)
    # A zombie has ended, and only its parent does not know yet.
    return stat is not None and (stat.started != process.started or stat.state in "ZX")


def _machine() -> str | None:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # With the /proc of another PID namespace, the numbers there are not ours.
        if os.readlink(_PROC / "self") != str(os.getpid()):
            return None
        return f"{boot} {os.readlink(_PROC / 'self/ns/pid')}"
    except (OSError, ValueError):
        return None


def _stat(pid: int) -> _Stat | None:
    try:
        # The name of a command may have spaces and brackets.
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return _Stat(fields[0], int(fields[19]))
    except (OSError, ValueError, IndexError):
        return None

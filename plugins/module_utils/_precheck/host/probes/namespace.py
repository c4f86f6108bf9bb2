# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A network namespace of the process's own, gone with it. It hides links, sets, tables; it does not hide module loading."""

import ctypes
import errno
import os

from ..no_evidence import NeedsBecome

_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000


def make() -> str:
    """Moves this process into a new network namespace; without root by way of a user namespace of its own.

    That none can be made is the kernel's answer, and raised as such; that this user may make none is no evidence.
    """
    try:
        _unshare(_CLONE_NEWNET)
        return "network"
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
    try:
        _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        return "user and network"
    except OSError as error:
        reason = f"needs become: no namespace can be made without it: {os.strerror(error.errno or 0)}"
        raise NeedsBecome(reason) from error


def _unshare(flags: int) -> None:
    # os.unshare came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A network namespace of the process's own, gone with it. It hides links, sets, tables; it does not hide module loading."""

import ctypes
import errno
import os

from ..answers import BECOME, NoEvidence, errno_name

_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000


def enter() -> str:
    """Moves this process into a new network namespace; without root by way of a user namespace of its own.

    Where none can be made, nothing is known about the kernel: its errno must not be taken for the answer to a question.
    """
    try:
        _unshare(_CLONE_NEWNET)
        return "network"
    except OSError as error:
        if error.errno != errno.EPERM:
            remedy = (
                "give the kernel CONFIG_NET_NS, and user.max_net_namespaces more than the host has: pods need one each"
            )
            raise NoEvidence("no network namespace can be made: {}".format(errno_name(error.errno)), remedy) from error
    try:
        _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        return "user and network"
    except OSError as error:
        reason = "needs become: no namespace can be made without it: {}".format(errno_name(error.errno))
        raise NoEvidence(reason, BECOME) from error


def make() -> str:
    """The same, with the kernel's own answer: that no network namespace can be made is a fact like any other."""
    try:
        _unshare(_CLONE_NEWNET)
        return "network"
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
    return enter()


def _unshare(flags: int) -> None:
    # os.unshare came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

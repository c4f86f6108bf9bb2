# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Who runs: the process of ansible-playbook, whose worker this is, on behalf of one host.

All tasks of a playbook have the same name for a host, so that a loop of tasks goes on with the rollout's lock also where it does not hand
`state` on. Two hosts that carry out the same rollout at once have two.
"""

from __future__ import annotations

import getpass
import hashlib
import multiprocessing
import os
import socket
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.processes import of_this_machine

_PLAYBOOK = os.urandom(8).hex()
"""Ansible loads an action plugin in the process that starts the workers, so all workers of a playbook have the same."""


def this_run(host: str) -> dict[str, Any]:
    """As the option `run` of rollout_step has it."""
    parent = multiprocessing.parent_process()
    pid = os.getpid() if parent is None or parent.pid is None else parent.pid
    run = hashlib.sha256(f"{_PLAYBOOK} {host}".encode()).hexdigest()[:8]
    named: dict[str, Any] = {"name": f"{_user()}@{socket.gethostname()}_{pid}_{run}"}
    process = of_this_machine(pid)
    if process is not None:
        named.update(machine=process.machine, pid=pid, started=process.processes[0].started)
    return named


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return str(os.getuid())

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real SSH hosts on one Linux machine: each its own network, UTS, mount and PID namespace, root file system and sshd.

A `HostSet` is started in one process and stopped in the same or any other: `HostSet.load(state_dir).stop()`.
"""

from __future__ import annotations

from .host import Host
from .hostset import HostSet
from .launch import HostError
from .spec import HostSpec, Refusal

__all__ = ["Host", "HostError", "HostSet", "HostSpec", "Refusal"]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Every action by its `do`. The files are imported by name, since Ansible sends a module only what it imports so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .action import Handler
from .await_owner import AwaitingOwner
from .await_restart import AwaitingRestart
from .clear_network import Clearing
from .finish_witnesses import Finishing
from .label_nodes import Labelling
from .max_unavailable import Raising, Restoring
from .quarantine import Quarantining
from .scope_installation import Scoping
from .start_witnesses import Starting
from .tend_witnesses import Tending
from .verify_policy import Verifying
from .wait import Waiting

ACTIONS: Mapping[str, Handler[Any]] = {
    "label_nodes": Labelling(),
    "scope_installation": Scoping(),
    "raise_max_unavailable": Raising(),
    "restore_max_unavailable": Restoring(),
    "start_witnesses": Starting(),
    "tend_witnesses": Tending(),
    "finish_witnesses": Finishing(),
    "verify_policy": Verifying(),
    "quarantine": Quarantining(),
    "clear_network_unavailable": Clearing(),
    "await_owner": AwaitingOwner(),
    "await_restart": AwaitingRestart(),
    "wait": Waiting(),
}

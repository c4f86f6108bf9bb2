# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Nodes by the names that a user gives."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..errors import RolloutError
from ..text.terminal import listed

NAMES_SHOWN = 20


def meant_nodes(names: Iterable[str], known: Collection[str]) -> list[str]:
    """The names, each once and sorted. One that the cluster does not know is refused, before anything is written."""
    meant = sorted(set(names))
    unknown = [name for name in meant if name not in known]
    if unknown:
        raise RolloutError(
            f"{len(unknown)} of {len(meant)} nodes do not exist in this cluster, nothing was written: {listed(unknown, NAMES_SHOWN)}. "
            "Node names are those of `kubectl get nodes`."
        )
    return meant

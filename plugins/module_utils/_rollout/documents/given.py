# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a user wrote, as far as its keys go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import RolloutError


def refuse_unknown_keys(given: Any, keys: Sequence[str], where: str) -> None:
    """A misspelt key would be an option that never has an effect."""
    if not isinstance(given, Mapping):
        raise RolloutError(f"{where}: a mapping with {', '.join(keys)} is needed, not {given!r}.")
    unknown = sorted(str(key) for key in given if key not in keys)
    if unknown:
        raise RolloutError(f"{where}: {', '.join(unknown)} is not known here; possible are {', '.join(keys)}.")

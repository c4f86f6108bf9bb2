# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How a plan puts failed nodes into quarantine: the option `quarantine` as the user wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..documents import QuarantineSettings
from ..documents.given import refuse_unknown_keys
from ..errors import RolloutError
from ..kubernetes.quarantine import NO_TAINT

TAINTS = ("NoSchedule", "NoExecute", NO_TAINT)

_DEFAULTS: Mapping[str, Any] = {"taint": "NoSchedule", "clear_network_unavailable": False}


def read_quarantine(given: Mapping[str, Any] | None) -> QuarantineSettings:
    given = given or {}
    refuse_unknown_keys(given, tuple(_DEFAULTS), "quarantine")
    wanted = {**_DEFAULTS, **{key: value for key, value in given.items() if value is not None}}
    if wanted["taint"] not in TAINTS:
        raise RolloutError(f"quarantine.taint: {wanted['taint']!r} is not known; possible are {', '.join(TAINTS)}.")
    if not isinstance(wanted["clear_network_unavailable"], bool):
        raise RolloutError(
            "quarantine.clear_network_unavailable: true or false is needed, not "
            f"{wanted['clear_network_unavailable']!r}."
        )
    return cast(QuarantineSettings, wanted)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The order in which people count names: edge-2 before edge-10."""

from __future__ import annotations

import re
from typing import Union


def natural(name: str) -> tuple[list[Union[str, int]], str]:
    """A sort key. Text and numbers take turns in the split, so that like is compared with like; the name itself breaks ties."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name

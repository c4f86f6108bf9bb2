# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The Calico that hosts were checked for, and the hosts that differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..documents import HostOutcome
from ..documents.canonical import canonical_json
from ..text.order import natural
from ..text.terminal import count, listed

OF_ONE_NODE = ("FelixConfiguration/node.", "BGPConfiguration/node.")
"""Sources of which each node may have its own."""
NAMED = 12


def differing(hosts: Mapping[str, HostOutcome]) -> list[tuple[str, list[str], str]]:
    """Setting, the hosts off the most frequent value, and a sentence; not where a node's own configuration says so."""
    values: dict[str, dict[str, list[str]]] = {}
    for name in sorted(hosts, key=natural):
        result = hosts[name]["result"]
        if result is None:
            continue
        for setting, value in result["settings"].items():
            if not result["sources"].get(setting, "").startswith(OF_ONE_NODE):
                values.setdefault(setting, {}).setdefault(canonical_json(value), []).append(name)
    found = []
    for setting, by_value in values.items():
        if len(by_value) < 2:
            continue
        usual = max(by_value, key=lambda text: (len(by_value[text]), text))
        others = sorted((name for text, names in by_value.items() if text != usual for name in names), key=natural)
        told = "; ".join(
            f"{shown(json.loads(text))} on {listed(names, NAMED)}" for text, names in sorted(by_value.items())
        )
        found.append((setting, others, f"{count(len(others), 'host')} checked for another {setting}: {told}"))
    return found


def shown(value: Any) -> str:
    """As YAML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(str(one) for one in value)}]"
    return str(value) if value != "" else "none"

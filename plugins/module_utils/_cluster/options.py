# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The options of the doc fragments `_label` and `_placement`."""

from __future__ import annotations

from typing import Any

from .._rollout.kubernetes.names import ADMISSION_KEY, ADMISSION_VALUE

LABEL_OPTIONS: dict[str, dict[str, Any]] = {
    "admission_label": {
        "type": "dict",
        "default": {},
        "options": {
            "key": {"type": "str", "default": ADMISSION_KEY, "no_log": False},
            "value": {"type": "str", "default": ADMISSION_VALUE},
        },
    },
}

_COMPONENT: dict[str, Any] = {
    "type": "dict",
    "options": {
        "node_selector": {"type": "dict"},
        "affinity": {"type": "dict"},
        "tolerations": {"type": "list", "elements": "dict"},
    },
}

PLACEMENT_OPTIONS: dict[str, Any] = {
    "affinity": {"type": "dict"},
    "tolerations": {"type": "list", "elements": "dict"},
    "typha_label": {
        "type": "dict",
        "options": {
            "key": {"type": "str", "required": True, "no_log": False},
            "value": {"type": "str", "required": True},
        },
    },
    "kube_controllers": _COMPONENT,
    "apiserver": _COMPONENT,
    "force_conflicts": {"type": "bool", "default": False},
}

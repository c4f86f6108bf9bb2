# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the Installation `overlay` changes what is rendered from the Installation `default`."""

from __future__ import annotations

import copy
from typing import Any

from tests.lab.operator.names import Document

# Of these the overlay replaces single fields, down to the given depth; any other field it replaces as a whole.
# In the overrides that is metadata.labels (2 down) and spec.template.spec.nodeSelector (4 down): never a single selector key.
_DEPTHS = {
    "cni": 1,
    "calicoNetwork": 1,
    "calicoNodeDaemonSet": 4,
    "csiNodeDriverDaemonSet": 4,
    "typhaDeployment": 4,
    "calicoKubeControllersDeployment": 4,
}


def overlaid(spec: Document, overlay: Document) -> Document:
    """The computed configuration; neither argument is changed."""
    merged = copy.deepcopy(spec)
    for field, value in overlay.items():
        merged[field] = _merged(merged.get(field), value, _DEPTHS.get(field, 0))
    return merged


def _merged(base: Any, override: Any, depth: int) -> Any:
    if override in (None, ""):
        return base
    if depth == 0 or not isinstance(base, dict) or not isinstance(override, dict):
        return copy.deepcopy(override)
    # A map of labels ends the descent early: its keys are data, not fields.
    return {
        **base,
        **{
            key: _merged(base.get(key), value, 0 if key in ("labels", "annotations", "nodeSelector") else depth - 1)
            for key, value in override.items()
        },
    }

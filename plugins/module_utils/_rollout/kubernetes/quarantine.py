# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A node in quarantine: how its Node says so, and what is written to begin and to end it.

Its label says that it is in quarantine. The taint closes it to new workloads, and the annotation tells why.

All of it, and the admission label that goes, is one merge patch of one object. So a run that is killed leaves a node either admitted or
in quarantine, and never open to workloads in between. The list of taints is replaced as a whole by such a patch. It carries the
resourceVersion of the Node that was read, and the API server refuses it (409) where somebody wrote the Node since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .names import ANNOTATION_QUARANTINE, QUARANTINE_KEY
from .taints import RawTaint, Taint, with_taints, without_taints

UNTOLD = "no reason is noted on the Node"
NO_TAINT = "none"
_EFFECTS = ("NoSchedule", "NoExecute")
"""Of all taints that a quarantine may have set: the settings may have changed since."""

Raw = Mapping[str, Any]


def quarantine_reason(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str | None:
    """Why the node is in quarantine; None where it is in none."""
    if QUARANTINE_KEY not in labels:
        return None
    return annotations.get(ANNOTATION_QUARANTINE) or UNTOLD


def begun(node: Raw, admission_key: str, cause: str, reason: str, effect: str) -> dict[str, Any]:
    """The merge patch that puts the raw Node into quarantine; empty where it is there already."""
    metadata, taints = _parts(node)
    labels = {QUARANTINE_KEY: cause, admission_key: None}
    after = taints
    if effect != NO_TAINT:
        after = with_taints(taints, [Taint(QUARANTINE_KEY, effect, cause)])
    return _patch(metadata, labels, {ANNOTATION_QUARANTINE: reason}, taints, after)


def ended(node: Raw) -> dict[str, Any]:
    """The merge patch that releases the raw Node; empty where it is in no quarantine."""
    metadata, taints = _parts(node)
    after = without_taints(taints, [Taint(QUARANTINE_KEY, effect, None) for effect in _EFFECTS])
    return _patch(metadata, {QUARANTINE_KEY: None}, {ANNOTATION_QUARANTINE: None}, taints, after)


def _parts(node: Raw) -> tuple[Raw, list[RawTaint]]:
    return node["metadata"], list((node.get("spec") or {}).get("taints") or [])


def _patch(
    metadata: Raw,
    labels: Mapping[str, str | None],
    annotations: Mapping[str, str | None],
    taints: Sequence[RawTaint],
    after: Sequence[RawTaint],
) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for part, wanted in (("labels", labels), ("annotations", annotations)):
        has = metadata.get(part) or {}
        differs = {key: value for key, value in wanted.items() if has.get(key) != value}
        if differs:
            body.setdefault("metadata", {})[part] = differs
    if list(after) != list(taints):
        body["spec"] = {"taints": list(after) or None}
    if body:
        body.setdefault("metadata", {}).update(uid=metadata["uid"], resourceVersion=metadata["resourceVersion"])
    return body

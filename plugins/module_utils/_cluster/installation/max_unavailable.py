# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Writes maxUnavailable into the Installation for the time of an adoption, and takes it out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..._kube.client import ApiError, Cluster
from ..._rollout.calico_node.max_unavailable import (
    leaving_patch,
    max_unavailable_of,
    raised_of,
    raising_patch,
    restoring_patch,
)
from ..._rollout.documents import Observation
from ..._rollout.documents.actions import RaiseMaxUnavailable
from ..._rollout.errors import RolloutError
from ..._rollout.text.instant import rfc3339
from .scope_request import ATTEMPTS, PATH

FIELD_MANAGER = "calico-ops-adoption"
JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True)
class LimitOutcome:
    changed: bool
    before: str | None
    after: str | None
    stored: Mapping[str, Any] | None
    """The raw object that the write returned; None when nothing was written."""


def raise_limit(cluster: Cluster, action: RaiseMaxUnavailable, check_mode: bool = False) -> LimitOutcome:
    return _patched(cluster, action, check_mode)


def restore_limit(cluster: Cluster) -> LimitOutcome:
    """Back to what it was before; somebody else's value stays, only what was remembered is forgotten."""
    outcome = _patched(cluster, None, check_mode=False)
    return outcome if outcome.stored is None else replace(outcome, stored=_without_us(cluster, outcome.stored))


def foreseen_restoration(observation: Observation) -> LimitOutcome:
    """What restore_limit would do, had everything before it been done."""
    installation = observation["installation"]
    raised = installation["raised"] if installation else None
    before = installation["max_unavailable"] if installation else None
    ours = raised is not None and before == raised["raised"]
    return LimitOutcome(raised is not None, before, raised["previous"] if raised and ours else before, None)


def _patched(cluster: Cluster, raising: RaiseMaxUnavailable | None, check_mode: bool) -> LimitOutcome:
    """The patch tests the object that it was made from. After a write in between, it is made anew."""
    for _attempt in range(ATTEMPTS):
        current = cluster.get_or_none(PATH)
        if current is None:
            raise RolloutError("Installation/default was deleted meanwhile; nothing was written.")
        before = max_unavailable_of(current)
        if (raised_of(current) is not None) == (raising is not None):
            return LimitOutcome(False, before, before, None)
        if raising is None:
            patch = restoring_patch(current)
        else:
            patch = raising_patch(current, raising["value"], raising["plan"], rfc3339(raising["until"]))
        query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if check_mode else {})}
        try:
            stored = cluster.request("PATCH", PATH, query=query, body=patch, content_type=JSON_PATCH)
        except ApiError as error:
            # A `test` that does not hold is answered with 422, as what the CRD's schema refuses is: the object tells which.
            if error.status not in (409, 422):
                raise
            if _unchanged(cluster, current):
                wanted = raising["value"] if raising else before
                raise RolloutError(
                    f"The API server refuses to set maxUnavailable of Installation/default to {wanted}: {error.message}"
                ) from error
            continue
        return LimitOutcome(True, before, max_unavailable_of(stored), None if check_mode else stored)
    raise RolloutError(
        f"Installation/default was changed by others each of the {ATTEMPTS} times that its maxUnavailable was about to "
        "be written."
    )


def _without_us(cluster: Cluster, stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """No owner of any field any more. Nothing hangs on it: where it cannot be done, it stays undone."""
    for _attempt in range(ATTEMPTS):
        patch = leaving_patch(stored, FIELD_MANAGER)
        if patch is None:
            return stored
        try:
            return cluster.request(
                "PATCH", PATH, query={"fieldManager": FIELD_MANAGER}, body=patch, content_type=JSON_PATCH
            )
        except ApiError as error:
            again = cluster.get_or_none(PATH) if error.status in (409, 422) else None
            if again is None:
                return stored
            stored = again
    return stored


def _unchanged(cluster: Cluster, current: Mapping[str, Any]) -> bool:
    again = cluster.get_or_none(PATH) or {}
    return bool(again.get("metadata", {}).get("resourceVersion") == current["metadata"]["resourceVersion"])

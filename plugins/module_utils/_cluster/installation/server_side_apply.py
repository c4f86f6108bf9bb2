# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Server-side apply of one purpose's fields, bound to the object that was judged.

The body carries the object's uid, so that an apply never creates, and its resourceVersion, so that what is stored is what
was judged. Another manager's field is taken over only on request, and the result names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._kube.client import ApiError, Cluster
from ..._rollout.errors import RolloutError
from ..._rollout.operator.field_managers import Purpose
from ..._rollout.operator.installation import API_VERSION
from ..._rollout.operator.ownership import Conflict, conflicts_in

APPLY = "application/apply-patch+yaml"

Raw = Mapping[str, Any]


@dataclass
class Target:
    """An object of the operator's, as it is: read, or as the last write returned it.

    `taken_over` has the conflicts of each field manager's dry run. The write after it is bound to the same object, so it meets no others.
    """

    kind: str
    path: str
    current: Raw
    take_over: bool = False
    taken_over: dict[str, list[Conflict]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.kind}/{self.current['metadata']['name']}"


def apply(cluster: Cluster, target: Target, purpose: Purpose, *, dry_run: bool) -> dict[str, Any] | None:
    """The object that the API server stores, or in a dry run would store; None when it is no longer the one that was read."""
    try:
        return _sent(cluster, target, purpose, dry_run, force=purpose.manager in target.taken_over)
    except ApiError as error:
        conflicts = _conflicts(error, target)
        if not conflicts:
            return _nothing_unless_passing(error, target)
        if not target.take_over:
            raise RolloutError(
                f"Other field managers hold what is to be set in {target.name}: "
                f"{'; '.join(conflict.text() for conflict in conflicts)}. Take the field out of what they apply, or "
                "let them set it so; `force_conflicts` takes it over. Nothing was overwritten."
            ) from error
        target.taken_over[purpose.manager] = conflicts
    try:
        return _sent(cluster, target, purpose, dry_run, force=True)
    except ApiError as error:
        return _nothing_unless_passing(error, target)


def refused_by_the_api(error: ApiError, name: str) -> Exception:
    """400 and 422 are about the content of the user's spec or label; the rest (rights, overload) is not ours to explain."""
    if error.status in (400, 422):
        return RolloutError(f"The API server refuses {name}: {error.message}")
    return error


def dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _sent(cluster: Cluster, target: Target, purpose: Purpose, dry_run: bool, force: bool) -> dict[str, Any]:
    metadata = target.current["metadata"]
    body = {
        "apiVersion": API_VERSION,
        "kind": target.kind,
        "metadata": {key: metadata[key] for key in ("name", "uid", "resourceVersion")},
        "spec": purpose.spec,
    }
    query = {
        "fieldManager": purpose.manager,
        "force": "true" if force else "false",
        "fieldValidation": "Strict",
        **dry(dry_run),
    }
    return cluster.request("PATCH", target.path, query=query, body=body, content_type=APPLY)


def _conflicts(error: ApiError, target: Target) -> list[Conflict]:
    return conflicts_in((error.details or {}).get("causes") or [], target.current) if error.status == 409 else []


def _nothing_unless_passing(error: ApiError, target: Target) -> dict[str, Any] | None:
    """None where somebody wrote in between, which the next attempt sees; anything else is for the caller to know."""
    if error.status == 409:
        return None
    raise refused_by_the_api(error, target.name) from error

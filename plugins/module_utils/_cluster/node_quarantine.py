# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Writes Nodes one patch each, judged by the Node as it is: what others write meanwhile is read, and judged anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple
from urllib.parse import quote

from .._kube.client import NODES, ApiError, Cluster
from .._kube.writes import MERGE, NOT_TRIED, Pace, in_parallel
from .._rollout.errors import RolloutError

ATTEMPTS = 8
"""Kubelets write their Node every few minutes; more collisions in a row than that have another cause."""

Raw = Mapping[str, Any]
Judge = Callable[[Raw], "dict[str, Any]"]
"""From the raw Node to its merge patch, with its resourceVersion; empty where nothing is to be written."""


class Patched(NamedTuple):
    node: str
    before: Raw | None
    """The Node that the patch was made for; None where nothing was to be written."""
    body: Raw
    after: Raw | None
    """As the API server returned it."""
    error: ApiError | None


def patch_nodes(
    cluster: Cluster,
    judges: Mapping[str, Judge],
    rate: float,
    concurrency: int,
    *,
    deadline: float | None = None,
    dry_run: bool = False,
) -> list[Patched]:
    """What was written of each node, or why it was not. A Node that is gone has a 404.

    :param judges: by node
    :param deadline: instant (monotonic) after which no further write begins
    """
    pace = Pace(rate)

    def one(name: str) -> Patched:
        if not pace.wait(deadline):
            return Patched(name, None, {}, None, ApiError(0, NOT_TRIED, "not tried: the time was up"))
        try:
            return _patched(cluster, name, judges[name], {"dryRun": "All"} if dry_run else {})
        except ApiError as error:
            return Patched(name, None, {}, None, error)

    return in_parallel(one, list(judges), concurrency)


def raw_nodes(cluster: Cluster, query: dict[str, str] | None = None) -> Sequence[dict[str, Any]]:
    return cluster.list_all(NODES, query=query)[0]


def shown(patched: Patched) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that were written, as they were and as they are."""
    sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    metadata = patched.body.get("metadata") or {}
    for part in ("labels", "annotations"):
        wanted = metadata.get(part)
        if wanted:
            has = (patched.before or {}).get("metadata", {}).get(part) or {}
            sides[0][part] = {key: has[key] for key in wanted if key in has}
            sides[1][part] = {key: value for key, value in wanted.items() if value is not None}
    if "spec" in patched.body:
        sides[0]["taints"] = list(((patched.before or {}).get("spec") or {}).get("taints") or [])
        sides[1]["taints"] = list(patched.body["spec"]["taints"] or [])
    return sides


def _patched(cluster: Cluster, name: str, judge: Judge, query: dict[str, str]) -> Patched:
    for _attempt in range(ATTEMPTS):
        # A list of one: it needs no other right than the lists of a rollout.
        found = raw_nodes(cluster, {"fieldSelector": "metadata.name=" + name})
        node = next((raw for raw in found if raw["metadata"]["name"] == name), None)
        if node is None:
            raise ApiError(404, "NotFound", f"the cluster has no Node {name}")
        body = judge(node)
        if not body:
            return Patched(name, None, {}, node, None)
        try:
            after = cluster.request("PATCH", f"{NODES}/{quote(name)}", query=query, body=body, content_type=MERGE)
        except ApiError as error:
            if error.status != 409:
                raise
        else:
            return Patched(name, node, body, after, None)
    raise RolloutError(f"{name} was changed by others each of the {ATTEMPTS} times that it was about to be written.")

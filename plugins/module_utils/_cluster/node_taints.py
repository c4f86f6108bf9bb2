# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Taints of many nodes: what differs, and one write a node for it that takes nobody else's taint away.

A list cannot be merged, so each write replaces it and carries the resourceVersion of the node that was read. If somebody else writes the
node in between, the API server refuses ours (409); the node is then read and judged anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import quote

from .._kube.client import METADATA, NODES, ApiError, Cluster
from .._kube.writes import MERGE, Pace, Write, in_parallel
from .._rollout.errors import RolloutError
from .._rollout.kubernetes.node_names import meant_nodes
from .._rollout.kubernetes.taints import RawTaint
from .dry_run import Trial, try_writes

ATTEMPTS = 8
"""Kubelets write their Node every few minutes; more collisions in a row than that have another cause."""

Judge = Callable[[Sequence[RawTaint]], "list[RawTaint]"]
"""From the taints that a node has to those that it is to have."""


@dataclass(frozen=True)
class TaintedNode:
    """What of a Node its taints are judged and written by."""

    name: str
    uid: str
    resource_version: str
    taints: Sequence[RawTaint]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaintChange:
    """One node's difference: its whole list, as it is and as it is wanted."""

    seen: TaintedNode
    after: Sequence[RawTaint]

    @property
    def node(self) -> str:
        return self.seen.name

    def shown(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"taints": list(self.seen.taints)}, {"taints": list(self.after)}

    def body(self) -> dict[str, Any]:
        return {
            "metadata": {"resourceVersion": self.seen.resource_version},
            "spec": {"taints": list(self.after) or None},
        }


def tainted_nodes(cluster: Cluster, query: dict[str, str] | None = None) -> list[TaintedNode]:
    """Every Node's taints, from one list. The metadata alone does not have them; each page is trimmed as it comes."""
    return cluster.list_all(NODES, query=query, trim=_trim)[0]


def taint_changes(nodes: Iterable[TaintedNode], names: Iterable[str], judge: Judge) -> list[TaintChange]:
    """What has to be written so that these nodes have the taints that they are to have. Pure.

    RolloutError when one of the names is unknown.
    """
    by_name = {node.name: node for node in nodes}
    changes = (_change(by_name[name], judge) for name in meant_nodes(names, by_name))
    return [change for change in changes if change is not None]


def apply_taint_changes(
    cluster: Cluster, changes: Sequence[TaintChange], judge: Judge, rate: float, concurrency: int
) -> tuple[list[TaintChange], dict[str, str]]:
    """Write each change. What was written, as it was written; and why a node could not be, by name."""
    pace = Pace(rate)

    def write(change: TaintChange) -> TaintChange | RolloutError | None:
        try:
            return _write(cluster, change, judge, pace)
        except RolloutError as error:
            return error

    outcomes = list(zip(changes, in_parallel(write, changes, concurrency)))
    failed = {change.node: str(outcome) for change, outcome in outcomes if isinstance(outcome, RolloutError)}
    return [outcome for _change, outcome in outcomes if isinstance(outcome, TaintChange)], failed


def try_taint_changes(cluster: Cluster, changes: Sequence[TaintChange], rate: float, concurrency: int) -> Trial:
    """The same writes by a dry run, or a hundred that stand for them. A node that others write meanwhile is judged by the real write."""
    writes = [
        Write(change.node, "PATCH", f"{NODES}/{quote(change.node)}", change.body(), accept=METADATA)
        for change in changes
    ]
    carried = {change.node: _carried(change.seen) for change in changes}
    return try_writes(cluster, writes, carried, rate, concurrency)


def _carried(node: TaintedNode) -> dict[str, str]:
    taints = {f"taint {taint.get('key')} {taint.get('effect')}": str(taint.get("value")) for taint in node.taints}
    return {**node.labels, **taints}


def _write(cluster: Cluster, change: TaintChange, judge: Judge, pace: Pace) -> TaintChange | None:
    """The change that was written in the end; None when somebody else had made it meanwhile."""
    path = f"{NODES}/{quote(change.node)}"
    for _attempt in range(ATTEMPTS):
        pace.wait()
        try:
            cluster.request("PATCH", path, body=change.body(), content_type=MERGE, accept=METADATA)
        except ApiError as error:
            if error.status != 409:
                raise
        else:
            return change
        anew = _change(_again(cluster, change.seen), judge)
        if anew is None:
            return None
        change = anew
    raise RolloutError(
        f"{change.node} was changed by others each of the {ATTEMPTS} times that its taints were about to be written."
    )


def _again(cluster: Cluster, seen: TaintedNode) -> TaintedNode:
    # A list of one: it needs no other right than the list before it.
    found = tainted_nodes(cluster, {"fieldSelector": "metadata.name=" + seen.name})
    if not found or found[0].uid != seen.uid:
        raise RolloutError(f"{seen.name} was deleted or replaced while its taints were about to be written.")
    return found[0]


def _change(node: TaintedNode, judge: Judge) -> TaintChange | None:
    after = judge(node.taints)
    return None if after == list(node.taints) else TaintChange(node, after)


def _trim(raw: dict[str, Any]) -> TaintedNode:
    metadata = raw["metadata"]
    taints = (raw.get("spec") or {}).get("taints") or []
    return TaintedNode(
        metadata["name"], metadata["uid"], metadata["resourceVersion"], taints, metadata.get("labels") or {}
    )

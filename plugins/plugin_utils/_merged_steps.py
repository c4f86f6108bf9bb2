# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The results of the calls of rollout_step, as the one result that a single long call would have returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.actions import WAITS

OF_THE_CALL = ("actions", "batch_completed", "changed", "diff", "elapsed", "invocation", "to_commit", "warnings")
"""Fields about one call; the rest describes the present state, which the last call knows best."""


def merged(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A failure keeps what the calls before it did, and where the rollout stood then."""
    whole: dict[str, Any] = {}
    for result in results:
        whole.update({key: value for key, value in result.items() if key not in OF_THE_CALL})
    whole["changed"] = any(result.get("changed", False) for result in results)
    done = [result for result in results if "actions" in result]
    if done:
        whole["actions"] = _actions([action for result in done for action in result["actions"]])
        whole["diff"] = _diff([part for result in done for part in result["diff"]])
        whole["elapsed"] = round(sum(result["elapsed"] for result in done), 1)
        whole["batch_completed"] = any(result["batch_completed"] for result in done)
    for result in results:
        if "to_commit" in result:
            whole["to_commit"] = result["to_commit"]
    if "invocation" in results[0]:
        whole["invocation"] = results[0]["invocation"]
    return {**whole, **merged_warnings(results)}


def merged_warnings(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The field of them all, each warning once; nothing where there is none."""
    warnings: list[Any] = []
    for warning in (warning for result in results for warning in result.get("warnings", ())):
        if warning not in warnings:
            warnings.append(warning)
    return {"warnings": warnings} if warnings else {}


def _actions(actions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A wait, or the labels of a batch, that went on in the next call is one."""
    together: list[dict[str, Any]] = []
    for action in actions:
        last = together[-1] if together else {}
        if action["do"] in WAITS and last.get("do") == action["do"]:
            together[-1] = dict(action)
        elif action["do"] == "label_nodes" == last.get("do") and last["batch"] == action["batch"]:
            together[-1] = _labels(last, action)
        else:
            together.append(dict(action))
    return together


def _labels(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    nodes = [*first["nodes"], *(node for node in second["nodes"] if node not in first["nodes"])]
    failed = {**first.get("failed", {}), **second.get("failed", {})}
    still = {node: error for node, error in failed.items() if node not in nodes}
    entry = {**first, "nodes": nodes, "count": len(nodes)}
    entry.pop("failed", None)
    return {**entry, "failed": still} if still else entry


def _diff(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Nodes in one part, each from before its first write to after its last; other objects in a part for each write."""
    nodes: dict[str, Any] = {"before_header": "nodes", "after_header": "nodes", "before": {}, "after": {}}
    others = []
    for part in parts:
        if part["before_header"] != "nodes":
            others.append(dict(part))
            continue
        nodes["before"] = {**part["before"], **nodes["before"]}
        nodes["after"] = {**nodes["after"], **part["after"]}
    return [*([nodes] if nodes["after"] else []), *others]

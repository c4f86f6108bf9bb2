# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Labels and annotations of many nodes: what differs, and one write a node for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._kube.client import METADATA, NODES, Cluster
from .._kube.writes import Write, WriteOutcome, write_all
from .._rollout.kubernetes.names import check_label, value_text
from .._rollout.kubernetes.node_names import meant_nodes
from .dry_run import Trial, try_writes

Values = Mapping[str, "str | None"]
"""Label or annotation values by key; null stands for its absence."""


@dataclass(frozen=True)
class LabelChange:
    """One node's difference: only the keys whose value changes."""

    node: str
    uid: str
    before: dict[str, Values]
    """`labels` and `annotations`, as they are."""
    after: dict[str, Values]
    """The same keys, as they are wanted."""

    def shown(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return _present(self.before), _present(self.after)

    def write(self) -> Write:
        # With the uid, a node that was deleted and came back under its name (maybe another machine) is refused by the API.
        metadata = {"uid": self.uid, **{part: values for part, values in self.after.items() if values}}
        return Write(self.node, "PATCH", f"{NODES}/{quote(self.node)}", {"metadata": metadata}, accept=METADATA)


def label_changes(
    nodes: Iterable[Mapping[str, Any]], names: Iterable[str] | None, labels: Values, annotations: Values
) -> list[LabelChange]:
    """What has to be written so that these nodes carry these labels and annotations. Pure.

    :param nodes: metadata of the cluster's nodes (Cluster.node_metadata)
    :param names: the nodes meant; null for all given. RolloutError when one of them is unknown
    """
    by_name = {node["name"]: node for node in nodes}
    meant = meant_nodes(by_name if names is None else names, by_name)
    changes = (_change(by_name[name], labels, annotations) for name in meant)
    return [change for change in changes if change is not None]


def apply_label_changes(
    cluster: Cluster, changes: Sequence[LabelChange], rate: float, concurrency: int, *, deadline: float | None = None
) -> dict[str, WriteOutcome]:
    """One merge patch a node, labels and annotations together. By node name: how it went."""
    return write_all(cluster, [change.write() for change in changes], rate, concurrency, deadline=deadline)


def try_label_changes(
    cluster: Cluster, changes: Sequence[LabelChange], nodes: Iterable[Mapping[str, Any]], rate: float, concurrency: int
) -> Trial:
    """The same writes by a dry run, or a hundred that stand for them.

    :param nodes: metadata of the cluster's nodes: by their labels it is chosen who stands for whom
    """
    carried = {node["name"]: node.get("labels") or {} for node in nodes}
    return try_writes(cluster, [change.write() for change in changes], carried, rate, concurrency)


def _change(node: Mapping[str, Any], labels: Values, annotations: Values) -> LabelChange | None:
    before: dict[str, Values] = {}
    after: dict[str, Values] = {}
    for part, wanted in (("labels", labels), ("annotations", annotations)):
        present = node.get(part) or {}
        keys = sorted(key for key in wanted if present.get(key) != wanted[key])
        before[part] = {key: present.get(key) for key in keys}
        after[part] = {key: wanted[key] for key in keys}
    if not any(after.values()):
        return None
    return LabelChange(node["name"], node["uid"], before, after)


def _present(parts: Mapping[str, Values]) -> dict[str, Any]:
    """Without what stands for absence."""
    found = {part: {key: value for key, value in values.items() if value is not None} for part, values in parts.items()}
    return {part: values for part, values in found.items() if values}


def wanted_labels(given: Mapping[str, Any]) -> dict[str, str | None]:
    """The labels as the user writes them, checked; RolloutError says what is wrong."""
    labels = {key: value_text("label", key, value) for key, value in given.items()}
    for key, value in labels.items():
        check_label(key, value or "")
    return labels


def wanted_annotations(given: Mapping[str, Any]) -> dict[str, str | None]:
    """The annotations as the user writes them, checked; RolloutError says what is wrong."""
    for key in given:
        check_label(key, "")
    return {key: value_text("annotation", key, value) for key, value in given.items()}

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Labels and annotations of many nodes: what differs, and one write a node for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._rollout.errors import RolloutError
from .._rollout.labels import check_label
from .._rollout.text import listed
from .client import METADATA, NODES, Cluster
from .writes import Write, WriteOutcome, write_all

NAMES_SHOWN = 20

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

    def write(self) -> Write:
        # With the uid, a node that was deleted and came back under its name (maybe another machine) is refused by the API.
        metadata = {"uid": self.uid, **{part: values for part, values in self.after.items() if values}}
        return Write(
            self.node, "PATCH", "{0}/{1}".format(NODES, quote(self.node)), {"metadata": metadata}, accept=METADATA
        )


def label_changes(
    nodes: Iterable[Mapping[str, Any]], names: Iterable[str] | None, labels: Values, annotations: Values
) -> list[LabelChange]:
    """What has to be written so that these nodes carry these labels and annotations. Pure.

    :param nodes: metadata of the cluster's nodes (Cluster.node_metadata)
    :param names: the nodes meant; null for all given. RolloutError when one of them is unknown
    """
    by_name = {node["name"]: node for node in nodes}
    meant = sorted(by_name if names is None else set(names))
    unknown = [name for name in meant if name not in by_name]
    if unknown:
        raise RolloutError(
            "{0} of {1} nodes do not exist in this cluster, nothing was written: {2}. Node names are those of `kubectl get nodes`.".format(
                len(unknown), len(meant), listed(unknown, NAMES_SHOWN)
            )
        )
    changes = (_change(by_name[name], labels, annotations) for name in meant)
    return [change for change in changes if change is not None]


def apply_label_changes(
    cluster: Cluster, changes: Sequence[LabelChange], rate: float, concurrency: int, *, deadline: float | None = None
) -> dict[str, WriteOutcome]:
    """One merge patch a node, labels and annotations together. By node name: how it went."""
    return write_all(cluster, [change.write() for change in changes], rate, concurrency, deadline=deadline)


def label_diff(changes: Iterable[LabelChange]) -> dict[str, Any]:
    """Before and after of only what changes, for Ansible's diff mode."""
    sides: dict[str, Any] = {"before": {}, "after": {}}
    for change in changes:
        for side, parts in (("before", change.before), ("after", change.after)):
            present = {
                part: {key: value for key, value in values.items() if value is not None}
                for part, values in parts.items()
            }
            sides[side][change.node] = {part: values for part, values in present.items() if values}
    return sides


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


def wanted_labels(given: Mapping[str, Any]) -> dict[str, str | None]:
    """The labels as the user writes them, checked; RolloutError says what is wrong."""
    labels = {key: _text("label", key, value) for key, value in given.items()}
    for key, value in labels.items():
        check_label(key, value or "")
    return labels


def wanted_annotations(given: Mapping[str, Any]) -> dict[str, str | None]:
    """The annotations as the user writes them, checked; RolloutError says what is wrong."""
    for key in given:
        check_label(key, "")
    return {key: _text("annotation", key, value) for key, value in given.items()}


def _text(what: str, key: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # YAML reads an unquoted true, 1.10 or 2026-01-01 as something else, and writing it back may not give the same text.
    raise RolloutError(
        "The value of {0} {1} is a {2}, not a string: put it in quotes ({3!r}).".format(
            what, key, type(value).__name__, str(value).lower()
        )
    )

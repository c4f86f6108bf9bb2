# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_labels import (
    label_changes,
    wanted_annotations,
    wanted_labels,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_writes_result import node_diff
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError


def node(name: str, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    return {"name": name, "uid": "uid-" + name, "labels": labels or {}, "annotations": annotations or {}}


def test_only_nodes_that_differ_are_written() -> None:
    nodes = [node("a", {"x": "1"}), node("b", {"x": "2"}), node("c")]
    assert [change.node for change in label_changes(nodes, ["a", "b", "c"], {"x": "1"}, {})] == ["b", "c"]


def test_only_keys_that_differ_are_written() -> None:
    (change,) = label_changes([node("a", {"x": "1", "y": "1"})], None, {"x": "1", "y": "2"}, {})
    assert change.write().body["metadata"]["labels"] == {"y": "2"}


def test_labels_and_annotations_of_a_node_are_one_write() -> None:
    (change,) = label_changes([node("a")], None, {"x": "1"}, {"y": "2"})
    assert change.write().body == {"metadata": {"uid": "uid-a", "labels": {"x": "1"}, "annotations": {"y": "2"}}}


def test_a_value_of_null_removes_what_is_there_and_asks_for_nothing_else() -> None:
    changes = label_changes([node("a", {"x": "1"}), node("b")], None, {"x": None}, {})
    assert [change.write().body["metadata"] for change in changes] == [{"uid": "uid-a", "labels": {"x": None}}]


def test_nodes_that_do_not_exist_are_named() -> None:
    with pytest.raises(RolloutError, match="2 of 3 nodes do not exist in this cluster, nothing was written: y, z"):
        label_changes([node("a")], ["z", "a", "y"], {"x": "1"}, {})


def test_a_long_list_of_names_is_cut() -> None:
    with pytest.raises(RolloutError, match=re.escape("n-19 and 30 more.")):
        label_changes([], [f"n-{index:02d}" for index in range(50)], {"x": "1"}, {})


def test_the_diff_shows_only_what_changes() -> None:
    changes = label_changes([node("a", {"x": "1", "keep": "k"}, {"y": "1"})], None, {"x": "2"}, {"y": None, "z": "3"})
    assert node_diff(changes) == {
        "before": {"a": {"labels": {"x": "1"}, "annotations": {"y": "1"}}},
        "after": {"a": {"labels": {"x": "2"}, "annotations": {"z": "3"}}},
    }


@pytest.mark.parametrize("value", [True, 1.10])
def test_a_value_that_yaml_did_not_leave_a_string_is_refused_with_the_remedy(value: Any) -> None:
    with pytest.raises(RolloutError, match="put it in quotes"):
        wanted_labels({"x": value})


def test_a_whole_number_is_its_own_text() -> None:
    assert wanted_labels({"x": 7}) == {"x": "7"}


def test_a_label_that_kubernetes_would_refuse_is_refused_before_it_is_sent() -> None:
    with pytest.raises(RolloutError, match="not valid"):
        wanted_labels({"x": "not a label value"})


def test_an_annotation_may_hold_any_text() -> None:
    assert wanted_annotations({"x": "any text, {{ even this }}"}) == {"x": "any text, {{ even this }}"}


def test_an_annotation_needs_a_valid_key() -> None:
    with pytest.raises(RolloutError, match="not valid"):
        wanted_annotations({"no spaces": "x"})

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.max_unavailable import (
    at_once,
    leaving_patch,
    max_unavailable_of,
    raised_of,
    raises,
    raising_patch,
    restoring_patch,
)

KEY = "rollout.calico-ops.dev/max-unavailable"
POINTER = "/spec/nodeUpdateStrategy/rollingUpdate/maxUnavailable"
SAME = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}


def raw(value: Any = 1, **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "default", "resourceVersion": "7", "annotations": {"a": "b", **annotations}},
        "spec": {"nodeUpdateStrategy": {"rollingUpdate": {"maxUnavailable": value}}},
    }


@pytest.mark.parametrize(
    ("value", "nodes", "together"),
    [("1", 20, 1), ("5", 20, 5), ("10%", 20, 2), ("10%", 21, 3), ("1%", 5, 1), ("0", 5, 1)],
)
def test_how_many_may_be_down_is_counted_as_the_daemonset_controller_does(
    value: str, nodes: int, together: int
) -> None:
    assert at_once(value, nodes) == together


def test_only_a_value_that_lets_more_nodes_restart_is_a_raise() -> None:
    assert raises("2", "1", 20)
    assert raises("2", None, 20)
    assert not raises("10%", "2", 20)
    assert not raises(None, "1", 20)


def test_the_patch_tests_the_value_that_it_remembers_and_raises_in_one_write() -> None:
    assert raising_patch(raw(), "5", "abc123", "2026-01-01T02:00:00Z") == [
        SAME,
        {"op": "test", "path": POINTER, "value": 1},
        {"op": "add", "path": POINTER, "value": 5},
        {
            "op": "add",
            "path": "/metadata/annotations/rollout.calico-ops.dev~1max-unavailable",
            "value": '{"plan": "abc123", "previous": 1, "raised": "5", "until": "2026-01-01T02:00:00Z"}',
        },
    ]


def test_what_is_missing_above_the_value_is_made() -> None:
    bare = {"metadata": {"resourceVersion": "7"}}
    patch = raising_patch(bare, "10%", "abc123", "2026-01-01T02:00:00Z")
    assert [step["path"] for step in patch] == [
        "/metadata/resourceVersion",
        "/spec",
        "/spec/nodeUpdateStrategy",
        "/spec/nodeUpdateStrategy/rollingUpdate",
        POINTER,
        "/metadata/annotations",
        "/metadata/annotations/rollout.calico-ops.dev~1max-unavailable",
    ]
    assert patch[4]["value"] == "10%"


def test_a_raised_value_is_put_back_and_forgotten() -> None:
    kept = raw("25%", **{KEY: '{"previous": 1, "raised": "25%", "plan": "abc123", "until": "2026-01-01T02:00:00Z"}'})
    assert max_unavailable_of(kept) == "25%"
    assert raised_of(kept) == {"previous": "1", "raised": "25%", "plan": "abc123", "until": "2026-01-01T02:00:00Z"}
    assert restoring_patch(kept) == [
        SAME,
        {"op": "test", "path": POINTER, "value": "25%"},
        {"op": "replace", "path": POINTER, "value": 1},
        {"op": "remove", "path": "/metadata/annotations/rollout.calico-ops.dev~1max-unavailable"},
    ]


@pytest.mark.parametrize("odd", [7, None, "x" * 65, ["abc"]])
def test_a_plan_or_an_end_that_is_none_is_left_out(odd: object) -> None:
    text = json.dumps({"previous": 1, "raised": "5", "plan": odd, "until": odd})
    assert raised_of(raw(**{KEY: text})) == {"previous": "1", "raised": "5", "plan": None, "until": None}


def test_where_there_was_none_it_is_taken_out_again() -> None:
    kept = raw(5, **{KEY: '{"previous": null, "raised": "5"}'})
    assert {"op": "remove", "path": POINTER} in restoring_patch(kept)


def test_a_value_of_somebody_else_stays() -> None:
    kept = raw(7, **{KEY: '{"previous": 1, "raised": "5"}'})
    assert [step["op"] for step in restoring_patch(kept)] == ["test", "remove"]


def test_an_owner_that_leaves_takes_out_its_own_entries_and_no_other() -> None:
    owned = raw()
    owned["metadata"]["managedFields"] = [{"manager": name} for name in ("we", "operator", "we")]
    assert leaving_patch(owned, "we") == [
        SAME,
        {"op": "remove", "path": "/metadata/managedFields/2"},
        {"op": "remove", "path": "/metadata/managedFields/0"},
    ]
    assert leaving_patch(owned, "nobody") is None
    assert leaving_patch(raw(), "we") is None
    owned["metadata"]["managedFields"] = [{"manager": "we"}]
    assert leaving_patch(owned, "we") is None


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "{}", '{"previous": 1}', '{"previous": "{{ x }}", "raised": "5"}']
)
def test_an_annotation_that_is_not_a_rollouts_is_none(text: str) -> None:
    assert raised_of(raw(**{KEY: text})) is None

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import UserDict
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import digest, plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.order import natural


class MarkedText(str):
    __slots__ = ()


class MarkedNumber(int):
    pass


def test_marked_values_become_plain_ones() -> None:
    result: Any = plain(UserDict({MarkedText("a"): [MarkedText("b"), MarkedNumber(1), True, None, 1.5]}))
    assert result == {"a": ["b", 1, True, None, 1.5]}
    assert [type(key) for key in result] == [str]
    assert [type(item) for item in result["a"]] == [str, int, bool, type(None), float]


def test_a_digest_does_not_depend_on_order_or_marks() -> None:
    assert digest({"a": 1, "b": "x"}) == digest({MarkedText("b"): MarkedText("x"), "a": MarkedNumber(1)})
    assert digest({"a": 1}) != digest({"a": 2})


def test_names_are_counted_as_people_count_them() -> None:
    names = ["edge-10", "edge-2", "edge-02", "core-1", "edge", "10", "9a"]
    assert sorted(names, key=natural) == ["9a", "10", "core-1", "edge", "edge-02", "edge-2", "edge-10"]

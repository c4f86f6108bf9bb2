# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the admitted nodes: what outlives a Node, what is forgotten, and what a hostile one can do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.status.admission_record import (
    LARGEST,
    Admitted,
    noted,
    read,
    registered_anew,
    taken_off,
    written,
)

from tests.unit.rollout.builders import LABEL, bare, node_seen

CORE = Admitted("aaaaaaaa", "core-1", "0123456789ab")


def cluster(**nodes: tuple[str, bool]) -> Any:
    """Nodes by name, with their UID and whether they carry the label; batch and plan are noted on those that do."""
    seen = bare(list(nodes))
    for name, (uid, admitted) in nodes.items():
        node = node_seen(admitted=admitted)
        node["uid"] = uid
        if admitted:
            node["annotations"] = {
                "rollout.calico-ops.dev/batch": "core-1",
                "rollout.calico-ops.dev/plan": "0123456789ab",
            }
        seen["nodes"][name] = node
    return seen


def test_every_node_with_the_label_is_noted_with_uid_batch_and_plan() -> None:
    found = noted({}, cluster(a=("aaaaaaaa-1111", True), b=("bbbbbbbb-1111", False)), LABEL)
    assert found == {"a": CORE}
    assert read(written(found, LABEL), LABEL) == found


def test_a_node_that_is_gone_stays_noted_and_is_told_when_another_one_of_its_name_comes() -> None:
    record = noted({"a": CORE}, cluster(), LABEL)
    assert record == {"a": CORE}
    assert registered_anew(record, cluster(), LABEL) == {}
    again = cluster(a=("cccccccc-1111", False))
    assert registered_anew(record, again, LABEL) == {"a": CORE}
    assert noted(record, again, LABEL) == record, "it stays told until it is admitted or kept out"


def test_a_node_that_was_admitted_again_is_no_longer_told() -> None:
    again = cluster(a=("cccccccc-1111", True))
    assert registered_anew({"a": CORE}, again, LABEL) == {}
    assert noted({"a": CORE}, again, LABEL)["a"].uid == "cccccccc"


def test_the_same_node_without_its_label_is_not_called_registered_anew_and_is_forgotten() -> None:
    same = cluster(a=("aaaaaaaa-1111", False))
    assert registered_anew({"a": CORE}, same, LABEL) == {}
    assert taken_off({"a": CORE}, "a", same["nodes"]["a"]) == CORE
    assert noted({"a": CORE}, same, LABEL) == {}


def test_a_node_that_a_plan_keeps_out_is_forgotten() -> None:
    assert noted({"a": CORE}, cluster(a=("cccccccc-1111", False)), LABEL, kept_out=["a"]) == {}


def test_a_label_that_was_set_by_hand_is_noted_without_a_batch() -> None:
    seen = cluster(a=("aaaaaaaa-1111", True))
    seen["nodes"]["a"]["annotations"] = {}
    assert noted({}, seen, LABEL)["a"].text() == "it carried the admission label, which no rollout had set"


def test_five_thousand_nodes_stay_below_half_a_mebibyte() -> None:
    names = [f"ip-10-0-{number % 256}-{number}.eu-central-1.compute.internal.example" for number in range(5000)]
    record = {
        name: Admitted(f"{number:08x}", f"edge-{number // 50}", "0123456789ab") for number, name in enumerate(names)
    }
    text = written(record, LABEL)
    assert len(text) < 512 * 1024
    assert read(text, LABEL) == record


def test_where_it_grows_too_large_names_that_are_gone_go_first() -> None:
    gone = {f"{'g' * 200}-{number}": Admitted("aaaaaaaa", "b", "p") for number in range(3000)}
    found = noted({**gone, "b": CORE}, cluster(a=("aaaaaaaa-1", True), b=("bbbbbbbb-1", False)), LABEL)
    assert {"a", "b"} < set(found)
    assert len(written(found, LABEL)) <= LARGEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[" * 100_000,
        json.dumps({"version": 2, "label": "rollout.calico-ops.dev/admitted=true", "admitted": []}),
        json.dumps(
            {"version": 1, "label": "other=true", "admitted": [{"plan": "p", "batch": "b", "nodes": {"a": "x"}}]}
        ),
        json.dumps({"version": 1, "label": "rollout.calico-ops.dev/admitted=true", "admitted": {"plan": 1}}),
        json.dumps(
            {
                "version": 1,
                "label": "rollout.calico-ops.dev/admitted=true",
                "admitted": [
                    None,
                    {"plan": "p", "batch": "b\x1b[31m", "nodes": {"a": "x"}},
                    {"plan": "p", "batch": "b", "nodes": {"a": 1, "A<b>": "x", "a\n": "x", "c": "x" * 99}},
                ],
            }
        ),
    ],
)
def test_what_does_not_read_as_a_record_is_left_aside(text: str) -> None:
    assert read(text, LABEL) == {}

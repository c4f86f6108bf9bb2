# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taint writes among others who write the same nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_taints import (
    ATTEMPTS,
    TaintChange,
    TaintedNode,
    apply_taint_changes,
    taint_changes,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.taints import Taint, with_taints

from tests.unit.kube.fake_api import Reply, Request, fake_api, status

OURS = Taint("example.com/ours", "NoSchedule", "")
RAW = OURS.raw()
FOREIGN = {"key": "example.com/foreign", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}


def judge(has: Sequence[Any]) -> list[Any]:
    return with_taints(has, [OURS])


def seen(*taints: Any, version: str = "1", name: str = "a", uid: str = "uid") -> TaintedNode:
    return TaintedNode(name, uid, version, list(taints))


class Node:
    """One node behind an API server; each of the first `races` writes comes too late, for `meanwhile` happened."""

    def __init__(self, races: int, meanwhile: Sequence[Any], uid: str = "uid") -> None:
        self.races = races
        self.meanwhile = list(meanwhile)
        self.uid = uid
        self.written: list[Any] = []

    def answer(self, request: Request, number: int) -> Reply:
        if request.method == "GET":
            assert request.query["fieldSelector"] == "metadata.name=a"
            metadata = {"name": "a", "uid": self.uid, "resourceVersion": "2"}
            item = {"metadata": metadata, "spec": {"taints": self.meanwhile}}
            return Reply(body={"metadata": {"resourceVersion": "2"}, "items": [item] if self.uid else []})
        if self.races > 0:
            self.races -= 1
            return status(409, "Conflict", "the object has been modified")
        self.written.append(request.body)
        return Reply(body={"metadata": {"name": "a"}})


def write(node: Node) -> tuple[list[TaintChange], dict[str, str]]:
    with fake_api(node.answer) as api:
        return apply_taint_changes(api.cluster(), taint_changes([seen()], ["a"], judge), judge, 0, 4)


def test_a_write_is_good_only_for_the_node_as_it_was_read() -> None:
    node = Node(0, [])
    write(node)
    assert node.written == [{"metadata": {"resourceVersion": "1"}, "spec": {"taints": [RAW]}}]


def test_a_taint_that_somebody_set_in_between_is_kept() -> None:
    node = Node(1, [FOREIGN])
    done, failed = write(node)
    assert node.written == [{"metadata": {"resourceVersion": "2"}, "spec": {"taints": [FOREIGN, RAW]}}]
    assert [change.shown() for change in done] == [({"taints": [FOREIGN]}, {"taints": [FOREIGN, RAW]})]
    assert failed == {}


def test_a_taint_that_somebody_else_set_as_wanted_in_between_is_no_change_of_ours() -> None:
    node = Node(1, [RAW])
    assert write(node) == ([], {})
    assert node.written == []


def test_a_node_that_was_replaced_under_its_name_is_not_written() -> None:
    node = Node(1, [], uid="another")
    assert write(node) == ([], {"a": "a was deleted or replaced while its taints were about to be written."})
    assert node.written == []


def test_a_node_that_is_gone_is_reported() -> None:
    done, failed = write(Node(1, [], uid=""))
    assert (done, list(failed)) == ([], ["a"])


def test_collisions_without_end_are_reported_with_their_number() -> None:
    _done, failed = write(Node(10**6, []))
    assert failed["a"].startswith(f"a was changed by others each of the {ATTEMPTS} times")


def test_the_last_taint_to_go_leaves_no_list_behind() -> None:
    (change,) = taint_changes([seen(RAW)], ["a"], lambda has: [])
    assert change.body()["spec"] == {"taints": None}


def test_only_nodes_that_are_named_are_written() -> None:
    changes = taint_changes([seen(name="a"), seen(name="b"), seen(RAW, name="c")], ["c", "b"], judge)
    assert [change.node for change in changes] == ["b"]

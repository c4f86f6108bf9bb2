# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The witness of a rollout: what it calls broken, and what it does not."""

from __future__ import annotations

from typing import Any

from tests.lab.recorder import Event, Verdict, daemonset_event, judge, pod_event


def told(*changes: tuple[str, str, bool], limit: int = 1, gone: tuple[str, ...] = ()) -> Verdict:
    """Changes of (node, revision, ready), in order; the pods of `gone` are deleted at the end."""
    events = [Event(version=1, limit=limit)]
    events += [
        Event(version=number, node=node, pod=f"{node}-{revision}", revision=revision, ready=ready)
        for number, (node, revision, ready) in enumerate(changes, 2)
    ]
    events += [Event(version=100 + number, node=pod[0], pod=pod, gone=True) for number, pod in enumerate(gone)]
    return judge(events)


RUNNING = (("a", "1", True), ("b", "1", True), ("c", "1", True))


def test_a_rolling_update_within_its_limit_is_fine() -> None:
    restart = [
        (node, revision, ready) for node in "abc" for revision, ready in (("1", False), ("2", False), ("2", True))
    ]
    verdict = told(*RUNNING, *restart, gone=("a-1", "b-1", "c-1"))
    assert (verdict.broken, verdict.most_down) == ([], 1)
    assert verdict.served == verdict.restarted == {"a", "b", "c"}


def test_more_nodes_down_at_once_than_allowed_are_named() -> None:
    down = (("a", "1", False), ("b", "1", False), ("b", "2", True), ("a", "2", True))
    (broken,) = told(*RUNNING, *down).broken
    assert "2 nodes without a Ready calico-node at once, maxUnavailable allows 1: a, b" in broken
    assert told(*RUNNING, *down, limit=2).broken == []


def test_a_calico_node_that_does_not_come_back_was_taken() -> None:
    (broken,) = told(*RUNNING, ("a", "1", False), gone=("a-1",)).broken
    assert broken == "calico-node was Ready there and did not come back: a"


def test_one_that_is_replaced_by_its_like_was_not_replaced_by_the_rolling_update() -> None:
    events = [
        Event(version=1, node="a", pod="a-1", revision="1", ready=True),
        Event(version=2, node="a", pod="a-1", gone=True),
        Event(version=3, node="a", pod="a-2", revision="1", ready=True),
    ]
    assert judge(events).broken == ["calico-node of a was replaced by one of the same revision"]


def test_the_worst_moment_is_told_once() -> None:
    down = [(node, "1", False) for node in "abc"]
    (broken,) = told(*RUNNING, *down, *[(node, "2", True) for node in "abc"]).broken
    assert broken.startswith("3 nodes")


def test_a_node_that_never_had_a_ready_one_can_lose_it() -> None:
    assert told(*RUNNING, ("d", "1", False), gone=("d-1",)).broken == []


def test_the_limit_is_the_one_of_the_time() -> None:
    events = [
        Event(version=1, limit=2),
        *(Event(version=number, node=node, pod=node, revision="1", ready=True) for number, node in enumerate("ab", 2)),
        Event(version=4, node="a", pod="a", revision="1"),
        Event(version=6, node="a", pod="a2", revision="2", ready=True),
        Event(version=7, limit=1),
        Event(version=8, node="b", pod="b2", revision="2", ready=True),
        Event(version=5, node="b", pod="b", revision="1"),
    ]
    assert judge(events).broken == []


def test_nothing_seen_is_no_proof() -> None:
    assert judge([]).broken == ["no node had a Ready calico-node, and nothing is no proof"]


def raw_pod(**metadata: Any) -> dict[str, Any]:
    labels = {"k8s-app": "calico-node", "controller-revision-hash": "7d9f"}
    return {
        "metadata": {"uid": "u", "resourceVersion": "12", "labels": labels, **metadata},
        "spec": {"nodeName": "a"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def test_a_pod_that_is_about_to_go_serves_nobody() -> None:
    assert pod_event(raw_pod(), gone=False) == Event(12, "a", "u", "7d9f", ready=True)
    assert pod_event(raw_pod(deletionTimestamp="2026-01-01T00:00:00Z"), gone=False) == Event(12, "a", "u", "7d9f")
    assert pod_event(raw_pod(labels={"k8s-app": "typha"}), gone=False) is None


def test_a_percentage_is_counted_in_nodes() -> None:
    raw = {
        "metadata": {"name": "calico-node", "resourceVersion": "3"},
        "spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%"}}},
        "status": {"desiredNumberScheduled": 21},
    }
    assert daemonset_event(raw, gone=False) == Event(3, limit=3)

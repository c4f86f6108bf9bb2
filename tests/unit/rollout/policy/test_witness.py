# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two clients saw becomes one sentence of a node: its longest gap, and the denied connections that came through."""

from __future__ import annotations

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.witness import (
    Allowed,
    Denied,
    Heard,
    Pair,
    pairs,
    witnessed,
)

PAIR = Pair("w-1", "w-2")
QUIET = Allowed(100, 1000.0, 0.0, None, None)
SHUT = Denied(100, 0, None, None)


def heard(allowed: Allowed = QUIET, denied: Denied = SHUT) -> Heard:
    return Heard(1000.0, 1010.0, 0.012, [allowed], [denied])


def test_each_node_is_paired_with_one_that_nothing_happens_to_if_there_is_one() -> None:
    assert pairs(["a", "b", "c"], ["x", "y"]) == [("a", "x"), ("b", "y"), ("c", "x")]
    assert pairs(["a", "b", "c"], []) == [("a", "b"), ("b", "c"), ("c", "a")]
    assert pairs(["a"], []) == [("a", "a")]


def test_a_quiet_node_has_no_gap_and_no_reason() -> None:
    found = witnessed(PAIR, {"ingress": heard(), "egress": heard()}, [])
    assert (found["longest_gap"], found["denied_through"], found["reason"]) == (None, 0, None)
    assert (found["connections"], found["seconds"], found["resolution_ms"]) == (400, 10.0, 12.0)
    assert found["began"] == "1970-01-01T00:16:40.000Z"


def test_the_longest_gap_of_both_directions_is_told_with_its_time() -> None:
    short, long = Allowed(9, 1000.0, 0.02, 1003.0, None), Allowed(9, 1000.0, 0.5, 1004.25, None)
    found = witnessed(PAIR, {"ingress": heard(short), "egress": heard(long)}, [])
    assert found["longest_gap"] == {"began": "1970-01-01T00:16:44.250Z", "milliseconds": 500.0, "direction": "egress"}


def test_a_gap_that_has_not_ended_counts_to_the_end() -> None:
    found = witnessed(PAIR, {"ingress": heard(Allowed(9, 1000.0, 0.5, 1001.0, 1002.0))}, [])
    assert found["longest_gap"] == {"began": "1970-01-01T00:16:42.000Z", "milliseconds": 8000.0, "direction": "ingress"}


def test_losses_of_the_last_seconds_say_nothing() -> None:
    assert witnessed(PAIR, {"ingress": heard(Allowed(9, 1000.0, 0.0, None, 1006.0))}, [])["longest_gap"] is None


def test_denied_connections_that_came_through_are_counted_with_their_first_and_direction() -> None:
    opened = Denied(100, 20, 1005.5, None)
    found = witnessed(PAIR, {"ingress": heard(denied=opened), "egress": heard()}, [])
    assert (found["denied_through"], found["open_directions"]) == (20, ["ingress"])
    assert found["first_denied_through"] == "1970-01-01T00:16:45.500Z"


def test_what_came_through_before_the_engine_knew_the_pod_is_told_apart() -> None:
    found = witnessed(PAIR, {"egress": heard(denied=Denied(100, 0, None, 1000.04))}, [])
    assert (found["denied_through"], found["open_at_start_ms"]) == (0, 40.0)


def test_what_nobody_saw_is_no_evidence() -> None:
    found = witnessed(PAIR, {}, ["it had no witness"])
    assert (found["reason"], found["began"], found["open_at_start_ms"]) == ("it had no witness", None, None)
    silent = witnessed(PAIR, {"egress": heard(Allowed(100, None, 0.0, None, None))}, [])
    assert silent["reason"] == "no allowed connection came through (egress)"

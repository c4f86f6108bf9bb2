# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which line is shown when, by a clock that the tests move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.progress import (
    begun,
    clock,
    look_seconds,
    rounded,
    watched,
)

BATCHES = {"core-1": 2, "edge-1": 3, "edge-2": 3}


def report(
    batch: str | None,
    ready: int = 0,
    reason: str = "waiting for edge-3 (no_pod: image pull)",
    *,
    admitted: int | None = None,
    sizes: Mapping[str, int] | None = None,
    states: Sequence[str] = (),
    outside: int = 0,
) -> Any:
    """A report of the batch under way; None is the end."""
    sizes = BATCHES if sizes is None else sizes
    names = list(sizes)
    at = len(names) if batch is None else names.index(batch)
    batches = []
    for index, (name, nodes) in enumerate(sizes.items()):
        state = "done" if index < at else "in_progress" if index == at else "pending"
        count = nodes if index < at else (nodes if admitted is None else admitted) if index == at else 0
        entry: dict[str, Any] = {"name": name, "tier": None, "nodes": nodes, "admitted": count, "state": state}
        batches.append({**entry, "ready": nodes if index < at else ready if index == at else 0})
    return {
        "outcome": "done" if batch is None else "in_progress",
        "reason": reason,
        "planned": sum(sizes.values()),
        "ready": sum(each["ready"] for each in batches),
        "batches": batches,
        "excluded": [{}] * outside,
        "not_ready": [{"state": state, "since": None} for state in states],
        "refused": [],
    }


def next_batch(batch: str, **more: Any) -> Any:
    """The report at the end of a batch: the next one begins, and none of its nodes is admitted yet."""
    return report(batch, reason=f"batch {batch}: admit 3 nodes (a, b, c)", admitted=0, **more)


def lines(*seen: tuple[float, Any]) -> list[str | None]:
    """The lines of a run that began at 100 s, each report with the seconds since then."""
    watch, shown = begun(100.0), []
    for seconds, each in seen:
        watch = watched(watch, each, 100.0 + seconds)
        shown.append(watch.line)
    return shown


def test_a_line_has_batch_counts_what_is_waited_for_and_the_time() -> None:
    assert lines((41, report("edge-1", 2))) == [
        "batch 2/3 edge-1: 2 of 3 ready, waiting for edge-3 (no_pod: image pull); 00:41"
    ]


def test_a_line_comes_with_a_change_and_not_before() -> None:
    assert [line is not None for line in lines((10, report("edge-1", 1)), (20, report("edge-1", 1)))] == [True, False]
    assert lines((10, report("edge-1", 1)), (20, report("edge-1", 2)))[1] is not None


def test_seconds_that_pass_are_no_change() -> None:
    def commit(left: int) -> Any:
        return report("core-1", reason=f"waiting for a commit, for at most {left} s more: argocd")

    assert lines((10, commit(3590)), (20, commit(3580)))[1] is None


def test_a_line_comes_within_a_minute_though_nothing_has_changed() -> None:
    seen = [(float(seconds), report("edge-1", 1)) for seconds in range(10, 200, 10)]
    shown = [seconds for (seconds, _report), line in zip(seen, lines(*seen)) if line]
    assert max(after - before for before, after in zip(shown, shown[1:])) <= 60
    assert len(shown) == 4


def test_the_end_is_always_shown() -> None:
    end = report(None, reason="calico-node is ready on all 8 planned nodes; none is outside")
    assert lines((70, end), (71, end)) == [
        "done: calico-node is ready on all 8 planned nodes; none is outside; 01:10",
        "done: calico-node is ready on all 8 planned nodes; none is outside; 01:11",
    ]


def test_nothing_is_estimated_before_a_batch_has_shown_how_long_it_takes() -> None:
    (line,) = lines((10, report("core-1", 1)))
    assert line is not None
    assert "about" not in line


def test_the_time_that_is_left_is_measured_on_the_batches_of_this_run() -> None:
    shown = lines((30, next_batch("edge-1")), (40, report("edge-1", 2)), (50, next_batch("edge-2")))
    assert shown == [
        "batch 1/3 core-1 is through, 2 of 8 nodes ready; next 2/3 edge-1, 3 nodes; 00:30, about 60 s left",
        "batch 2/3 edge-1: 2 of 3 ready, waiting for edge-3 (no_pod: image pull); 00:40, about 50 s left",
        # 30 s and 20 s so far.
        "batch 2/3 edge-1 is through, 5 of 8 nodes ready; next 3/3 edge-2, 3 nodes; 00:50, about 30 s left",
    ]


def test_a_batch_that_hangs_has_no_estimate() -> None:
    shown = lines((30, next_batch("edge-1")), (85, report("edge-1", 2)), (95, report("edge-1", 1)))
    assert [line is not None and "about" in line for line in shown] == [True, True, False]


def test_batches_of_an_earlier_run_tell_nothing_of_the_pace() -> None:
    (line,) = lines((12, report("edge-2", 1)))
    assert line is not None
    assert "about" not in line


def test_a_node_of_an_earlier_batch_that_falls_over_is_no_batch_of_its_own() -> None:
    fallen = report("edge-1", 2)
    fallen["batches"][0].update(state="in_progress", ready=1)
    shown = lines((30, next_batch("edge-1")), (35, fallen), (60, next_batch("edge-2")))
    assert shown[1] is not None
    assert shown[1].startswith("batch 1/3 core-1: 1 of 2 ready")
    assert shown[2] is not None
    # Both batches took 30 s.
    assert shown[2].endswith("01:00, about 30 s left")


def test_a_rolling_update_is_measured_by_its_nodes() -> None:
    def restarting(ready: int) -> Any:
        states = ["old_revision"] * (20 - ready)
        return report("adoption", ready, f"waiting for {20 - ready} nodes", sizes={"adoption": 20}, states=states)

    shown = lines((10, restarting(0)), (20, restarting(2)), (30, restarting(4)))
    assert [line and line.rpartition("; ")[2] for line in shown] == [
        *("00:10", "00:20, about 90 s left", "00:30, about 80 s left"),
    ]


def test_an_adoption_is_no_measure_for_the_batches_after_it() -> None:
    (line,) = lines((300, next_batch("edge-1", sizes={"adoption": 20, "edge-1": 3})))
    assert line is not None
    assert "about" not in line


def test_what_the_api_server_refuses_is_not_hidden_behind_the_batch_before() -> None:
    refused = next_batch("edge-1")
    refused["refused"] = [{}]
    (line,) = lines((30, refused))
    assert line is not None
    assert line.startswith("batch 2/3 edge-1: 0 of 3 ready, admit 3 nodes")


def test_a_long_story_is_shortened() -> None:
    (line,) = lines((10, report("edge-1", 1, "waiting for " + "w" * 500)))
    assert line is not None
    assert line.endswith("...; 00:10")
    assert len(line) < 180


@pytest.mark.parametrize(("nodes", "seconds"), [(8, 10), (1000, 10), (1500, 15), (5000, 25)])
def test_a_large_cluster_is_listed_less_often(nodes: int, seconds: int) -> None:
    assert look_seconds(report("core-1", outside=nodes - 8)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "00:00"), (59.9, "00:59"), (61, "01:01"), (3600, "1:00:00"), (7384, "2:03:04")]
)
def test_the_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "10 s"), (11, "20 s"), (89, "90 s"), (100, "2 min"), (5399, "1 h 30 min"), (3600, "60 min")],
)
def test_an_estimate_is_rounded(seconds: float, text: str) -> None:
    assert rounded(seconds) == text

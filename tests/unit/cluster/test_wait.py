# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate opens when every node is ready and has been for the soak; shut, it says who is missing and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.wait import (
    Expectation,
    Verdict,
    await_ready,
    missing,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Observation
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.observation import snapshot

from . import raw
from .raw import KEY, LABEL


def seen(ready: Sequence[str] = (), unready: Sequence[str] = (), since: str = "2026-01-01T00:00:00Z") -> Observation:
    names = [*ready, *unready]
    pods = [snapshot.pod_seen(raw.pod(name, ready=name in ready)) for name in names]
    for pod in pods:
        pod["since"] = since
    return {
        "nodes": {name: snapshot.node_seen(raw.node(name, admitted=True, ready=True)) for name in names},
        "pods": pods,
        "daemonset": snapshot.daemonset_seen(raw.daemonset(desired=len(names)), [raw.revision(1, "new")]),
        "csi_daemonset": None,
        "installation": None,
        "overlay": None,
        "apiserver": None,
        "v3_crds": False,
        "manifest_install": [],
        "calico_status": {},
    }


class Film:
    """What is seen from which second on. Waiting moves its clock: to the next change, or by the time asked for."""

    def __init__(self, *frames: tuple[float, Observation]) -> None:
        self._frames = frames
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def observe(self) -> Observation:
        return [frame for at, frame in self._frames if at <= self.now][-1]

    def wait_for_change(self, timeout: float) -> bool:
        assert timeout > 0, "a wait that does not wait is a tight loop"
        changes = [at for at, _frame in self._frames if self.now < at < self.now + timeout]
        self.now = changes[0] if changes else self.now + timeout
        return bool(changes)


def awaited(film: Film, timeout: float = 100.0, soak: float = 0.0, nodes: Sequence[str] = ("a", "b")) -> Verdict:
    return await_ready(Expectation(LABEL, nodes), film, timeout, soak, film.clock)


def test_passes_when_all_are_ready_and_not_before() -> None:
    film = Film((0, seen(["a"], ["b"])), (7, seen(["a", "b"])))
    assert awaited(film).missing is None
    assert film.now == 7


def test_the_soak_begins_anew_when_a_node_falls_back() -> None:
    both, one = seen(["a", "b"]), seen(["a"], ["b"])
    film = Film((0, both), (5, one), (6, both))
    assert awaited(film, soak=10).missing is None
    assert film.now == 16


def test_the_soak_begins_anew_when_a_pod_was_unready_between_two_looks() -> None:
    film = Film((0, seen(["a", "b"])), (5, seen(["a", "b"], since="2026-01-01T00:00:05Z")))
    assert awaited(film, soak=10).missing is None
    assert film.now == 15


def test_the_deadline_ends_the_wait_with_the_whole_table() -> None:
    verdict = awaited(Film((0, seen(["a"], ["b"]))), timeout=30)
    assert [(row["node"], row["state"]) for row in verdict.readiness["nodes"]] == [("a", "ready"), ("b", "not_ready")]
    assert verdict.missing is not None
    assert "1 of 2 nodes ready; not ready: b (not_ready" in verdict.missing


def test_ready_but_not_for_long_enough_is_no_pass() -> None:
    verdict = awaited(Film((0, seen(["a", "b"]))), timeout=5, soak=10)
    assert verdict.readiness["ready"]
    assert verdict.missing == "all nodes are ready, but not yet for 10 s"


def test_nodes_that_join_during_the_wait_are_expected_too() -> None:
    film = Film((0, seen(["a"])), (1, seen(["a"], ["b"])), (9, seen(["a", "b"])))
    verdict = await_ready(Expectation(LABEL, selector=KEY), film, 100, 5, film.clock)
    assert (verdict.missing, verdict.readiness["expected"], film.now) == (None, 2, 14)


def test_a_selector_that_matches_no_node_never_passes() -> None:
    film = Film((0, seen(["a", "b"])))
    verdict = await_ready(Expectation(LABEL, selector="zone=nowhere"), film, 5, 0, film.clock)
    assert verdict.missing is not None


def test_only_the_first_nodes_are_named_in_the_sentence() -> None:
    names = [f"n{number}" for number in range(8)]
    told = missing(Expectation(LABEL, names).judge(seen(unready=names)))
    assert told is not None
    assert told.count("not_ready:") == 5
    assert told.endswith("and 3 more")


@pytest.mark.parametrize(
    "made",
    [
        lambda: Expectation(LABEL, ["a", "a"]),
        lambda: Expectation(LABEL, []),
        lambda: Expectation(LABEL, selector="a in (b"),
        lambda: Expectation({"key": "bad key!", "value": "x"}, ["a"]),
    ],
)
def test_a_wrong_expectation_is_an_error_before_anything_is_asked(made: Callable[[], Expectation]) -> None:
    with pytest.raises(RolloutError):
        made()

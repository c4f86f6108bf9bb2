# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a Lease may be taken: no clock but the one of whoever looks counts, and at most one run writes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.lock import LeaseWatched
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.lease import (
    ANNOTATION_PROCESSES,
    Holder,
    Process,
    Processes,
    gives_up_after,
    is_free,
    released,
    renew_every,
    seen,
    taken,
    watched,
)
from hypothesis import given, settings
from hypothesis import strategies as st

PLACE = ("kube-system", "calico-ops-rollout")
ALICE = Holder("alice@ci-7_42_a", Processes("boot pid:[1]", (Process(42, 1000), Process(43, 1001))))
BOB = Holder("bob@ci-8_42_b")
EARLY, LATE = "2026-01-02T03:04:05.000000Z", "2026-01-02T03:09:05.000000Z"


def stored(lease: dict[str, Any], version: int = 5) -> dict[str, Any]:
    return {**lease, "metadata": {**lease["metadata"], "resourceVersion": str(version)}}


ALICES = stored(taken(None, PLACE, ALICE, 120, EARLY))


def test_a_lease_is_read_as_it_was_written() -> None:
    read = seen(ALICES)
    assert (read.version, read.holder, read.duration) == ("5", ALICE.name, 120.0)
    assert (read.acquired, read.renewed, read.processes) == (*["2026-01-02T03:04:05Z"] * 2, ALICE.processes)


def test_a_renewal_keeps_when_it_was_taken_and_how_often_the_holder_changed() -> None:
    spec = taken(ALICES, PLACE, ALICE, 120, LATE)["spec"]
    assert (spec["acquireTime"], spec["renewTime"], spec["leaseTransitions"]) == (EARLY, LATE, 0)


def test_another_holder_begins_anew_and_counts_the_change() -> None:
    spec = taken(ALICES, PLACE, BOB, 60, LATE)["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == (BOB.name, 60)
    assert (spec["acquireTime"], spec["renewTime"], spec["leaseTransitions"]) == (LATE, LATE, 1)
    assert taken(stored(released(ALICES, LATE)), PLACE, BOB, 60, LATE)["spec"]["leaseTransitions"] == 1


def test_a_write_has_the_version_that_was_read_and_all_that_others_noted() -> None:
    noted = {**ALICES, "metadata": {**ALICES["metadata"], "labels": {"team": "net"}, "annotations": {"why": "drill"}}}
    for written in (taken(noted, PLACE, BOB, 60, LATE), released(noted, LATE)):
        assert written["metadata"]["resourceVersion"] == "5"
        assert written["metadata"]["labels"] == {"team": "net"}
        assert written["metadata"]["annotations"] == {"why": "drill"}


def test_the_processes_of_a_former_holder_are_not_left_to_the_next_one() -> None:
    for written in (taken(ALICES, PLACE, BOB, 60, LATE), released(ALICES, LATE)):
        assert seen(stored(written)).processes is None


def test_a_released_lease_has_no_holder() -> None:
    lease = seen(stored(released(ALICES, LATE)))
    assert lease.holder == ""
    assert is_free(lease, watched(None, lease.version, 0.0), BOB.name, gone=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[1, []]",
        '["m", 3]',
        '["m", [[1]]]',
        '["m", [[-1, 5]]]',
        '["m", [[true, 5]]]',
        '["m", [["1", 5]]]',
    ],
)
def test_words_of_others_are_no_processes(text: str) -> None:
    lease = {**ALICES, "metadata": {**ALICES["metadata"], "annotations": {ANNOTATION_PROCESSES: text}}}
    assert seen(lease).processes is None


@pytest.mark.parametrize(
    ("watch", "gone", "free"),
    [
        (LeaseWatched(version="5", seconds=119.9), False, False),
        (LeaseWatched(version="5", seconds=120.0), False, True),
        (LeaseWatched(version="4", seconds=500.0), False, False),
        (LeaseWatched(version="5", seconds=0.0), True, True),
    ],
)
def test_it_is_free_once_it_was_seen_unchanged_for_its_duration_or_its_holder_is_gone(
    watch: LeaseWatched, gone: bool, free: bool
) -> None:
    assert is_free(seen(ALICES), watch, BOB.name, gone) is free
    assert is_free(seen(ALICES), watch, ALICE.name, gone)


def test_a_renewal_begins_the_watch_anew_and_pauses_do_not_count() -> None:
    watch = watched(None, "5", 0.0)
    watch = watched(watch, "5", 50.0)
    # Another call: nobody looked in between.
    watch = watched(watch, "5", 0.0)
    assert watched(watch, "5", 10.0) == {"version": "5", "seconds": 60.0}
    assert watched(watch, "6", 10.0) == {"version": "6", "seconds": 0.0}


class Run:
    """A holder or a candidate with a clock of its own, which is no other's. It looks at what is stored, and takes it if it may."""

    def __init__(self, name: str, clock: float) -> None:
        self.holder = Holder(name)
        self.clock = clock
        self.watch: LeaseWatched | None = None
        self.looked: float | None = None
        self.renewed: float | None = None

    def writes(self, now: float) -> bool:
        """It thinks that it may write now."""
        return self.renewed is not None and now - self.renewed <= gives_up_after(DURATION)

    def acts(self, store: dict[str, Any], now: float) -> None:
        lease, text = store["lease"], f"clock {self.clock + now}"
        if lease is not None:
            found = seen(lease)
            self.watch = watched(self.watch, found.version, 0.0 if self.looked is None else now - self.looked)
            self.looked = now
            if not is_free(found, self.watch, self.holder.name, gone=False):
                self.renewed = None
                return
        store["lease"] = stored(taken(lease, PLACE, self.holder, DURATION, text), version=store["version"])
        store["version"] += 1
        self.renewed = now


DURATION = 120
moments = st.lists(st.tuples(st.integers(0, 2), st.floats(0.1, 200)), min_size=1, max_size=60)


@settings(max_examples=300)
@given(moments, st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3))
def test_at_most_one_run_writes_whatever_their_clocks_say_and_however_late_they_come(
    turns: list[tuple[int, float]], clocks: list[float]
) -> None:
    runs = [Run(f"run-{number}", clock) for number, clock in enumerate(clocks)]
    store: dict[str, Any] = {"lease": None, "version": 1}
    now = 0.0
    for who, pause in turns:
        now += pause
        runs[who].acts(store, now)
        assert [run.holder.name for run in runs if run.writes(now)] in ([], [store["lease"]["spec"]["holderIdentity"]])


@given(st.lists(st.floats(0.1, 60), max_size=80), st.floats(-1e9, 1e9))
def test_nobody_takes_it_from_a_holder_that_renews_in_time(pauses: list[float], clock: float) -> None:
    holder, other = Run("holder", 0.0), Run("other", clock)
    store: dict[str, Any] = {"lease": None, "version": 1}
    now = renewed = 0.0
    holder.acts(store, now)
    for pause in pauses:
        now += pause
        while now - renewed > gives_up_after(DURATION):
            renewed += gives_up_after(DURATION)
            holder.acts(store, renewed)
        other.acts(store, now)
        assert store["lease"]["spec"]["holderIdentity"] == "holder"


@given(st.floats(0.1, 30))
def test_whoever_keeps_looking_gets_it_from_a_holder_that_died(pause: float) -> None:
    store: dict[str, Any] = {"lease": None, "version": 1}
    Run("dead", 0.0).acts(store, 0.0)
    other, now = Run("other", 0.0), 0.0
    while now <= DURATION + 2 * pause:
        other.acts(store, now)
        now += pause
    assert store["lease"]["spec"]["holderIdentity"] == "other"


def test_a_holder_tries_several_times_before_it_gives_up_and_gives_up_before_another_may_take_it() -> None:
    assert 3 * renew_every(DURATION) < gives_up_after(DURATION) < DURATION

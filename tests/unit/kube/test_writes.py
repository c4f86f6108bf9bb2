# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import client, writes
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.writes import NOT_TRIED, Pace, Write, write_all

from tests.unit.kube.fake_api import Reply, Request, fake_api, status


def patches(count: int) -> list[Write]:
    return [Write(f"n-{index}", "PATCH", f"/api/v1/nodes/n-{index}", {"metadata": {}}) for index in range(count)]


def echo(request: Request, number: int) -> Reply:
    return Reply(body={"metadata": {"name": request.path.rsplit("/", 1)[1]}})


def test_every_write_is_carried_out_and_reported_by_name() -> None:
    with fake_api(echo) as api:
        outcomes = write_all(api.cluster(), patches(20), 0, 4)
    assert [outcome.object for outcome in outcomes.values()] == [{"metadata": {"name": name}} for name in outcomes]
    assert sorted(request.path for request in api.requests) == sorted(write.path for write in patches(20))


def test_a_write_that_fails_is_reported_by_name_and_stops_no_other() -> None:
    def refuse_one(request: Request, number: int) -> Reply:
        return status(404, "NotFound", "gone") if request.path.endswith("n-3") else echo(request, number)

    with fake_api(refuse_one) as api:
        outcomes = write_all(api.cluster(), patches(6), 0, 2)
    assert {name for name, outcome in outcomes.items() if not outcome.ok} == {"n-3"}
    assert "404 NotFound: gone" in str(outcomes["n-3"].error)


def test_conflicts_429_and_5xx_are_settled_by_repeating() -> None:
    bad = {"n-0": status(409, "Conflict"), "n-1": status(429, "TooManyRequests"), "n-2": status(503, "Unavailable")}

    def first_time_bad(request: Request, number: int) -> Reply:
        return bad.pop(request.path.rsplit("/", 1)[1], None) or echo(request, number)

    with fake_api(first_time_bad) as api:
        outcomes = write_all(api.cluster(), patches(4), 0, 4)
    assert all(outcome.ok for outcome in outcomes.values())
    assert len(api.requests) == 7


def slow(request: Request, number: int) -> Reply:
    time.sleep(0.05)
    return echo(request, number)


def test_no_more_writes_are_under_way_than_allowed() -> None:
    with fake_api(slow) as api:
        write_all(api.cluster(), patches(12), 0, 3)
    assert api.most_at_once == 3


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_writes_keep_to_their_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(writes, "time", clock)
    pace, begun = Pace(20), []
    for _write in range(11):
        assert pace.wait()
        begun.append(clock.now)
    assert begun == pytest.approx([1000 + number * 0.05 for number in range(11)])


def test_writes_that_do_not_fit_before_the_deadline_are_reported_as_not_tried() -> None:
    with fake_api(echo) as api:
        outcomes = write_all(api.cluster(), patches(50), 10, 2, deadline=time.monotonic() + 0.5)
    untried = [outcome for outcome in outcomes.values() if not outcome.ok]
    assert len(outcomes) == 50
    assert 0 < len(api.requests) <= 6
    assert len(untried) == 50 - len(api.requests)
    assert all("not tried" in str(outcome.error) for outcome in untried)


def test_nothing_to_write_asks_nothing() -> None:
    with fake_api(echo) as api:
        assert write_all(api.cluster(), [], 50, 16) == {}
    assert api.requests == []


def test_a_trial_ends_with_the_first_refusal_that_may_pass_for_it_takes_its_full_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "TIMEOUT", 0.1)
    with fake_api(lambda request, number: status(503, "Unavailable")) as api:
        outcomes = write_all(api.cluster(), patches(50), 0, 1, until_passing=True)
    assert len({request.path for request in api.requests}) == 1
    assert [outcome.error.reason for outcome in outcomes.values() if outcome.error][1:] == [NOT_TRIED] * 49

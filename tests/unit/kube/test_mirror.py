# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.mirror import (
    Kind,
    Mirror,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.watch import Expired, watch

from tests.unit.kube.fake_api import FakeApi, Reply, Request, fake_api, script, status

PODS = "/api/v1/pods"
HANGS = 3600.0
"""Seconds, more than a test may take: one that ends has not waited for it."""


def pod(name: str, version: int, **extra: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "ns", "resourceVersion": str(version)}, **extra}


def event(kind: str, name: str, version: int) -> dict[str, Any]:
    return {"type": kind, "object": pod(name, version)}


def events(*lines: Any, stay: float = 0.0) -> Reply:
    def send() -> Iterator[Any]:
        yield from lines
        time.sleep(stay)

    return Reply(lines=send)


def within(seconds: float) -> float:
    return time.monotonic() + seconds


def names(api: FakeApi, version: str = "10", seconds: float = 1.0) -> list[tuple[str, str]]:
    return [(kind, item["metadata"]["name"]) for kind, item in watch(api.cluster(), PODS, version, within(seconds))]


def test_events_come_in_order_and_the_watch_ends_at_its_deadline() -> None:
    with fake_api(
        script(events(event("ADDED", "a", 11), event("DELETED", "a", 12), stay=1), events(stay=HANGS))
    ) as api:
        assert names(api, seconds=1.5) == [("ADDED", "a"), ("DELETED", "a")]
    assert api.requests[0].query["allowWatchBookmarks"] == "true"


def test_a_watch_that_the_server_ended_goes_on_after_the_last_event() -> None:
    with fake_api(script(events(event("ADDED", "a", 11)), events(event("ADDED", "b", 12)), events(stay=5))) as api:
        assert names(api, seconds=2) == [("ADDED", "a"), ("ADDED", "b")]
    assert [request.query["resourceVersion"] for request in api.requests][:3] == ["10", "11", "12"]


def test_a_bookmark_moves_the_watch_on_and_is_not_an_event() -> None:
    with fake_api(script(events({"type": "BOOKMARK", "object": pod("", 99)}), events(stay=5))) as api:
        assert names(api, seconds=1) == []
    assert api.requests[1].query["resourceVersion"] == "99"


def test_a_connection_that_breaks_within_an_event_loses_none() -> None:
    with fake_api(
        script(events(event("ADDED", "a", 11), None), events(event("ADDED", "b", 12)), events(stay=5))
    ) as api:
        assert names(api, seconds=2) == [("ADDED", "a"), ("ADDED", "b")]
    assert api.requests[1].query["resourceVersion"] == "11"


GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}


@pytest.mark.parametrize("reply", [events(GONE), status(410, "Expired", "too old")])
def test_a_version_that_is_too_old_is_said(reply: Reply) -> None:
    with fake_api(script(reply)) as api, pytest.raises(Expired, match="too old"):
        names(api)


def test_an_error_event_is_raised_with_the_servers_words() -> None:
    denied = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "reason": "Boom", "message": "etcd is ill"}}
    with fake_api(script(events(denied))) as api, pytest.raises(ApiError, match="etcd is ill"):
        names(api)


def test_a_server_that_ends_each_watch_at_once_is_not_asked_in_a_tight_loop() -> None:
    with fake_api(script(events())) as api:
        names(api, seconds=2)
    assert len(api.requests) <= 5


def test_closing_wakes_the_thread_that_waits_for_an_event() -> None:
    with fake_api(script(events(event("ADDED", "a", 11), stay=20))) as api:
        watching = watch(api.cluster(), PODS, "10", within(30))
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.extend(watching))
        thread.start()
        time.sleep(0.5)
        watching.close()
        thread.join(timeout=2)
        assert not thread.is_alive()
        assert len(seen) == 1


class Ended:
    """A response that was read to its end while somebody closed the watch: urllib3 asks http.client, whose file is gone."""

    def fileno(self) -> int:
        file: Any = None
        return int(file.fileno())


def test_closing_a_watch_whose_response_has_just_ended_is_no_error() -> None:
    with fake_api(script(events())) as api:
        watching = watch(api.cluster(), PODS, "10", within(5))
        watching._response = Ended()
        watching.close()
        assert list(watching) == []


def cluster_of(lists: list[list[Any]], watches: list[Reply]) -> Callable[[Request, int], Reply]:
    """Answers lists and watches of one kind, each in turn."""
    counts = {"list": 0, "watch": 0}

    def answer(request: Request, number: int) -> Reply:
        what = "watch" if "watch" in request.query else "list"
        index = counts[what]
        counts[what] += 1
        if what == "watch":
            return watches[min(index, len(watches) - 1)]
        return Reply(
            body={"metadata": {"resourceVersion": str(100 * (index + 1))}, "items": lists[min(index, len(lists) - 1)]}
        )

    return answer


def present(mirror: Mirror) -> list[str]:
    return sorted(item["metadata"]["name"] for item in mirror.objects("pods"))


def mirror_of(api: FakeApi, seconds: float = 10, **kind: Any) -> Mirror:
    return Mirror(api.cluster(), {"pods": Kind(PODS, **kind)}, within(seconds))


def wait_until(mirror: Mirror, condition: Callable[[], bool]) -> None:
    while not condition():
        mirror.wait_for_change(0.2)


def test_a_mirror_follows_the_cluster_with_one_list_and_one_watch() -> None:
    changes = events(
        event("ADDED", "b", 101),
        event("MODIFIED", "a", 102),
        event("DELETED", "b", 103),
        event("ADDED", "c", 104),
        stay=5,
    )
    with fake_api(cluster_of([[pod("a", 1)]], [changes])) as api, mirror_of(api) as mirror:
        wait_until(mirror, lambda: present(mirror) == ["a", "c"])
        assert len(api.requests) == 2


def test_a_mirror_lists_anew_when_its_version_is_too_old() -> None:
    with (
        fake_api(cluster_of([[pod("a", 1)], [pod("b", 2)]], [events(GONE), events(stay=5)])) as api,
        mirror_of(api) as mirror,
    ):
        # The objects are there before the watch that follows them is asked for.
        wait_until(mirror, lambda: present(mirror) == ["b"] and len(api.requests) >= 4)
    assert [request.query.get("resourceVersion") for request in api.requests[:4]] == [None, "100", None, "200"]


def test_waiting_returns_at_once_when_something_changed_between_two_reads() -> None:
    changes = events(event("ADDED", "b", 101), stay=5)
    with fake_api(cluster_of([[pod("a", 1)]], [changes])) as api, mirror_of(api) as mirror:
        present(mirror)
        time.sleep(0.5)
        assert mirror.wait_for_change(0)


def test_waiting_ends_without_a_change() -> None:
    with fake_api(cluster_of([[pod("a", 1)]], [events(stay=5)])) as api, mirror_of(api) as mirror:
        present(mirror)
        mirror.wait_for_change(0)
        assert not mirror.wait_for_change(0.2)


def test_objects_are_kept_as_trimmed() -> None:
    changes = events({"type": "ADDED", "object": pod("b", 101, spec={"big": "x"})}, stay=5)
    answer = cluster_of([[pod("a", 1, spec={"big": "x"})]], [changes])
    with fake_api(answer) as api, mirror_of(api, trim=lambda item: item["metadata"]["name"]) as mirror:
        wait_until(mirror, lambda: sorted(mirror.objects("pods")) == ["a", "b"])


def test_what_keeps_a_kind_from_being_read_reaches_the_caller() -> None:
    forbidden = script(status(403, "Forbidden", "pods is forbidden"))
    with fake_api(forbidden) as api, mirror_of(api) as mirror, pytest.raises(ApiError, match="pods is forbidden"):
        mirror.objects("pods")


def test_a_watch_that_becomes_forbidden_reaches_the_caller_instead_of_old_objects() -> None:
    answer = cluster_of([[pod("a", 1)]], [status(403, "Forbidden", "pods is forbidden")])
    with fake_api(answer) as api, mirror_of(api) as mirror:
        mirror.wait_for_change(2)
        with pytest.raises(ApiError, match="pods is forbidden"):
            wait_until(mirror, lambda: present(mirror) == [])


def test_a_kind_that_is_not_installed_is_empty_where_that_may_be() -> None:
    with fake_api(script(status(404, "NotFound"))) as api, mirror_of(api, optional=True) as mirror:
        assert mirror.objects("pods") == []


def test_a_kind_that_must_be_there_is_an_error_where_it_is_not() -> None:
    with (
        fake_api(script(status(404, "NotFound"))) as api,
        mirror_of(api) as mirror,
        pytest.raises(ApiError, match="404 NotFound"),
    ):
        mirror.objects("pods")


def test_a_list_that_never_comes_is_an_error_at_the_deadline() -> None:
    def hang(request: Request, number: int) -> Reply:
        time.sleep(3)
        return Reply(body={"metadata": {"resourceVersion": "1"}, "items": []})

    with (
        fake_api(hang) as api,
        mirror_of(api, seconds=0.5) as mirror,
        pytest.raises(ApiError, match="no list within the time given"),
    ):
        mirror.objects("pods")


def test_closing_a_mirror_ends_its_threads() -> None:
    with fake_api(cluster_of([[pod("a", 1)]], [events(stay=20)])) as api:
        before = set(threading.enumerate())
        mirror = mirror_of(api, seconds=30)
        (thread,) = [thread for thread in set(threading.enumerate()) - before if thread.name == "mirror-pods"]
        present(mirror)
        time.sleep(0.3)
        mirror.close()
        thread.join(timeout=2)
        assert not thread.is_alive()

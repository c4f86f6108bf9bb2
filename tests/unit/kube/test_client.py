# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import client
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import (
    METADATA_LIST,
    NODES,
    USER_AGENT,
    ApiError,
    Cluster,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection

from tests.unit.kube.fake_api import Reply, Request, fake_api, script, status

MERGE = "application/merge-patch+json"
OK = Reply(body={"kind": "Node"})


def test_a_refusal_says_what_was_asked_and_what_the_server_answered() -> None:
    with fake_api(script(status(404, "NotFound", 'nodes "n" not found'))) as api, pytest.raises(ApiError) as caught:
        api.cluster().request("GET", "/api/v1/nodes/n")
    assert str(caught.value) == 'GET /api/v1/nodes/n: 404 NotFound: nodes "n" not found'
    assert (caught.value.status, caught.value.reason) == (404, "NotFound")
    assert caught.value.details == {"name": "x"}


def test_a_refusal_that_is_not_json_is_still_readable() -> None:
    blocked = Reply(403, b"<html>blocked by the proxy</html>")
    with fake_api(script(blocked)) as api, pytest.raises(ApiError, match="403 Forbidden: <html>blocked by the proxy"):
        api.cluster().request("GET", NODES)


def test_an_answer_that_is_no_json_object_names_the_likely_mistake() -> None:
    welcome = Reply(200, b"<html>welcome</html>")
    with fake_api(script(welcome)) as api, pytest.raises(ApiError, match="Is this the address of an API server"):
        api.cluster().request("GET", NODES)


def test_what_is_not_there_is_none() -> None:
    with fake_api(script(status(404, "NotFound"))) as api:
        assert api.cluster().get_or_none("/apis/operator.tigera.io/v1/installations/default") is None


def test_requests_name_their_sender_and_carry_the_token() -> None:
    with fake_api(script(OK)) as api:
        api.cluster().request("GET", NODES)
    assert api.requests[0].headers["user-agent"] == USER_AGENT
    assert USER_AGENT.startswith("calico-ops-rollout/")
    assert api.requests[0].headers["authorization"] == "Bearer token-of-the-test"


def test_impersonation_sends_one_header_a_group() -> None:
    with fake_api(script(OK)) as api:
        api.cluster(impersonate_user="joe", impersonate_groups=["one", "two"]).request("GET", NODES)
    assert api.requests[0].headers["impersonate-user"] == "joe"
    assert api.requests[0].headers["impersonate-group"] == "one, two"


def test_basic_authentication_is_sent_where_there_is_no_token() -> None:
    with fake_api(script(OK)) as api:
        cluster = Cluster(Connection({"host": api.url, "username": "joe", "password": "secret"}))
        cluster.request("GET", NODES)
    assert api.requests[0].headers["authorization"] == "Basic am9lOnNlY3JldA=="


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_429_is_obeyed_for_every_method(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    ours = threading.get_ident()

    def sleep(seconds: float) -> None:
        # A mirror of another test may still be waiting for its API server, in a thread of its own.
        if threading.get_ident() == ours:
            slept.append(seconds)

    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=sleep, time=time.time))
    with fake_api(script(status(429, "TooManyRequests", Retry_After="1"), OK)) as api:
        api.cluster().request(method, NODES, body=None if method == "GET" else {}, content_type=MERGE)
    assert len(api.requests) == 2
    assert slept == [1]


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_5xx_is_repeated_where_the_request_may_take_effect_twice(code: int) -> None:
    with fake_api(script(status(code, "InternalError"), OK)) as api:
        api.cluster().request("PATCH", NODES + "/n", body={}, content_type=MERGE)
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    ("method", "content_type"), [("POST", "application/json"), ("PATCH", "application/json-patch+json")]
)
def test_5xx_is_not_repeated_where_the_request_may_not_take_effect_twice(method: str, content_type: str) -> None:
    with fake_api(script(status(500, "InternalError"), OK)) as api, pytest.raises(ApiError, match="500 InternalError"):
        api.cluster().request(method, NODES, body={}, content_type=content_type)
    assert len(api.requests) == 1


def test_a_conflict_is_an_answer_unless_the_caller_says_that_it_passes() -> None:
    with fake_api(script(status(409, "Conflict"), OK)) as api, pytest.raises(ApiError, match="409 Conflict"):
        api.cluster().request("PATCH", NODES + "/n", body={}, content_type=MERGE)
    with fake_api(script(status(409, "Conflict"), OK)) as api:
        api.cluster().request("PATCH", NODES + "/n", body={}, content_type=MERGE, retry_conflicts=True)
    assert len(api.requests) == 2


def test_repetitions_end_at_the_deadline_with_the_last_answer() -> None:
    starting = status(503, "ServiceUnavailable", "still starting")
    with fake_api(script(starting)) as api, pytest.raises(ApiError, match="503 ServiceUnavailable: still starting"):
        api.cluster().request("GET", NODES, timeout=2)
    assert len(api.requests) > 2


def test_a_retry_after_beyond_the_deadline_is_not_slept_out() -> None:
    busy = status(429, "TooManyRequests", Retry_After="3600")
    with fake_api(script(busy)) as api, pytest.raises(ApiError, match="429 TooManyRequests"):
        api.cluster().request("GET", NODES, timeout=5)
    assert len(api.requests) == 1


def test_a_server_that_does_not_answer_is_named_within_the_time_given() -> None:
    cluster = Cluster(Connection({"host": "http://127.0.0.1:9", "api_key": "x"}))
    with pytest.raises(ApiError, match=r"no answer from http://127.0.0.1:9: .*refused") as caught:
        cluster.request("GET", NODES, timeout=1)
    assert caught.value.status == 0


def test_a_request_that_hangs_ends_at_its_deadline() -> None:
    asked_enough = threading.Event()

    def hang(request: Request, number: int) -> Reply:
        asked_enough.wait()
        return OK

    with fake_api(hang) as api:
        try:
            with pytest.raises(ApiError, match="no answer"):
                api.cluster().request("GET", NODES, timeout=1)
        finally:
            asked_enough.set()


def test_redirects_are_not_followed_with_the_token() -> None:
    with fake_api(script(OK)) as elsewhere:
        with (
            fake_api(script(Reply(302, {}, {"Location": elsewhere.url + "/x"}))) as api,
            pytest.raises(ApiError, match="302"),
        ):
            api.cluster().request("GET", NODES)
        assert elsewhere.requests == []


def pages(request: Request, number: int) -> Reply:
    """Five items, two a page."""
    start = int(request.query.get("continue") or 0)
    items = [
        {"metadata": {"name": f"n-{index}", "uid": "u"}, "spec": {"big": "x"}}
        for index in range(start, min(start + 2, 5))
    ]
    following = str(start + 2) if start + 2 < 5 else ""
    return Reply(body={"metadata": {"resourceVersion": "42", "continue": following}, "items": items})


def test_a_list_is_fetched_in_pages() -> None:
    with fake_api(pages) as api:
        items, version = api.cluster().list_all(NODES, query={"labelSelector": "a=b"})
    assert [item["metadata"]["name"] for item in items] == ["n-0", "n-1", "n-2", "n-3", "n-4"]
    assert version == "42"
    assert [request.query["limit"] for request in api.requests] == ["500"] * 3
    assert {request.query["labelSelector"] for request in api.requests} == {"a=b"}


def test_a_list_is_trimmed_page_by_page() -> None:
    with fake_api(pages) as api:
        items, _version = api.cluster().list_all(NODES, trim=lambda item: item["metadata"]["name"])
    assert items == ["n-0", "n-1", "n-2", "n-3", "n-4"]


def test_a_list_whose_snapshot_expired_begins_anew() -> None:
    def once_expired(request: Request, number: int) -> Reply:
        return status(410, "Expired") if number == 1 else pages(request, number)

    with fake_api(once_expired) as api:
        items, _version = api.cluster().list_all(NODES)
    assert len(items) == 5


def test_a_list_that_expires_each_time_is_given_up() -> None:
    def always_expired(request: Request, number: int) -> Reply:
        return status(410, "Expired") if request.query.get("continue") else pages(request, number)

    with fake_api(always_expired) as api, pytest.raises(ApiError, match="410 Expired"):
        api.cluster().list_all(NODES)
    assert len(api.requests) == 6


def test_an_empty_list_of_metadata_has_null_for_its_items() -> None:
    empty = Reply(body={"metadata": {"resourceVersion": "42"}, "items": None})
    with fake_api(lambda request, number: empty) as api:
        assert api.cluster().node_metadata() == []


def test_node_metadata_asks_for_metadata_only() -> None:
    with fake_api(pages) as api:
        nodes = api.cluster().node_metadata()
    assert nodes[0] == {"name": "n-0", "uid": "u", "labels": {}, "annotations": {}}
    assert api.requests[0].headers["accept"] == METADATA_LIST


def test_the_version_in_the_user_agent_is_the_collections() -> None:
    yaml: Any = pytest.importorskip("yaml")
    from pathlib import Path

    galaxy = Path(__file__).resolve().parents[3] / "galaxy.yml"
    if not galaxy.exists():
        pytest.skip("galaxy.yml is not part of an installed collection")
    assert "calico-ops-rollout/" + yaml.safe_load(galaxy.read_text())["version"] == USER_AGENT


def test_a_write_hears_out_the_api_server_that_waits_for_a_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    """What names the webhook comes when its own time is up, which may be later than ours would be."""
    monkeypatch.setattr(client, "TIMEOUT", 0.1)  # a read may take a second at least

    def late(request: Request, number: int) -> Reply:
        time.sleep(1.4)
        return status(500, "InternalError", 'failed calling webhook "slow.example.com": context deadline exceeded')

    with fake_api(late) as api, pytest.raises(ApiError, match=r"slow\.example\.com"):
        api.cluster().request("PATCH", NODES + "/n", body={}, content_type=MERGE)


@pytest.mark.parametrize(
    ("code", "message", "passing", "forbids_dry_run"),
    [
        (500, 'Internal error occurred: failed calling webhook "x": connection refused', True, False),
        (503, "the server is shutting down", True, False),
        (504, "request did not complete within requested timeout", True, False),
        (429, "too many requests", True, False),
        (409, "the object has been modified", True, False),
        (400, 'admission webhook "x" does not support dry run', False, True),
        (500, 'Internal error occurred: failed calling webhook "x": Webhook SideEffects is nil', True, True),
        (400, 'admission webhook "x" denied the request: no', False, False),
        (403, 'admission webhook "x" denied the request: this cluster does not support dry run', False, False),
        (422, "ValidatingAdmissionPolicy 'x' denied request", False, False),
    ],
)
def test_a_refusal_is_told_from_one_that_may_pass_and_from_one_of_the_dry_run_alone(
    code: int, message: str, passing: bool, forbids_dry_run: bool
) -> None:
    error = client.ApiError(code, "Reason", "PATCH /x: " + message, said=message)
    assert (error.is_passing, error.forbids_dry_run) == (passing, forbids_dry_run)


def test_what_the_api_server_said_is_there_without_what_was_asked_of_it() -> None:
    with fake_api(script(status(422, "Invalid", "denied request"))) as api, pytest.raises(ApiError) as caught:
        api.cluster().request("PATCH", NODES + "/n", body={}, content_type=MERGE)
    assert caught.value.said == "422 Invalid: denied request"

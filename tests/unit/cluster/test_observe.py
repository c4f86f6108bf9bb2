# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is observed is the cluster as it is: our own writes in it, and what is not installed simply absent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import observe as observe_module
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.observe import (
    Observer,
    bunch,
    observe_once,
    survey,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError, Cluster

from tests.unit.kube.fake_api import Reply, Request, fake_api, status

from . import raw
from .raw import KEY
from .world import NODES, World


@contextmanager
def observing(world: World) -> Iterator[tuple[Cluster, Observer]]:
    with fake_api(world.answer) as api:
        cluster = api.cluster()
        with Observer(cluster, time.monotonic() + 30) as observer:
            yield cluster, observer
        cluster.close()


def label(cluster: Cluster, node: str) -> dict[str, object]:
    body = {"metadata": {"labels": {KEY: "true"}}}
    return cluster.request("PATCH", f"{NODES}/{node}", body=body, content_type="application/merge-patch+json")


def test_after_settling_our_own_write_is_observed() -> None:
    world = World("a", "b")
    world.lag = 4
    with observing(world) as (cluster, observer):
        assert KEY not in observer.observe()["nodes"]["a"]["labels"]
        assert observer.settle("nodes", [label(cluster, "a")])
        assert observer.observe()["nodes"]["a"]["labels"][KEY] == "true"


def test_settling_gives_up_on_a_node_that_was_deleted_after_the_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe_module, "SETTLE_SECONDS", 0.5)
    world = World("a", "b")
    with observing(world) as (cluster, observer):
        written = label(cluster, "a")
        del world.nodes["a"]
        assert not observer.settle("nodes", [written])


@pytest.mark.parametrize(("looked", "waits"), [(0.0, 0.01), (0.02, 0.04), (7.0, 0.1)])
def test_looking_takes_a_third_of_the_time_at_most_and_news_are_never_old(looked: float, waits: float) -> None:
    assert bunch(looked) == pytest.approx(waits)


def test_a_look_is_as_soon_after_a_change_as_the_last_look_was_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World("a")
    looked_for: list[float] = []

    def at_once(looked: float) -> float:
        looked_for.append(looked)
        return 0.0

    monkeypatch.setattr(observe_module, "bunch", at_once)
    with observing(world) as (cluster, observer):
        observer.observe()
        observer.wait_for_change(0)
        time.sleep(0.2)
        label(cluster, "a")
        assert observer.wait_for_change(10)
    assert looked_for[-1] >= 0.2


def not_installed(request: Request, _number: int) -> Reply:
    if (
        "tigera.io" in request.path
        or "projectcalico.org" in request.path
        or request.path.rpartition("/")[2] in ("calico-node", "canal")
    ):
        return status(404, "NotFound")
    return Reply(body={"items": [], "metadata": {"resourceVersion": "1"}})


def test_what_is_not_installed_is_absent_and_no_error() -> None:
    with fake_api(not_installed) as api:
        seen = observe_once(api.cluster())
    assert (seen["installation"], seen["daemonset"], seen["calico_status"]) == (None, None, {})
    assert (seen["overlay"], seen["manifest_install"]) == (None, [])


def test_a_kind_that_may_not_be_read_is_an_error_and_not_absent() -> None:
    def forbidden(request: Request, number: int) -> Reply:
        if request.path.endswith("/installations"):
            return status(403, "Forbidden", "cannot list installations")
        return not_installed(request, number)

    with fake_api(forbidden) as api, pytest.raises(ApiError, match="cannot list installations"):
        observe_once(api.cluster())


@pytest.mark.parametrize("kind", ["nodes", "pods", "daemonsets", "controllerrevisions"])
def test_a_kind_of_kubernetes_itself_is_never_absent(kind: str) -> None:
    """An address that leads to no API server answers 404 to everything. An empty list of Nodes would look like an empty cluster."""

    def answer(request: Request, number: int) -> Reply:
        return status(404, "NotFound") if request.path.endswith(f"/{kind}") else not_installed(request, number)

    with fake_api(answer) as api:
        cluster = api.cluster()
        with pytest.raises(ApiError, match="404"):
            observe_once(cluster)
        with Observer(cluster, time.monotonic() + 30) as observer, pytest.raises(ApiError, match="404"):
            observer.observe()
        cluster.close()


def test_a_calico_from_manifests_is_found() -> None:
    def answer(request: Request, number: int) -> Reply:
        if request.path.endswith("kube-system/daemonsets/canal"):
            return Reply(body={"metadata": {"name": "canal"}})
        return not_installed(request, number)

    with fake_api(answer) as api:
        assert observe_once(api.cluster())["manifest_install"] == ["kube-system/canal"]


@pytest.mark.parametrize(
    ("groups", "v3"),
    [
        ({"crd.projectcalico.org", "projectcalico.org"}, False),
        ({"crd.projectcalico.org"}, False),
        ({"projectcalico.org"}, True),
        (set(), False),
    ],
)
def test_calicos_api_is_made_of_crds_where_the_older_group_is_absent(groups: set[str], v3: bool) -> None:
    def answer(request: Request, number: int) -> Reply:
        if request.path in {f"/apis/{group}" for group in groups}:
            return Reply(body={"kind": "APIGroup"})
        return not_installed(request, number)

    with fake_api(answer) as api:
        assert observe_once(api.cluster())["v3_crds"] is v3


def test_a_survey_lists_the_nodes_once_for_facts_and_observation() -> None:
    node = {"metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "labels": {}}, "spec": {}, "status": {}}

    def answer(request: Request, number: int) -> Reply:
        if request.path.endswith("/nodes"):
            return Reply(body={"items": [node], "metadata": {"resourceVersion": "1"}})
        return not_installed(request, number)

    with fake_api(answer) as api:
        nodes, observation, _operator, _control_plane = survey(api.cluster())
        paths = [request.path for request in api.requests]
    assert ([facts["name"] for facts in nodes], list(observation["nodes"])) == (["a"], ["a"])
    assert len([path for path in paths if path.endswith("/nodes")]) == 1


def test_a_survey_tells_on_which_nodes_a_ready_calico_node_runs() -> None:
    leaving = raw.pod("c")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    items = {
        "nodes": [raw.node(name) for name in "abc"],
        "pods": [raw.pod("a"), raw.pod("b", ready=False), leaving],
    }

    def answer(request: Request, number: int) -> Reply:
        found = items.get(request.path.rpartition("/")[2])
        if found is None:
            return not_installed(request, number)
        return Reply(body={"items": found, "metadata": {"resourceVersion": "1"}})

    with fake_api(answer) as api:
        nodes = survey(api.cluster()).nodes
    assert {node["name"]: node["calico_ready"] for node in nodes} == {"a": True, "b": False, "c": False}

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests, watches and writes on a real API server, as the collection's own account."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.node_labels import (
    apply_label_changes,
    label_changes,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import client
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import NODES, ApiError, Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.mirror import (
    Kind,
    Mirror,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.watch import Expired, watch

from tests.lab.lab import Lab
from tests.lab.modules import eventually
from tests.lab.nodes import NodeSpec


@pytest.fixture
def api(cluster: Lab) -> Iterator[Cluster]:
    made = Cluster(Connection({"kubeconfig": str(cluster.kubeconfig)}))
    yield made
    made.close()


def name_of(item: dict[str, Any]) -> str:
    name: str = item["metadata"]["name"]
    return name


@pytest.mark.parametrize("metadata_only", [True, False])
def test_a_list_in_pages_is_the_whole_list(
    cluster: Lab, api: Cluster, metadata_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    cluster.add_nodes(NodeSpec(f"n-{number}") for number in range(5))
    since = cluster.audit.position()
    items, _version = api.list_all(NODES, metadata_only=metadata_only)
    assert [name_of(item) for item in items] == ["n-0", "n-1", "n-2", "n-3", "n-4"]
    assert [("spec" in item) for item in items] == [not metadata_only] * 5
    assert len(cluster.audit.events(since, user=cluster.collection_user)) == 3


def test_what_the_role_does_not_allow_names_the_role(api: Cluster) -> None:
    with pytest.raises(ApiError, match=r"403 Forbidden: .*cannot list resource \"secrets\".* docs/reference/rbac\.yaml"):
        api.list_all("/api/v1/secrets")


def test_what_is_not_there_is_none_also_where_its_kind_is_not_installed(cluster: Lab, api: Cluster) -> None:
    assert api.get_or_none("/apis/operator.tigera.io/v1/installations/default") is None
    # The role cannot name a kind that is unknown here.
    admin = Cluster(Connection({"kubeconfig": str(cluster.admin_kubeconfig)}))
    assert admin.get_or_none("/apis/not-installed.example.com/v1/things/x") is None


def test_a_mirror_shows_nodes_come_change_and_go_with_one_list_and_one_watch(cluster: Lab, api: Cluster) -> None:
    cluster.add_node("n-0")
    since = cluster.audit.position()
    with Mirror(
        api, {"nodes": Kind(NODES, trim=lambda node: node["metadata"]["labels"])}, time.monotonic() + 60
    ) as mirror:
        assert len(mirror.objects("nodes")) == 1
        cluster.add_node("n-1", {"example.com/x": "1"})
        eventually(lambda: len(mirror.objects("nodes")) == 2, "the new node is seen")
        cluster.admin.patch(NODES + "/n-1", {"metadata": {"labels": {"example.com/x": "2"}}})
        eventually(
            lambda: "2" in [labels.get("example.com/x") for labels in mirror.objects("nodes")], "its label is seen"
        )
        cluster.admin.delete(NODES + "/n-0")
        eventually(lambda: len(mirror.objects("nodes")) == 1, "the deletion is seen")
    # A watch is logged twice, when it begins and when it ends.
    asked = {(event.time, event.verb) for event in cluster.audit.events(since, user=cluster.collection_user)}
    assert [verb for _time, verb in sorted(asked)] == ["list", "watch"]


# Of most kinds the API server remembers minutes of history itself. Events it reads from etcd, so there a compaction shows.
# Where no controller writes any: those about nodes lie in the namespace default.
EVENTS = "/api/v1/namespaces/kube-public/events"


@pytest.fixture
def history(cluster: Lab) -> Iterator[Cluster]:
    """For reading Events, which the collection's role does not allow."""
    cluster.admin.delete(EVENTS)
    made = Cluster(Connection({"kubeconfig": str(cluster.admin_kubeconfig)}))
    yield made
    made.close()


def add_event(lab: Lab, name: str) -> None:
    about = {"kind": "Pod", "name": "p-0", "namespace": "kube-public"}
    lab.admin.create(EVENTS, {"metadata": {"name": name}, "involvedObject": about})


def forget_the_past(lab: Lab) -> None:
    """What etcd's compaction does every few minutes."""
    version = lab.admin.get(EVENTS)["metadata"]["resourceVersion"]
    pki = lab.directory / "pki"
    pool = urllib3.PoolManager(
        ca_certs=str(pki / "etcd-ca.crt"), cert_file=str(pki / "etcd.crt"), key_file=str(pki / "etcd.key")
    )
    etcd = f"https://127.0.0.1:{lab.record()['ports']['etcd']}/v3/kv/compaction"
    answer = pool.request("POST", etcd, json={"revision": version, "physical": True})
    assert answer.status == 200, answer.data


def test_a_version_that_was_compacted_away_is_expired(cluster: Lab, history: Cluster) -> None:
    _events, version = history.list_all(EVENTS)
    for name in ("a", "b"):
        add_event(cluster, name)
    forget_the_past(cluster)
    with pytest.raises(Expired):
        list(watch(history, EVENTS, version, time.monotonic() + 10))


def test_a_list_whose_next_page_was_compacted_away_begins_anew(
    cluster: Lab, history: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    for name in ("a", "b", "c"):
        add_event(cluster, name)
    pages: list[int] = []
    request = history.request

    def compacted_after_the_first_page(*arguments: Any, **options: Any) -> Any:
        page = request(*arguments, **options)
        pages.append(len(page["items"]))
        if len(pages) == 1:
            add_event(cluster, "d")
            forget_the_past(cluster)
        return page

    monkeypatch.setattr(history, "request", compacted_after_the_first_page)
    items, _version = history.list_all(EVENTS)
    assert [name_of(item) for item in items] == ["a", "b", "c", "d"]
    assert pages == [2, 2, 2]


def test_a_mirror_whose_version_was_compacted_away_lists_anew(
    cluster: Lab, history: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists: list[str] = []
    list_all = history.list_all

    def compacted_after_the_first_list(*arguments: Any, **options: Any) -> Any:
        items, version = list_all(*arguments, **options)
        lists.append(version)
        if len(lists) == 1:
            for name in ("a", "b"):
                add_event(cluster, name)
            forget_the_past(cluster)
        return items, version

    monkeypatch.setattr(history, "list_all", compacted_after_the_first_list)
    with Mirror(history, {"events": Kind(EVENTS)}, time.monotonic() + 60) as mirror:
        eventually(lambda: sorted(map(name_of, mirror.objects("events"))) == ["a", "b"], "both events are seen")
    assert len(lists) == 2


def test_a_node_that_came_back_as_another_one_is_not_labelled(cluster: Lab, api: Cluster) -> None:
    cluster.add_nodes([NodeSpec("stays"), NodeSpec("returns"), NodeSpec("goes")])
    changes = label_changes(api.node_metadata(), None, {"example.com/x": "1"}, {})
    for name in ("returns", "goes"):
        cluster.admin.delete(f"{NODES}/{name}")
    eventually(lambda: [name_of(node) for node in cluster.admin.list(NODES)] == ["stays"], "the two are gone")
    cluster.add_node("returns")
    outcomes = apply_label_changes(api, changes, 0, 4)
    assert {name: outcome.ok for name, outcome in outcomes.items()} == {"goes": False, "returns": False, "stays": True}
    assert "not found" in str(outcomes["goes"].error)
    assert "uid" in str(outcomes["returns"].error)
    assert "example.com/x" not in cluster.admin.get(NODES + "/returns")["metadata"]["labels"]

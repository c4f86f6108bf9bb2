# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each condition of the gate is false alone in one test: everything else in these clusters is as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.readiness import judge

from tests.unit.rollout.builders import LABEL, daemonset, node_seen, pod, rolled_out

NAMES = ["edge-1", "edge-2"]


def cluster(**parts: Any) -> Any:
    return {**rolled_out(NAMES, NAMES), **parts}


def row_of(observation: Any, node: str = "edge-2") -> Any:
    readiness = judge(NAMES, observation, LABEL)
    others = [row for row in readiness["nodes"] if row["node"] != node]
    assert all(row["ready"] for row in others), "the rest of the cluster is as it should be"
    assert not readiness["ready"]
    return next(row for row in readiness["nodes"] if row["node"] == node)


def blockers_of(observation: Any, expected: Sequence[str] = tuple(NAMES)) -> list[str]:
    readiness = judge(list(expected), observation, LABEL)
    assert all(row["ready"] for row in readiness["nodes"]), "every node is as it should be"
    assert not readiness["ready"]
    return readiness["blockers"]


def test_a_cluster_as_it_should_be_passes() -> None:
    readiness = judge(NAMES, cluster(), LABEL)
    assert (readiness["ready"], readiness["expected"], readiness["ready_count"], readiness["blockers"]) == (
        True,
        2,
        2,
        [],
    )
    assert readiness["nodes"][1] == {
        "node": "edge-2",
        "ready": True,
        "state": "ready",
        "reason": None,
        "since": "2026-01-01T00:00:00Z",
        "pod": "calico-node-edge-2",
    }


def test_zero_expected_nodes_never_pass() -> None:
    assert blockers_of(cluster(), []) == ["no node is expected to run calico-node, and nothing is not a pass"]


def test_zero_expected_nodes_never_pass_where_nothing_is_desired() -> None:
    assert not judge([], rolled_out(NAMES, []), LABEL)["ready"]


def test_a_missing_daemonset_never_passes() -> None:
    assert blockers_of(cluster(daemonset=None)) == ["DaemonSet calico-system/calico-node does not exist"]


def test_a_generation_that_was_not_processed_never_passes() -> None:
    assert blockers_of(cluster(daemonset=daemonset(2, generation=3)))[0].endswith(
        "generation 3 is not processed yet (observed: 2)"
    )


@pytest.mark.parametrize("desired", [0, 1, 3])
def test_another_number_of_nodes_than_carry_the_label_never_passes(desired: int) -> None:
    assert "2 Linux nodes carry the admission label" in blockers_of(cluster(daemonset=daemonset(desired)))[0]


def test_an_unknown_newest_revision_never_passes() -> None:
    assert blockers_of(cluster(daemonset=daemonset(2, revision=None))) == [
        "DaemonSet calico-system/calico-node: its newest revision is not known"
    ]


def test_a_labelled_node_that_is_not_expected_counts_for_the_daemonset() -> None:
    seen = rolled_out([*NAMES, "foreign-1"], [*NAMES, "foreign-1"])
    assert judge(NAMES, seen, LABEL)["ready"]


def test_a_labelled_node_of_another_system_does_not_count_for_the_daemonset() -> None:
    seen = cluster()
    seen["nodes"]["win-1"] = node_seen(admitted=True, labels={"kubernetes.io/os": "windows"})
    assert judge(NAMES, seen, LABEL)["ready"]


def test_a_node_that_is_not_there_never_passes() -> None:
    seen = rolled_out(NAMES[:1], NAMES[:1])
    assert row_of(seen)["state"] == "node_missing"


def test_a_node_without_the_label_never_passes() -> None:
    seen = cluster(daemonset=daemonset(1))
    seen["nodes"]["edge-2"] = node_seen(admitted=False)
    assert row_of(seen)["state"] == "not_labelled"


def test_a_node_with_another_value_of_the_label_never_passes() -> None:
    seen = cluster(daemonset=daemonset(1))
    seen["nodes"]["edge-2"] = node_seen(labels={LABEL["key"]: "false"})
    assert row_of(seen)["state"] == "not_labelled"


def test_a_node_without_a_pod_never_passes() -> None:
    assert row_of(cluster(pods=[pod("edge-1")]))["state"] == "no_pod"


def test_two_pods_on_a_node_never_pass() -> None:
    row = row_of(cluster(pods=[pod("edge-1"), pod("edge-2"), pod("edge-2", name="calico-node-again")]))
    assert (row["state"], row["pod"]) == ("two_pods", None)
    assert row["reason"].endswith("calico-node-again, calico-node-edge-2")


@pytest.mark.parametrize(
    ("state", "fields"),
    [
        ("deleting", {"deleting": True}),
        ("old_revision", {"revision": "older"}),
        ("old_revision", {"revision": None}),
        ("not_ready", {"ready": False}),
    ],
)
def test_a_pod_that_is_not_as_it_should_be_never_passes(state: str, fields: dict[str, Any]) -> None:
    assert row_of(cluster(pods=[pod("edge-1"), pod("edge-2", **fields)]))["state"] == state


def test_an_old_revision_is_told_with_the_newest() -> None:
    def reason(revision: Any) -> Any:
        return row_of(cluster(pods=[pod("edge-1"), pod("edge-2", revision=revision)]))["reason"]

    waits = "the newest is 7d9f: the rolling update (maxUnavailable 1) has not come to it yet"
    assert reason("older") == f"pod calico-node-edge-2 has template revision older, {waits}"
    assert reason(None) == f"pod calico-node-edge-2 has template revision unknown, {waits}"


def test_the_reason_of_a_pod_that_is_not_ready_is_its_own() -> None:
    row = row_of(cluster(pods=[pod("edge-1"), pod("edge-2", ready=False, reason="felix is not live")]))
    assert (row["reason"], row["since"], row["pod"]) == (
        "felix is not live",
        "2026-01-01T00:00:00Z",
        "calico-node-edge-2",
    )


def test_a_node_whose_network_is_unavailable_never_passes() -> None:
    seen = cluster()
    seen["nodes"]["edge-2"].update(network_unavailable=True, network_reason="CalicoIsDown")
    row = row_of(seen)
    assert (row["state"], row["reason"], row["since"]) == (
        "network_unavailable",
        "calico-node is ready, but the Node still says NetworkUnavailable: CalicoIsDown",
        "2026-01-01T00:00:02Z",
    )


def test_a_node_that_is_not_ready_itself_never_passes() -> None:
    seen = cluster()
    seen["nodes"]["edge-2"].update(ready=False, not_ready_reason="KubeletNotReady: cni plugin not initialized")
    row = row_of(seen)
    assert (row["state"], row["reason"], row["since"]) == (
        "node_not_ready",
        "calico-node is ready, but the Node is not Ready yet: KubeletNotReady: cni plugin not initialized",
        "2026-01-01T00:00:01Z",
    )


@pytest.mark.parametrize("fields", [{}, {"ready": False, "reason": "old news"}, {"deleting": True}])
def test_a_silent_kubelet_is_told_before_what_its_pods_status_says(fields: dict[str, Any]) -> None:
    seen = cluster(pods=[pod("edge-1"), pod("edge-2", **fields)])
    silent = "the kubelet has not reported since 2026-01-01T00:00:00Z"
    seen["nodes"]["edge-2"].update(ready=False, not_ready_reason=silent, kubelet_silent=True)
    row = row_of(seen)
    assert (row["state"], row["reason"], row["since"]) == ("kubelet_silent", silent, "2026-01-01T00:00:01Z")


def test_tigerastatus_is_no_part_of_the_gate() -> None:
    good = {"Available": {"status": "True", "reason": "AllObjectsAvailable", "message": "", "observed_generation": 9}}
    assert not judge(NAMES, cluster(pods=[], calico_status=good), LABEL)["ready"]
    bad = {"Available": {"status": "False", "reason": "", "message": "", "observed_generation": 9}}
    assert judge(NAMES, cluster(calico_status=bad), LABEL)["ready"]

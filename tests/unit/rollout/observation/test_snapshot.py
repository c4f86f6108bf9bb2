# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw objects become what a decision needs, and nothing that is missing is taken as true."""

from __future__ import annotations

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.observation import snapshot

from ...cluster import raw


def test_an_object_without_status_is_neither_ready_nor_observed() -> None:
    node = snapshot.node_seen({"metadata": {"name": "n"}})
    pod = snapshot.pod_seen({"metadata": {"name": "p"}})
    daemonset = snapshot.daemonset_seen({"metadata": {"name": "d"}}, [])
    assert (node["ready"], node["network_unavailable"]) == (False, False)
    assert (pod["ready"], pod["phase"], pod["revision"]) == (False, "Pending", None)
    assert (daemonset["observed_generation"], daemonset["desired"], daemonset["revision"]) == (0, 0, None)


def test_only_the_rollouts_own_annotations_are_kept() -> None:
    node = raw.node("n")
    node["metadata"]["annotations"] = {
        "rollout.calico-ops.dev/plan": "p1",
        "rollout.calico-ops.dev.example.com/x": "no",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    assert snapshot.node_seen(node)["annotations"] == {"rollout.calico-ops.dev/plan": "p1"}


def test_network_unavailable_is_told_with_its_reason() -> None:
    node = raw.node("n", ready=True)
    node["status"]["conditions"].append({"type": "NetworkUnavailable", "status": "True", "reason": "CalicoIsDown"})
    seen = snapshot.node_seen(node)
    assert (seen["network_unavailable"], seen["network_reason"]) == (True, "CalicoIsDown")


def test_the_newest_revision_is_the_highest_number_and_not_the_youngest() -> None:
    revisions = [raw.revision(7, "returned"), raw.revision(6, "younger"), raw.revision(99, "foreign", owner="uid-csi")]
    assert snapshot.newest_revision(raw.daemonset(), revisions) == "returned"


def test_a_daemonset_without_a_revision_of_its_own_has_none() -> None:
    assert snapshot.newest_revision(raw.daemonset(), [raw.revision(1, "foreign", owner="uid-csi")]) is None


def test_a_pod_that_waits_for_the_scheduler_belongs_to_the_node_that_it_is_meant_for() -> None:
    pod = raw.pod("n", ready=False)
    del pod["spec"]["nodeName"]
    field = {"key": "metadata.name", "operator": "In", "values": ["n-7"]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    pod["spec"]["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    assert snapshot.pod_seen(pod)["node"] == "n-7"


def test_a_pod_that_is_not_ready_tells_why_and_one_that_is_ready_nothing() -> None:
    status = [{"name": "calico-node", "ready": False, "state": {"running": {}}}]
    seen = snapshot.pod_seen(raw.pod("n", ready=False, containerStatuses=status))
    assert seen["reason"] == "container calico-node has been running, but its readiness probe does not pass"
    assert snapshot.pod_seen(raw.pod("n", containerStatuses=status))["reason"] is None


def test_a_node_whose_kubelet_is_gone_is_silent_since_the_node_controller_gave_it_up() -> None:
    node = raw.node("n")
    node["status"]["conditions"] = [
        {
            "type": "Ready",
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
            "lastHeartbeatTime": "2026-01-02T03:00:00Z",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }
    ]
    seen = snapshot.node_seen(node)
    assert (seen["ready"], seen["kubelet_silent"], seen["ready_since"]) == (False, True, "2026-01-02T03:04:05Z")
    assert seen["not_ready_reason"] == "the kubelet has not reported since 2026-01-02T03:00:00Z"


def test_a_node_that_is_not_ready_tells_why_and_one_that_is_ready_nothing() -> None:
    seen = snapshot.node_seen(raw.node("n"))
    assert (seen["not_ready_reason"], seen["kubelet_silent"]) == ("KubeletNotReady", False)
    assert snapshot.node_seen(raw.node("n", ready=True))["not_ready_reason"] is None


def test_since_is_the_last_change_of_readiness() -> None:
    assert snapshot.pod_seen(raw.pod("n"))["since"] == "2026-01-02T03:04:05Z"


def test_managed_by_names_who_writes_the_spec_and_nobody_else() -> None:
    assert snapshot.installation_seen(raw.installation())["managed_by"] == ["tigera-operator"]


def test_a_null_override_is_no_selector() -> None:
    seen = snapshot.installation_seen(raw.installation(calicoNodeDaemonSet=None, csiNodeDriverDaemonSet={"spec": None}))
    assert (seen["calico_node_selector"], seen["csi_node_driver_selector"]) == ({}, {})


def tigera_status(**conditions: str) -> raw.Raw:
    return {
        "metadata": {"name": "calico"},
        "status": {
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": kind + "Reason",
                    "message": "told by " + kind,
                    "lastTransitionTime": "2026-01-02T03:04:05Z",
                }
                for kind, status in conditions.items()
            ]
        },
    }


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({"Available": "True", "Progressing": "False", "Degraded": "False"}, None),
        ({"Available": "True", "Progressing": "True", "Degraded": "False"}, "told by Progressing"),
        ({"Available": "False", "Progressing": "True", "Degraded": "True"}, "told by Degraded"),
        ({"Available": "False", "Progressing": "False", "Degraded": "False"}, "told by Available"),
        ({}, None),
    ],
)
def test_a_tigerastatus_says_what_is_the_matter(conditions: dict[str, str], told: str | None) -> None:
    seen = snapshot.operator_status(tigera_status(**conditions))
    assert (seen["message"], seen["available"]) == (told, conditions.get("Available") == "True")
    assert seen["since"] == (None if told is None else "2026-01-02T03:04:05Z")
    assert set(seen["conditions"]) == set(conditions)

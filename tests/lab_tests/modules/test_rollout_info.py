# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""rollout_info on a real API server, as the collection's own account."""

from __future__ import annotations

import jsonschema
import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents

from tests.lab import mixed_cluster
from tests.lab.calico import wait_for
from tests.lab.lab import Lab
from tests.lab.modules import Modules
from tests.lab.nodes import NodeSpec
from tests.probe_reports import probe_report
from tests.schemas import schema

pytestmark = pytest.mark.operator

ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/calico-ops-rollout"


def test_a_cluster_without_calico_is_described_by_valid_documents_and_nothing_is_written(
    cluster: Lab, modules: Modules
) -> None:
    cluster.add_nodes(
        [
            NodeSpec("b", {"zone": "edge"}, address="10.0.0.2", machine_id="B" * 32, architecture="arm64"),
            NodeSpec("a", unschedulable=True),
        ]
    )
    outcome = modules.run("rollout_info")
    assert not outcome["changed"]
    assert outcome.writes == []
    for node in outcome["nodes"]:
        jsonschema.validate(node, schema(documents.NodeFacts))
    jsonschema.validate(outcome["observation"], schema(documents.Observation))
    jsonschema.validate(outcome["status"], schema(documents.ClusterStatus))
    assert (outcome["status"]["ready"], outcome["status"]["reason"]) == (False, "No node is admitted.")
    assert [node["name"] for node in outcome["nodes"]] == ["a", "b"]
    a, b = outcome["nodes"]
    assert (a["unschedulable"], b["unschedulable"]) == (True, False)
    assert (b["machine_id"], b["internal_ips"], b["architecture"]) == ("b" * 32, ["10.0.0.2"], "arm64")
    assert b["labels"]["zone"] == "edge"
    assert outcome["observation"]["daemonset"] is None
    assert outcome["observation"]["installation"] is None


def test_one_read_tells_who_is_in_who_is_ready_who_is_outside_and_where_policy_is_missing(
    cluster: Lab, modules: Modules
) -> None:
    calico = mixed_cluster.bring_up(cluster)
    wait_for(lambda: "Available" in calico.conditions(), lambda: "TigeraStatus/calico has all its conditions")
    since = cluster.audit.position()
    outcome = modules.run("rollout_info", policy_gaps=True)
    status = outcome["status"]
    jsonschema.validate(status, schema(documents.ClusterStatus))
    assert outcome.writes == []
    assert {node["name"] for node in outcome["nodes"] if node["calico_ready"]} == {"core-1", "core-2"}

    assert not status["ready"]
    assert status["reason"] == (
        "2 of 3 admitted nodes ready, not ready: edge-1. Workloads run without network policy on 1 node: edge-2."
    )
    assert [(node["node"], node["batch"], node["plan"]) for node in status["admitted"]] == [
        ("core-1", "core-1", "0123456789ab"),
        ("core-2", "core-1", "0123456789ab"),
        ("edge-1", "edge-1", "0123456789ab"),
    ]
    (stuck,) = (row for row in status["readiness"]["nodes"] if not row["ready"])
    assert (stuck["node"], stuck["state"]) == ("edge-1", "not_ready")
    assert stuck["since"] is not None
    assert [(node["node"], node["cause"], node["unschedulable"]) for node in status["outside"]] == [
        ("edge-2", "not_admitted", False),
        ("edge-3", "quarantined", True),
    ]
    (gap,) = status["policy_gaps"]
    assert (gap["node"], gap["pods"], gap["examples"]) == ("edge-2", 2, ["default/shop", "default/web"])
    (said,) = (one for one in status["operator"] if one["name"] == "calico")
    assert not said["available"]
    assert said["conditions"]["Available"]["status"] == calico.conditions()["Available"]["status"]
    assert status["scope"]["state"] == "in_force"
    assert status["scope"]["calico_node_selector"] == mixed_cluster.ADMITTED
    assert "kubectl-create" in status["scope"]["managed_by"]

    reads = [event for event in cluster.audit.events(since, user=cluster.collection_user) if event.verb == "list"]
    assert len([event for event in reads if event.resource == "nodes"]) == 1
    asked = [event.uri for event in reads if event.resource == "pods" and "nodeName" in event.uri]
    assert len(asked) == 3, "the pods of the nodes without a ready calico-node, and of no other"


def test_policies_that_are_not_in_force_are_named_and_without_the_right_the_workloads_alone(
    cluster: Lab, modules: Modules
) -> None:
    cluster.add_nodes([NodeSpec("a", ready=True)])
    for name, labels in (("web", {"app": "web"}), ("db", {})):
        mixed_cluster.run_pod(cluster, name, "a", labels)
    pods = "/api/v1/namespaces/default/pods"
    wait_for(
        lambda: [pod["status"]["phase"] for pod in cluster.admin.list(pods)] == ["Running"] * 2,
        lambda: "the pods run",
    )
    policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    spec = {"podSelector": {"matchLabels": {"app": "web"}}, "egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}]}
    role = cluster.admin.get(ROLE)
    cluster.admin.create(policies, {"metadata": {"name": "dns-only"}, "spec": spec})
    try:
        status = modules.run("rollout_info", policy_gaps=True)["status"]
        (gap,) = status["policy_gaps"]
        assert (gap["pods"], gap["selected"], gap["policies"], status["policies_not_read"]) == (2, 1, 1, None)
        assert gap["unenforced"] == [{"workload": "default/web", "policies": ["dns-only"], "count": 1}]
        rules = [rule for rule in role["rules"] if "networkpolicies" not in rule["resources"]]
        cluster.admin.patch(ROLE, {"rules": rules})

        def unread() -> bool:
            return bool(modules.run("rollout_info", policy_gaps=True)["status"]["policies_not_read"])

        wait_for(unread, lambda: "the right is gone")
        status = modules.run("rollout_info", policy_gaps=True)["status"]
        jsonschema.validate(status, schema(documents.ClusterStatus))
        (gap,) = status["policy_gaps"]
        assert (gap["pods"], gap["selected"], gap["policies"], gap["unenforced"]) == (2, None, None, [])
        assert "which takes list networkpolicies.networking.k8s.io" in status["policies_not_read"]
    finally:
        cluster.admin.patch(ROLE, {"rules": role["rules"]})
        cluster.admin.delete(f"{policies}/dns-only")


def test_a_node_that_a_probe_found_open_is_a_gap_though_calico_node_is_ready(cluster: Lab, modules: Modules) -> None:
    mixed_cluster.bring_up(cluster)
    probe = dict(probe_report({"core-1": "open", "core-2": "unproven"}))
    status = modules.run("rollout_info", policy_gaps=True, policy_probe=probe)["status"]
    gaps = {gap["node"]: (gap["cause"], gap["examples"]) for gap in status["policy_gaps"]}
    # The operator's control plane runs on the other one, or on none.
    assert gaps["core-1"][0] == "open"
    assert "default/covered" in gaps["core-1"][1]
    assert gaps["edge-2"] == ("calico_not_ready", ["default/shop", "default/web"])
    refused = modules.run("rollout_info", policy_probe={**probe, "kind": "Plan"})
    assert "policy_probe.kind" in refused["msg"]
    assert "Hand over the PolicyProbeReport of a probe." in refused["msg"]


def test_pods_of_other_namespaces_are_not_asked_for_unless_policy_gaps_are(cluster: Lab, modules: Modules) -> None:
    cluster.add_nodes([NodeSpec("a", ready=True)])
    mixed_cluster.run_pod(cluster, "web", "a")
    since = cluster.audit.position()
    assert modules.run("rollout_info")["status"]["policy_gaps"] is None
    reads = cluster.audit.events(since, user=cluster.collection_user)
    assert {event.namespace for event in reads if event.resource == "pods"} == {"calico-system"}


def test_where_many_nodes_lack_calico_the_pods_are_listed_once(cluster: Lab, modules: Modules) -> None:
    cluster.add_nodes(NodeSpec(f"n-{number}", ready=True) for number in range(40))
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    # A pod that is bound to a node before kwok has taken the node on may never run.
    wait_for(
        lambda: any(lease["metadata"]["name"] == "n-7" for lease in cluster.admin.list(leases)),
        lambda: "kwok has taken on the node",
    )
    mixed_cluster.run_pod(cluster, "web", "n-7")
    wait_for(
        lambda: cluster.admin.get("/api/v1/namespaces/default/pods/web")["status"]["phase"] == "Running",
        lambda: "the pod runs",
    )
    since = cluster.audit.position()
    status = modules.run("rollout_info", policy_gaps=True)["status"]
    assert [(gap["node"], gap["pods"]) for gap in status["policy_gaps"]] == [("n-7", 1)]
    reads = cluster.audit.events(since, user=cluster.collection_user)
    assert len([event for event in reads if event.resource == "pods" and event.namespace == ""]) == 1


def test_a_label_of_ones_own_admits(cluster: Lab, modules: Modules) -> None:
    cluster.add_nodes([NodeSpec("a", {"example.com/in": "yes"}), NodeSpec("b", mixed_cluster.ADMITTED)])
    status = modules.run("rollout_info", admission_label={"key": "example.com/in", "value": "yes"})["status"]
    assert [node["node"] for node in status["admitted"]] == ["a"]
    refused = modules.run("rollout_info", admission_label={"key": "operator.tigera.io/x", "value": "yes"})
    assert "drops such keys" in refused["msg"]

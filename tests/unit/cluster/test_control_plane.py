# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the rest of Calico stands, read: with few lists, and with what the account may not read left out by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import require
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.control_plane import (
    counted,
    read_calico_api,
    read_control_plane,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.rbac import RightsMissing, right

from . import raw
from .raw import Raw, Requests, refusal

SYSTEM = "/apis/apps/v1/namespaces/calico-system/deployments"
OPERATOR = "/apis/apps/v1/namespaces/tigera-operator/deployments"
PODS = "/api/v1/namespaces/calico-system/pods"


def deployment(name: str, wanted: int = 1, available: int | None = None, namespace: str = "calico-system") -> Raw:
    available = wanted if available is None else available
    return {
        "metadata": {"name": name, "namespace": namespace, "generation": 2},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"k8s-app": name}}, "template": {"spec": {}}},
        "status": {"observedGeneration": 2, "availableReplicas": available, "updatedReplicas": wanted},
    }


def pending(app: str) -> Raw:
    scheduled = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    return {
        "metadata": {"name": app + "-x", "namespace": "calico-system", "labels": {"k8s-app": app}},
        "spec": {},
        "status": {"phase": "Pending", "conditions": [scheduled]},
    }


BOTH = [deployment("calico-kube-controllers"), deployment("calico-typha")]
RUNS = [deployment("tigera-operator", namespace="tigera-operator")]


class Server:
    """Lists by path, a refusal where one is given; groups that are served."""

    def __init__(self, lists: Mapping[str, Any], groups: Sequence[str] = ("crd.projectcalico.org",)) -> None:
        self.lists = {SYSTEM: BOTH, OPERATOR: RUNS, **lists}
        self.groups = groups
        self.cluster = Requests(self._answer)

    def _answer(self, method: str, path: str, _query: Any, _body: Any) -> Raw:
        if path.count("/") == 2:
            if path.rpartition("/")[2] in self.groups:
                versions = [{"version": "v1beta1"}] if path.startswith("/apis/migration") else []
                return {"kind": "APIGroup", "versions": versions}
            raise refusal(404, "NotFound")
        found = self.lists.get(path, [])
        if isinstance(found, ApiError):
            raise found
        return {"items": list(found), "metadata": {"resourceVersion": "1"}}

    @property
    def asked(self) -> list[str]:
        return [path for _method, path, _query, _body in self.cluster.sent if path.count("/") > 2]


def read(server: Server, **objects: Any) -> Any:
    known = {"installations": [raw.installation()], "apiservers": [], "daemonsets": [raw.daemonset()], "statuses": []}
    return read_control_plane(server.cluster, lambda kind: {**known, **objects}[kind])[1]


def test_where_all_is_ready_two_lists_tell_it() -> None:
    server = Server({})
    found = read(server)
    assert [one["name"] for one in found["components"]] == [
        "tigera-operator",
        "calico-kube-controllers",
        "calico-typha",
    ]
    assert all(one["ready"] for one in found["components"])
    assert sorted(server.asked) == [SYSTEM, OPERATOR]


def test_the_pods_tell_what_a_deployment_waits_for_and_are_read_only_then() -> None:
    stuck = [deployment("calico-kube-controllers", available=0), deployment("calico-typha")]
    server = Server({SYSTEM: stuck, PODS: [pending("calico-typha"), pending("calico-kube-controllers")]})
    (one,) = [one for one in read(server)["components"] if not one["ready"]]
    assert one["reason"] == "awaiting 1; pod calico-kube-controllers-x: not scheduled: 0/3 nodes are available"
    assert server.asked.count(PODS) == 1


def test_a_deployment_whose_pods_cannot_be_made_tells_why() -> None:
    stuck = deployment("calico-typha", available=0)
    stuck["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]
    found = read(Server({SYSTEM: [stuck]}))
    assert "its pods cannot be made: exceeded quota" in str(found["troubles"])
    assert "calico-system/calico-kube-controllers has 0 of 1 pod available (it does not exist" in str(found["troubles"])


def test_a_stuck_csi_node_driver_is_told() -> None:
    csi = raw.daemonset("csi-node-driver", desired=2)
    csi["status"]["numberAvailable"] = 1
    assert (
        "DaemonSet calico-system/csi-node-driver has 1 of 2 pods available (awaiting 1)"
        in read(Server({}), daemonsets=[raw.daemonset(desired=5), csi])["troubles"]
    )


@pytest.mark.parametrize(("path", "namespace"), [(SYSTEM, "calico-system"), (OPERATOR, "tigera-operator")])
def test_what_the_account_may_not_list_is_named_and_the_rest_is_told(path: str, namespace: str) -> None:
    found = read(Server({path: refusal(403, "Forbidden")}))
    assert any(note.endswith(f"needs list deployments.apps in {namespace}") for note in found["not_read"])
    assert found["components"], "the other namespace is told all the same"
    assert not found["well"]


def test_an_error_that_is_no_refusal_is_not_taken_for_one() -> None:
    with pytest.raises(ApiError):
        read(Server({SYSTEM: refusal(500, "InternalError")}))


def test_an_apiserver_of_an_older_operator_is_found_in_its_own_namespace() -> None:
    before = "/apis/apps/v1/namespaces/calico-apiserver/deployments"
    server = Server({before: [deployment("calico-apiserver", 2, 1, namespace="calico-apiserver")]})
    found = read(server, apiservers=[{"metadata": {"name": "default", "generation": 1}}])
    assert "Deployment calico-apiserver/calico-apiserver has 1 of 2 pods available (awaiting 1)" in found["troubles"]


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({}, None),
        ({"spec": {"replicas": 0}}, "it is scaled to 0"),
        (
            {"status": {"observedGeneration": 1, "availableReplicas": 1, "updatedReplicas": 1}},
            "its last change is not processed yet",
        ),
        ({"status": {"observedGeneration": 2, "availableReplicas": 1}}, "0 of them have its newest template"),
        ({"spec": {}}, None),
    ],
)
def test_what_a_deployment_lacks_is_told_in_the_order_of_its_controller(change: Any, lacks: str | None) -> None:
    assert counted("Deployment", {**deployment("x"), **change})[2] == lacks


def test_a_daemonset_without_a_node_lacks_nothing() -> None:
    assert counted("DaemonSet", raw.daemonset("csi-node-driver"))[2] is None


MIGRATIONS = "/apis/migration.projectcalico.org/v1beta1/datastoremigrations"
GROUPS = ("crd.projectcalico.org", "projectcalico.org", "migration.projectcalico.org")


def test_a_datastore_migration_that_is_through_chooses_v3() -> None:
    server = Server({MIGRATIONS: [{"status": {"phase": "Converged"}}]}, GROUPS)
    assert read_calico_api(server.cluster)["group"] == "projectcalico.org/v3"


def test_the_operators_variable_chooses_v3_where_both_groups_are_served() -> None:
    chosen = deployment("tigera-operator", namespace="tigera-operator")
    variable = {"name": "CALICO_API_GROUP", "value": "projectcalico.org/v3"}
    chosen["spec"]["template"]["spec"]["containers"] = [{"name": "tigera-operator", "env": [variable]}]
    server = Server({OPERATOR: [chosen]}, GROUPS)
    assert read_calico_api(server.cluster)["group"] == "projectcalico.org/v3"
    assert MIGRATIONS not in server.asked, "nothing is asked that would not matter"


def test_an_account_that_may_not_read_the_operator_takes_what_is_served_and_says_so() -> None:
    found = read_calico_api(Server({OPERATOR: refusal(403, "Forbidden")}, GROUPS[:2]).cluster)
    assert found["group"] == "crd.projectcalico.org/v1"
    assert found["ground"].endswith("needs list deployments.apps in tigera-operator")


def test_an_operator_that_runs_elsewhere_is_said_to_be_unknown() -> None:
    found = read_calico_api(Server({OPERATOR: []}, GROUPS[:2]).cluster)
    assert found["ground"].endswith("there is no Deployment tigera-operator in the namespace tigera-operator")


def reviewed(refused: Sequence[str]) -> Requests:
    """Access reviews: these resources are refused."""

    def answer(_method: str, _path: str, _query: Any, body: Any) -> Raw:
        return {"status": {"allowed": body["spec"]["resourceAttributes"]["resource"] not in refused}}

    return Requests(answer)


def test_a_preflight_names_what_is_missing_too_and_optional_and_lets_that_alone_pass() -> None:
    nodes = [right("patch", "/api/v1/nodes")]
    require(reviewed(["deployments", "configmaps"]), nodes, pytest.fail)
    with pytest.raises(RightsMissing) as refused:
        require(reviewed(["nodes", "deployments", "configmaps"]), nodes, pytest.fail)
    assert [str(one) for one in refused.value.missing] == ["patch nodes"]
    assert "list deployments.apps in calico-system; get configmaps calico-ops-admissions in tigera-operator" in str(
        refused.value
    )


def test_jobs_on_nodes_are_not_told_of_what_only_a_rollout_has_use_for() -> None:
    jobs = [right("create", "/apis/batch/v1/namespaces/checks/jobs")]
    with pytest.raises(RightsMissing) as refused:
        require(reviewed(["jobs", "deployments"]), jobs, pytest.fail, "checks")
    assert "optional" not in str(refused.value)

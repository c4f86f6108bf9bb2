# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_labels on a real API server, as the collection's own account."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.api import MERGE, ApiError
from tests.lab.lab import Lab
from tests.lab.modules import Modules, eventually
from tests.lab.nodes import NodeSpec

pytestmark = pytest.mark.oldest_core

LABEL = "example.com/colour"
NOTE = "example.com/note"


@pytest.fixture
def nodes(cluster: Lab) -> Lab:
    """Six nodes, three of them red."""
    cluster.add_nodes(NodeSpec(f"n-{number}", {LABEL: "red"} if number < 3 else {}) for number in range(6))
    return cluster


def metadata(lab: Lab, node: str) -> dict[str, Any]:
    found: dict[str, Any] = lab.admin.get(f"/api/v1/nodes/{node}")["metadata"]
    return found


def colours(lab: Lab) -> dict[str, str | None]:
    return {node["metadata"]["name"]: node["metadata"]["labels"].get(LABEL) for node in lab.admin.list("/api/v1/nodes")}


def test_each_node_that_differs_gets_one_patch_with_labels_and_annotations(nodes: Lab, modules: Modules) -> None:
    outcome = modules.run("node_labels", nodes=["n-2", "n-3"], labels={LABEL: "red"}, annotations={NOTE: "a b"})
    assert outcome["changed_nodes"] == ["n-2", "n-3"]
    assert [(write.verb, write.name) for write in sorted(outcome.writes, key=lambda write: write.name)] == [
        ("patch", "n-2"),
        ("patch", "n-3"),
    ]
    for node in ("n-2", "n-3"):
        assert metadata(nodes, node)["labels"][LABEL] == "red"
        assert metadata(nodes, node)["annotations"][NOTE] == "a b"


def test_a_second_run_changes_and_writes_nothing(nodes: Lab, modules: Modules) -> None:
    wanted: dict[str, Any] = {"nodes": ["n-0", "n-5"], "labels": {LABEL: "blue"}, "annotations": {NOTE: "x"}}
    modules.run("node_labels", **wanted)
    again = modules.run("node_labels", **wanted)
    assert (again["changed"], again["changed_nodes"], again["unchanged"]) == (False, [], 2)
    assert again.writes == []


def test_check_mode_names_the_same_nodes_and_writes_nothing(nodes: Lab, modules: Modules) -> None:
    wanted: dict[str, Any] = {"selector": f"!{LABEL}", "labels": {LABEL: "blue"}}
    predicted = modules.run("node_labels", check=True, **wanted)
    assert predicted.writes == []
    assert set(colours(nodes).values()) == {"red", None}
    done = modules.run("node_labels", **wanted)
    assert predicted["changed_nodes"] == done["changed_nodes"] == ["n-3", "n-4", "n-5"]


def test_a_node_that_does_not_exist_is_refused_by_name_before_the_first_write(nodes: Lab, modules: Modules) -> None:
    outcome = modules.run("node_labels", nodes=["n-0", "n-9", "n-8"], labels={LABEL: "blue"})
    assert outcome.failed
    assert "2 of 3 nodes do not exist in this cluster, nothing was written: n-8, n-9" in outcome["msg"]
    assert outcome.writes == []


def test_a_label_that_kubernetes_would_refuse_is_refused_before_anything_is_asked(nodes: Lab, modules: Modules) -> None:
    outcome = modules.run("node_labels", nodes=["n-0"], labels={LABEL: "no spaces"})
    assert outcome.failed
    assert "not valid" in outcome["msg"]
    assert outcome.writes == []


def test_null_removes_a_label_and_an_annotation(nodes: Lab, modules: Modules) -> None:
    modules.run("node_labels", nodes=["n-0"], annotations={NOTE: "x"})
    outcome = modules.run("node_labels", nodes=["n-0", "n-4"], labels={LABEL: None}, annotations={NOTE: None})
    assert outcome["changed_nodes"] == ["n-0"]
    assert LABEL not in metadata(nodes, "n-0")["labels"]
    assert NOTE not in metadata(nodes, "n-0")["annotations"]


def test_a_selector_chooses_the_nodes(nodes: Lab, modules: Modules) -> None:
    modules.run("node_labels", selector=f"{LABEL}=red", labels={LABEL: "green"})
    assert sorted(node for node, colour in colours(nodes).items() if colour == "green") == ["n-0", "n-1", "n-2"]


def test_the_diff_shows_only_what_changes(nodes: Lab, modules: Modules) -> None:
    outcome = modules.run(
        "node_labels", diff=True, nodes=["n-0", "n-1", "n-4"], labels={LABEL: "red"}, annotations={NOTE: "x"}
    )
    assert outcome["diff"] == {
        "before": {"n-0": {}, "n-1": {}, "n-4": {}},
        "after": {
            "n-0": {"annotations": {NOTE: "x"}},
            "n-1": {"annotations": {NOTE: "x"}},
            "n-4": {"annotations": {NOTE: "x"}, "labels": {LABEL: "red"}},
        },
    }


def test_the_nodes_are_listed_once_whatever_their_number(nodes: Lab, modules: Modules) -> None:
    since = nodes.audit.position()
    modules.run("node_labels", selector=LABEL, labels={LABEL: "green"})
    reads = [event for event in nodes.audit.events(since, user=nodes.collection_user) if event.verb == "list"]
    assert [(event.verb, event.resource) for event in reads] == [("list", "nodes")]


def test_a_node_that_a_webhook_guards_is_reported_by_name_and_the_others_are_written(
    nodes: Lab, modules: Modules
) -> None:
    guard_node(nodes, "n-1")
    outcome = modules.run("node_labels", nodes=["n-0", "n-1", "n-2"], labels={LABEL: "blue"})
    assert outcome.failed
    assert outcome["changed"]
    assert outcome["changed_nodes"] == ["n-0", "n-2"]
    assert "not this one" in outcome["failed_nodes"]["n-1"]
    assert "1 of 3 nodes could not be written: n-1" in outcome["msg"]
    assert [colours(nodes)[node] for node in ("n-0", "n-1", "n-2")] == ["blue", "red", "blue"]


@pytest.fixture(autouse=True)
def _unguarded(cluster: Lab) -> Any:
    yield
    for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        cluster.admin.delete(f"/apis/admissionregistration.k8s.io/v1/{kind}/guard")


def guard_node(lab: Lab, node: str) -> None:
    """The API server refuses changes of this node's labels by the collection."""
    group = "/apis/admissionregistration.k8s.io/v1/"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["nodes"]}
    lab.admin.create(
        group + "validatingadmissionpolicies",
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "guard"},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [
                    {
                        "expression": f"object.metadata.name != '{node}' || "
                        f"request.userInfo.username != '{lab.collection_user}'",
                        "message": "not this one",
                    }
                ],
            },
        },
    )
    lab.admin.create(
        group + "validatingadmissionpolicybindings",
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "guard"},
            "spec": {"policyName": "guard", "validationActions": ["Deny"]},
        },
    )
    eventually(lambda: _is_guarded(lab, node), "the policy is in force")


def _is_guarded(lab: Lab, node: str) -> bool:
    try:
        lab.admin.request(
            "PATCH",
            f"/api/v1/nodes/{node}",
            {"metadata": {"labels": {LABEL: "blue"}}},
            content_type=MERGE,
            query={"dryRun": "All"},
            headers={"Impersonate-User": lab.collection_user},
        )
    except ApiError as error:
        return "not this one" in str(error)
    return False

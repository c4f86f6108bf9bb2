# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in the lab, and how it is told afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from tests.lab.access import RBAC, collection_account
from tests.lab.api import Api, ApiError
from tests.lab.lab import Lab

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
# What Kubernetes grants to everybody who is authenticated: questions about oneself.
EVERYBODYS = "authorization.k8s.io", "authentication.k8s.io"

Rule = tuple[str, str, str, str]
"""Namespace (empty for everywhere), API group, resource, verb."""


@pytest.fixture(scope="module")
def collection(lab: Lab) -> Api:
    return Api(lab.kubeconfig)


def _listed() -> set[Rule]:
    """The rules of docs/reference/rbac.yaml that hold for any name."""
    roles = [each for each in yaml.safe_load(RBAC.read_text())["items"] if each["kind"].endswith("Role")]
    return {
        (role["metadata"].get("namespace", ""), group, resource, verb)
        for role in roles
        for rule in role["rules"]
        if "resourceNames" not in rule
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _resources(api: Api) -> Iterator[tuple[str, str]]:
    groups = [group["preferredVersion"]["groupVersion"] for group in api.get("/apis")["groups"]]
    for path, group in [("/api/v1", ""), *((f"/apis/{version}", version.split("/")[0]) for version in groups)]:
        if group not in EVERYBODYS:
            yield from ((group, resource["name"]) for resource in api.get(path)["resources"])


def _may(api: Api, rule: Rule) -> bool:
    namespace, group, resource, verb = rule
    name, _slash, subresource = resource.partition("/")
    attributes = {"namespace": namespace, "group": group, "resource": name, "subresource": subresource, "verb": verb}
    review: dict[str, Any] = api.create(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        },
    )
    return bool(review["status"]["allowed"])


def test_the_collection_may_do_what_rbac_yaml_lists_and_nothing_else(lab: Lab, collection: Api) -> None:
    listed = _listed()
    namespaces = {namespace for namespace, _group, _resource, _verb in listed}
    kinds = set(_resources(lab.admin))
    questions = sorted(
        {(namespace, *kind, verb) for namespace in namespaces for kind in kinds for verb in VERBS} | listed
    )
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda rule: _may(collection, rule), questions)
    # What is allowed everywhere is allowed in each namespace.
    expected = {rule for rule in questions if rule in listed or ("", *rule[1:]) in listed}
    assert {rule for rule, allowed in zip(questions, answers, strict=True) if allowed} == expected


def test_the_collection_is_its_own_service_account(collection: Api) -> None:
    review = collection.create(
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
    )
    user = review["status"]["userInfo"]
    assert user["username"] == collection_account().user
    assert "system:masters" not in user["groups"]


def test_a_request_beyond_the_role_is_refused(cluster: Lab, collection: Api) -> None:
    cluster.add_node("w-1")
    with pytest.raises(ApiError) as refused:
        collection.request("DELETE", "/api/v1/nodes/w-1")
    assert refused.value.status == 403


def test_a_write_is_in_the_audit_log_under_the_name_of_who_did_it(cluster: Lab, collection: Api) -> None:
    cluster.add_node("w-1")
    position = cluster.audit.position()
    collection.patch("/api/v1/nodes/w-1", {"metadata": {"labels": {"a": "b"}}}, fieldManager="me")
    (event,) = cluster.audit.writes(position, user=cluster.collection_user)
    assert (event.verb, event.resource, event.name, event.code, event.field_manager) == (
        "patch",
        "nodes",
        "w-1",
        200,
        "me",
    )


def test_what_the_collection_reads_is_in_the_audit_log_too(lab: Lab, collection: Api) -> None:
    position = lab.audit.position()
    collection.list("/api/v1/nodes")
    lab.admin.list("/api/v1/nodes")
    assert [(event.user, event.verb) for event in lab.audit.events(position)] == [(lab.collection_user, "list")]


def test_neither_a_dry_run_nor_a_question_counts_as_a_write(cluster: Lab, collection: Api) -> None:
    cluster.add_node("w-1")
    position = cluster.audit.position()
    collection.patch("/api/v1/nodes/w-1", {"metadata": {"labels": {"a": "b"}}}, dryRun="All")
    _may(collection, ("", "", "nodes", "get"))
    assert [event.verb for event in cluster.audit.events(position, cluster.collection_user)] == ["patch", "create"]
    assert cluster.audit.writes(position, cluster.collection_user) == []

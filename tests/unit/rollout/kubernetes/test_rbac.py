# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.rbac import (
    Right,
    RightsMissing,
    right,
    rules,
)

INSTALLATIONS = "/apis/operator.tigera.io/v1/installations"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/nodes", Right("get", "", "nodes")),
        ("/api/v1/namespaces/calico-system/pods", Right("get", "", "pods", namespace="calico-system")),
        ("/apis/apps/v1/namespaces/a/daemonsets/b", Right("get", "apps", "daemonsets", "b", "a")),
        (f"{INSTALLATIONS}/default", Right("get", "operator.tigera.io", "installations", "default")),
    ],
)
def test_the_right_that_a_request_takes_is_told_by_its_path(path: str, expected: Right) -> None:
    assert right("get", path) == expected


def test_the_rules_to_add_are_yaml_for_a_role_and_name_verbs_of_a_thing_together() -> None:
    missing = [
        right("patch", "/api/v1/nodes"),
        right("patch", f"{INSTALLATIONS}/default"),
        right("list", "/api/v1/nodes"),
        right("list", INSTALLATIONS),
    ]
    assert yaml.safe_load(rules(missing)) == {
        "rules": [
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "patch"]},
            {"apiGroups": ["operator.tigera.io"], "resources": ["installations"], "verbs": ["list"]},
            {
                "apiGroups": ["operator.tigera.io"],
                "resources": ["installations"],
                "resourceNames": ["default"],
                "verbs": ["patch"],
            },
        ]
    }


def test_the_error_names_every_right_that_is_missing() -> None:
    text = str(RightsMissing([right("patch", "/api/v1/nodes"), right("get", f"{INSTALLATIONS}/default")]))
    assert "Missing: patch nodes; get installations.operator.tigera.io default." in text
    assert "nothing was written" in text
    assert "    verbs: [patch]" in text


def test_what_a_namespace_has_a_role_for_is_to_be_added_there_and_not_in_all_namespaces() -> None:
    jobs = [right("create", "/apis/batch/v1/namespaces/checks/jobs"), Right("get", "", "pods/log", namespace="checks")]
    text = str(RightsMissing([right("list", "/api/v1/nodes"), *jobs], "checks"))
    assert "Missing: list nodes; create jobs.batch in checks; get pods/log in checks." in text
    everywhere, there = text.split("Add to its ")[1:]
    assert everywhere.startswith("ClusterRole (")
    assert there.startswith("Role in the namespace checks (")
    assert "nodes" in everywhere
    assert "jobs" not in everywhere
    assert yaml.safe_load(there.partition(":\n")[2]) == {
        "rules": [
            {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
        ]
    }
    assert "ClusterRole" not in str(RightsMissing(jobs, "checks")).replace("Role in", "")


def test_rights_that_a_rollout_can_do_without_are_named_beside_those_that_are_missing() -> None:
    optional = [right("list", "/apis/apps/v1/namespaces/tigera-operator/deployments")]
    told = str(RightsMissing([right("patch", "/api/v1/nodes")], optional=optional))
    assert "Missing: patch nodes." in told
    assert (
        "Missing too, but optional (reports and status tell less without them): list deployments.apps in tigera-operator. "
        in told
    )
    assert told.endswith("verbs: [patch]"), "the rules stand at the end, to be copied"

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account may not do is named before the first write: each rule of docs/reference/rbac.yaml is taken away in turn."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import admission_record
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import (
    WRITE_NODES,
    require,
    scoping,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.calico_objects import reading
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.control_plane import OPTIONAL
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.options import (
    PLACEMENT_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.rbac import Right, RightsMissing
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import read_placement

from tests.lab.calico import Calico, wait_for
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome
from tests.lab_tests.modules.test_rollout_step import played
from tests.plans import plan_of

ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/calico-ops-rollout"
REVIEW = "selfsubjectaccessreviews"
LABEL: Any = {"key": "rollout.calico-ops.dev/admitted", "value": "true"}
SERVED: dict[str, Any] = {"apiserver": {"tolerations": [{"operator": "Exists"}]}}
TAINT = {"key": "example.com/closed", "effect": "NoSchedule"}
# The rules of the role that a rollout can do without, and when.
_NEVER_LISTED = (("configmaps", "list"),)
NOT_NEEDED = {
    (
        "datastoremigrations",
        "list",
    ): "for the API group of Calico's own resources; without it the report says what was not read",
    ("deployments", "list"): "for how the control plane stands; without it the report says what was not read",
    ("networkpolicies", "list"): "for policies that are not in force; without it the status says what was not read",
    ("namespaces", "get"): "tells clusters apart; without it the API server's address does",
    ("apiservers", "patch"): "on request only, or where Calico's own API is made of CRDs",
    ("installations", "create"): "for a clean install only",
    ("nodes/status", "patch"): "on request only, for nodes in quarantine",
    **{
        (one.resource, verb): "what the hosts are checked for; without it the defaults count, and the report says so"
        for one in reading()
        for verb in ("get", "list")
        if one.resource not in ("installations", "daemonsets")
    },
}
NOT_NEEDED = {one: why for one, why in NOT_NEEDED.items() if one not in (("servicecidrs", "get"), *_NEVER_LISTED)}


@pytest.fixture
def role(cluster: Lab) -> Iterator[dict[str, Any]]:
    """The collection's role as it should be; put back afterwards."""
    whole = cluster.admin.get(ROLE)
    yield whole
    cluster.admin.patch(ROLE, {"rules": whole["rules"]})


@pytest.fixture
def installed(cluster: Lab, role: dict[str, Any]) -> Lab:
    """Two nodes and an Installation without a selector."""
    cluster.add_node("a")
    cluster.add_node("b")
    Calico(cluster).install()
    return cluster


def without(rules: list[Any], resource: str, verb: str) -> list[Any]:
    """The rules without this verb on this resource; on the others of the same rule it stays."""
    left = []
    for rule in copy.deepcopy(rules):
        if resource not in rule["resources"] or verb not in rule["verbs"]:
            left.append(rule)
            continue
        others = [other for other in rule["resources"] if other != resource]
        left += [{**rule, "resources": others}] if others else []
        verbs = [other for other in rule["verbs"] if other != verb]
        left += [{**rule, "resources": [resource], "verbs": verbs}] if verbs else []
    return left


def missing(cluster: Cluster) -> set[tuple[str, str]]:
    try:
        require(cluster, [*scoping(cluster, LABEL, None), *WRITE_NODES], pytest.fail)
    except RightsMissing as error:
        return {(right.resource, right.verb) for right in error.missing}
    return set()


def test_each_rule_of_the_role_is_named_when_it_alone_is_missing(installed: Lab, role: dict[str, Any]) -> None:
    cluster = Cluster(Connection({"kubeconfig": str(installed.kubeconfig)}))
    rules = role["rules"]
    granted = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    assert missing(cluster) == set(), "the role is enough"
    assert set(NOT_NEEDED) < granted
    for one in sorted(granted):
        installed.admin.patch(ROLE, {"rules": without(rules, *one)})
        expected = set() if one in NOT_NEEDED else {one}
        wait_for(
            partial(missing_is, cluster, expected),
            partial(str, f"without {one} something else is missed than {expected}"),
        )


def missing_is(cluster: Cluster, expected: set[tuple[str, str]]) -> bool:
    return missing(cluster) == expected


def test_an_account_without_any_right_reads_all_that_it_needs_in_one_message(
    installed: Lab, role: dict[str, Any], modules: Modules
) -> None:
    installed.admin.patch(ROLE, {"rules": []})
    for check in (True, False):
        outcome = modules.run("rollout_step", check=check, plan=plan_of(["a", "b"]), max_duration=1)
        assert outcome.failed
        assert outcome.writes == []
        for told in (
            "patch nodes.",
            "get apiservers.operator.tigera.io default;",
            "list pods in calico-system;",
            "patch installations.operator.tigera.io default;",
        ):
            assert told in outcome["msg"]
        assert "resourceNames: [default]" in outcome["msg"]


def test_a_rollout_that_may_not_write_nodes_writes_nothing_at_all(
    installed: Lab, role: dict[str, Any], modules: Modules
) -> None:
    installed.admin.patch(ROLE, {"rules": without(role["rules"], "nodes", "patch")})
    outcome = modules.run("rollout_step", plan=plan_of(["a", "b"]), max_duration=1)
    assert "Missing: patch nodes. Add to its ClusterRole" in outcome["msg"]
    assert outcome.writes == []


def test_the_questions_are_asked_once_a_run(installed: Lab, modules: Modules) -> None:
    plan = plan_of(["a", "b"])
    first, asked = watched(installed, lambda: modules.run("rollout_step", plan=plan, max_duration=1))
    assert asked > 10
    again, asked = watched(
        installed, lambda: modules.run("rollout_step", plan=plan, state=first["state"], max_duration=1)
    )
    assert not again.failed
    assert asked == 0


def test_creating_the_installation_is_asked_for_where_there_is_none(
    cluster: Lab, role: dict[str, Any], modules: Modules
) -> None:
    cluster.add_node("a")
    cluster.admin.patch(ROLE, {"rules": without(role["rules"], "installations", "create")})
    outcome = modules.run("rollout_step", plan=plan_of(["a"]), installation_spec={"variant": "Calico"}, max_duration=1)
    assert "Missing: create installations.operator.tigera.io. Add" in outcome["msg"]
    assert outcome.writes == []


def test_placing_the_apiserver_takes_the_right_to_patch_it(
    installed: Lab, role: dict[str, Any], modules: Modules
) -> None:
    Calico(installed).serve()
    installed.admin.patch(ROLE, {"rules": without(role["rules"], "apiservers", "patch")})
    step = modules.run("rollout_step", plan=plan_of(["a", "b"]), max_duration=1, **SERVED)
    scope = modules.run("installation_scope", **SERVED)
    for outcome in (step, scope):
        assert "Missing: patch apiservers.operator.tigera.io default. Add" in outcome["msg"]
        assert outcome.writes == []


def test_a_rollout_uses_the_rights_that_it_asks_for_and_no_others(installed: Lab, modules: Modules) -> None:
    Calico(installed).serve()
    plan = plan_of(["a", "b"], adoption_max_unavailable="2")
    since = installed.audit.position()
    calls = played(modules, plan, installation_spec=None, **SERVED)
    assert calls[-1]["outcome"] == "done"
    asked = rights_asked(installed, [*WRITE_NODES], SERVED)
    # All is in place, so that nothing is written any more, and no right to write it is asked for.
    assert not {one for one in asked if one.verb == "patch" and one.resource != "nodes"}
    outcome = modules.run("installation_scope", **SERVED)
    assert not outcome["changed"]
    asked = rights_asked(installed, [*WRITE_NODES], SERVED, anew=True)
    more = {*OPTIONAL, *admission_record.OPTIONAL, *reading()}
    assert uncovered(used(installed, since), asked | more) == set()
    assert {one for one in asked if uncovered(used(installed, since), (asked | more) - {one}) == set()} == set()


@pytest.mark.parametrize("check", [True, False])
def test_the_single_steps_say_it_before_they_write(
    installed: Lab, role: dict[str, Any], modules: Modules, check: bool
) -> None:
    left = without(without(role["rules"], "nodes", "patch"), "installations", "patch")
    installed.admin.patch(ROLE, {"rules": left})
    labels = modules.run("node_labels", check=check, nodes=["a"], labels={"example.com/x": "y"})
    taints = modules.run("node_taints", check=check, nodes=["a"], taints=[TAINT])
    scope = modules.run("installation_scope", check=check)
    assert "Missing: patch nodes." in labels["msg"]
    assert "Missing: patch nodes." in taints["msg"]
    assert "Missing: patch installations.operator.tigera.io default." in scope["msg"]
    assert labels.writes == taints.writes == scope.writes == []


def rights_asked(lab: Lab, more: list[Right], options: Any, anew: bool = False) -> set[Right]:
    cluster = Cluster(Connection({"kubeconfig": str(lab.kubeconfig)}))
    placement = read_placement({**dict.fromkeys(PLACEMENT_OPTIONS), **options})
    return {*scoping(cluster, LABEL, None, placement, anew=anew), *more}


def used(lab: Lab, since: int) -> set[Right]:
    """By the collection's account, dry runs too; questions and discovery take no rights."""
    events = lab.audit.events(since, user=lab.collection_user)
    return {
        Right(event.verb, event.group, event.resource, event.name, event.namespace)
        for event in events
        if event.resource and event.resource != REVIEW
    }


def uncovered(done: set[Right], asked: set[Right]) -> set[Right]:
    return {one for one in done if not {one, one._replace(name="")} & asked}


def watched(lab: Lab, act: Any) -> tuple[Outcome, int]:
    """What came of it, and how many questions were asked."""
    since = lab.audit.position()
    outcome = act()
    return outcome, sum(event.resource == REVIEW for event in lab.audit.events(since, user=lab.collection_user))


def test_a_plan_for_another_cluster_is_refused_before_anything_else(
    installed: Lab, role: dict[str, Any], modules: Modules
) -> None:
    own = modules.run("rollout_info")["cluster"]
    assert own["uid"] == installed.admin.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    for check in (True, False):
        plan = plan_of(["a", "b"], cluster={**own, "uid": "another"})
        outcome = modules.run("rollout_step", check=check, plan=plan, max_duration=1)
        assert outcome["msg"].startswith("plan: it was made for another cluster, nothing was written.")
        assert outcome.writes == []
    installed.admin.patch(ROLE, {"rules": without(role["rules"], "namespaces", "get")})
    wait_for(lambda: modules.run("rollout_info")["cluster"]["uid"] is None, lambda: "the right is gone")
    step = modules.run("rollout_step", check=True, plan=plan_of(["a", "b"], cluster=own))
    assert not step.failed
    elsewhere = {**own, "server": "https://other:6443"}
    step = modules.run("rollout_step", check=True, plan=plan_of(["a", "b"], cluster=elsewhere))
    assert "let the account get that namespace" in step["msg"]

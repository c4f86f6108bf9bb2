# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs a playbook with an account that lacks rules reads all of them in the first message, and nothing was written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.calico_objects import reading

from tests.lab.calico import Calico
from tests.lab.lab import Lab
from tests.lab.player import Played, Player
from tests.lab_tests.modules.test_rbac_preflight import ROLE, without

pytestmark = pytest.mark.ansible

NAMESPACE = "calico-ops-precheck"
NODES_ROLE = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles/calico-ops-node-precheck"
READ = "Read the cluster's nodes"
STEP = "Admit one batch after the other"
STATUS = "Read where the cluster stands"
JOBS = "Ask the hosts of these nodes by Jobs in the cluster"
TIGERA = "operator.tigera.io"
TO_SEE = {
    *(f"list {kind}" for kind in ("nodes", "pods in calico-system", "daemonsets.apps in calico-system")),
    "list controllerrevisions.apps in calico-system",
    *(f"list {kind}.{TIGERA}" for kind in ("installations", "apiservers", "tigerastatuses")),
    *(f"get daemonsets.apps {name} in kube-system" for name in ("calico-node", "canal")),
}
# What the hosts are checked for: named with the rest, and none of it required.
TO_READ = {*TO_SEE, *(str(right) for right in reading())}
TO_ROLL_OUT = {
    *TO_READ,
    *(right.replace("list ", "watch ") for right in TO_SEE if right.startswith("list ")),
    *(f"get {kind}.{TIGERA} default" for kind in ("installations", "apiservers")),
    *("patch nodes", f"create installations.{TIGERA}", f"patch installations.{TIGERA} default"),
}
IN_THE_NAMESPACE = {
    *("create jobs.batch", "delete jobs.batch", "list configmaps", "create configmaps", "delete configmaps"),
    *("list pods", "watch pods", "get pods/log"),
}
FOR_JOBS = {f"{right} in {NAMESPACE}" for right in IN_THE_NAMESPACE}
NODE_CHECKS: dict[str, Any] = {"precheck_nodes": ["a"], "precheck_nodes_image": "python:3"}


@pytest.fixture
def player(cluster: Lab, tmp_path: Path) -> Player:
    """On a cluster of two nodes without Calico; no host is asked."""
    cluster.add_node("a")
    cluster.add_node("b")
    return Player(cluster, tmp_path)


@pytest.fixture
def roles(cluster: Lab) -> Iterator[dict[str, list[Any]]]:
    """The rules of the collection's roles as they should be; put back afterwards."""
    whole = {path: cluster.admin.get(path)["rules"] for path in (ROLE, NODES_ROLE)}
    yield whole
    for path, rules in whole.items():
        cluster.admin.patch(path, {"rules": rules})


def play(player: Player, playbook: str, *arguments: str, **variables: Any) -> Played:
    inventory = player.directory / "inventory"
    inventory.write_text(f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    name = "-".join([playbook, *(word.strip("-") for word in arguments)])
    return player.play(name, playbook, *arguments, inventory=inventory, precheck_hosts="nobody", **variables)


def missing(played: Played, task: str) -> set[str]:
    (result,) = played.results(task)
    assert result["failed"], result
    assert "nothing was written. Missing: " in result["msg"], result["msg"]
    assert played.writes == []
    told: str = result["msg"].partition("Missing: ")[2].partition(". Add to its ")[0]
    named = told.partition(". Missing too, but optional ")[0]
    return set(named.split("; "))


def test_who_may_nothing_is_told_all_that_a_rollout_takes_by_its_first_request(
    player: Player, roles: dict[str, list[Any]]
) -> None:
    player.lab.admin.patch(ROLE, {"rules": []})
    assert missing(play(player, "rollout"), READ) == TO_ROLL_OUT
    assert missing(play(player, "rollout", "--check"), READ) == TO_ROLL_OUT


def test_a_plan_takes_no_more_than_reading(player: Player, roles: dict[str, list[Any]]) -> None:
    player.lab.admin.patch(ROLE, {"rules": []})
    assert missing(play(player, "rollout", "--tags", "plan"), READ) == TO_READ


def test_a_rule_to_read_and_one_to_write_that_a_rollout_misses_are_named_together(
    player: Player, roles: dict[str, list[Any]]
) -> None:
    left = without(without(roles[ROLE], "controllerrevisions", "list"), "nodes", "patch")
    player.lab.admin.patch(ROLE, {"rules": left})
    told = missing(play(player, "rollout"), READ)
    assert told == {"list controllerrevisions.apps in calico-system", "patch nodes"}


def test_two_rules_to_write_that_a_rollout_misses_are_named_together(
    player: Player, roles: dict[str, list[Any]]
) -> None:
    calico = Calico(player.lab)
    calico.install()
    calico.wait_until_settled(2)
    left = without(without(roles[ROLE], "installations", "patch"), "nodes", "patch")
    player.lab.admin.patch(ROLE, {"rules": left})
    tiers = [{"name": "all", "selector": ""}]
    told = missing(play(player, "rollout", rollout_tiers=tiers), STEP)
    assert told == {"patch nodes", f"patch installations.{TIGERA} default"}


def test_status_names_all_that_it_reads_and_no_more(player: Player, roles: dict[str, list[Any]]) -> None:
    player.lab.admin.patch(ROLE, {"rules": []})
    assert missing(play(player, "status"), STATUS) == {*TO_READ, "list pods"}
    left = without(without(roles[ROLE], "pods", "list"), "installations", "list")
    player.lab.admin.patch(ROLE, {"rules": left})
    told = missing(play(player, "status", "--check"), STATUS)
    assert told == {"list pods", "list pods in calico-system", f"list installations.{TIGERA}"}


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["real", "check"])
def test_a_precheck_by_jobs_names_all_that_it_takes_and_where_before_it_makes_anything(
    player: Player, roles: dict[str, list[Any]], arguments: tuple[str, ...]
) -> None:
    player.lab.admin.patch(NODES_ROLE, {"rules": []})
    played = play(player, "precheck", *arguments, **NODE_CHECKS)
    # Its ClusterRole lets the account see the pods of any namespace.
    assert missing(played, JOBS) == FOR_JOBS - {f"{verb} pods in {NAMESPACE}" for verb in ("list", "watch")}
    said = played.results(JOBS)[0]["msg"]
    assert f"Add to its Role in the namespace {NAMESPACE} (docs/reference/rbac.yaml has all rules):\nrules:" in said
    assert "ClusterRole" not in said


def test_two_rules_that_a_precheck_by_jobs_misses_are_named_together(
    player: Player, roles: dict[str, list[Any]]
) -> None:
    left = without(without(roles[NODES_ROLE], "jobs", "create"), "pods/log", "get")
    player.lab.admin.patch(NODES_ROLE, {"rules": left})
    told = missing(play(player, "precheck", **NODE_CHECKS), JOBS)
    assert told == {f"create jobs.batch in {NAMESPACE}", f"get pods/log in {NAMESPACE}"}


def test_who_may_not_even_list_nodes_is_told_what_the_jobs_take_as_well(
    player: Player, roles: dict[str, list[Any]]
) -> None:
    for path in (ROLE, NODES_ROLE):
        player.lab.admin.patch(path, {"rules": []})
    played = play(player, "precheck", **NODE_CHECKS)
    assert missing(played, JOBS) == {"list nodes", *FOR_JOBS}
    assert "Add to its ClusterRole" in played.results(JOBS)[0]["msg"]

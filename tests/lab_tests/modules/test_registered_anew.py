# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is registered anew loses its label, and calico-node with it: `status` names its batch and plan, and is not zero."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents

from tests.lab.audit import RECORD
from tests.lab.calico import Calico, wait_for
from tests.lab.lab import Lab
from tests.lab.modules import Modules
from tests.lab_tests.modules.test_rollout_step import played
from tests.lab_tests.playbooks.test_status import Told
from tests.plans import plan_of
from tests.schemas import schema

CONFIGMAP = f"/api/v1/namespaces/tigera-operator/configmaps/{RECORD}"
ROLE = f"/apis/rbac.authorization.k8s.io/v1/namespaces/tigera-operator/roles/{RECORD}"


@pytest.fixture
def without_right(cluster: Lab) -> Iterator[None]:
    rules = cluster.admin.get(ROLE)["rules"]
    cluster.admin.patch(ROLE, {"rules": []})
    yield
    cluster.admin.patch(ROLE, {"rules": rules})


def anew(lab: Lab, name: str) -> None:
    """Its Node goes, and a kubelet of the same name registers."""
    lab.admin.delete(f"/api/v1/nodes/{name}")
    wait_for(lambda: lab.admin.get_or_none(f"/api/v1/nodes/{name}") is None, lambda: f"{name} is gone")
    lab.add_node(name)
    calico = Calico(lab)
    wait_for(lambda: name not in calico.nodes_with(), lambda: f"calico-node is gone from {name}")
    wait_for(lambda: calico.daemonset()["status"]["desiredNumberScheduled"] == 2, lambda: f"{calico.daemonset()}")


def status_of(modules: Modules) -> Any:
    told = modules.run("rollout_info")
    jsonschema.validate(told["status"], schema(documents.ClusterStatus))
    return told["status"]


@pytest.mark.ansible
def test_status_names_batch_and_plan_and_the_next_run_admits_it_again(
    cluster: Lab, modules: Modules, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        cluster.add_node(name)
    plan = plan_of(["a", "b"], ["c"], soak=1)
    since = cluster.audit.position()
    assert played(modules, plan)[-1]["outcome"] == "done"
    kept = [
        event for event in cluster.audit.writes(since, cluster.collection_user, record=True) if event.name == RECORD
    ]
    assert [(event.verb, event.code) for event in kept] == [("patch", 201), ("patch", 200)], "once a batch"
    record = json.loads(cluster.admin.get(CONFIGMAP)["data"]["admitted.json"])
    names = [(entry["batch"], list(entry["nodes"])) for entry in record["admitted"]]
    assert names == [(plan["batches"][0]["name"], ["a", "b"]), (plan["batches"][1]["name"], ["c"])]
    assert status_of(modules)["ready"]

    anew(cluster, "c")
    status = status_of(modules)
    created = cluster.admin.get("/api/v1/nodes/c")["metadata"]["creationTimestamp"]
    said = f"c registered anew at {created}; it was admitted in batch {plan['batches'][1]['name']} of plan {plan['id']}"
    assert not status["ready"]
    assert said in status["reason"]
    assert [(node["node"], node["cause"]) for node in status["outside"]] == [("c", "registered_anew")]
    page = Told(cluster, tmp_path)
    assert page.code != 0
    assert said in page.text
    assert page.writes == []

    assert played(modules, plan)[-1]["outcome"] == "done"
    assert status_of(modules)["ready"]
    since = cluster.audit.position()
    again = modules.run("rollout_step", plan=plan, installation_spec={})
    assert (again["outcome"], again["changed"]) == ("done", False)
    assert cluster.audit.writes(since, cluster.collection_user, record=True) == []


def test_an_account_without_the_right_rolls_out_all_the_same_and_says_what_it_cannot_tell(
    cluster: Lab, modules: Modules, without_right: None
) -> None:
    for name in ("a", "b"):
        cluster.add_node(name)
    last = played(modules, plan_of(["a", "b"], soak=1))[-1]
    assert last["outcome"] == "done"
    needs = "which takes get configmaps calico-ops-admissions in tigera-operator"
    assert any("not recorded" in note and needs in note for note in last["report"]["notes"])
    assert cluster.admin.get_or_none(CONFIGMAP) is None
    cluster.add_node("late")
    status = status_of(modules)
    assert (status["ready"], needs in status["not_recorded"]) == (True, True)
    assert "it joined, or was registered anew, at" in status["outside"][0]["reason"]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that is done says how the rest of Calico stands, and what it may not read; the exit code goes by calico-node alone."""

from __future__ import annotations

import copy
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents

from tests.lab.calico import Calico, wait_for
from tests.lab.lab import Lab
from tests.lab.modules import Modules
from tests.lab_tests.modules.test_rbac_preflight import ROLE, without
from tests.lab_tests.modules.test_rollout_step import played
from tests.lab_tests.playbooks.test_status import Told
from tests.plans import plan_of
from tests.schemas import schema

NOWHERE = {"spec": {"template": {"spec": {"nodeSelector": {"example.org/nowhere": "true"}}}}}
OPERATORS = "/apis/apps/v1/namespaces/tigera-operator/deployments"
OPERATOR = {
    "metadata": {"name": "tigera-operator"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"k8s-app": "tigera-operator"}},
        "template": {
            "metadata": {"labels": {"k8s-app": "tigera-operator"}},
            "spec": {
                "containers": [
                    {
                        "name": "tigera-operator",
                        "image": "quay.io/tigera/operator:v1.42.4",
                        "env": [{"name": "CALICO_API_GROUP", "value": "crd.projectcalico.org/v1"}],
                    }
                ]
            },
        },
    },
}


@pytest.mark.ansible
@pytest.mark.crds
def test_done_says_that_the_control_plane_is_down_and_the_operator_dead(
    cluster: Lab, modules: Modules, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        cluster.add_node(name)
    plan = plan_of(["a", "b"], soak=1)
    first = played(modules, plan)[-1]["report"]
    jsonschema.validate(first, schema(documents.Report))
    assert (
        "There is no Deployment tigera-operator in the namespace tigera-operator"
        in first["control_plane"]["troubles"][0]
    )

    calico = Calico(cluster)
    calico.patch({"calicoKubeControllersDeployment": NOWHERE})
    cluster.admin.create(OPERATORS, OPERATOR)
    try:
        wait_for(
            lambda: any(not pod["spec"].get("nodeName") for pod in calico.pods("calico-kube-controllers")),
            lambda: "kube-controllers is Pending",
        )
        # Written one after the other: that Available is of an older generation is not yet that it is False.
        wait_for(
            lambda: calico.conditions().get("Available", {}).get("status") == "False", lambda: f"{calico.conditions()}"
        )
        since = cluster.audit.position()
        again = modules.run("rollout_step", plan=plan, installation_spec={})
        assert (again["outcome"], again.writes) == ("done", [])
        rest = again["report"]["control_plane"]
        jsonschema.validate(again["report"], schema(documents.Report))
        told = " ".join(rest["troubles"])
        assert "tigera-operator does not run (it is scaled to 0)" in told
        assert "TigeraStatus calico is not Available" in told
        assert "Deployment calico-system/calico-kube-controllers has 0 of 1 pod available (awaiting 1; pod " in told
        assert "not scheduled" in told
        assert rest["calico_api"]["ground"] == "tigera-operator's CALICO_API_GROUP is crd.projectcalico.org/v1"
        lists = [event for event in cluster.audit.events(since, user=cluster.collection_user) if event.verb == "list"]
        assert len([event for event in lists if event.resource == "deployments"]) <= 4, (
            "one of each namespace at the end; before, the operator's for the API group, in the preflight and for the rollout"
        )

        page = Told(cluster, tmp_path)
        assert page.code == 0, "the gate stays calico-node"
        assert "Beside calico-node, and no gate:" in page.text
        assert "tigera-operator does not run (it is scaled to 0)" in page.text
    finally:
        cluster.admin.delete(f"{OPERATORS}/tigera-operator")


def test_an_account_that_may_not_list_deployments_is_told_what_was_not_read(cluster: Lab, modules: Modules) -> None:
    for name in ("a", "b"):
        cluster.add_node(name)
    whole = cluster.admin.get(ROLE)
    cluster.admin.patch(ROLE, {"rules": without(copy.deepcopy(whole["rules"]), "deployments", "list")})
    try:
        last = played(modules, plan_of(["a", "b"], soak=1))[-1]
    finally:
        cluster.admin.patch(ROLE, {"rules": whole["rules"]})
    assert last["outcome"] == "done", last["report"]["reason"]
    assert last["report"]["control_plane"]["not_read"] == [
        "Deployments in calico-system, needs list deployments.apps in calico-system",
        "tigera-operator's Deployment, needs list deployments.apps in tigera-operator",
    ]

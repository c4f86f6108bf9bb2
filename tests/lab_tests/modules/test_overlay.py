# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Installation named overlay appears on a scoped cluster, in the middle of a rollout: told at once, by the run and by `status`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents

from tests.lab.calico import Calico
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome
from tests.lab_tests.playbooks.test_status import Told
from tests.plans import plan_of
from tests.schemas import schema

OVERLAY = "/apis/operator.tigera.io/v1/installations/overlay"
OTHER = {"spec": {"template": {"spec": {"nodeSelector": {"example.org/other": "true"}}}}}


def to_the_second_batch(modules: Modules, plan: Any) -> Outcome:
    """Calls until the first batch is through."""
    state = None
    for _call in range(20):
        called = modules.run("rollout_step", plan=plan, state=state, installation_spec={}, max_duration=60)
        assert not called.failed, called["msg"]
        if called["batch_completed"]:
            return called
        state = called["state"]
    raise AssertionError(called["progress"])


@pytest.mark.ansible
def test_a_rollout_under_way_stops_at_once_and_status_is_not_zero(
    cluster: Lab, modules: Modules, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        cluster.add_node(name)
    plan = plan_of(["a", "b"], ["c"], soak=1)
    first = to_the_second_batch(modules, plan)
    calico = Calico(cluster)
    calico.overlay({"calicoNodeDaemonSet": OTHER})

    told = modules.run("rollout_info")["status"]
    jsonschema.validate(told, schema(documents.ClusterStatus))
    assert (told["ready"], told["scope"]["state"]) == (False, "overlaid")
    assert "which takes the pod from 2 admitted nodes (a, b)" in told["reason"]

    stopped = modules.run("rollout_step", plan=plan, state=first["state"], installation_spec={})
    assert stopped["outcome"] == "stopped"
    assert "the Installation named overlay (created " in stopped["report"]["reason"]
    assert "kubectl delete installations.operator.tigera.io overlay" in stopped["report"]["reason"]
    assert stopped["elapsed"] < 10, "it does not wait for anything"
    assert stopped.writes == []

    page = Told(cluster, tmp_path)
    assert page.code != 0
    assert "The Installation named overlay" in page.text
    assert page.writes == []

    cluster.admin.delete(OVERLAY)
    calico.wait_until_settled(2)
    again = modules.run("rollout_step", plan=plan, installation_spec={}, max_duration=60)
    assert again["outcome"] != "stopped", again["report"]["reason"]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What denies labels and taints, a real ValidatingAdmissionPolicy, and a real webhook that is down: named before anything is written."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.lab.api import ApiError
from tests.lab.lab import Lab
from tests.lab.modules import Modules, eventually
from tests.lab_tests.modules.test_installation_scope import ready_nodes
from tests.lab_tests.modules.test_rollout_step import labels_per_node, played
from tests.plans import plan_of

GROUP = "/apis/admissionregistration.k8s.io/v1/"
WEBHOOK = "down.lab.calico-ops.dev"
POLICY = "no-labels-for-museums"
MERGE = "application/merge-patch+json"


@pytest.fixture
def nodes(cluster: Lab) -> Lab:
    for name in ("a", "b", "c"):
        cluster.add_node(name)
    return cluster


def refusal(lab: Lab, node: str) -> str:
    """What the collection's account hears when it tries to label this node; empty when it may."""
    try:
        lab.admin.request(
            "PATCH",
            f"/api/v1/nodes/{node}",
            {"metadata": {"labels": {"tried": "yes"}}},
            content_type=MERGE,
            query={"dryRun": "All"},
            headers={"Impersonate-User": lab.collection_user},
        )
    except ApiError as error:
        return str(error)
    return ""


@contextmanager
def webhook_down(lab: Lab) -> Iterator[None]:
    """Nobody listens at the address of a webhook for Nodes whose failurePolicy is Fail; it is asked about our account alone."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))  # and never listened at, so that connections are refused
    webhook = {
        "name": WEBHOOK,
        "clientConfig": {"url": f"https://127.0.0.1:{held.getsockname()[1]}/"},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["nodes"]}],
        "matchConditions": [{"name": "ours", "expression": f"request.userInfo.username == '{lab.collection_user}'"}],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "failurePolicy": "Fail",
    }
    lab.admin.create(GROUP + "validatingwebhookconfigurations", {"metadata": {"name": "down"}, "webhooks": [webhook]})
    try:
        eventually(lambda: WEBHOOK in refusal(lab, "a"), "the webhook is asked")
        yield
    finally:
        lab.admin.delete(GROUP + "validatingwebhookconfigurations/down")
        eventually(lambda: not refusal(lab, "a"), "the webhook is asked no more")
        held.close()


@contextmanager
def denied(lab: Lab, node: str) -> Iterator[None]:
    """A ValidatingAdmissionPolicy that lets our account change neither labels nor taints of this node."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["nodes"]}
    allowed = f"object.metadata.name != '{node}' || request.userInfo.username != '{lab.collection_user}'"
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": allowed, "message": "it stands in a museum"}],
    }
    binding = {"policyName": POLICY, "validationActions": ["Deny"]}
    lab.admin.create(GROUP + "validatingadmissionpolicies", {"metadata": {"name": POLICY}, "spec": spec})
    lab.admin.create(GROUP + "validatingadmissionpolicybindings", {"metadata": {"name": POLICY}, "spec": binding})
    try:
        eventually(lambda: "museum" in refusal(lab, node), "the policy is in force")
        yield
    finally:
        lab.admin.delete(GROUP + f"validatingadmissionpolicybindings/{POLICY}")
        lab.admin.delete(GROUP + f"validatingadmissionpolicies/{POLICY}")
        eventually(lambda: not refusal(lab, node), "the policy is in force no more")


def test_a_webhook_that_is_down_is_named_from_the_first_line_on_and_the_rollout_ends_well_once_it_is_gone(
    nodes: Lab, modules: Modules
) -> None:
    plan = plan_of(["a", "b"], ["c"])
    with webhook_down(nodes):
        rehearsal = modules.run("rollout_step", check=True, plan=plan, installation_spec={})
        first = modules.run("rollout_step", plan=plan, installation_spec={}, max_duration=2)
    for call in (rehearsal, first):
        assert f'failed calling webhook "{WEBHOOK}"' in call["progress"]
        assert "connection refused" in call["progress"]
        assert (call["changed"], call.writes) == (False, [])
    assert (rehearsal["outcome"], first["outcome"]) == ("stopped", "in_progress")
    assert {entry["write"] for entry in first["report"]["refused"]} == {"label"}
    calls = played(modules, plan, state=first["state"])
    assert calls[-1]["outcome"] == "done"
    assert calls[-1]["report"]["refused"] == []
    assert WEBHOOK not in calls[-1]["progress"]
    assert labels_per_node(calls) == {"a": 1, "b": 1, "c": 1}
    assert ready_nodes(nodes) == {"a", "b", "c"}


def test_a_webhook_that_goes_down_after_the_first_batch_is_named_while_its_labels_wait_and_when_it_stops(
    nodes: Lab, modules: Modules
) -> None:
    plan = plan_of(["a", "b"], ["c"], batch_timeout=45)
    first = modules.run("rollout_step", plan=plan, installation_spec={}, max_duration=60)
    assert first["batch_completed"]
    with webhook_down(nodes):
        waiting = modules.run("rollout_step", plan=plan, installation_spec={}, state=first["state"], max_duration=2)
        stopped = played(modules, plan, state=waiting["state"])[-1]
    assert f'failed calling webhook "{WEBHOOK}"' in waiting["progress"]
    assert [(entry["write"], entry["object"]) for entry in waiting["report"]["refused"]] == [("label", "c")]
    assert stopped["outcome"] == "stopped"
    assert "still waiting for the admission label on node c (the API server refuses" in stopped["report"]["reason"]
    assert WEBHOOK in stopped["report"]["reason"]


def test_a_policy_that_denies_a_later_batch_its_label_stops_check_mode_and_the_real_run_before_any_write(
    nodes: Lab, modules: Modules
) -> None:
    plan = plan_of(["a", "b"], ["c"])
    with denied(nodes, "c"):
        rehearsal = modules.run("rollout_step", check=True, plan=plan, installation_spec={})
        real = modules.run("rollout_step", plan=plan, installation_spec={})
    for call in (rehearsal, real):
        assert call["outcome"] == "stopped"
        assert "denies the admission label to node c:" in call["report"]["reason"]
        assert f"ValidatingAdmissionPolicy '{POLICY}'" in call["report"]["reason"]
        assert "it stands in a museum" in call["report"]["reason"]
        assert call.writes == []
    assert rehearsal["report"]["reason"] == real["report"]["reason"]
    assert played(modules, plan)[-1]["outcome"] == "done"


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("node_labels", {"labels": {"example.com/colour": "red"}}),
        ("node_taints", {"taints": [{"key": "example.com/closed", "value": "yes", "effect": "NoSchedule"}]}),
    ],
)
def test_check_mode_of_a_single_step_fails_as_the_real_one_would(
    nodes: Lab, modules: Modules, module: str, options: dict[str, Any]
) -> None:
    with denied(nodes, "b"):
        rehearsal = modules.run(module, check=True, nodes=["a", "b", "c"], **options)
        assert rehearsal.writes == []
        real = modules.run(module, nodes=["a", "b", "c"], **options)
    for call in (rehearsal, real):
        assert call.failed
        assert call["changed_nodes"] == ["a", "c"]
        assert "it stands in a museum" in call["failed_nodes"]["b"]
        assert POLICY in call["msg"]

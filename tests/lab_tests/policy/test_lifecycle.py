# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe writes in its namespace alone, leaves nothing there, names what keeps its pods from running, and runs once at a time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.request import ProbeRequest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.run import prove
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError

from tests.lab.eventually import eventually
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome
from tests.lab.pods import AGNHOST

from .conftest import DEADLINE, NAMESPACE, NODES, Prove, verdicts

pytestmark = [
    pytest.mark.pods,
    pytest.mark.soak,
    pytest.mark.stand_in("it has calico-node be what a real kubelet of the lab can run"),
]

CORE, POLICIES = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
OURS = "app.kubernetes.io/managed-by=calico-ops-policy-probe"


def left(lab: Lab) -> list[str]:
    """The names of what a probe made, but its Lease."""
    found = [lab.admin.list(path, labelSelector=OURS) for path in (f"{CORE}/pods", f"{CORE}/configmaps", POLICIES)]
    return [one["metadata"]["name"] for some in found for one in some]


def test_the_module_proves_policy_and_leaves_nothing(running: Lab, modules: Modules) -> None:
    options: dict[str, Any] = {"image": AGNHOST, "nodes": ["w-1", "w-2"], "proven_nodes": ["w-3"]}
    foreseen = modules.run("policy_probe", check=True, **options)
    assert (len(foreseen["pods"]), foreseen["changed"]) == (6, False)
    outcome = modules.run("policy_probe", **options)
    assert not outcome.failed, outcome.result.get("msg")
    probe = outcome["probe"]
    assert (probe["outcome"], verdicts(probe), probe["proven_before"]) == (
        "proven",
        {"w-1": "enforced", "w-2": "enforced"},
        ["w-3"],
    )
    assert {event.namespace for event in outcome.writes if event.resource != "selfsubjectaccessreviews"} == {NAMESPACE}
    eventually(lambda: left(running) == [], 60)
    lease = running.admin.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/policy-probe")
    assert not lease["spec"].get("holderIdentity")


def prove_elsewhere(kubeconfig: str) -> None:
    request = ProbeRequest(AGNHOST, timeout=120.0, deadline=DEADLINE)
    prove(Cluster(Connection({"kubeconfig": kubeconfig})), request, NODES, ())


def test_a_second_run_is_refused_and_a_killed_one_is_swept_by_the_next(running: Lab, proving: Prove) -> None:
    first = multiprocessing.get_context("spawn").Process(target=prove_elsewhere, args=(str(running.kubeconfig),))
    first.start()
    try:
        eventually(lambda: running.admin.list(POLICIES, labelSelector=OURS), 120)
        with pytest.raises(
            RolloutError, match=f"{first.pid} probes network policy in the namespace {NAMESPACE} already"
        ):
            proving(nodes=("w-1",))
    finally:
        first.kill()
        first.join()
    abandoned = left(running)
    assert abandoned
    report = proving()
    assert report["outcome"] == "proven", report["reason"]
    eventually(lambda: left(running) == [], 60)


def test_what_a_killed_run_left_goes_with_state_absent(running: Lab, modules: Modules) -> None:
    labels = {"app.kubernetes.io/managed-by": "calico-ops-policy-probe", "rollout.calico-ops.dev/policy-probe": "dead"}
    running.admin.create(f"{CORE}/configmaps", {"metadata": {"name": "policy-probe-dead", "labels": labels}})
    spec = {"podSelector": {"matchLabels": {"a": "b"}}}
    running.admin.create(POLICIES, {"metadata": {"name": "policy-probe-dead", "labels": labels}, "spec": spec})
    foreseen = modules.run("policy_probe", check=True, state="absent")
    outcome = modules.run("policy_probe", state="absent")
    assert foreseen["removed"] == outcome["removed"] == ["ConfigMap policy-probe-dead"]
    assert outcome["changed"]
    assert left(running) == []
    assert not modules.run("policy_probe", state="absent")["changed"]


def test_an_account_without_the_role_reads_all_that_it_lacks_before_the_first_write(
    running: Lab, modules: Modules
) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings"
    binding = running.admin.get(f"{path}/calico-ops-policy-probe")
    running.admin.delete(f"{path}/calico-ops-policy-probe")
    try:
        outcome = eventually(lambda: refused(modules.run("policy_probe", image=AGNHOST, nodes=["w-1"])), 60)
    finally:
        running.admin.create(
            path,
            {
                "metadata": {"name": binding["metadata"]["name"]},
                **{field: binding[field] for field in ("roleRef", "subjects")},
            },
        )
    assert outcome
    for told in ("create pods", "deletecollection networkpolicies.networking.k8s.io", "update leases"):
        assert told in outcome["msg"]
    assert f"Add to its Role in the namespace {NAMESPACE}" in outcome["msg"]
    assert [event for event in outcome.writes if event.resource != "selfsubjectaccessreviews"] == []


def refused(outcome: Outcome) -> Outcome | None:
    return outcome if outcome.failed else None


# -- pods that never start


@contextmanager
def quota(lab: Lab) -> Iterator[None]:
    path = f"{CORE}/resourcequotas"
    lab.admin.create(path, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
    eventually(lambda: lab.admin.get(f"{path}/none").get("status", {}).get("hard"), 60)
    try:
        yield
    finally:
        lab.admin.delete(f"{path}/none")


@contextmanager
def taint(lab: Lab) -> Iterator[None]:
    path = "/api/v1/nodes/w-1"
    lab.admin.patch(path, {"spec": {"taints": [{"key": "example.com/closed", "effect": "NoSchedule"}]}})
    try:
        yield
    finally:
        lab.admin.patch(path, {"spec": {"taints": None}})


@contextmanager
def nothing(_lab: Lab) -> Iterator[None]:
    yield


TROUBLE: dict[str, tuple[Callable[[Lab], AbstractContextManager[None]], dict[str, Any], str]] = {
    "quota": (quota, {}, "exceeded quota: none"),
    "taint": (taint, {}, "untolerated taint"),
    "Pod Security": (nothing, {"security_context": {"runAsNonRoot": False}}, 'violates PodSecurity "restricted'),
    "image": (nothing, {"image": "lab.calico-ops.dev/none:lab"}, "ErrImagePull"),
    "no bash": (nothing, {"image": "lab.calico-ops.dev/pause:lab"}, "/bin/bash"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_pods_that_never_start_prove_nothing_and_are_named_by_cause(
    running: Lab, proving: Prove, name: str, tmp_path: Path
) -> None:
    trouble, options, words = TROUBLE[name]
    with trouble(running):
        report = proving(nodes=("w-1",), **options)
    assert report["outcome"] == "not_proven"
    assert verdicts(report) == {"w-1": "unproven"}
    assert words in report["reason"]
    eventually(lambda: left(running) == [], 60)


@pytest.mark.parametrize("wanted", ["refuse", "ignore"])
def test_a_policy_of_somebody_elses_is_refused_or_ignored(running: Lab, proving: Prove, wanted: str) -> None:
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
    running.admin.create(POLICIES, {"metadata": {"name": "generated"}, "spec": spec})
    try:
        if wanted == "refuse":
            with pytest.raises(RolloutError, match="NetworkPolicy generated"):
                proving(foreign_policies=wanted)
        else:
            report = proving(nodes=("w-1",), foreign_policies=wanted, deadline=0.5)
            assert report["foreign_policies"] == ["NetworkPolicy generated"]
            assert report["outcome"] == "failed"
    finally:
        running.admin.delete(f"{POLICIES}/generated")

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies of others that apply to the probe's pods are found, whatever API they are of; all others are not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.foreign import (
    Foreign,
    foreign_policies,
)

from tests.unit.kube.fake_api import Reply, Request, fake_api, status

NAMESPACE: dict[str, Any] = {"metadata": {"name": "probe", "labels": {"team": "net"}}}
ADMIN = "/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies"
CLUSTER = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies"
V3, V1 = "/apis/projectcalico.org/v3", "/apis/crd.projectcalico.org/v1"
GLOBAL = f"{V3}/globalnetworkpolicies"


def found(path: str, spec: dict[str, Any], **metadata: Any) -> Foreign:
    """With one policy at that path."""

    def answer(request: Request, _number: int) -> Reply:
        if request.path != path:
            return status(404, "NotFound")
        policy = {"metadata": {"name": "x", **metadata}, "spec": spec}
        return Reply(body={"metadata": {"resourceVersion": "1"}, "items": [policy]})

    with fake_api(answer) as api:
        return foreign_policies(api.cluster(), NAMESPACE)


@pytest.mark.parametrize(
    ("path", "spec", "told"),
    [
        (ADMIN, {"subject": {"namespaces": {}}}, "AdminNetworkPolicy x"),
        (ADMIN, {"subject": {"namespaces": {"matchLabels": {"team": "net"}}}}, "AdminNetworkPolicy x"),
        (CLUSTER, {"subject": {"pods": {"namespaceSelector": {}, "podSelector": {}}}}, "ClusterNetworkPolicy x"),
        (GLOBAL, {"selector": "all()"}, "GlobalNetworkPolicy x"),
        (GLOBAL, {"namespaceSelector": "team == 'net'"}, "GlobalNetworkPolicy x"),
        (GLOBAL, {"selector": "what is this"}, "GlobalNetworkPolicy x"),
        (f"{V1}/globalnetworkpolicies", {"selector": "has(app.kubernetes.io/managed-by)"}, "GlobalNetworkPolicy x"),
        (f"{V3}/namespaces/probe/networkpolicies", {}, "NetworkPolicy of Calico's x"),
        ("/apis/networking.k8s.io/v1/namespaces/probe/networkpolicies", {"podSelector": {}}, "NetworkPolicy x"),
    ],
)
def test_a_policy_that_selects_the_pods_is_named(path: str, spec: dict[str, Any], told: str) -> None:
    assert found(path, spec).policies == [told]


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        (ADMIN, {"subject": {"namespaces": {"matchLabels": {"team": "shop"}}}}),
        (CLUSTER, {"subject": {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}}}),
        (GLOBAL, {"selector": "has(host-endpoint)"}),
        (GLOBAL, {"namespaceSelector": "team != 'net'", "selector": "all()"}),
        (f"{V3}/namespaces/probe/networkpolicies", {"selector": "app == 'web'"}),
    ],
)
def test_a_policy_for_others_is_not(path: str, spec: dict[str, Any]) -> None:
    assert found(path, spec).policies == []


def test_the_probes_own_policy_is_not_foreign() -> None:
    labels = {"app.kubernetes.io/managed-by": "calico-ops-policy-probe"}
    assert found(GLOBAL, {"selector": "all()"}, labels=labels).policies == []


def test_what_may_not_be_read_is_told() -> None:
    with fake_api(
        lambda request, _number: status(403, "Forbidden") if ADMIN in request.path else status(404, "NotFound")
    ) as api:
        foreign = foreign_policies(api.cluster(), NAMESPACE)
    assert foreign == Foreign(
        [], ["Whether an AdminNetworkPolicy of others applies to the probe's pods could not be read."]
    )

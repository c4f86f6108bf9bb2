# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan is carried out on the cluster that it was made for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.cluster_identity import (
    refuse_another,
)


def cluster(uid: str | None, server: str = "https://10.0.0.1:6443", context: str | None = "prod") -> Any:
    return {"context": context, "name": None, "server": server, "uid": uid}


@pytest.mark.parametrize(
    ("planned", "present"),
    [
        (None, cluster("a")),
        (cluster("a"), cluster("a", "https://balancer", "other")),
        (cluster(None), cluster("a", context="renamed")),
        ({"context": None, "name": None, "server": "https://10.0.0.1:6443"}, cluster("a")),
    ],
    ids=["a plan for any", "another address of it", "a UID of one only", "a plan from before there were UIDs"],
)
def test_a_plan_for_this_cluster_is_taken(planned: Any, present: Any) -> None:
    refuse_another(planned, present)


def test_another_cluster_behind_the_same_address_is_refused() -> None:
    with pytest.raises(RolloutError) as refused:
        refuse_another(cluster("a"), cluster("b", context="test"))
    assert str(refused.value) == (
        "plan: it was made for another cluster, nothing was written. The plan is for context prod, https://10.0.0.1:6443 (kube-system a); "
        "the connection leads to context test, https://10.0.0.1:6443 (kube-system b). Connect to the plan's cluster (kubeconfig, "
        "context), or make a plan for this one."
    )


def test_without_a_uid_another_address_is_refused_and_what_would_tell_is_named() -> None:
    with pytest.raises(
        RolloutError, match=r"let the account get that namespace \(docs/reference/rbac.yaml\), and make the plan anew"
    ):
        refuse_another(cluster("a"), cluster(None, "https://balancer"))

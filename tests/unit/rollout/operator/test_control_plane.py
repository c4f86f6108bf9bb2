# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that no node would take are found before anything is written."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import NodeSeen, TaintSeen
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.control_plane import (
    control_plane_homeless,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.overrides import with_pod_spec

from tests.unit.rollout.builders import SELECTOR, node_seen

DEDICATED = TaintSeen(key="dedicated", value="edge", effect="NoSchedule")
ADMITTED = {"controlPlaneNodeSelector": SELECTOR}


def node(admitted: bool = False, cordoned: bool = False, taints: tuple[TaintSeen, ...] = (), **labels: str) -> NodeSeen:
    seen = node_seen(admitted, labels=labels)
    seen.update(unschedulable=cordoned, taints=list(taints))
    return seen


def test_the_control_plane_needs_a_node_that_is_admitted_and_not_cordoned() -> None:
    assert control_plane_homeless(ADMITTED, {"a": node(True)}, None, False) == []
    (fault,) = control_plane_homeless(ADMITTED, {"a": node(True, cordoned=True), "b": node()}, None, False)
    assert "no node would take calico-kube-controllers, which needs rollout.calico-ops.dev/admitted=true:" in fault
    assert "calico would never be Available" in fault


def test_an_apiserver_without_a_node_for_its_pods_is_refused() -> None:
    override = with_pod_spec("apiServerDeployment", {"nodeSelector": {"tier": "core"}})
    nodes = {"a": node(True, tier="edge"), "b": node(tier="core")}
    (fault,) = control_plane_homeless(ADMITTED, nodes, override, False)
    assert (
        "no node would take calico-apiserver, which needs rollout.calico-ops.dev/admitted=true and tier=core" in fault
    )
    assert "the Calico API would not answer" in fault
    assert control_plane_homeless(ADMITTED, {**nodes, "c": node(True, tier="core")}, override, False) == []
    assert control_plane_homeless(ADMITTED, nodes, None, False) == []


def test_what_keeps_the_nearest_nodes_away_is_told() -> None:
    (fault,) = control_plane_homeless(ADMITTED, {"a": node(True, taints=(DEDICATED,)), "b": node()}, None, False)
    assert "(a has the taint dedicated=edge:NoSchedule, which is not tolerated)" in fault


@pytest.mark.parametrize(
    "more",
    [
        {"controlPlaneTolerations": [{"key": "dedicated", "operator": "Exists"}]},
        with_pod_spec("calicoKubeControllersDeployment", {"tolerations": [{"operator": "Exists"}]}),
    ],
)
def test_tolerations_open_a_node_to_the_control_plane(more: dict[str, Any]) -> None:
    assert control_plane_homeless({**ADMITTED, **more}, {"a": node(True, taints=(DEDICATED,))}, None, False) == []


def test_webhooks_follow_their_own_override_alone() -> None:
    override = with_pod_spec("calicoWebhooksDeployment", {"nodeSelector": {"tier": "core"}})
    nodes = {"a": node(True), "b": node(tier="core")}
    assert control_plane_homeless(ADMITTED, nodes, override, True) == []
    (fault,) = control_plane_homeless(ADMITTED, {"a": node(True)}, override, True)
    assert "no node would take calico-webhooks, which needs tier=core" in fault

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typha that would find no node, or not before calico-node runs there, is found before anything is written."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import NodeSeen, TaintSeen
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.overrides import with_pod_spec
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.typha import (
    typha_homeless,
    typha_replicas,
    typha_too_few,
)

from tests.unit.rollout.builders import node_seen

DEDICATED = TaintSeen(key="dedicated", value="edge", effect="NoSchedule")
CONTROL_PLANE = TaintSeen(key="node-role.kubernetes.io/control-plane", value="", effect="NoSchedule")
NOT_READY = TaintSeen(key="node.kubernetes.io/not-ready", value="", effect="NoSchedule")
NOT_READY_EVICTS = TaintSeen(key="node.kubernetes.io/not-ready", value="", effect="NoExecute")
NO_NETWORK = TaintSeen(key="node.kubernetes.io/network-unavailable", value="", effect="NoSchedule")
# As RKE2's chart of Calico 3.32.0 had them (rancher/rke2-charts#1004).
RKE2 = [
    {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node-role.kubernetes.io/etcd", "operator": "Exists", "effect": "NoExecute"},
]


def pinned(**spec: Any) -> dict[str, Any]:
    return {"spec": {**with_pod_spec("typhaDeployment", {"nodeSelector": {"tier": "core"}}), **spec}}


PINNED = pinned()


def node(cordoned: bool = False, taints: tuple[TaintSeen, ...] = (), **labels: str) -> NodeSeen:
    seen = node_seen(False, labels=labels)
    seen.update(unschedulable=cordoned, taints=list(taints))
    return seen


def fleet(core: int, edge: int, **core_fields: Any) -> dict[str, NodeSeen]:
    nodes = {f"core-{number}": node(tier="core", **core_fields) for number in range(1, core + 1)}
    return {**nodes, **{f"edge-{number}": node(tier="edge") for number in range(1, edge + 1)}}


@pytest.mark.parametrize(
    ("nodes", "replicas"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (199, 3), (399, 3), (400, 4), (1000, 7)]
)
def test_typha_gets_replicas_as_the_operator_counts(nodes: int, replicas: int) -> None:
    assert typha_replicas(nodes) == replicas


def test_a_pin_with_enough_nodes_is_taken() -> None:
    assert typha_too_few(PINNED, fleet(3, 4)) == []
    assert typha_too_few(PINNED, fleet(1, 1)) == []


def test_a_pin_with_too_few_nodes_is_refused_with_the_figures() -> None:
    (fault,) = typha_too_few(PINNED, fleet(2, 5))
    assert "typha pinned to tier=core has 2 nodes to run on (core-1, core-2)" in fault
    assert "counts all 7 nodes that are not cordoned and asks for 3 replicas" in fault
    assert "1 would stay Pending" in fault
    assert "Label 1 more node, or leave typha_label out" in fault


def test_a_node_that_typha_cannot_use_does_not_count_for_it() -> None:
    assert "has 0 nodes to run on (none)" in typha_too_few(PINNED, fleet(1, 2, taints=(DEDICATED,)))[0]
    assert (
        "has 0 nodes to run on (none), but tigera-operator counts all 2"
        in typha_too_few(PINNED, fleet(1, 2, cordoned=True))[0]
    )
    windows = {"w": node(tier="core", **{"kubernetes.io/os": "windows"}), **fleet(0, 1)}
    assert "has 0 nodes to run on" in typha_too_few(PINNED, windows)[0]


def test_typha_tolerates_the_control_plane_or_what_the_installation_says() -> None:
    control_plane = TaintSeen(key="node-role.kubernetes.io/control-plane", value="", effect="NoSchedule")
    nodes = fleet(1, 1, taints=(control_plane,))
    assert typha_too_few(PINNED, nodes) == []
    assert typha_too_few(pinned(controlPlaneTolerations=[{"key": "mine", "operator": "Exists"}]), nodes)
    own = {"controlPlaneTolerations": [{"key": "dedicated", "operator": "Exists"}]}
    assert typha_too_few(pinned(**own), fleet(1, 1, taints=(DEDICATED,))) == []


def test_a_virtual_kubelet_of_aks_asks_for_no_replica() -> None:
    virtual = node(**{"type": "virtual-kubelet", "kubernetes.azure.com/cluster": "x"})
    assert typha_too_few(PINNED, {**fleet(1, 1), "v": virtual}) == []


def installation(calico: str | None = None, **spec: Any) -> dict[str, Any]:
    return {"spec": spec, "status": {"calicoVersion": calico} if calico else {}}


def overriding(tolerations: list[dict[str, Any]]) -> dict[str, Any]:
    return with_pod_spec("typhaDeployment", {"tolerations": tolerations})


@pytest.mark.parametrize("spec", [{"controlPlaneTolerations": RKE2}, overriding(RKE2), overriding([])])
def test_typha_that_waits_for_a_node_and_calico_node_for_typha_is_refused(spec: dict[str, Any]) -> None:
    nodes = {"a": node(taints=(CONTROL_PLANE, NO_NETWORK)), "b": node(taints=(NO_NETWORK, NOT_READY))}
    if spec == overriding([]):
        nodes = {name: node(taints=(NO_NETWORK,)) for name in ("a", "b")}
    (fault,) = typha_homeless(installation(**spec), nodes)
    field = (
        "controlPlaneTolerations"
        if "controlPlaneTolerations" in spec
        else "typhaDeployment.spec.template.spec.tolerations"
    )
    assert fault.startswith(f"typha and calico-node would wait for each other: {field} replaces")
    assert "node.kubernetes.io/network-unavailable:NoSchedule" in fault
    assert "2 nodes that could run typha have that taint until calico-node is ready there (a, b)" in fault
    assert (
        f"Add to {field}: {{key: node.kubernetes.io/network-unavailable, operator: Exists, effect: NoSchedule}}"
        in fault
    )


def test_every_taint_that_keeps_it_off_is_named_once_with_its_toleration() -> None:
    nodes = {"a": node(taints=(NO_NETWORK,)), "b": node(taints=(NOT_READY,))}
    (fault,) = typha_homeless(installation(controlPlaneTolerations=RKE2), nodes)
    assert "network-unavailable:NoSchedule and node.kubernetes.io/not-ready:NoSchedule" in fault
    assert fault.endswith(
        "{key: node.kubernetes.io/network-unavailable, operator: Exists, effect: NoSchedule}, "
        "{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoSchedule}"
    )


def test_one_node_that_takes_typha_is_enough_to_begin_with() -> None:
    nodes = {"a": node(taints=(NO_NETWORK,)), "b": node()}
    assert typha_homeless(installation(controlPlaneTolerations=RKE2), nodes) == []
    # A node that typha cannot use is no way out.
    for other in (node(cordoned=True), node(taints=(DEDICATED,)), node(**{"kubernetes.io/os": "windows"})):
        assert typha_homeless(installation(controlPlaneTolerations=RKE2), {"a": nodes["a"], "b": other})


def test_a_pod_may_wait_out_what_would_evict_it() -> None:
    """The API server gives every pod five minutes of not-ready:NoExecute; the scheduler goes by NoSchedule."""
    nodes = {"a": node(taints=(NOT_READY_EVICTS,))}
    assert typha_homeless(installation(controlPlaneTolerations=RKE2), nodes) == []


@pytest.mark.parametrize("calico", [None, "v3.28.5", "v3.32.1", "v3.33.0", "master"])
def test_the_operators_own_tolerations_let_typha_onto_a_new_node(calico: str | None) -> None:
    nodes = {"a": node(taints=(CONTROL_PLANE, NO_NETWORK, NOT_READY))}
    assert typha_homeless(installation(calico), nodes) == []
    assert typha_homeless(installation(calico, **overriding([{"operator": "Exists"}])), nodes) == []


@pytest.mark.parametrize(
    ("calico", "taken"),
    [
        ("v3.31.7", True),
        ("v3.32.1", True),
        ("v3.33.0", False),
        ("v3.34.0-0.dev", False),
        (None, True),
        ("v3.master", True),
    ],
)
@pytest.mark.parametrize("kept", [node(taints=(DEDICATED,)), node(cordoned=True)], ids=["dedicated", "cordoned"])
def test_since_3_33_typha_tolerates_no_more_than_a_new_node_has(
    calico: str | None, taken: bool, kept: NodeSeen
) -> None:
    found = typha_homeless(installation(calico), {"a": kept})
    assert bool(found) is not taken
    if not taken:
        assert "no node would take typha" in found[0]


def test_the_known_version_decides_for_a_pin_too() -> None:
    nodes = fleet(3, 4, taints=(DEDICATED,))
    assert typha_too_few({**PINNED, "status": {"calicoVersion": "v3.31.7"}}, nodes) == []
    assert typha_too_few({**PINNED, "status": {"calicoVersion": "v3.33.0"}}, nodes)


def test_gkes_arm_nodes_take_typha_on_gke_alone() -> None:
    arm = TaintSeen(key="kubernetes.io/arch", value="arm64", effect="NoSchedule")
    nodes = {"a": node(taints=(arm,))}
    assert typha_homeless(installation("v3.33.0"), nodes)
    assert typha_homeless(installation("v3.33.0", kubernetesProvider="GKE"), nodes) == []
    computed = {"spec": {}, "status": {"calicoVersion": "v3.33.0", "computed": {"kubernetesProvider": "GKE"}}}
    assert typha_homeless(computed, nodes) == []


def test_a_selector_that_no_node_has_is_told() -> None:
    spec = with_pod_spec("typhaDeployment", {"nodeSelector": {"tier": "core"}})
    (fault,) = typha_homeless(installation(**spec), {"a": node()})
    assert fault.startswith("no node would take typha, which needs tier=core: its pods would stay Pending")


@pytest.mark.parametrize(("operator", "taken"), [((1, 34), True), ((1, 42), True), ((1, 43), False), ((1, 44), False)])
def test_before_a_clean_install_the_version_of_the_operator_tells_what_typha_tolerates(
    operator: tuple[int, int], taken: bool
) -> None:
    nodes = {"a": node(taints=(DEDICATED,))}
    assert (typha_homeless(installation(), nodes, operator) == []) is taken
    assert (typha_too_few(PINNED, fleet(3, 4, taints=(DEDICATED,)), operator) == []) is taken
    # The operator renders, and may be newer or older than what it published.
    assert (typha_homeless(installation("v3.31.7"), nodes, operator) == []) is taken
    assert (typha_homeless(installation("v3.33.0"), nodes, operator) == []) is taken

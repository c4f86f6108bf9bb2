# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import TaintSeen
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.observation.snapshot import (
    status_conditions,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.field_managers import purposes
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.installation import (
    full_document,
    in_force,
    judge_applied,
    refusals,
    rejection,
    scoped,
    selectors_of,
    stranded,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import NOTHING_MORE

from tests.unit.rollout.builders import (
    LABEL,
    SELECTOR,
    bare,
    daemonset,
    degraded,
    installation,
    node_seen,
    overlay,
    pod,
    rolled_out,
)

NAMES = ["edge-1", "edge-2"]
TOO_FEW = "not enough linux nodes to schedule typha pods on, require 3 and have 2"


def override(daemonset_name: str, **pod_spec: Any) -> dict[str, Any]:
    return {daemonset_name: {"spec": {"template": {"spec": pod_spec}}}}


def applied() -> dict[str, Any]:
    """An Installation as an apply of the selectors alone leaves it."""
    (scope,) = purposes(LABEL, NOTHING_MORE, {})
    return {"spec": copy.deepcopy(scope.spec)}


def test_what_is_applied_is_found_again() -> None:
    assert selectors_of(applied()) == {
        "calico_node_selector": SELECTOR,
        "csi_node_driver_selector": SELECTOR,
        "control_plane_selector": SELECTOR,
    }
    assert judge_applied(applied(), LABEL) == []


def test_an_installation_without_a_spec_has_no_selectors() -> None:
    assert selectors_of({"spec": None}) == {
        "calico_node_selector": {},
        "csi_node_driver_selector": {},
        "control_plane_selector": {},
    }


def test_a_new_installation_is_the_users_spec_with_the_selectors_in_it() -> None:
    wanted: dict[str, Any] = {
        "variant": "Calico",
        "controlPlaneNodeSelector": {"zone": "a"},
        **override(
            "calicoNodeDaemonSet", nodeSelector={"kubernetes.io/os": "linux"}, containers=[{"name": "calico-node"}]
        ),
    }
    document = full_document(wanted, LABEL)
    assert document["metadata"] == {"name": "default"}
    assert document["spec"]["variant"] == "Calico"
    assert document["spec"]["controlPlaneNodeSelector"] == {"zone": "a", **SELECTOR}
    pod_spec = document["spec"]["calicoNodeDaemonSet"]["spec"]["template"]["spec"]
    assert pod_spec == {
        "nodeSelector": {"kubernetes.io/os": "linux", **SELECTOR},
        "containers": [{"name": "calico-node"}],
    }
    assert selectors_of(document)["csi_node_driver_selector"] == SELECTOR
    assert wanted["controlPlaneNodeSelector"] == {"zone": "a"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"controlPlaneNodeSelector": {LABEL["key"]: "no"}},
            r"controlPlaneNodeSelector.*: no, but the rollout needs true",
        ),
        ({"calicoNodeDaemonSet": "all"}, "spec.calicoNodeDaemonSet: all where a mapping belongs"),
        (override("calicoNodeDaemonSet", nodeSelector={"tier": "edge"}), "also demands tier=edge"),
    ],
)
def test_a_spec_that_contradicts_the_rollout_is_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(RolloutError, match=message):
        full_document(spec, LABEL)


def stored(**spec: Any) -> dict[str, Any]:
    document = applied()
    for name, value in spec.items():
        if name.endswith("DaemonSet"):
            document["spec"][name]["spec"]["template"]["spec"].update(value)
        else:
            document["spec"][name] = value
    return document


@pytest.mark.parametrize("name", ["calicoNodeDaemonSet", "csiNodeDriverDaemonSet"])
def test_a_stored_installation_without_our_selector_is_wrong(name: str) -> None:
    document = stored(**{name: {"nodeSelector": {}}})
    assert judge_applied(document, LABEL) == [
        f"{name}'s nodeSelector does not carry rollout.calico-ops.dev/admitted=true"
    ]


def test_a_stored_installation_without_our_control_plane_selector_is_wrong() -> None:
    assert judge_applied(stored(controlPlaneNodeSelector={}), LABEL) == [
        "controlPlaneNodeSelector does not carry rollout.calico-ops.dev/admitted=true"
    ]


@pytest.mark.parametrize("name", ["calicoNodeDaemonSet", "csiNodeDriverDaemonSet"])
def test_a_key_of_somebody_else_that_narrows_the_set_is_named(name: str) -> None:
    problems = judge_applied(
        stored(**{name: {"nodeSelector": {**SELECTOR, "tier": "edge", "kubernetes.io/os": "linux"}}}), LABEL
    )
    assert len(problems) == 1
    assert f"{name}'s nodeSelector also demands tier=edge:" in problems[0]


@pytest.mark.parametrize("name", ["calicoNodeDaemonSet", "csiNodeDriverDaemonSet"])
def test_a_key_of_somebody_else_is_no_harm_where_all_that_must_run_it_carry_it(name: str) -> None:
    document = stored(**{name: {"nodeSelector": {**SELECTOR, "cni": "calico"}}})
    nodes = {"a": node_seen(labels={"cni": "calico"}), "b": node_seen(labels={"cni": "calico"}), "c": node_seen()}
    assert judge_applied(document, LABEL, nodes, ["a", "b"]) == []
    (problem,) = judge_applied(document, LABEL, nodes, ["a", "b", "c"])
    assert f"{name}'s nodeSelector also demands cni=calico, without which 1 node that must run it would not" in problem
    assert ": c. Label what lacks it" in problem


def test_the_control_plane_may_be_narrowed_further() -> None:
    assert judge_applied(stored(controlPlaneNodeSelector={**SELECTOR, "zone": "a"}), LABEL) == []


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"nodeSelectorTerms": list(terms)}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


NODES = {"core-1": node_seen(True, labels={"tier": "core"}), "edge-1": node_seen(labels={"tier": "edge"})}


@pytest.mark.parametrize("name", ["calicoNodeDaemonSet", "csiNodeDriverDaemonSet"])
def test_an_affinity_of_somebody_else_is_named_with_the_expected_nodes_that_it_keeps_out(name: str) -> None:
    term = {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["edge"]}]}
    (problem,) = judge_applied(stored(**{name: affinity(term)}), LABEL, NODES, ["core-1", "edge-1"])
    assert problem.startswith(
        f"{name}'s affinity or tolerations keep it off 1 node that must run it: edge-1 does not match"
    )


def test_an_affinity_that_keeps_no_expected_node_out_is_no_harm() -> None:
    term = {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["edge"]}]}
    assert judge_applied(stored(calicoNodeDaemonSet=affinity(term)), LABEL, NODES, ["core-1"]) == []


def test_tolerations_that_leave_an_expected_node_out_are_named_for_both_daemonsets() -> None:
    without_cni = ("node.kubernetes.io/not-ready", "node.kubernetes.io/network-unavailable")
    tolerations = {"tolerations": [{"key": key, "operator": "Exists"} for key in without_cni]}
    nodes = {name: node_seen() for name in ("a", "b", "c")}
    for name in ("b", "c"):
        nodes[name]["taints"] = [TaintSeen(key="dedicated", value="edge", effect="NoSchedule")]
    document = stored(calicoNodeDaemonSet=tolerations, csiNodeDriverDaemonSet=tolerations)
    problems = judge_applied(document, LABEL, nodes, ["a", "b", "unknown"])
    assert [problem.partition("'s")[0] for problem in problems] == ["calicoNodeDaemonSet", "csiNodeDriverDaemonSet"]
    assert all("1 node that must run it: b has the taint dedicated=edge:NoSchedule" in problem for problem in problems)


@pytest.mark.parametrize(
    "tolerations",
    [
        [],
        [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}],
        [{"operator": "Exists", "effect": "NoExecute"}],
    ],
)
def test_tolerations_that_keep_calico_node_from_a_node_without_cni_are_named(tolerations: list[Any]) -> None:
    problems = judge_applied(stored(calicoNodeDaemonSet={"tolerations": tolerations}), LABEL)
    assert len(problems) == 1
    assert "network-unavailable:NoSchedule" in problems[0]


def test_tolerations_for_everything_are_no_harm() -> None:
    assert judge_applied(stored(calicoNodeDaemonSet={"tolerations": [{"operator": "Exists"}]}), LABEL) == []


@pytest.mark.parametrize("field", ["calico_node_selector", "csi_node_driver_selector", "control_plane_selector"])
def test_scoped_means_all_three_selectors(field: str) -> None:
    assert scoped(installation(), LABEL)
    assert not scoped(installation(**{field: {}}), LABEL)


def test_no_installation_is_not_scoped() -> None:
    assert not scoped(None, LABEL)


def test_stranded_are_nodes_with_a_ready_calico_node_and_without_the_label() -> None:
    seen = rolled_out([*NAMES, "edge-3", "edge-4", "edge-5"], NAMES)
    seen["pods"] += [pod("edge-3"), pod("edge-4", ready=False), pod("edge-5", deleting=True)]
    assert stranded(seen, LABEL) == ["edge-3"]


def test_a_clean_cluster_with_a_labelled_node_is_not_refused() -> None:
    seen = bare(NAMES)
    seen["nodes"]["edge-1"] = node_seen(admitted=True)
    assert refusals(seen, LABEL) == []


def refused(**parts: Any) -> list[str]:
    seen: Any = bare(NAMES)
    seen["nodes"]["edge-1"] = node_seen(admitted=True)
    return refusals({**seen, **parts}, LABEL)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"overlay": overlay()}, "an Installation named overlay exists"),
        ({"manifest_install": ["kube-system/calico-node"]}, "installed from manifests (kube-system/calico-node)"),
        (
            {"installation": installation({LABEL["key"]: "no"})},
            "has rollout.calico-ops.dev/admitted=no where true is wanted",
        ),
        (
            {"installation": installation({}, calico_node_selector={"a": "b"})},
            "calicoNodeDaemonSet's nodeSelector also demands a=b",
        ),
        (
            {"installation": installation({}, csi_node_driver_selector={"a": "b"})},
            "csiNodeDriverDaemonSet's nodeSelector also demands a=b",
        ),
        (
            {"pods": [pod("edge-2")]},
            "1 node runs a Ready calico-node and does not carry rollout.calico-ops.dev/admitted=true",
        ),
    ],
)
def test_the_selector_is_refused_where_it_would_do_harm(parts: dict[str, Any], text: str) -> None:
    assert text in "; ".join(refused(**parts))


def test_the_selector_is_refused_while_ready_nodes_would_be_stranded_by_name() -> None:
    seen = rolled_out(["w-01", "w-02", "w-03"], ["w-01"])
    seen["pods"] += [pod("w-03"), pod("w-02")]
    assert ": w-02, w-03. Label what must keep it first" in refusals(seen, LABEL)[0]
    assert ": w-03. Label" in refusals(seen, LABEL, may_lose_calico=["w-02"])[0]
    assert refusals(seen, LABEL, may_lose_calico=["w-02"], about_to_be_labelled=["w-03"]) == []


def test_the_selector_is_refused_where_no_node_carries_the_label() -> None:
    assert "calico-node would run nowhere" in refusals(bare(NAMES), LABEL)[0]
    assert refusals(bare(NAMES), LABEL, about_to_be_labelled=["edge-1"]) == []


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("InvalidConfigurationError", "Invalid Installation provided: x"),
        ("MigrationError", "x"),
        ("ResourceMigrationError", "error migrating resources to calico-system: x"),
        ("ResourceScalingError", f"Failed to autoscale typha - {TOO_FEW}"),
        ("ResourceScalingError", f"Failed to scale typha: {TOO_FEW}"),
    ],
)
def test_a_rejection_by_the_operator_is_told_with_its_words_and_advice(reason: str, message: str) -> None:
    text = rejection({**rolled_out(NAMES, NAMES), "calico_status": degraded(reason, f"{message}.")})  # type: ignore[typeddict-item]
    assert text is not None
    assert text.startswith(f"tigera-operator rejects the Installation ({reason}): {message}. ")
    assert text.endswith(", then run again")


@pytest.mark.parametrize(
    "message",
    [
        "Failed to autoscale typha - could not list nodes: the cache is not started, can not read objects",
        "Failed to autoscale typha - could not scale Typha deployment: Internal error occurred: failed calling webhook",
        "Failed to autoscale typha - could not get number of nodes: the cache is not started, can not read objects",
    ],
)
@pytest.mark.parametrize("generation", [None, 3])
def test_what_the_autoscaler_says_of_itself_is_no_rejection(message: str, generation: int | None) -> None:
    """As the operator writes it at its start: without observedGeneration, and should it ever come with one."""
    condition: dict[str, Any] = {
        "type": "Degraded",
        "status": "True",
        "reason": "ResourceScalingError",
        "message": message,
        "lastTransitionTime": "2026-08-21T10:00:00Z",
    }
    if generation is not None:
        condition["observedGeneration"] = generation
    seen = status_conditions({"status": {"conditions": [condition]}})
    assert rejection({**rolled_out(NAMES, NAMES), "calico_status": seen}) is None  # type: ignore[typeddict-item]


def test_a_rejection_without_a_generation_is_not_of_this_installation() -> None:
    """What an operator that has just started says of an Installation that it has not looked at yet."""
    condition = {"type": "Degraded", "status": "True", "reason": "ResourceScalingError", "message": TOO_FEW}
    seen = status_conditions({"status": {"conditions": [condition]}})
    assert rejection({**rolled_out(NAMES, NAMES), "calico_status": seen}) is None  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    "parts",
    [
        {"calico_status": degraded("PodFailure", "x")},
        {"calico_status": degraded("InvalidConfigurationError", "x", generation=2)},
        {"calico_status": {"Degraded": {**degraded("InvalidConfigurationError", "x")["Degraded"], "status": "False"}}},
        {"calico_status": degraded("InvalidConfigurationError", "x"), "installation": None},
        {},
    ],
)
def test_what_is_no_rejection_of_this_generation_is_none(parts: dict[str, Any]) -> None:
    assert rejection({**rolled_out(NAMES, NAMES), **parts}) is None  # type: ignore[typeddict-item]


def test_in_force_means_the_selector_is_in_the_daemonsets_and_was_processed() -> None:
    seen: Any = rolled_out(NAMES, NAMES)
    assert in_force(seen, LABEL)
    assert in_force({**seen, "csi_daemonset": None}, LABEL)


@pytest.mark.parametrize(
    "parts",
    [
        {"daemonset": None},
        {"daemonset": daemonset(2, {})},
        {"daemonset": daemonset(2, generation=3)},
        {"csi_daemonset": daemonset(2, {})},
        {"csi_daemonset": daemonset(2, generation=3)},
    ],
)
def test_what_the_operator_has_not_finished_is_not_in_force(parts: Any) -> None:
    assert not in_force({**rolled_out(NAMES, NAMES), **parts}, LABEL)  # type: ignore[typeddict-item]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode: what the cluster looks like after each action, if all goes well."""

from __future__ import annotations

import copy
from typing import Any, get_args, get_type_hints

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.registry import ACTIONS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.readiness import judge
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.actions import WAITS, Action
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.quarantine import quarantine_reason
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.handover import (
    NOTHING_LACKS,
    lacking,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.installation import in_force, scoped
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.intent import Wishes
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import Placement

from tests.unit.cluster.foreseen import after
from tests.unit.rollout.builders import LABEL, SELECTOR, bare, daemonset, installation, plan, rolled_out, unscoped

NAMES = ["core-1", "core-2", "edge-1"]
PLAN = plan(NAMES)
LABELLING: Any = {
    "do": "label_nodes",
    "batch": "core-1",
    "nodes": ["core-1", "core-2"],
    "labels": SELECTOR,
    "annotations": {},
    "waived": {},
}
SCOPING: Any = {"do": "scope_installation", "create": True}
WAITING: Any = {"do": "wait", "why": "", "until": 1.0}
RESTARTING: Any = {"do": "await_restart", "why": "", "until": 1.0, "nodes": ["edge-1"]}
RAISING: Any = {"do": "raise_max_unavailable", "value": "3", "plan": PLAN["id"], "until": 1.0}
RESTORING: Any = {"do": "restore_max_unavailable"}
VERIFYING: Any = {"do": "verify_policy", "batch": "core-1", "nodes": ["core-1"], "offered": []}
QUARANTINING: Any = {
    "do": "quarantine",
    "batch": "edge-1",
    "nodes": ["edge-1"],
    "causes": {"edge-1": "open"},
    "reasons": {"edge-1": "open: a denied connection came through"},
}
CLEARING: Any = {"do": "clear_network_unavailable", "nodes": ["edge-1"]}
STARTING: Any = {
    "do": "start_witnesses",
    "batch": "core-1",
    "nodes": ["core-1"],
    "offered": [],
    "run": None,
    "lifetime": 600,
}
TENDING: Any = {"do": "tend_witnesses", "batch": "core-1", "nodes": ["core-1"], "run": "a1"}
FINISHING: Any = {"do": "finish_witnesses", "batch": "core-1", "nodes": ["core-1"], "run": "a1"}
COMMITTING: Any = {"do": "await_owner", "why": "", "until": 1.0}
ALL_KINDS = (
    STARTING,
    LABELLING,
    WAITING,
    RESTARTING,
    RAISING,
    SCOPING,
    TENDING,
    RESTORING,
    FINISHING,
    VERIFYING,
    QUARANTINING,
    CLEARING,
    COMMITTING,
)
PLACED = Wishes(
    Placement(
        affinity={"nodeAffinity": {}},
        tolerations=[{"operator": "Exists"}],
        typha_label={"key": "tier", "value": "core"},
        kube_controllers={"tolerations": []},
        apiserver={"nodeSelector": {"tier": "core"}},
    )
)


def test_predicted_labels_are_on_their_nodes_and_no_others() -> None:
    seen = after(bare(NAMES), PLAN, LABELLING)
    assert [name for name, node in seen["nodes"].items() if node["labels"].get(LABEL["key"])] == ["core-1", "core-2"]
    assert (seen["pods"], seen["installation"]) == ([], None)


def test_a_predicted_selector_is_in_force_and_every_labelled_node_is_ready() -> None:
    seen = after(bare(NAMES), PLAN, LABELLING, SCOPING)
    assert scoped(seen["installation"], LABEL)
    assert in_force(seen, LABEL)
    assert judge(["core-1", "core-2"], seen, LABEL)["ready"]
    assert not seen["nodes"]["edge-1"]["ready"]


def test_a_predicted_selector_keeps_what_is_in_the_installation() -> None:
    seen = {**bare(NAMES), "installation": installation({}, control_plane_selector={"zone": "a"})}
    made = after(seen, PLAN, SCOPING)["installation"]  # type: ignore[arg-type]
    assert made is not None
    assert made["control_plane_selector"] == {"zone": "a", **SELECTOR}
    assert made["uid"] == "uid-installation"


def test_a_selector_that_is_in_force_already_needs_no_prediction() -> None:
    seen = rolled_out(NAMES, ["core-1", "core-2"])
    made = after(seen, PLAN, {**LABELLING, "nodes": ["edge-1"]})
    assert judge(NAMES, made, LABEL)["ready"]
    assert made["daemonset"] == daemonset(3)


def test_the_network_of_a_predicted_node_is_available() -> None:
    seen = bare(NAMES)
    seen["nodes"]["core-1"].update({"network_unavailable": True, "network_reason": "CalicoIsDown"})
    made = after(seen, PLAN, LABELLING, SCOPING)["nodes"]["core-1"]
    assert (made["ready"], made["network_unavailable"], made["network_reason"]) == (True, False, None)


def test_a_simulation_leaves_the_observation_as_it_was() -> None:
    seen = rolled_out(NAMES, ["core-1"])
    before = copy.deepcopy(seen)
    after(seen, PLAN, *ALL_KINDS, wishes=PLACED)
    assert seen == before


def test_a_node_in_predicted_quarantine_is_rid_of_calico_and_closed() -> None:
    made = after(rolled_out(NAMES, NAMES), PLAN, QUARANTINING)
    node = made["nodes"]["edge-1"]
    assert LABEL["key"] not in node["labels"]
    assert [(taint["value"], taint["effect"]) for taint in node["taints"]] == [("open", "NoSchedule")]
    assert quarantine_reason(node["labels"], node["annotations"]) == "open: a denied connection came through"
    assert [pod["node"] for pod in made["pods"]] == ["core-1", "core-2"]


def test_a_predicted_clearing_leaves_the_network_available() -> None:
    seen = rolled_out(NAMES, ["core-1", "core-2"])
    seen["nodes"]["edge-1"].update(network_unavailable=True, network_reason="CalicoIsDown")
    assert not after(seen, PLAN, CLEARING)["nodes"]["edge-1"]["network_unavailable"]


def test_waiting_for_the_cluster_changes_nothing() -> None:
    seen = bare(NAMES)
    assert after(seen, PLAN, WAITING) == seen


def test_a_restart_that_is_waited_for_ends_well() -> None:
    seen = unscoped(NAMES, ["core-1"], ["edge-1"])
    made = after(seen, PLAN, RESTARTING)
    assert sorted((pod["node"], pod["ready"]) for pod in made["pods"]) == [("core-1", True), ("edge-1", True)]
    assert made["nodes"]["edge-1"]["ready"]


def test_what_was_raised_is_put_back_to_what_it_was() -> None:
    seen: Any = {**bare(NAMES), "installation": installation({}, max_unavailable="2")}
    raised: Any = after(seen, PLAN, RAISING)["installation"]
    assert (raised["max_unavailable"], raised["raised"]["previous"]) == ("3", "2")
    restored: Any = after(seen, PLAN, RAISING, RESTORING)["installation"]
    assert (restored["max_unavailable"], restored["raised"]) == ("2", None)


def test_a_value_that_somebody_else_has_set_since_stays() -> None:
    raised = {"previous": "1", "raised": "3", "plan": None, "until": None}
    seen: Any = {**bare(NAMES), "installation": installation({}, max_unavailable="7", raised=raised)}
    restored: Any = after(seen, PLAN, RESTORING)["installation"]
    assert (restored["max_unavailable"], restored["raised"]) == ("7", None)


@pytest.mark.parametrize("v3_crds", [False, True])
@pytest.mark.parametrize("action", [SCOPING, COMMITTING], ids=["written", "committed"])
@pytest.mark.parametrize("there", [None, installation({}, control_plane_selector={"zone": "a"})], ids=["new", "there"])
def test_nothing_lacks_once_all_is_written_or_committed(there: Any, action: Any, v3_crds: bool) -> None:
    apiserver = {"uid": "", "generation": 1, "managed_by": [], "owned_by": [], "placement": {}}
    seen: Any = {**bare(NAMES), "installation": there, "apiserver": apiserver, "v3_crds": v3_crds}
    assert lacking(seen, LABEL, PLACED.placement) != NOTHING_LACKS
    made = after(seen, PLAN, action, wishes=PLACED)
    assert lacking(made, LABEL, PLACED.placement) == NOTHING_LACKS


def test_every_action_that_can_be_decided_can_be_carried_out() -> None:
    decidable = {get_type_hints(kind)["do"].__args__[0] for kind in get_args(Action)}
    assert decidable == set(ACTIONS)
    assert decidable > WAITS
    assert all(vars(type(handler)).keys() >= {"carry_out", "foresee"} for handler in ACTIONS.values())

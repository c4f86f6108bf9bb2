# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.readiness import judge
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.installation import scoped, taken
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.simulate import predict, simulate
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import LABEL, SELECTOR, bare, daemonset, installation, plan, rolled_out

NAMES = ["core-1", "core-2", "edge-1"]
PLAN = plan(NAMES)
STATE = new_state(PLAN)
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


def test_predictions_add_up_and_waiting_adds_nothing() -> None:
    state = STATE
    for action in (LABELLING, WAITING, SCOPING, LABELLING):
        state = predict(state, action)
    assert state["predicted"] == {
        "labelled": {"core-1": "core-1", "core-2": "core-1"},
        "restarted": [],
        "scoped": True,
        "max_unavailable": None,
    }


def test_a_prediction_leaves_the_state_that_it_is_made_from() -> None:
    before = predict(STATE, LABELLING)
    kept = copy.deepcopy(before)
    predict(before, {**LABELLING, "nodes": ["edge-1"]})
    assert before == kept


def test_predicted_labels_are_on_their_nodes_and_no_others() -> None:
    seen = simulate(bare(NAMES), PLAN, predict(STATE, LABELLING))
    assert [name for name, node in seen["nodes"].items() if node["labels"].get(LABEL["key"])] == ["core-1", "core-2"]
    assert (seen["pods"], seen["installation"]) == ([], None)


def test_a_predicted_selector_is_in_force_and_every_labelled_node_is_ready() -> None:
    seen = simulate(bare(NAMES), PLAN, predict(predict(STATE, LABELLING), SCOPING))
    assert scoped(seen["installation"], LABEL)
    assert taken(seen, LABEL)
    assert judge(["core-1", "core-2"], seen, LABEL)["ready"]
    assert not seen["nodes"]["edge-1"]["ready"]


def test_a_predicted_selector_keeps_what_is_in_the_installation() -> None:
    seen = {**bare(NAMES), "installation": installation({}, control_plane_selector={"zone": "a"})}
    after = simulate(seen, PLAN, predict(STATE, SCOPING))["installation"]  # type: ignore[arg-type]
    assert after is not None
    assert after["control_plane_selector"] == {"zone": "a", **SELECTOR}
    assert after["uid"] == "uid-installation"


def test_a_selector_that_is_in_force_already_needs_no_prediction() -> None:
    seen = rolled_out(NAMES, ["core-1", "core-2"])
    after = simulate(seen, PLAN, predict(STATE, {**LABELLING, "nodes": ["edge-1"]}))
    assert judge(NAMES, after, LABEL)["ready"]
    assert after["daemonset"] == daemonset(3)


def test_the_network_of_a_predicted_node_is_available() -> None:
    seen = bare(NAMES)
    seen["nodes"]["core-1"].update({"network_unavailable": True, "network_reason": "CalicoIsDown"})
    after = simulate(seen, PLAN, predict(predict(STATE, LABELLING), SCOPING))["nodes"]["core-1"]
    assert (after["ready"], after["network_unavailable"], after["network_reason"]) == (True, False, None)


def test_a_simulation_leaves_the_observation_as_it_was() -> None:
    seen = rolled_out(NAMES, ["core-1"])
    before = copy.deepcopy(seen)
    simulate(seen, PLAN, predict(predict(STATE, LABELLING), SCOPING))
    assert seen == before

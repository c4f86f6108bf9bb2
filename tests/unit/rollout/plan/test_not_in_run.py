# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is limited to some hosts: the others are neither admitted nor blamed, and who is in stays expected."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import (
    markdown,
    terminal,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan, planned_nodes
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import LABEL, SELECTOR, answer, facts, rolled_out, tier

CORE = ["core-1", "core-2"]
EDGE = ["edge-1", "edge-2", "edge-3"]
TIERS = [tier("core", failure_budget=0), tier("edge", failure_budget=0)]


def limited(to: list[str], node_names: Any = None) -> Any:
    """The report of a run that is limited to the hosts of these nodes."""
    registered = {f"h-{name}": answer(name) if name in to else None for name in CORE + EDGE}
    names = {f"h-{node}": node for node in node_names or ()}
    return assemble(registered, names, in_run=[f"h-{name}" for name in to])


def limited_plan(to: list[str], admitted: Any = (), node_names: Any = None) -> Any:
    nodes = [facts(name, SELECTOR if name in admitted else None) for name in CORE + EDGE]
    return build_plan(nodes, limited(to, node_names), TIERS)


def test_hosts_left_out_by_the_limit_are_told_apart_from_hosts_without_a_result() -> None:
    report = limited(["core-1"], node_names=["edge-1"])
    assert list(report["hosts"]) == ["h-core-1"]
    assert report["not_in_run"] == {"h-core-2": None, "h-edge-1": "edge-1", "h-edge-2": None, "h-edge-3": None}


def test_without_a_limit_every_host_is_in_the_run() -> None:
    report = assemble({"a": answer("core-1"), "b": None})
    assert (list(report["hosts"]), report["not_in_run"]) == (["a", "b"], {})


def test_a_node_whose_host_is_not_in_the_run_is_neither_admitted_nor_blamed() -> None:
    plan = limited_plan(CORE)
    assert planned_nodes(plan) == CORE
    assert {(entry["node"], entry["cause"], entry["counts"]) for entry in plan["excluded"]} == {
        (name, "not_in_run", False) for name in EDGE
    }
    assert [tier["left_out"] for tier in plan["tiers"]] == [0, 0]


def test_a_host_left_out_is_named_where_the_inventory_says_which_node_it_is() -> None:
    entry = limited_plan(CORE, node_names=EDGE)["excluded"][0]
    assert (entry["node"], entry["host"], entry["reason"]) == ("edge-1", "h-edge-1", "its host is not in this run")


def test_a_node_without_any_host_is_blamed_when_the_hosts_left_out_are_known_to_be_other_nodes() -> None:
    nodes = [*[facts(name) for name in CORE + EDGE], facts("edge-9")]
    plan = build_plan(nodes, limited(CORE, node_names=EDGE), TIERS)
    causes = {entry["node"]: entry["cause"] for entry in plan["excluded"]}
    assert (causes["edge-3"], causes["edge-9"]) == ("not_in_run", "no_host")


def test_hosts_left_out_are_not_listed_a_second_time_as_hosts_that_are_no_node() -> None:
    assert [entry["host"] for entry in limited_plan(CORE)["excluded"] if entry["node"] is None] == []


def test_a_node_admitted_before_is_kept_and_expected_to_be_ready() -> None:
    plan = limited_plan(EDGE[:1], admitted=CORE)
    assert (planned_nodes(plan), plan["kept"]) == (EDGE[:1], CORE)
    seen = rolled_out(CORE + EDGE, CORE)
    seen["pods"][0]["ready"] = False
    waiting = decide(plan, new_state(plan), seen, 0.0)
    assert "the nodes admitted before: waiting for core-1 (not_ready" in waiting["report"]["reason"]
    assert [action["do"] for action in waiting["actions"]] == ["wait"]


def test_nodes_admitted_before_that_do_not_get_ready_in_time_stop_the_run() -> None:
    plan = limited_plan(EDGE[:1], admitted=CORE)
    seen = rolled_out(CORE + EDGE, CORE)
    seen["pods"][0]["ready"] = False
    state = decide(plan, new_state(plan), seen, 0.0)["state"]
    late = decide(plan, state, seen, plan["batch_timeout"] + 1.0)["report"]
    assert late["outcome"] == "stopped"
    assert "the nodes admitted before are not ready after 601 s, still waiting for core-1" in late["reason"]


def test_a_limited_run_labels_its_own_nodes_only_and_ends_well() -> None:
    plan = limited_plan(EDGE[:1], admitted=CORE)
    state = {**new_state(plan), "ready_since": 0.0}
    labelling = decide(plan, state, rolled_out(CORE + EDGE, CORE), 60.0)  # type: ignore[arg-type]
    assert [action["nodes"] for action in labelling["actions"] if action["do"] == "label_nodes"] == [["edge-1"]]
    done = decide(plan, {**labelling["state"], "ready_since": 60.0}, rolled_out(CORE + EDGE, [*CORE, "edge-1"]), 90.0)  # type: ignore[typeddict-item]
    assert (done["report"]["outcome"], done["report"]["planned"], done["report"]["ready"]) == ("done", 1, 1)
    assert done["report"]["reason"] == (
        "calico-node is ready on all 1 planned nodes and 2 admitted before; none is outside, 4 not in this run"
    )


def test_the_last_line_counts_nodes_of_the_run_and_those_before_apart() -> None:
    plan = limited_plan(EDGE[:2], admitted=CORE)
    end = decide(plan, {**new_state(plan), "ready_since": 0.0}, rolled_out(CORE + EDGE, [*CORE, *EDGE[:2]]), 90.0)  # type: ignore[typeddict-item]
    assert end["report"]["reason"].startswith("calico-node is ready on all 2 planned nodes and 2 admitted before; ")


def test_one_node_in_the_run_is_enough_where_others_are_admitted_and_too_few_where_none_is() -> None:
    assert planned_nodes(limited_plan(EDGE[:1], admitted=CORE[:1])) == EDGE[:1]
    with pytest.raises(RolloutError, match=r"only node edge-1.*take more hosts into --limit"):
        limited_plan(EDGE[:1])


def test_the_reports_name_those_who_are_not_in_the_run_in_one_line() -> None:
    plan = limited_plan(CORE)
    report = decide(plan, new_state(plan), rolled_out(CORE + EDGE, []), 0.0)["report"]
    text = terminal(report)
    assert "No node stays outside." in text
    assert "Not in this run, and left as they are (3): edge-1, edge-2, edge-3" in text
    page = markdown(report)
    assert "No node stays outside." in page
    assert r"Not in this run, and left as they are \(3\): edge-1, edge-2, edge-3" in page


def test_a_node_that_was_admitted_before_is_told_to_be_expected() -> None:
    plan = limited_plan(EDGE[:1], admitted=CORE)
    assert LABEL["key"] not in plan["excluded"][2]["reason"]
    assert "it carries the admission label already and is expected to stay ready" in plan["excluded"][0]["reason"]


def test_a_running_calico_node_whose_host_is_not_in_the_run_is_adopted_and_a_labelled_one_is_kept() -> None:
    nodes = [facts(name, SELECTOR if name == "core-1" else None, calico_ready=name in CORE) for name in CORE + EDGE]
    plan = build_plan(nodes, limited(EDGE[:1]), TIERS)
    assert [batch["nodes"] for batch in plan["batches"]] == [["core-2"], ["edge-1"]]
    assert plan["unproven"] == []
    assert plan["kept"] == ["core-1"]

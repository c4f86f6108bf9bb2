# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch proves network policy by packets before the next one is admitted, and nothing that is not proven passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Decision
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import decide
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.policy_proof import (
    as_foreseen,
    with_probe,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.policy_rules import MOST_AT_ONCE
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import plan, pod, rolled_out, tier, unscoped
from tests.unit.rollout.fake_cluster import FakeCluster, Run
from tests.unit.rollout.probes import IMAGE, gap_on, probe_of
from tests.unit.rollout.running_cluster import AdoptingRun, RunningCluster

VERIFY = {"image": IMAGE, "witness": "none"}
NAMES = ("core-1", "core-2", "edge-1", "edge-2", "edge-3")


def of(names: Sequence[str] = NAMES, **options: Any) -> Any:
    return plan(list(names), **{"verify": VERIFY, "soak": 0, "batch_timeout": 60, **options})


def ran(the_plan: Any, names: Sequence[str] = NAMES, kills: Any = (), **traits: Any) -> Run:
    run = Run(the_plan, FakeCluster(names, **traits))
    run.to_the_end(kills)
    return run


def proven_by(run: Run) -> list[tuple[str, list[str]]]:
    return [(action["batch"], action["nodes"]) for action in run.cluster.probes]


def standing(admitted: Sequence[str], the_plan: Any, state: Any = None, now: float = 1000.0) -> Decision:
    return decide(the_plan, state or new_state(the_plan), rolled_out(NAMES, admitted), now)


def test_each_batch_is_proven_before_the_next_one_is_labelled() -> None:
    run = ran(of())
    assert proven_by(run) == [
        ("core-1", ["core-1", "core-2"]),
        ("edge-1", ["edge-1", "edge-2"]),
        ("edge-2", ["edge-3"]),
    ]
    story = [action["do"] for decision in run.decisions for action in decision["actions"] if action["do"] != "wait"]
    assert story == ["label_nodes", "scope_installation", *["verify_policy", "label_nodes"] * 2, "verify_policy"]


def test_without_an_image_nothing_is_probed() -> None:
    assert ran(of(verify=None)).cluster.probes == []
    assert ran(of(verify={"mode": "none", "image": IMAGE})).cluster.probes == []


def test_nodes_that_were_proven_before_are_offered_as_the_other_ends() -> None:
    offered = [action["offered"] for action in ran(of()).cluster.probes]
    assert offered == [[], ["core-1", "core-2"], ["core-1", "core-2", "edge-1", "edge-2"]]


def test_canary_proves_the_canary_batches_and_the_first_batch_of_a_tier_that_has_none() -> None:
    tiers = [tier("core", batch_size=1, failure_budget=0), tier("edge", batch_size=1, canary=True)]
    tiers[0]["batch_size"] = [2, 1]
    names = ["core-1", "core-2", "core-3", "edge-1", "edge-2"]
    run = ran(of(names, verify={**VERIFY, "mode": "canary"}, tiers=tiers), names)
    assert proven_by(run) == [("core-1", ["core-1", "core-2"]), ("edge-1", ["edge-1"])]
    assert run.cluster.probes[-1]["offered"] == ["core-1", "core-2"]


def test_each_node_proves_one_node_at_a_time_and_the_first_two_together() -> None:
    run = ran(of(verify={**VERIFY, "mode": "each_node"}))
    nodes = [nodes for _batch, nodes in proven_by(run)]
    assert nodes == [["core-1", "core-2"], ["edge-1"], ["edge-2"], ["edge-3"]]
    assert run.cluster.probes[2]["offered"] == ["core-1", "core-2", "edge-1"]


def test_a_large_batch_is_proven_by_several_probes() -> None:
    names = [f"core-{number}" for number in range(1, MOST_AT_ONCE + 4)]
    run = ran(of(names, tiers=[tier("core", batch_size=100)]), names)
    assert [len(nodes) for _batch, nodes in proven_by(run)] == [MOST_AT_ONCE, 3]
    report: Any = run.decisions[-1]["report"]
    assert report["batches"][0]["policy"]["nodes"] == len(names)
    assert report["batches"][0]["policy"]["probes"] == 2


@pytest.mark.parametrize("mode", ["each_batch", "each_node"])
def test_a_node_that_is_ready_and_enforces_nothing_ends_the_rollout_by_name(mode: str) -> None:
    run = ran(of(verify={**VERIFY, "mode": mode}), open_nodes={"edge-2"})
    report: Any = run.decisions[-1]["report"]
    assert report["outcome"] == "stopped"
    assert "edge-2 (open: a denied connection came through; rows edge-2/1)" in report["reason"]
    assert "edge-3" not in run.cluster.admitted()
    assert [entry["node"] for entry in report["policy"]["unproven"]["nodes"]] == ["edge-2"]
    assert [row["id"] for row in report["policy"]["unproven"]["rows"]] == ["edge-2/1"]


def test_its_workloads_are_named() -> None:
    the_plan = of()
    state = standing(["core-1", "core-2"], the_plan)["state"]
    state = with_probe(state, "core-1", probe_of({"core-1": "enforced", "core-2": "open"}), [gap_on("core-2")], 1010.0)
    report: Any = standing(["core-1", "core-2"], the_plan, state, 1011.0)["report"]
    assert "2 on core-2 (shop/web-1, shop/web-2), selected by 1 NetworkPolicy" in report["reason"]
    assert report["policy"]["policy_gaps"] == [gap_on("core-2")]


def test_a_failure_stops_the_rollout_although_a_node_became_unready_since() -> None:
    the_plan = of()
    state = standing(["core-1", "core-2"], the_plan)["state"]
    state = with_probe(state, "core-1", probe_of({"core-1": "enforced", "core-2": "open"}), [], 1010.0)
    seen = rolled_out(NAMES, ["core-1", "core-2"])
    seen["pods"] = [pod("core-1"), pod("core-2", ready=False)]
    assert decide(the_plan, state, seen, 1011.0)["report"]["outcome"] == "stopped"


def test_a_fault_between_two_nodes_stops_the_rollout_though_each_enforces() -> None:
    the_plan = of()
    state = standing(["core-1", "core-2"], the_plan)["state"]
    pair: Any = {"nodes": ["core-1", "core-2"], "reason": "no large packet arrives.", "failed": ["core-1/1"]}
    probe = probe_of({"core-1": "enforced", "core-2": "enforced"}, outcome="failed", pairs=[pair])
    report: Any = standing(["core-1", "core-2"], the_plan, with_probe(state, "core-1", probe, [], 1010.0), 1011.0)[
        "report"
    ]
    assert report["outcome"] == "stopped"
    assert "between core-1 and core-2 (no large packet arrives)" in report["reason"]
    assert [row["id"] for row in report["policy"]["unproven"]["rows"]] == ["core-1/1"]


def test_what_gives_no_evidence_is_tried_again_and_stops_once_the_time_of_a_batch_is_over() -> None:
    run = ran(of(), mute={"edge-2"})
    report: Any = run.decisions[-1]["report"]
    assert report["outcome"] == "stopped"
    assert "network policy is not proven after 60 s: edge-2 (unproven: its pods never started" in report["reason"]
    tried = [nodes for batch, nodes in proven_by(run) if batch == "edge-1"]
    assert tried[:2] == [["edge-1", "edge-2"], ["edge-2"]]
    assert len(tried) > 10
    assert "edge-3" not in run.cluster.admitted()


def test_evidence_that_comes_late_is_evidence() -> None:
    run = Run(of(), cluster := FakeCluster(NAMES, mute={"edge-2"}))
    while len(cluster.probes) < 4:
        run.step()
    assert "again: edge-2 (unproven: " in run.step()["report"]["reason"]
    cluster.mute.clear()
    report: Any = run.to_the_end()
    assert report["outcome"] == "done"
    assert report["policy"]["unproven"] is None


def test_a_probe_that_lacks_something_else_than_a_node_proves_none_of_its_nodes() -> None:
    the_plan = of()
    state = standing(["core-1", "core-2"], the_plan)["state"]
    probe = probe_of({"core-1": "enforced", "core-2": "enforced"}, outcome="not_proven")
    (action,) = standing(["core-1", "core-2"], the_plan, with_probe(state, "core-1", probe, [], 1010.0), 1011.0)[
        "actions"
    ]
    assert (action["do"], action["nodes"]) == ("verify_policy", ["core-1", "core-2"])


def test_a_node_that_a_probe_says_nothing_of_is_not_proven() -> None:
    the_plan = of()
    state = with_probe(new_state(the_plan), "core-1", probe_of({"core-1": "enforced"}), [], 1010.0)
    (action,) = standing(["core-1", "core-2"], the_plan, state, 1011.0)["actions"]
    assert action["nodes"] == ["core-2"]


def test_a_node_whose_calico_node_was_not_ready_meanwhile_proves_policy_again() -> None:
    the_plan = of()
    probe = probe_of({"core-1": "enforced", "core-2": "unproven"})
    state = with_probe(new_state(the_plan), "core-1", probe, [], 1010.0)
    seen = rolled_out(NAMES, ["core-1", "core-2"])
    seen["pods"] = [pod("core-1", ready=False), pod("core-2")]
    state = decide(the_plan, state, seen, 1011.0)["state"]
    (action,) = standing(["core-1", "core-2"], the_plan, state, 1012.0)["actions"]
    assert action["nodes"] == ["core-1", "core-2"]


def test_a_run_after_one_that_was_killed_proves_the_batch_under_way_again_and_no_other() -> None:
    (action,) = standing(["core-1", "core-2", "edge-1", "edge-2"], of())["actions"]
    assert (action["do"], action["batch"], action["nodes"]) == ("verify_policy", "edge-1", ["edge-1", "edge-2"])
    assert action["offered"] == ["core-1", "core-2"]


def test_the_report_has_a_few_numbers_of_what_is_proven_and_nothing_of_what_an_earlier_run_did() -> None:
    run = Run(of(), FakeCluster(NAMES))
    while len(run.cluster.probes) < 1:
        run.step()
    run.step()
    run.state = new_state(run.plan)
    report: Any = run.to_the_end()
    first, *others = report["batches"]
    assert first["policy"] is None
    assert [batch["policy"]["nodes"] for batch in others] == [2, 1]
    assert {batch["policy"]["longest_ms"] for batch in others} == {21.0}
    assert report["policy"] == {"mode": "each_batch", "nodes": 3, "limits": [], "unproven": None, "policy_gaps": []}
    assert "network policy is proven on 3 nodes" in report["reason"]


def test_an_adoption_is_proven_after_what_was_raised_for_it_is_put_back() -> None:
    the_plan = plan(
        NAMES, running=NAMES, verify=VERIFY, soak=0, adoption_max_unavailable="2", observation=unscoped(NAMES, NAMES)
    )
    run = AdoptingRun(the_plan, RunningCluster(NAMES))
    while not any(action["do"] == "verify_policy" for action in run.step()["actions"]):
        pass
    done = [action["do"] for action in run.cluster.actions]
    assert done == [
        "label_nodes",
        "raise_max_unavailable",
        "scope_installation",
        "restore_max_unavailable",
        "verify_policy",
    ]
    assert run.cluster.actions[-1]["nodes"] == list(NAMES)


def test_check_mode_tells_each_proof_once() -> None:
    the_plan = of()
    state = standing(["core-1", "core-2"], the_plan)["state"]
    state = as_foreseen(state, "core-1", ["core-1", "core-2"], 1000.0)
    assert standing(["core-1", "core-2"], the_plan, state)["actions"][0]["do"] == "label_nodes"

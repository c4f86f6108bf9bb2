# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises that hold for every rollout: plans, clusters, delays, kills and lagging observations are drawn at random."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.readiness import judge
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import planned_nodes
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.verify import (
    MODES,
    WITNESSED,
    is_proven,
    is_witnessed,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cluster.foreseen import foretold
from tests.unit.rollout.builders import LABEL, bare, plan, tier
from tests.unit.rollout.fake_cluster import FakeCluster, Run
from tests.unit.rollout.probes import IMAGE

QUICK = settings(max_examples=40)


@st.composite
def plans(draw: Any) -> Any:
    core = [f"core-{number}" for number in range(1, draw(st.integers(2, 4)) + 1)]
    edge = [f"edge-{number}" for number in range(1, draw(st.integers(1, 6)) + 1)]
    bad = draw(st.sets(st.sampled_from(edge), max_size=2))
    tiers = [tier("core", draw(st.integers(2, 3))), tier("edge", draw(st.integers(1, 3)), canary=draw(st.booleans()))]
    witness = draw(st.sampled_from(WITNESSED))
    proven = [{"mode": mode, "image": IMAGE, "witness": witness} for mode in MODES[1:]]
    verify = draw(st.sampled_from([{"mode": "none"}, *proven]))
    soak = draw(st.integers(0, 4))
    return core + edge, plan(core + edge, tiers, bad=bad, soak=soak, batch_timeout=60, verify=verify)


clusters = st.fixed_dictionaries({"delay": st.sampled_from([0.0, 1.0, 7.0]), "lag": st.sampled_from([0.0, 1.0, 3.0])})


def stuck_nodes(draw: Any, the_plan: Any) -> set[str]:
    return draw(st.sets(st.sampled_from(planned_nodes(the_plan)), max_size=1))


@QUICK
@given(plans(), clusters, st.sets(st.integers(0, 60), max_size=3))
def test_a_rollout_ends_well_on_a_cluster_that_does_its_part_however_often_it_is_killed(
    drawn: Any, traits: Any, kills: set[int]
) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, **traits)
    report = Run(the_plan, cluster).to_the_end(kills)
    assert (report["outcome"], report["ready"]) == ("done", len(planned_nodes(the_plan)))
    assert cluster.admitted() == sorted(planned_nodes(the_plan))


@QUICK
@given(plans(), clusters, st.data())
def test_a_rollout_always_ends(drawn: Any, traits: Any, data: Any) -> None:
    names, the_plan = drawn
    stuck = stuck_nodes(data.draw, the_plan)
    report = Run(the_plan, FakeCluster(names, stuck=stuck, **traits)).to_the_end()
    assert report["outcome"] == ("stopped" if stuck else "done")
    assert all(name in report["reason"] for name in stuck)


@QUICK
@given(plans(), clusters, st.sets(st.integers(0, 60), max_size=3), st.data())
def test_no_node_outside_the_plan_is_ever_labelled(drawn: Any, traits: Any, kills: set[int], data: Any) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, stuck=stuck_nodes(data.draw, the_plan), **traits)
    Run(the_plan, cluster).to_the_end(kills)
    assert {name for _now, _batch, nodes in cluster.label_writes for name in nodes} <= set(planned_nodes(the_plan))


@QUICK
@given(plans(), clusters)
def test_each_node_gets_one_label_write_and_the_installation_one(drawn: Any, traits: Any) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, **traits)
    Run(the_plan, cluster).to_the_end()
    assert [nodes for _now, _batch, nodes in cluster.label_writes] == [batch["nodes"] for batch in the_plan["batches"]]
    assert len(cluster.scope_writes) == 1


@QUICK
@given(plans(), clusters, st.sets(st.integers(0, 60), max_size=3), st.data())
def test_nothing_is_labelled_before_all_that_is_admitted_was_ready_for_the_soak(
    drawn: Any, traits: Any, kills: set[int], data: Any
) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, stuck=stuck_nodes(data.draw, the_plan), **traits)
    run = Run(the_plan, cluster)
    run.to_the_end(kills)
    first = set(the_plan["batches"][0]["nodes"])
    unready_at = 0.0
    for (now, seen), decision in zip(run.seen, run.decisions):
        admitted = [
            name
            for name in planned_nodes(the_plan)
            if seen["nodes"][name]["labels"].get(LABEL["key"]) == LABEL["value"]
        ]
        if not judge(admitted, seen, LABEL)["ready"]:
            unready_at = now
        for action in decision["actions"]:
            if action["do"] == "label_nodes" and not set(action["nodes"]) <= first:
                assert judge(admitted, seen, LABEL)["ready"]
                assert now - unready_at >= the_plan["soak"]
                unready_at = now


@QUICK
@given(plans(), clusters, st.sets(st.integers(0, 60), max_size=3))
def test_a_killed_run_takes_nothing_back_and_does_not_write_the_selector_again_once_it_is_seen(
    drawn: Any, traits: Any, kills: set[int]
) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, delay=traits["delay"])
    run = Run(the_plan, cluster)
    run.to_the_end(kills)
    actions = [action for decision in run.decisions for action in decision["actions"]]
    witnesses = {"start_witnesses", "tend_witnesses", "finish_witnesses"}
    written = {"label_nodes", "scope_installation", "verify_policy", "wait"}
    assert {action["do"] for action in actions} <= witnesses | written
    assert all(
        action["labels"] == {LABEL["key"]: LABEL["value"]} for action in actions if action["do"] == "label_nodes"
    )
    assert len(cluster.scope_writes) == 1


@QUICK
@given(plans(), clusters, st.sets(st.integers(0, 60), max_size=3), st.data())
def test_no_batch_follows_one_that_has_to_prove_policy_and_has_not(
    drawn: Any, traits: Any, kills: set[int], data: Any
) -> None:
    names, the_plan = drawn
    bad = data.draw(st.sets(st.sampled_from(planned_nodes(the_plan)), max_size=2))
    trait = data.draw(st.sampled_from(["open_nodes", "mute"]))
    cluster = FakeCluster(names, **traits, **{trait: bad})
    report = Run(the_plan, cluster).to_the_end(kills)
    batches = the_plan["batches"]
    failing = [one for one in batches if is_proven(one, batches, the_plan["verify"]) and bad.intersection(one["nodes"])]
    assert report["outcome"] == ("stopped" if failing else "done")
    if failing:
        assert any(name in report["reason"] for name in bad)
        last = batches.index(failing[0])
        assert cluster.admitted() == sorted(node for batch in batches[: last + 1] for node in batch["nodes"])


@QUICK
@given(plans(), clusters, st.data())
def test_each_witnessed_batch_has_witnesses_from_before_its_label_until_after_its_soak(
    drawn: Any, traits: Any, data: Any
) -> None:
    names, the_plan = drawn
    slow = data.draw(st.sets(st.sampled_from(planned_nodes(the_plan)), max_size=2))
    run = Run(the_plan, FakeCluster(names, slow=slow, **traits))
    assert run.to_the_end()["outcome"] == "done"
    batches = the_plan["batches"]
    story = [
        (action["do"], action["batch"])
        for decision in run.decisions
        for action in decision["actions"]
        if action["do"] in ("start_witnesses", "label_nodes", "finish_witnesses")
    ]
    expected = []
    for one in batches:
        around = is_witnessed(one, batches, the_plan["verify"])
        expected += [("start_witnesses", one["name"])] * around + [("label_nodes", one["name"])]
        expected += [("finish_witnesses", one["name"])] * around
    assert story == expected
    witnessed = [batch["name"] for batch in run.decisions[-1]["report"]["batches"] if batch["witness"]]
    assert witnessed == [name for do, name in expected if do == "finish_witnesses"]
    assert run.state["witness"]["run"] is None


@QUICK
@given(plans(), clusters, st.sets(st.integers(0, 60), max_size=3), st.data())
def test_no_batch_follows_one_whose_denied_flow_came_through(
    drawn: Any, traits: Any, kills: set[int], data: Any
) -> None:
    names, the_plan = drawn
    bad = data.draw(st.sampled_from(planned_nodes(the_plan)))
    cluster = FakeCluster(names, holes={bad: 4}, **traits)
    run = Run(the_plan, cluster)
    report = run.to_the_end(kills)
    batches = the_plan["batches"]
    (its,) = [one for one in batches if bad in one["nodes"]]
    known = any(seen["denied_through"] for seen in run.state["witness"]["batches"].values())
    # Who is killed right after the witnesses were heard has told nobody.
    assert known == is_witnessed(its, batches, the_plan["verify"]) or (kills and not known)
    assert report["outcome"] == ("stopped" if known else "done")
    if known:
        assert f"{bad} (4 connections, ingress" in report["reason"]
        admitted = [node for batch in batches[: batches.index(its) + 1] for node in batch["nodes"]]
        assert cluster.admitted() == sorted(admitted)


@QUICK
@given(plans(), clusters)
def test_each_node_that_has_to_prove_policy_is_probed_once_and_no_other(drawn: Any, traits: Any) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, **traits)
    Run(the_plan, cluster).to_the_end()
    batches = the_plan["batches"]
    wanted = [node for one in batches if is_proven(one, batches, the_plan["verify"]) for node in one["nodes"]]
    assert [node for action in cluster.probes for node in action["nodes"]] == wanted
    for action in cluster.probes:
        assert not set(action["offered"]) & set(action["nodes"])
        assert set(action["offered"]) <= set(wanted[: wanted.index(action["nodes"][0])])


@QUICK
@given(plans(), clusters, st.data())
def test_a_decision_depends_on_nothing_but_its_arguments_and_changes_none_of_them(
    drawn: Any, traits: Any, data: Any
) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, **traits)
    run = Run(the_plan, cluster)
    for _number in range(data.draw(st.integers(0, 30))):
        if run.step()["report"]["outcome"] != "in_progress":
            break
    arguments = (the_plan, run.state, cluster.observe(run.now), run.now)
    before = copy.deepcopy(arguments)
    assert decide(*arguments) == decide(*copy.deepcopy(before))
    assert arguments == before


@QUICK
@given(plans(), clusters, st.data())
def test_a_stopped_rollout_never_acts_again(drawn: Any, traits: Any, data: Any) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, stuck={planned_nodes(the_plan)[0]}, **traits)
    run = Run(the_plan, cluster)
    assert run.to_the_end()["outcome"] == "stopped"
    cluster.stuck.clear()
    for _number in range(3):
        run.now += data.draw(st.integers(0, 1000))
        assert run.step()["actions"] == []


@QUICK
@given(plans(), clusters)
def test_a_wait_ends_later_than_now(drawn: Any, traits: Any) -> None:
    names, the_plan = drawn
    run = Run(the_plan, FakeCluster(names, **traits))
    outcome = "in_progress"
    while outcome == "in_progress":
        now = run.now
        decision = run.step()
        outcome = decision["report"]["outcome"]
        assert all(action["until"] > now for action in decision["actions"] if action["do"] == "wait")


@QUICK
@given(plans())
def test_check_mode_foretells_the_writes_of_the_real_run(drawn: Any) -> None:
    names, the_plan = drawn
    seen = bare(names)
    untouched = copy.deepcopy(seen)
    writes, decision = foretold(the_plan, seen, 1000.0)
    run = Run(the_plan, FakeCluster(names))
    run.to_the_end()
    # No witness is started, so that none is heard.
    others = ("wait", "tend_witnesses", "finish_witnesses")
    assert writes == [action for each in run.decisions for action in each["actions"] if action["do"] not in others]
    assert decision["report"]["outcome"] == "done"
    assert decision["report"]["check_mode"]
    assert seen == untouched

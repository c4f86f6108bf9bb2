# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises that hold for every cluster that runs Calico already, however it is made up and however often a run is killed."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.max_unavailable import at_once
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cluster.foreseen import foretold
from tests.unit.rollout.builders import plan, tier
from tests.unit.rollout.running_cluster import BEGIN, AdoptingRun, RunningCluster

QUICK = settings(max_examples=60)
KILLS = st.sets(st.integers(0, 40), max_size=3)


@st.composite
def worlds(draw: Any) -> tuple[Any, RunningCluster]:
    """A plan and its cluster: some nodes fail their precheck and run Calico, some fail it and never get ready, some become
    ready in the moment in which the selector is written, some restart calico-node in the moment in which all begins."""
    names = [f"core-{number}" for number in (1, 2)] + [f"edge-{n}" for n in range(1, draw(st.integers(2, 8)) + 1)]
    edge = names[2:]
    stuck = draw(st.sets(st.sampled_from(edge), max_size=2))
    late = draw(st.sets(st.sampled_from(edge), max_size=2)) - stuck
    bad = stuck | draw(st.sets(st.sampled_from(edge), max_size=3))
    between = draw(st.sets(st.sampled_from(edge), max_size=3)) - stuck - late
    limit = draw(st.sampled_from(["1", "2", "30%"]))
    cluster = RunningCluster(
        names, stuck, late, draw(st.sampled_from([1.0, 3.0])), draw(st.sampled_from([1.0, 2.0])), limit, between
    )
    running = [name for name in names if name not in stuck | late | between]
    wanted = draw(st.sampled_from([None, "3", "50%"]))
    tiers = [tier("core"), tier("edge", draw(st.integers(1, 4)))]
    the_plan = plan(
        names,
        tiers,
        bad,
        running,
        soak=draw(st.integers(0, 3)),
        batch_timeout=60,
        adoption_max_unavailable=wanted,
        observation=cluster.observe(BEGIN),
    )
    return the_plan, cluster


@QUICK
@given(worlds(), KILLS)
def test_no_write_takes_a_ready_calico_node_but_by_the_rolling_update(world: Any, kills: set[int]) -> None:
    the_plan, cluster = world
    before = (cluster.seen["installation"] or {})["max_unavailable"]
    AdoptingRun(the_plan, cluster).to_the_end(kills)
    assert cluster.lost == set()
    limits = [before or "1", the_plan["adoption_max_unavailable"] or "1"]
    assert cluster.most_down <= max(at_once(limit, len(cluster.seen["nodes"])) for limit in limits)


@QUICK
@given(worlds(), KILLS)
def test_it_ends_with_calico_ready_wherever_it_was_and_the_stuck_nodes_outside(world: Any, kills: set[int]) -> None:
    the_plan, cluster = world
    report = AdoptingRun(the_plan, cluster).to_the_end(kills)
    assert report["outcome"] == "done", report["reason"]
    left = {name for name in cluster.seen["nodes"] if name not in cluster.pods}
    assert left == {entry["node"] for entry in report["excluded"]} == cluster.stuck
    assert report["ready"] == len(cluster.seen["nodes"]) - len(left)


@QUICK
@given(worlds(), KILLS, st.sampled_from([None, "7"]))
def test_max_unavailable_is_put_back_unless_somebody_else_changed_it(world: Any, kills: set[int], theirs: Any) -> None:
    the_plan, cluster = world
    before = (cluster.seen["installation"] or {})["max_unavailable"]
    run = AdoptingRun(the_plan, cluster)
    while theirs and not (cluster.seen["installation"] or {})["raised"]:
        if run.step()["report"]["outcome"] != "in_progress":
            break
    raised = bool((cluster.seen["installation"] or {})["raised"])
    if theirs and raised:
        cluster.seen["installation"] = {**cluster.seen["installation"], "max_unavailable": theirs}  # type: ignore[typeddict-item]
    report = run.to_the_end(kills)
    after = cluster.seen["installation"] or {}
    assert after["raised"] is None
    assert after["max_unavailable"] == (theirs if theirs and raised else before)
    if theirs and raised and not kills:
        assert any("stays at 7" in note for note in report["notes"])


@QUICK
@given(worlds())
def test_check_mode_foretells_the_writes_of_an_adoption(world: Any) -> None:
    the_plan, cluster = world
    cluster.worn, cluster.late = cluster.late, set()
    seen = cluster.observe(BEGIN)
    untouched = copy.deepcopy(seen)
    writes, decision = foretold(the_plan, seen, 1000.0)
    AdoptingRun(the_plan, cluster).to_the_end()
    # All but the instant until which maxUnavailable may stay raised, which is that of the write.
    assert [{**action, "until": None} for action in writes] == [{**action, "until": None} for action in cluster.actions]
    assert (decision["report"]["outcome"], seen) == ("done", untouched)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises of failure budgets: whatever fails, and however often the run is killed, the worst case stays within them."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import planned_nodes
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rollout.builders import LABEL, plan, tier
from tests.unit.rollout.fake_cluster import FakeCluster, Run
from tests.unit.rollout.probes import IMAGE

QUICK = settings(max_examples=40)
CORE = ["core-1", "core-2"]

kills = st.sets(st.integers(0, 80), max_size=3)
traits = st.fixed_dictionaries({"delay": st.sampled_from([0.0, 1.0, 7.0]), "lag": st.sampled_from([0.0, 1.0, 3.0])})


@st.composite
def plans(draw: Any) -> Any:
    edge = [f"edge-{number}" for number in range(1, draw(st.integers(2, 7)) + 1)]
    unfit = draw(st.sets(st.sampled_from(edge[1:]), max_size=2))
    tiers = [
        tier("core", 2),
        tier(
            "edge",
            draw(st.integers(1, 4)),
            failure_budget=draw(st.sampled_from([1, 2, 3, "50%", "100%"])),
            on_failure=None,
            canary=draw(st.booleans()),
        ),
    ]
    total = draw(st.sampled_from([None, 2, 3, "60%"]))
    verify = draw(st.sampled_from([{"mode": "none"}, {"mode": "each_batch", "image": IMAGE, "witness": "each_batch"}]))
    soak = draw(st.integers(0, 3))
    names = [*CORE, *edge]
    return names, plan(names, tiers, bad=unfit, soak=soak, batch_timeout=30, verify=verify, failure_budget=total)


def failing(draw: Any, the_plan: Any) -> dict[str, set[str]]:
    """Nodes that never get ready, and where policy is proven those that enforce none."""
    edge = [name for name in planned_nodes(the_plan) if name.startswith("edge")]
    if not edge:
        return {"stuck": set()}
    stuck = draw(st.sets(st.sampled_from(edge), max_size=4))
    return {"stuck": stuck, "open_nodes": draw(st.sets(st.sampled_from(edge), max_size=2)) - stuck}


def allowed(the_plan: Any) -> int:
    budgets = [the_plan["tiers"][1]["budget"], the_plan["budget"]]
    return min(each for each in budgets if each is not None)


@QUICK
@given(plans(), traits, kills, st.data())
def test_no_node_starts_where_the_budget_could_be_exceeded_if_all_in_flight_failed(
    drawn: Any, trait: Any, killed: set[int], data: Any
) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, **trait, **failing(data.draw, the_plan))
    goes_on = the_plan["tiers"][1]["on_failure"] == "quarantine"
    started: list[int] = []

    def act(action: Any, now: float) -> None:
        if action["do"] == "label_nodes" and goes_on and action["batch"].startswith("edge"):
            unready = [
                name
                for name in cluster.admitted()
                if name.startswith("edge") and not cluster.truth["nodes"][name]["ready"] and name not in action["nodes"]
            ]
            quarantined = {name for _now, _batch, nodes in cluster.quarantines for name in nodes}
            left_out = the_plan["tiers"][1]["left_out"] + len(quarantined)
            assert left_out + len(unready) + len(action["nodes"]) <= allowed(the_plan)
            started.append(len(action["nodes"]))
        write(action, now)

    write, cluster.act = cluster.act, act  # type: ignore[method-assign]
    Run(the_plan, cluster).to_the_end(killed)


@QUICK
@given(plans(), traits, kills, st.data())
def test_the_rollout_goes_on_without_those_that_failed_and_names_them(
    drawn: Any, trait: Any, killed: set[int], data: Any
) -> None:
    names, the_plan = drawn
    bad = failing(data.draw, the_plan)
    cluster = FakeCluster(names, **trait, **bad)
    report = Run(the_plan, cluster).to_the_end(killed)
    at_fault = bad["stuck"] | (bad.get("open_nodes", set()) if the_plan["verify"] else set())
    quarantined = {name for _now, _batch, nodes in cluster.quarantines for name in nodes}
    assert quarantined <= at_fault
    assert {entry["node"] for entry in report["excluded"] if entry["cause"] == "quarantined"} == quarantined
    assert the_plan["tiers"][1]["left_out"] + len(quarantined) <= max(
        allowed(the_plan), the_plan["tiers"][1]["left_out"]
    )
    if report["outcome"] == "done":
        assert quarantined == at_fault
        assert set(cluster.admitted()) == set(planned_nodes(the_plan)) - at_fault
        assert (report["ready"], report["planned"]) == (len(cluster.admitted()),) * 2
        assert {batch["state"] for batch in report["batches"]} == {"done"}
    else:
        assert at_fault or the_plan["tiers"][1]["left_out"] > allowed(the_plan)


@QUICK
@given(plans(), traits, kills, st.data())
def test_a_node_in_quarantine_is_never_labelled_again_and_no_other_is_taken_off(
    drawn: Any, trait: Any, killed: set[int], data: Any
) -> None:
    names, the_plan = drawn
    cluster = FakeCluster(names, **trait, **failing(data.draw, the_plan))
    Run(the_plan, cluster).to_the_end(killed)
    again = Run(the_plan, cluster, now=50_000.0)
    again.to_the_end()
    since = {name: now for now, _batch, nodes in reversed(cluster.quarantines) for name in nodes}
    for now, _batch, nodes in cluster.label_writes:
        assert all(now < since.get(name, now + 1) for name in nodes)
    labelled = {name for _now, _batch, nodes in cluster.label_writes for name in nodes}
    assert set(cluster.admitted()) == labelled - set(since)
    assert all(LABEL["key"] not in cluster.truth["nodes"][name]["labels"] for name in since)

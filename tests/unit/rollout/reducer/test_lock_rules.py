# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Without the lock nothing is written: another holder is waited for, and a lost lock ends the run."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Decision, Observation
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.intent import NO_WISHES
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import progress_line
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import decide
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.lock import LockStanding
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state
from hypothesis import given
from hypothesis import strategies as st

from tests.plans import plan_of
from tests.unit.rollout.builders import bare, installation, rolled_out

NAMES = ["core-1", "core-2"]
PLAN = plan_of(NAMES)
LEASE = "Lease kube-system/calico-ops-rollout"
OURS = LockStanding(LEASE, held_as="alice")
THEIRS = LockStanding(
    LEASE, holder="bob@ci-8", since="2026-01-02T03:04:05Z", watched={"version": "7", "seconds": 20.0}, timeout=180
)
LOST = LockStanding(LEASE, lost="bob@ci-8 has it since 2026-01-02T03:04:05Z")
NOW = 1000.0
RAISING: Any = {**PLAN, "adoption_max_unavailable": "3"}
RAISED = rolled_out(NAMES, NAMES[:1])
RAISED["installation"] = installation(
    max_unavailable="3", raised={"previous": "1", "raised": "3", "plan": PLAN["id"], "until": None}
)
GONE: Observation = {**RAISED, "nodes": {name: node for name, node in RAISED["nodes"].items() if name != NAMES[1]}}


def decided(
    standing: LockStanding, now: float = NOW, seen: Observation | None = None, plan: Any = PLAN, **state: Any
) -> Decision:
    return decide(plan, {**new_state(plan), **state}, seen or bare(NAMES), now, NO_WISHES, standing)  # type: ignore[typeddict-item]


def test_with_the_lock_the_rollout_begins() -> None:
    decision = decided(OURS)
    assert [action["do"] for action in decision["actions"]] == ["label_nodes"]
    assert decision["state"]["lock"] == {"held_as": "alice", "awaited": None, "watched": None}


def test_another_holder_is_waited_for_by_name_and_remembered_from_call_to_call() -> None:
    decision = decided(THEIRS)
    (action,) = decision["actions"]
    assert action["do"] == "wait"
    assert action["until"] <= NOW + 5
    assert decision["report"]["reason"] == (
        "waiting for bob@ci-8, which holds the rollout's lock (Lease kube-system/calico-ops-rollout) since 2026-01-02T03:04:05Z"
    )
    assert "waiting for bob@ci-8" in progress_line(decision["report"])
    assert decision["state"]["lock"] == {"held_as": None, "awaited": NOW, "watched": THEIRS.watched}
    following = decided(THEIRS, NOW + 30, lock=decision["state"]["lock"])
    assert following["state"]["lock"]["awaited"] == NOW


def test_after_the_timeout_it_is_refused_with_the_holders_name() -> None:
    waiting = {"held_as": None, "awaited": NOW, "watched": None}
    assert decided(THEIRS, NOW + 179, lock=waiting)["report"]["outcome"] == "in_progress"
    decision = decided(THEIRS, NOW + 180, lock=waiting)
    assert (decision["report"]["outcome"], decision["actions"]) == ("stopped", [])
    assert decision["report"]["reason"].startswith("bob@ci-8 holds the rollout's lock")
    assert "waited for 180 s, and wrote nothing" in decision["report"]["reason"]


def test_without_a_timeout_it_is_refused_at_once() -> None:
    assert decided(THEIRS._replace(timeout=0))["report"]["outcome"] == "stopped"


def test_a_holder_that_is_not_known_yet_is_waited_for_too() -> None:
    assert "waiting for another run, which holds" in decided(LockStanding(LEASE, timeout=9))["report"]["reason"]


def test_once_it_has_the_lock_the_wait_is_forgotten() -> None:
    state = decided(OURS, lock={"held_as": None, "awaited": NOW - 50, "watched": THEIRS.watched})["state"]
    assert state["lock"] == {"held_as": "alice", "awaited": None, "watched": None}


def test_a_lost_lock_ends_the_run_and_says_who_has_it() -> None:
    decision = decided(LOST, lock={"held_as": "alice", "awaited": None, "watched": None})
    assert (decision["report"]["outcome"], decision["state"]["phase"]) == ("stopped", "stopped")
    assert "lost the rollout's lock" in decision["report"]["reason"]
    assert "bob@ci-8 has it since" in decision["report"]["reason"]


def test_nothing_is_put_back_without_the_lock_whatever_was_raised() -> None:
    """The run that has it may need the value, or puts it back itself."""
    assert decided(OURS, NOW + 9999, RAISED, RAISING, batch="core-1", batch_started=NOW)["actions"] != []
    for standing in (LOST, THEIRS._replace(timeout=0)):
        assert decided(standing, NOW + 9999, RAISED, RAISING, batch="core-1", batch_started=NOW)["actions"] == []


standings = st.sampled_from([LOST, THEIRS, THEIRS._replace(timeout=0), LockStanding(LEASE, timeout=5)])
seens = st.sampled_from([bare(NAMES), rolled_out(NAMES, NAMES[:1]), rolled_out(NAMES, NAMES), RAISED, GONE])
phases = st.sampled_from(["new", "labelling", "scoping", "waiting", "soaking", "stopped", "done"])


@given(standings, seens, phases, st.floats(0, 1e6), st.one_of(st.none(), st.floats(0, 1e6)))
def test_no_write_is_ever_decided_without_the_lock(
    standing: LockStanding, seen: Observation, phase: str, now: float, awaited: float | None
) -> None:
    remembered = {"held_as": None, "awaited": awaited, "watched": None}
    decision = decided(standing, now, seen, RAISING, phase=phase, lock=remembered)
    assert {action["do"] for action in decision["actions"]} <= {"wait"}

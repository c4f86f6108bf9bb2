# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What connections over time prove, and what they do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import (
    Fate,
    NodeProof,
    ProbeFate,
    ProbePhase,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.design import design
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.fates import fates_of, symptom
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.judge import Judgement, judged
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.looks import Look
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.timelines import (
    Run,
    Timelines,
    Window,
    client_of,
    windows,
    within,
)

from .data_plane import ALWAYS, DEADLINE, WRITES, Fault, having, probed, run_lengths, touching

DENIED, ALLOWED = 1, 0
ROWS = design(["a"], ["b", "c", "d"], {}, 2, 7).rows
ROW = {
    allowed: next(row for row in ROWS if row["kind"] == "ordinary" and row["allowed"] is bool(allowed))
    for allowed in (0, 1)
}


def proof(found: Judgement, node: str = "a") -> NodeProof:
    (one,) = [one for one in found.nodes if one["node"] == node]
    return one


def probe_of(*faults: Fault, **options: object) -> Judgement:
    return probed(["a"], ["b", "c", "d"], faults, **options)  # type: ignore[arg-type]


def fates(
    *runs: tuple[float, float, Fate], allowed: bool = False, measured: bool = True
) -> dict[ProbePhase, ProbeFate]:
    """By phase, of a row with a connection every 10 ms; default-deny was written at 1 s, the rest a second later each."""
    told = [Run(first, last, fate, round((last - first) * 100) + 1) for first, last, fate in runs]
    found = fates_of(ROW[allowed], told, windows(WRITES, 0.0, 0.0), DEADLINE, measured)
    return {fate["phase"]: fate for fate in found}


HEALTHY_DENIED: Sequence[tuple[float, float, Fate]] = (
    (0.0, 1.02, "answered"),
    (1.03, 3.02, "dropped"),
    (3.03, 4.0, "answered"),
)


def test_a_row_that_had_the_right_fate_in_each_phase_is_right() -> None:
    found = fates(*HEALTHY_DENIED)
    assert [fate["ok"] for fate in found.values()] == [True] * 4
    assert [fate["expected"] for fate in found.values()] == ["through", "dropped", "dropped", "through"]
    assert [fate["seen"] for fate in found.values()] == ["answered", "dropped", "dropped", "answered"]


def test_time_counts_from_the_answer_to_the_write_to_the_last_connection_with_another_fate() -> None:
    assert [fate["settled_ms"] for fate in fates(*HEALTHY_DENIED).values()] == [None, 15.0, None, 15.0]


def test_policy_that_is_in_force_before_the_answer_took_no_time() -> None:
    found = fates((0.0, 1.001, "answered"), (1.003, 3.002, "dropped"), (3.003, 4.0, "answered"))
    assert found["default_deny"]["settled_ms"] == 0.0
    assert found["open"]["ok"]


def test_the_tries_of_a_run_are_shared_out_among_the_phases() -> None:
    found = fates(*HEALTHY_DENIED)
    assert sum(fate["tries"] for fate in found.values()) == 401
    assert found["precise_allow"]["tries"] == 100


def test_a_denied_connection_that_comes_through_after_enforcement_is_open() -> None:
    found = fates(
        (0.0, 1.02, "answered"),
        (1.03, 1.5, "dropped"),
        (1.51, 1.51, "answered"),
        (1.52, 3.02, "dropped"),
        (3.03, 4.0, "answered"),
    )
    fate = found["default_deny"]
    assert (fate["ok"], fate["seen"], fate["hole_ms"], symptom(fate)) == (False, "dropped", 0.0, "open")


def test_a_denied_connection_that_comes_through_right_after_the_next_write_is_open_too() -> None:
    """Nothing denies it less than before: no moment is free."""
    found = fates(
        (0.0, 1.02, "answered"),
        (1.03, 2.01, "dropped"),
        (2.02, 2.05, "answered"),
        (2.06, 3.02, "dropped"),
        (3.03, 4.0, "answered"),
    )
    assert found["default_deny"]["ok"]
    assert symptom(found["precise_allow"]) == "open"


def test_fates_may_alternate_until_policy_is_in_force() -> None:
    found = fates(
        (0.0, 1.02, "answered"),
        (1.03, 1.1, "dropped"),
        (1.11, 1.2, "answered"),
        (1.21, 3.02, "dropped"),
        (3.03, 4.0, "answered"),
    )
    assert (found["default_deny"]["ok"], found["default_deny"]["settled_ms"]) == (True, 195.0)


def test_a_lost_connection_closes_nothing() -> None:
    found = fates(
        (0.0, 0.5, "answered"),
        (0.51, 0.52, "dropped"),
        (0.53, 1.02, "answered"),
        (1.03, 3.02, "dropped"),
        (3.03, 4.0, "answered"),
    )
    assert found["open"]["ok"]


def test_an_allowed_connection_that_fails_again_for_200_ms_is_closed() -> None:
    found = fates(
        (0.0, 1.02, "answered"),
        (1.03, 2.02, "dropped"),
        (2.03, 2.5, "answered"),
        (2.51, 2.8, "dropped"),
        (2.81, 4.0, "answered"),
        allowed=True,
    )
    assert (found["precise_allow"]["hole_ms"], symptom(found["precise_allow"])) == (290.0, "closed")


def test_an_allowed_connection_that_does_not_hold_to_the_end_is_closed() -> None:
    found = fates(
        (0.0, 1.02, "answered"), (1.03, 2.02, "dropped"), (2.03, 2.5, "answered"), (2.51, 4.0, "dropped"), allowed=True
    )
    assert symptom(found["precise_allow"]) == symptom(found["reopened"]) == "closed"


def test_what_becomes_right_after_the_deadline_only_is_late() -> None:
    found = fates((0.0, 1.6, "answered"), (1.61, 3.02, "dropped"), (3.03, 4.0, "answered"))
    assert (found["default_deny"]["settled_ms"], symptom(found["default_deny"])) == (595.0, "late")


def test_refused_came_through() -> None:
    found = fates((0.0, 2.9, "refused"), (2.91, 4.0, "answered"))
    assert found["open"]["ok"]
    assert symptom(found["default_deny"]) == "open"


def test_unreachable_did_not_come_through_and_was_not_dropped() -> None:
    found = fates((0.0, 1.02, "answered"), (1.03, 4.0, "unreachable"))
    assert [symptom(fate) for fate in found.values()] == [None, "closed", "closed", "closed"]


def test_no_connection_is_no_evidence() -> None:
    found = fates((0.0, 0.9, "answered"), (2.5, 2.9, "dropped"), (3.03, 4.0, "answered"))
    assert (found["default_deny"]["seen"], found["default_deny"]["ok"], symptom(found["default_deny"])) == (
        "none",
        False,
        "unproven",
    )


def test_a_packet_may_wait_while_the_next_policy_is_written() -> None:
    found = fates((0.0, 0.97, "answered"), (0.98, 1.97, "dropped"), (1.98, 4.0, "answered"), allowed=True)
    assert [fate["ok"] for fate in found.values()] == [True] * 4


def test_connections_of_a_run_lie_evenly_in_it() -> None:
    phases = windows(WRITES, 0.0, 0.0)
    (cut,) = within([Run(0.0, 4.0, "dropped", 401)], phases["default_deny"])
    assert (round(cut.first, 6), round(cut.last, 6), cut.tries) == (0.95, 1.94, 100)
    assert within([Run(1.5, 1.5, "dropped", 1)], phases["precise_allow"]) == []


# -- nodes


def test_policy_in_force_is_proven_with_its_time() -> None:
    found = probe_of()
    one = proof(found)
    assert (found.outcome, one["verdict"], one["remedy"], one["failed"]) == ("proven", "enforced", None, [])
    assert one["settled_ms"] is not None
    assert 0.0 < one["settled_ms"] <= 25.0
    assert one["resolution_ms"] == 25.0
    assert found.settled is not None
    assert found.settled["longest"] == one["settled_ms"]
    assert found.connections == 10 * 200


def test_the_clock_of_a_node_is_taken_to_the_controllers() -> None:
    found = probe_of(clock=lambda node: 1000.0 * len(node) + ord(node))
    assert (found.outcome, proof(found)["settled_ms"]) == ("proven", proof(probe_of())["settled_ms"])


def test_without_a_clock_the_order_proves_policy_and_no_time_is_told() -> None:
    found = probe_of(clock=None)
    assert (found.outcome, proof(found)["verdict"], proof(found)["settled_ms"], found.settled) == (
        "proven",
        "enforced",
        None,
        None,
    )
    assert proof(found)["resolution_ms"] is None


@pytest.mark.parametrize(
    ("verdict", "fault"),
    [
        ("open", Fault("a", open=ALWAYS)),
        ("open", Fault("a", having(protocol="UDP"), open=ALWAYS)),
        ("open", Fault("a", open=(1.5, 1.7))),
        ("closed", Fault(None, touching("a"), cut=ALWAYS)),
        ("closed", Fault(None, having(way="same_node"), cut=(1.9, 3.0))),
    ],
)
def test_without_a_clock_the_order_still_tells_what_is_wrong(verdict: str, fault: Fault) -> None:
    assert proof(probe_of(fault, clock=None))["verdict"] == verdict


def judged_until(end: float, faults: Sequence[Fault] = (), *, clock: float | None = 0.0, **options: Any) -> Judgement:
    """Of node a with node b as its peer, whose clients saw nothing after this time."""
    drawn = design(["a"], ["b"], {}, 2, 7)
    rows: dict[str, dict[str, list[Run]]] = {}
    for row in drawn.rows:
        runs = within(list(run_lengths(row, faults, "subject", 0.0, 0.0)), Window(options.get("start", 0.0), None, end))
        rows.setdefault(client_of(row), {})[row["id"]] = runs
    seen = {client: Timelines(runs, clock, 0.0) for client, runs in rows.items()}
    return judged(drawn, [Look(seen, options.get("writes", WRITES), options.get("troubles", {}))], DEADLINE)


def test_a_phase_that_was_not_reached_proves_nothing() -> None:
    found = judged_until(3.0, writes={phase: write for phase, write in WRITES.items() if phase != "reopened"})
    assert found.outcome == "not_proven"
    assert {fate["seen"] for row in found.rows for fate in row["fates"] if fate["phase"] == "reopened"} == {"none"}


def test_without_a_clock_what_was_seen_is_laid_over_the_writes_until_it_fits() -> None:
    assert judged_until(4.0, clock=None, start=0.6).outcome == "proven"


def test_of_a_node_whose_pods_had_trouble_nothing_is_known() -> None:
    found = judged_until(4.0, [Fault(None, touching("b"), cut=ALWAYS)], troubles={"b": "its pods were killed"})
    assert (found.outcome, proof(found, "b")["verdict"], found.pairs) == ("not_proven", "unproven", [])


def test_nothing_that_was_seen_proves_nothing() -> None:
    found = judged(design(["a"], ["b"], {}, 2, 7), [Look({}, {}, {})], DEADLINE)
    assert (found.outcome, {one["verdict"] for one in found.nodes}) == ("not_proven", {"unproven"})
    assert judged(design([], [], {}, 2, 7), [Look({}, {}, {})], DEADLINE)[:2] == ("not_proven", "No node was tried.")


def test_a_node_of_which_no_denied_row_is_left_is_unproven() -> None:
    """All its peers are cut off: what is left on the node itself does not try both directions, allowed and denied."""
    found = probed(["a", "b"], [], silent={"b": "its pods did not start"})
    assert (found.outcome, proof(found)["verdict"]) == ("not_proven", "unproven")
    assert "failed because of other nodes" in proof(found)["reason"]


def test_a_denied_connection_to_a_node_without_evidence_that_comes_through_still_counts() -> None:
    found = judged_until(4.0, [Fault("a", open=ALWAYS)], troubles={"a": "it was killed"})
    assert (found.outcome, proof(found)["verdict"]) == ("failed", "open")


# -- what people read


def told(found: Judgement) -> tuple[str, str]:
    one = proof(found)
    return one["reason"], str(one["remedy"])


def test_it_says_which_denied_connections_come_through() -> None:
    reason, remedy = told(probe_of(Fault("a", having(protocol="TCP"), open=ALWAYS)))
    assert reason == "Denied connections by TCP come through (7 of 10 rows): no policy is in force there."
    assert "port 9099" in remedy


def test_it_says_how_long_a_hole_was() -> None:
    reason, remedy = told(probe_of(Fault("a", open=(1.5, 1.7))))
    assert reason == "Denied connections came through again for 180 ms after they had been dropped (10 of 10 rows)."
    assert "restarts of calico-node" in remedy


def test_it_says_how_late_policy_was() -> None:
    reason, remedy = told(probe_of(Fault("a", delay=0.8)))
    assert reason == "Policy is in force only 0.8 s after it was written (10 of 10 rows), which is after the deadline."
    assert "Typha" in remedy


def test_it_names_a_firewall_that_rejects() -> None:
    reason, remedy = told(probe_of(Fault(None, touching("a"), cut=ALWAYS, cut_fate="unreachable")))
    assert reason == "Connections between nodes end as unreachable (7 of 10 rows), which no policy of Calico's causes."
    assert "rejects" in remedy


def test_it_names_the_setting_that_makes_calico_reject() -> None:
    deny = Fault(None, lambda row: row["kind"] != "wrong_port", cut=(1.03, 3.0), cut_fate="refused")
    _reason, remedy = told(probe_of(deny))
    assert "iptablesFilterDenyAction" in remedy


def test_it_tells_a_dead_uplink_from_a_dead_node() -> None:
    assert (
        "net.ipv6.conf.<uplink>.forwarding" in told(probe_of(Fault(None, touching("a", family="IPv6"), cut=ALWAYS)))[1]
    )
    assert "169.254.1.1" in told(probe_of(Fault(cut=ALWAYS)))[1]


def test_it_names_a_policy_that_allows_nothing_again() -> None:
    reason, remedy = told(probe_of(Fault(None, having(allowed=True), cut=(1.9, 3.0))))
    assert "that a policy allows do not come through" in reason
    assert "policies that it cannot apply" in remedy


def test_it_names_a_policy_that_allows_too_much() -> None:
    assert "allows more" in told(probe_of(Fault("a", having(allowed=False), open=(2.0, 4.0))))[1]
    assert "namespaceSelector" in told(probe_of(Fault("a", having(kind="wrong_namespace"), open=(2.0, 4.0))))[1]


def test_it_says_that_one_row_does_not_tell_the_pair_from_a_node() -> None:
    found = probe_of(Fault(None, touching("a", kind="wrong_namespace"), cut=ALWAYS))
    (pair,) = found.pairs
    assert pair["remedy"].endswith(
        "One row alone cannot tell the pair from one of its nodes; a probe of strength 3 can."
    )

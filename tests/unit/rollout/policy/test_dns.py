# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the cluster's DNS prove egress of their own node, and DNS's own faults are no node's."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import (
    Family,
    Fate,
    ProbePhase,
    ProbeRow,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.design import Design, design
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.fates import fates_of, row_symptom
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.judge import Judgement, _shown
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.looks import Look, seen, wants_another
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.timelines import Run, windows

from .data_plane import ALWAYS, DEADLINE, END, WRITES, Fault, having, probed, timelines

NODES, OFFERED = ["a", "b", "c"], [f"proven-{number}" for number in range(20)]
BOTH: Sequence[Family] = ("IPv4", "IPv6")
DNS = having(kind="dns")
BEFORE, DENIED, ALLOWED, AFTER = (0.0, 1.0), (1.1, 2.0), (2.1, 2.95), (3.1, END)
SILENT = "The cluster's DNS did not answer pods on "


def asked(*faults: Fault, **options: Any) -> Judgement:
    return probed(NODES, OFFERED, faults, **{"dns": ["IPv4"], **options})


def verdicts(found: Judgement) -> dict[str, str]:
    return {proof["node"]: proof["verdict"] for proof in found.nodes}


def drawn(dns: Sequence[Family] | None, families: Sequence[Family] = BOTH) -> Design:
    return design(NODES, OFFERED, dict.fromkeys([*NODES, *OFFERED], families), 2, 7, dns)


def test_each_node_of_the_batch_asks_dns_once_and_nobody_else_does() -> None:
    rows = [row for row in drawn(BOTH).rows if row["kind"] == "dns"]
    assert [(row["node"], row["peer"], row["direction"], row["protocol"], row["allowed"]) for row in rows] == [
        (node, node, "egress", "UDP", True) for node in NODES
    ]


@pytest.mark.parametrize(("dns", "family"), [(("IPv4", "IPv6"), "IPv4"), (("IPv6",), "IPv6")])
def test_dns_is_asked_in_a_family_that_both_have(dns: Sequence[Family], family: str) -> None:
    assert {row["family"] for row in drawn(dns).rows if row["kind"] == "dns"} == {family}


def test_without_a_family_in_common_dns_is_not_asked_and_that_is_told() -> None:
    found = drawn(["IPv6"], ["IPv4"])
    assert [row for row in found.rows if row["kind"] == "dns"] == []
    assert "No pod of the cluster's DNS has an address of a family of a, b, c, so DNS egress was not tried there." in (
        found.limits
    )


def test_dns_changes_no_other_row() -> None:
    with_dns, without = drawn(BOTH), drawn(None)
    assert [row for row in with_dns.rows if row["kind"] != "dns"] == [
        {**row, "id": other["id"]}
        for row, other in zip(without.rows, (row for row in with_dns.rows if row["kind"] != "dns"))
    ]
    assert with_dns.limits == without.limits


def test_where_dns_is_denied_and_allowed_as_policy_says_nodes_are_proven() -> None:
    found = asked()
    assert (found.outcome, verdicts(found), found.limits) == ("proven", dict.fromkeys(NODES, "enforced"), [])
    assert found.nodes[0]["rows"] == probed(NODES, OFFERED).nodes[0]["rows"] + 1


@pytest.mark.parametrize(
    "silence", [ALWAYS, BEFORE, AFTER, (2.5, END), (0.0, 2.5)], ids=["ever", "before", "after", "dies", "late to start"]
)
def test_dns_that_does_not_answer_makes_no_node_closed(silence: tuple[float, float]) -> None:
    found = asked(Fault("a", DNS, cut=silence))
    assert (found.outcome, verdicts(found)) == ("proven", dict.fromkeys(NODES, "enforced")), found.reason
    assert [limit for limit in found.limits if limit.startswith(f"{SILENT}a while")] == found.limits
    assert found.nodes[0]["rows"] == probed(NODES, OFFERED).nodes[0]["rows"]
    assert found.nodes[0]["failed"] == []


@pytest.mark.parametrize("moment", [(0.3, 0.7), (3.3, 3.7)], ids=["before", "after"])
def test_dns_that_is_silent_for_a_moment_without_a_policy_makes_no_node_closed(moment: tuple[float, float]) -> None:
    found = asked(Fault("a", DNS, cut=moment))
    assert (found.outcome, found.limits) == ("proven", []), found.reason


@pytest.mark.parametrize("fate", ["dropped", "unreachable"])
def test_dns_that_is_nowhere_reached_leaves_all_nodes_proven_and_is_not_measured(fate: Fate) -> None:
    found = asked(Fault(None, DNS, cut=ALWAYS, cut_fate=fate))
    assert verdicts(found) == dict.fromkeys(NODES, "enforced")
    assert found.limits[0].startswith(f"{SILENT}a, b, c while no policy selected them")
    times = [fate["settled_ms"] for row in found.rows if row["kind"] != "dns" for fate in row["fates"]]
    assert found.settled is not None
    assert found.settled["median"] == round(median(time for time in times if time is not None), 1)


def test_dns_that_does_not_answer_is_not_looked_at_again() -> None:
    of_dns = drawn(["IPv4"])
    silent = Look(timelines(of_dns, [Fault(None, DNS, cut=ALWAYS)], "subject", {}, lambda _node: 0.0), WRITES, {})
    assert not wants_another(seen(of_dns.rows, silent, DEADLINE))
    kept = Look(timelines(of_dns, [Fault("a", DNS, cut=ALLOWED)], "subject", {}, lambda _node: 0.0), WRITES, {})
    assert wants_another(seen(of_dns.rows, kept, DEADLINE))


def test_a_question_that_is_denied_and_answered_makes_its_node_open() -> None:
    found = asked(Fault("b", DNS, open=ALWAYS))
    assert (found.outcome, verdicts(found)) == ("failed", {"a": "enforced", "b": "open", "c": "enforced"})
    assert found.reason.startswith("b: Denied connections to the cluster's DNS come through")
    assert "dns_service: none" in str(found.nodes[1]["remedy"])
    assert found.pairs == []


def test_a_denied_question_is_answered_counts_though_dns_was_silent_before() -> None:
    found = asked(Fault("b", DNS, cut=BEFORE), Fault("b", DNS, open=ALWAYS))
    assert verdicts(found)["b"] == "open"


@pytest.mark.parametrize("node", ["b", None])
def test_an_allowed_question_without_an_answer_is_its_own_nodes_fault(node: str | None) -> None:
    found = asked(Fault(node, DNS, cut=ALLOWED))
    closed = [node] if node else NODES
    assert verdicts(found) == {name: "closed" if name in closed else "enforced" for name in NODES}
    assert found.reason.startswith(
        f"{closed[0]}: Questions to the cluster's DNS that a policy allows have no answer (1 of "
    )
    assert (found.pairs, len(found.nodes)) == ([], len(NODES))


def test_dns_and_other_connections_make_one_fault_of_a_node() -> None:
    found = asked(Fault("b", open=ALWAYS))
    assert verdicts(found) == {"a": "enforced", "b": "open", "c": "enforced"}
    dns = next(row["id"] for row in found.rows if row["node"] == "b" and row["kind"] == "dns")
    assert dns in found.nodes[1]["failed"]
    assert "dns_service" not in str(found.nodes[1]["remedy"])


def test_what_is_known_of_dns_excuses_no_node_from_other_faults() -> None:
    """Among the rows that were right, it would leave suspicions of pairs only."""
    open_to_pods = Fault("a", lambda row: row["kind"] != "dns", open=ALWAYS)
    for of_dns in ([], [Fault(None, DNS, cut=ALWAYS)]):
        found = probed(["a"], ["p-1"], [open_to_pods, *of_dns], dns=["IPv4"])
        assert (verdicts(found), found.pairs) == ({"a": "open"}, [])


def row_of(kind: str) -> ProbeRow:
    return next(row for row in drawn(["IPv4"]).rows if (row["kind"] == "dns") == (kind == "dns") and row["allowed"])


@pytest.mark.parametrize(
    ("kind", "answers", "symptom"), [("dns", 1, None), ("dns", 2, "open"), ("ordinary", 1, "open")]
)
def test_an_answer_alone_may_come_to_a_port_that_was_let_through_before(
    kind: str, answers: int, symptom: str | None
) -> None:
    """An agnhost server says from which port it was asked, so that the client leaves such an answer out itself."""
    row = row_of(kind)
    runs = [
        Run(0.1, 0.98, "answered", 40),
        Run(1.02, 1.5, "dropped", 20),
        Run(1.55, 1.56, "answered", answers),
        Run(1.6, 1.95, "dropped", 20),
        Run(2.02, 3.9, "answered", 90),
    ]
    fates = fates_of(row, runs, windows(WRITES, 0.0, 0.0), DEADLINE, measured=True)
    assert row_symptom(ProbeRow(**{**row, "fates": fates})) == symptom


def test_the_first_answers_after_a_write_are_no_strays() -> None:
    """They are how late policy is."""
    row = row_of("dns")
    runs = [Run(0.1, 0.9, "answered", 40), Run(1.8, 1.8, "answered", 1), Run(1.82, 1.95, "dropped", 20)]
    phases: dict[ProbePhase, Any] = {phase: WRITES[phase] for phase in ("default_deny", "precise_allow")}
    fates = fates_of(row, runs, windows(phases, 0.0, 0.0), DEADLINE, measured=True)
    assert fates[1]["settled_ms"] == 795.0


def test_dns_stands_for_no_other_connection() -> None:
    own = [row for row in drawn(["IPv4"]).rows if row["node"] == "a"]
    right = dict.fromkeys((row["id"] for row in own), None)
    assert _shown(own, right)
    egress = {
        row["id"]: "unproven" for row in own if row["kind"] != "dns" and row["direction"] == "egress" and row["allowed"]
    }
    assert not _shown(own, {**right, **egress})  # type: ignore[dict-item]

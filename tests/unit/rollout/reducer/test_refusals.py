# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A write that the API server refuses for now is remembered until it succeeds, and told in the API server's words."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    Decision,
    Observation,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.actions import RefusedWrite, Writing
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import rollout_pages as pages
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decision import after_actions
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.refusals import (
    LONGEST,
    MOST,
    remembered,
    still_refused,
    told,
    with_refusals,
    without_refusals,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.plans import plan_of

from ..builders import LABEL, bare, installation, node_seen

DOWN = '500 InternalError: Internal error occurred: failed calling webhook "labels.example.com": connection refused'
PLAN = plan_of(["a", "b"], ["c"], batch_timeout=600)


def refused(*names: str, said: str = DOWN, write: Writing = "label", now: float = 0.0) -> list[RefusedWrite]:
    return remembered([], write, dict.fromkeys(names, said), names, now)


def without_calico(*nodes: str) -> Observation:
    """An Installation that nothing came of yet."""
    seen = bare(nodes)
    seen["installation"] = installation({})
    return seen


def decided(now: float, entries: list[RefusedWrite], **state: Any) -> Decision:
    """By a rollout that has labelled none of its first batch, which it began at 0."""
    known = new_state(PLAN)
    known.update(batch="core-1", batch_started=0.0, phase="labelling", refused=entries, **state)  # type: ignore[typeddict-item]
    return decide(PLAN, known, without_calico("a", "b", "c"), now)


def test_an_answer_is_kept_with_when_it_came_first_and_last() -> None:
    first = refused("a", now=0.0)
    (entry,) = remembered(first, "label", {"a": "429 TooManyRequests: later"}, ["a"], 60.0)
    assert (entry["since"], entry["last"]) == ("1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z")
    assert entry["said"] == "429 TooManyRequests: later"


def test_a_write_that_went_through_is_forgotten_and_one_that_was_not_tried_is_not() -> None:
    left = remembered(refused("a", "b"), "label", {}, ["a"], 60.0)
    assert [entry["object"] for entry in left] == ["b"]


def test_no_more_nodes_are_kept_than_a_person_reads_and_the_newest_answers_are_among_them() -> None:
    names = [f"n-{number}" for number in range(200)]
    first = refused(*names)
    assert len(first) == MOST
    later = remembered(first, "label", {"n-199": "429"}, ["n-199"], 60.0)
    assert (len(later), later[0]["object"]) == (MOST, "n-199")


def test_nodes_and_the_installation_do_not_push_each_other_out() -> None:
    many = refused(*[f"n-{number}" for number in range(MOST)])
    both = remembered(many, "selector", {"Installation/default": DOWN}, ["Installation/default"], 0.0)
    assert [entry["write"] for entry in both].count("label") == MOST
    assert "selector" in [entry["write"] for entry in both]


def test_an_answer_is_no_place_for_control_characters_and_no_book() -> None:
    (entry,) = refused("a", said="\x1b[31m" + "x" * 2000)
    assert "\x1b" not in entry["said"]
    assert len(entry["said"]) == LONGEST


def test_the_cluster_decides_what_is_still_to_be_done() -> None:
    seen = without_calico("a", "b")
    seen["nodes"]["a"] = node_seen(admitted=True)
    entries = [
        *refused("a", "b", "gone"),
        *refused("Installation/default", write="selector"),
        *refused("Installation/default", write="raise_max_unavailable"),
        *refused("Installation/default", write="restore_max_unavailable"),
    ]
    left = [(entry["write"], entry["object"]) for entry in still_refused(entries, seen, LABEL)]
    assert left == [
        ("label", "b"),
        ("selector", "Installation/default"),
        ("raise_max_unavailable", "Installation/default"),
    ]


def test_the_same_answer_about_many_nodes_is_told_once() -> None:
    entries = [*refused("w-1", said='nodes "w-1" is forbidden'), *refused("w-2", said='nodes "w-2" is forbidden')]
    text = told(entries, "label")
    assert text.count("forbidden") == 1
    assert "the admission label of w-1, w-2 since" in text


def test_a_reason_that_names_it_already_does_not_name_it_twice_and_loses_it_when_it_is_over() -> None:
    entries = refused("a")
    once = with_refusals("batch core-1: admit 2 nodes", entries)
    assert with_refusals(once, entries) == once
    assert without_refusals(once, entries) == "batch core-1: admit 2 nodes"


def test_a_batch_whose_labels_are_refused_is_said_to_wait_for_them_and_not_for_the_selector() -> None:
    report = decided(601.0, refused("a", "b"))["report"]
    assert report["outcome"] == "stopped"
    assert "still waiting for the admission label on 2 nodes (a, b)" in report["reason"]
    assert DOWN in report["reason"]
    assert "the selector to appear" not in report["reason"]
    assert [entry["object"] for entry in report["refused"]] == ["a", "b"]


def test_while_it_goes_on_it_is_in_progress_reason_and_both_pages() -> None:
    decision = decided(1.0, refused("a", "b"))
    assert decision["report"]["outcome"] == "in_progress"
    assert DOWN in pages.progress_line(decision["report"])
    for page in (pages.terminal(decision["report"]), pages.markdown(decision["report"])):
        _before, heading, section = page.partition("Refused by the API server so far")
        assert heading
        assert "labels.example.com" in section.split("Outside")[0].split("Note")[0].split("Result")[0]


def test_after_a_write_that_went_through_the_report_no_longer_tells_what_was_before_it() -> None:
    decision = decided(10.0, refused("a", "b"))
    assert DOWN in decision["report"]["reason"]
    state = decision["state"].copy()
    state["refused"] = []
    after = after_actions(decision, state)
    assert DOWN not in after["report"]["reason"]
    assert after["report"]["refused"] == after["state"]["refused"] == []


def test_a_stop_for_another_reason_still_tells_what_the_api_server_refused() -> None:
    report = decided(601.0, refused("Installation/default", write="raise_max_unavailable"))["report"]
    assert "refuses the raised maxUnavailable in Installation/default" in report["reason"]


def test_a_quarantine_and_a_cleared_condition_are_remembered_until_they_are_there() -> None:
    seen = without_calico("a", "b")
    seen["nodes"]["b"].update(network_unavailable=True)
    entries = [*refused("a", "gone", write="quarantine"), *refused("b", "gone", write="clear_network_unavailable")]
    assert still_refused(entries, seen, LABEL) == [entries[0], entries[2]]
    assert "the API server refuses the quarantine of a since" in told(entries[:1], "quarantine")
    assert "the API server refuses to clear NetworkUnavailable of b since" in told(
        entries[2:3], "clear_network_unavailable"
    )
    seen["nodes"]["a"]["labels"]["rollout.calico-ops.dev/quarantine"] = "open"
    seen["nodes"]["b"].update(network_unavailable=False)
    assert still_refused(entries, seen, LABEL) == []

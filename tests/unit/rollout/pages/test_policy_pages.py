# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and CI read of a probe of network policy."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import HostRules, PolicyProbeReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.policy_junit import policy_junit
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.policy_markdown import policy_markdown
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.policy_text import policy_text

from tests.unit.rollout.policy.data_plane import ALWAYS, Fault, between, having, touching
from tests.unit.rollout.policy.reports import reported

NODES = ["a", "b", "c"]
OPEN = Fault("b", open=ALWAYS)


def with_rules(report: PolicyProbeReport) -> PolicyProbeReport:
    """Of `a` the rules are missing though it is proven, of `b` they are there though it is open, of `c` no host is known."""
    report["host_rules"] = [
        HostRules(
            node="a", host="h-a", verdict="missing", sentence="<b>no chain", disagreement="Look at its interface."
        ),
        HostRules(node="b", host="h-b", verdict="present", sentence="all there", disagreement="Look before them."),
        HostRules(node="c", host=None, verdict="unreadable", sentence="not known, because of x", disagreement=None),
    ]
    return report


def results(report: PolicyProbeReport) -> dict[str, list[tuple[str, str | None]]]:
    """By node the elements in its case, each with its type."""
    root = ET.fromstring(policy_junit(report))  # noqa: S314 - our own
    return {str(case.get("name")): [(one.tag, one.get("type")) for one in case] for case in root.iter("testcase")}


def test_the_text_has_a_line_a_node_and_ends_with_the_result() -> None:
    lines = policy_text(reported(NODES)).splitlines()
    assert lines[0].split() == ["node", "verdict", "rows", "right", "in", "force", "after"]
    assert [line.split()[:2] for line in lines[1:4]] == [["a", "enforced"], ["b", "enforced"], ["c", "enforced"]]
    assert lines[-1] == "Result: Network policy is in force on 3 nodes: a, b, c."


def test_the_text_says_what_is_wrong_and_what_to_look_at() -> None:
    text = policy_text(reported(NODES, [OPEN]))
    assert "\nb: Denied connections come through" in text
    assert "port 9099" in " ".join(text.split())
    assert text.splitlines()[-1].startswith("Result: b: Denied connections come through")


def test_the_text_says_how_it_was_measured_and_what_was_not_proven() -> None:
    report = reported(NODES)
    report["limits"] = ["No pod of these nodes has an IPv6 address, so IPv6 was not tried."]
    report["foreign_policies"] = ["AdminNetworkPolicy guard"]
    text = " ".join(policy_text(report).split())
    for told in (
        *report["limits"],
        "select the pods of the probe: AdminNetworkPolicy guard.",
        "seed 7",
        "at the median",
    ):
        assert told in text


def test_a_clock_that_is_not_known_is_told() -> None:
    assert "not measured" in policy_text(reported(NODES, clock=None))


def test_the_markdown_lists_the_rows_that_were_wrong() -> None:
    page = policy_markdown(reported(NODES, [OPEN]))
    assert "\n| b/1: allowed TCP over IPv6, egress to " in page
    assert "| open |" in page
    assert "## What to look at" not in policy_markdown(reported(NODES))


def test_the_markdown_escapes_what_the_cluster_said() -> None:
    report = reported(["a"], silent={"a": "<img src=x> | @all"})
    assert "<img" not in policy_markdown(report)


def test_junit_has_a_case_a_node() -> None:
    assert results(reported(NODES)) == {name: [("system-out", None)] for name in NODES}


def test_junit_tells_a_failure_from_missing_evidence() -> None:
    found = results(reported(NODES, [OPEN], silent={"c": "its pods did not start"}))
    assert (found["b"], found["c"]) == ([("failure", "open")], [("error", "unproven")])


def test_junit_fails_both_ends_of_a_pair() -> None:
    found = results(reported(NODES, [Fault(None, between("a", "b"), cut=ALWAYS)]))
    assert found == {"a": [("failure", "pair")], "b": [("failure", "pair")], "c": [("system-out", None)]}


def test_junit_has_a_case_of_a_proven_node_that_is_at_fault() -> None:
    peer = reported(NODES)["proven_before"][0]
    assert results(reported(NODES, [Fault(None, touching(peer), cut=ALWAYS)]))[peer] == [("failure", "closed")]


def test_junit_counts_and_names_the_rows() -> None:
    root = ET.fromstring(policy_junit(reported(NODES, [OPEN])))  # noqa: S314 - our own
    failure = root.find(".//testcase[@name='b']/failure")
    assert failure is not None
    assert "b/2: denied UDP over IPv4, ingress on the node" in str(failure.text)
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
    }


def test_the_text_has_what_hosts_say_beside_each_node_and_where_that_disagrees() -> None:
    lines = policy_text(with_rules(reported(NODES, [OPEN]))).splitlines()
    assert ["a", "h-a", "missing"] in [line.split() for line in lines]
    assert ["b", "h-b", "present"] in [line.split() for line in lines]
    assert ["c", "unreadable"] in [line.split() for line in lines]
    assert [line for line in lines if line[:3] in ("a: ", "b: ", "c: ")][1:] == [
        "a: <b>no chain.",
        "a: Look at its interface.",
        "b: Look before them.",
        "c: not known, because of x.",
    ]
    assert lines[-1].startswith("Result: b: Denied connections come through")


def test_what_many_nodes_have_to_say_is_said_once() -> None:
    report = with_rules(reported(NODES))
    report["host_rules"][0].update(sentence="not known, because of x", disagreement=None)
    assert "\na, c: not known, because of x.\n" in policy_text(report)


def test_the_markdown_has_what_hosts_say_in_a_table() -> None:
    page = policy_markdown(with_rules(reported(NODES)))
    assert "\n| a | h-a | missing | &lt;b&gt;no chain | Look at its interface. |\n" in page
    assert "## What the hosts' rules say" not in policy_markdown(reported(NODES))


def test_junit_passes_and_fails_the_same_whatever_the_rules_are() -> None:
    report = with_rules(reported(NODES, [OPEN]))
    found = results(report)
    assert found == {
        "a": [("system-out", None)],
        "b": [("failure", "open"), ("system-out", None)],
        "c": [("system-out", None)],
    }
    root = ET.fromstring(policy_junit(report))  # noqa: S314 - our own
    (told,) = root.findall(".//testcase[@name='b']/system-out")
    assert str(told.text).splitlines() == ["the rules of its host: all there.", "Look before them."]
    (told,) = root.findall(".//testcase[@name='a']/system-out")
    assert str(told.text).splitlines()[1:] == ["the rules of its host: <b>no chain.", "Look at its interface."]


def test_a_question_to_dns_is_told_as_one() -> None:
    page = policy_markdown(reported(NODES, [Fault("b", having(kind="dns"), open=ALWAYS)], dns=["IPv4"]))
    (line,) = [line for line in page.splitlines() if line.startswith("| b/")]
    assert line.endswith(": allowed UDP over IPv4, egress to the cluster's DNS | open |")


@pytest.mark.parametrize("faults", [[], [OPEN]])
def test_a_probe_of_no_node_is_an_error(faults: list[Fault]) -> None:
    assert results(reported([], faults)) == {"policy_probe": [("error", "unproven")]}
    assert policy_text(reported([])).endswith("Result: No node was tried.")


def test_control_characters_reach_no_terminal() -> None:
    report = reported(["a"], silent={"a": "\x1b[2Jgone"})
    assert "\x1b" not in policy_text(report) + policy_markdown(report) + policy_junit(report)

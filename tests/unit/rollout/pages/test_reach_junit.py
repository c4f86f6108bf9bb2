# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.reach_junit import reach_junit
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach.report import assemble_reach

from tests.unit.rollout.reach.test_report import answers


def written(given: Any) -> ET.Element:
    return ET.fromstring(reach_junit(assemble_reach(given)))  # noqa: S314 - our own


def results(given: Any) -> dict[str, list[tuple[str, str | None]]]:
    """By host the elements in its case, each with its type."""
    root = written(given)
    suite = root.find("testsuite[@name='reachability']")
    assert suite is not None
    return {str(case.get("name")): [(one.tag, one.get("type")) for one in case] for case in suite.findall("testcase")}


def test_each_host_is_a_case_of_one_suite() -> None:
    assert results(answers({})) == {"a": [], "b": [], "c": []}


def test_a_shut_host_fails_and_those_that_asked_it_do_not() -> None:
    assert results(answers({("a", "c"): "timeout", ("b", "c"): "timeout"})) == {
        "a": [],
        "b": [],
        "c": [("failure", "timeout")],
    }


def test_a_host_that_reaches_nobody_fails_alone() -> None:
    found = results(answers({("a", "b"): "refused", ("a", "c"): "refused"}))
    assert found == {"a": [("failure", "refused")], "b": [], "c": []}


def test_a_pair_fails_on_both_sides() -> None:
    found = results(answers({("a", "b"): "unreachable"}))
    assert found == {"a": [("failure", "unreachable")], "b": [("failure", "unreachable")], "c": []}


def test_a_failure_tells_all_findings_of_a_host_with_their_remedies() -> None:
    root = written(
        answers({("a", "c"): "timeout", ("b", "c"): "timeout", ("c", "a"): "refused", ("c", "b"): "refused"})
    )
    failure = root.find(".//testcase[@name='c']/failure")
    assert failure is not None
    assert failure.get("message") == "tcp/5473: no answer from c, asked by a, b (and 1 more)"
    assert str(failure.text).splitlines()[2] == "tcp/5473: refused by a, b, asked by c"
    assert str(failure.text).count("remedy: let tcp/5473 through") == 2


def test_a_host_without_an_answer_is_an_error_with_its_reason() -> None:
    given = {**answers({}), "d": {"listening": {"unreachable": True, "msg": "no route\x1b[2J"}}}
    assert results(given)["d"] == [("error", "silent")]
    error = written(given).find(".//error")
    assert error is not None
    assert error.get("message") == "it took no part: no route?[2J"


def test_what_was_not_proven_is_an_error_of_those_hosts() -> None:
    assert results(answers({}, b=False)) == {"a": [], "b": [("error", "not_proven")], "c": []}
    nothing = answers({(source, to): "not_provable" for source in "abc" for to in "abc"})
    assert results(nothing) == {host: [("error", "not_proven")] for host in "abc"}


def test_where_nothing_was_asked_all_is_skipped() -> None:
    root = written(answers({}, hosts="a"))
    skipped = root.find(".//testcase[@name='a']/skipped")
    assert skipped is not None
    assert skipped.get("message") == "nothing was asked: 1 host took part, and it takes two"


def test_the_totals_are_those_of_the_cases() -> None:
    given = {**answers({("a", "c"): "timeout", ("b", "c"): "timeout"}), "d": {}}
    root = written(given)
    for element in (root, *root.findall("testsuite")):
        totals = {key: element.get(key) for key in ("tests", "failures", "errors", "skipped")}
        assert totals == {"tests": "4", "failures": "1", "errors": "1", "skipped": "0"}

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cause, one finding: on every page, in the table, in the reason and in JUnit."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PrecheckReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.causes import by_cause
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.fleet import survey
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.waivers import Asked
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_junit import precheck_junit
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_markdown import (
    precheck_markdown,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_text import precheck_text
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._precheck_page import precheck_page

from tests.unit.rollout.builders import answer, check

REFUSED = "the kernel refuses netfilter netlink"
HINDERED = "xt_match_set, nft_functional, conntrack_netlink"


def refused(check_id: str, rank: int, category: str, status: str = "fail", **fields: Any) -> Any:
    told = {"message": REFUSED, "expected": "a socket", "observed": "EPROTONOSUPPORT", "remedy": "lift the policy"}
    return check(check_id, status, rank, category=category, cause="netfilter_netlink", **{**told, **fields})


FIVE = [
    refused("ipset_functional", 1, "ipset"),
    refused("xt_match_set", 17, "netfilter"),
    refused("nft_functional", 21, "dataplane", "warn"),
    refused("conntrack_netlink", 39, "netfilter"),
]
OTHER = check("firewalld_active", "warn", 4, category="firewall", message="firewalld runs", remedy="open it")


def report(*checks: Any, **waived: Any) -> PrecheckReport:
    return assemble({"edge": answer("edge", list(checks))}, **waived)


def test_the_gravest_tells_and_of_equals_the_one_that_is_called_as_the_cause() -> None:
    warned, first, named = (
        check("w", "warn", 1, cause="named"),
        check("a", "fail", 2, cause="named"),
        check("named", "fail", 3),
    )
    alone = check("alone", "fail", 9)
    found = by_cause([alone, named, first, warned])
    assert [(one.check["id"], [other["id"] for other in one.hindered]) for one in found] == [
        ("named", ["w", "a"]),
        ("alone", []),
    ]
    named["status"] = "warn"
    assert by_cause([warned, first, named])[0].check["id"] == "a"


def test_the_same_words_are_not_the_same_cause() -> None:
    """Two checks may say the same of two things."""
    alike = [check("a", "fail", 1, message="it is full"), check("b", "fail", 2, message="it is full")]
    assert [one.check["id"] for one in by_cause(alike)] == ["a", "b"]


@pytest.mark.parametrize("page", [precheck_text, precheck_markdown, precheck_page])
def test_every_page_tells_it_once_with_what_it_makes_impossible(page: Any) -> None:
    text = " ".join(re.sub(r'data-text="[^"]*"', "", page(report(*FIVE, OTHER))).replace("\\", "").split())
    told = text.partition("What to do")[2] or text
    assert told.count(f"{REFUSED}") == told.count("EPROTONOSUPPORT") == told.count("a socket") == 1
    assert f"the same cause fails: {HINDERED}" in told
    assert "firewalld runs" in told


def test_the_table_counts_a_cause_once_in_each_category() -> None:
    (row,) = survey(report(*FIVE, OTHER)).rows
    assert row.counts == {"fail": 1, "unjudged": 0, "warn": 1}
    assert {name: (cell["fail"], cell["warn"]) for name, cell in row.cells.items()} == {
        "ipset": (1, 0),
        "netfilter": (1, 0),
        "dataplane": (0, 1),
        "firewall": (0, 1),
    }


def test_the_reason_names_the_finding_and_what_it_takes_along() -> None:
    reason = report(*FIVE)["hosts"]["edge"]["reason"]
    assert reason == f"ipset_functional failed: {REFUSED} (the same cause: xt_match_set, conntrack_netlink)"
    other = check("bpf_supported", "fail", 13, message="no bpf")
    assert (report(*FIVE, other)["hosts"]["edge"]["reason"] or "").startswith(
        f"ipset_functional, bpf_supported failed; the first: {REFUSED} ("
    )


def test_where_nobody_could_judge_the_pages_say_so() -> None:
    skipped = [refused(one["id"], one["rank"], one["category"], "skipped", message="needs become") for one in FIVE]
    text = " ".join(precheck_text(report(*skipped)).split())
    assert f"the same cause keeps from judging: {HINDERED}" in text
    assert text.count("needs become") == 1


def test_junit_fails_one_case_and_skips_what_it_decides() -> None:
    (suite,) = ET.fromstring(precheck_junit(report(*FIVE, OTHER)).partition("\n")[2]).iter("testsuite")  # noqa: S314 - our own
    assert suite.get("failures") == "1"
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert cases["ipset_functional"].find("failure") is not None
    for hindered in HINDERED.split(", "):
        skipped = cases[hindered].find("skipped")
        assert skipped is not None
        assert skipped.get("message") == f"the cause of ipset_functional decides it: {REFUSED}"


def test_a_waiver_of_the_check_that_tells_hides_none_of_the_others() -> None:
    waiver = Asked("ipset_functional", "ok", "known", date(2099, 1, 1))
    told = report(*FIVE, waivers={"edge": [waiver]}, today=date(2026, 1, 1))
    assert (told["hosts"]["edge"]["reason"] or "").startswith("xt_match_set failed: ")


def test_hosts_with_more_and_with_fewer_checks_hindered_are_one_finding() -> None:
    both = assemble({"a": answer("a", FIVE[:2]), "b": answer("b", FIVE)})
    ((cause,),) = (remedy.causes for remedy in survey(both).remedies)
    assert (cause.hosts, cause.hindered) == (("a", "b"), ("xt_match_set", "nft_functional", "conntrack_netlink"))

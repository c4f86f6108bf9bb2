# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import resource
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.cross_findings import AMONG_HOSTS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.fleet import Fleet, survey
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_junit import precheck_junit
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_markdown import (
    precheck_markdown,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_text import (
    precheck_complaint,
    precheck_text,
)
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._precheck_page import precheck_page

from tests.fleets import MODULES_EXTRA, TRUSTED_ZONE, fleet_report, full_size_answers
from tests.unit.rollout.builders import UNREACHABLE, answer, check

FAILED = check(status="fail", remedy="mend it")
WARNED = check("firewalld_active", "warn", 4, category="firewall", remedy="open it")
UNJUDGED = check("bpffs_mounted", "skipped", 27, category="filesystem", message="needs root", remedy="become")


def fleet_of(**answers: Any) -> Fleet:
    return survey(assemble(answers))


def test_the_worst_host_comes_first_and_equals_by_name() -> None:
    fleet = fleet_of(
        a10=answer("a10"),
        a9=answer("a9"),
        warned=answer("w", [WARNED]),
        dark=UNREACHABLE,
        once=answer("o", [FAILED]),
        twice=answer("t", [FAILED, check("other", "fail", 2)]),
    )
    assert [row.host for row in fleet.rows] == ["twice", "once", "dark", "warned", "a9", "a10"]
    assert (fleet.hosts, fleet.passed) == (6, 3)


def test_a_cell_counts_what_was_found_in_its_category() -> None:
    row = fleet_of(a=answer("a", [FAILED, check("other", "fail", 2), WARNED, UNJUDGED, check("fine")])).rows[0]
    assert row.cells["ipset"] == {"fail": 2, "unjudged": 0, "warn": 0}
    assert row.counts == {"fail": 2, "unjudged": 1, "warn": 1}


def test_columns_are_the_categories_with_a_finding_in_the_order_of_the_catalogue() -> None:
    assert fleet_of(a=answer("a", [UNJUDGED, WARNED]), b=answer("b", [check()])).categories == (
        "firewall",
        "filesystem",
    )


def test_findings_with_one_remedy_are_one_thing_to_do_on_all_their_hosts() -> None:
    fleet = survey(fleet_report(22))
    assert [remedy.text for remedy in fleet.remedies] == [MODULES_EXTRA, TRUSTED_ZONE]
    assert fleet.remedies[0].hosts == ("edge-7", "edge-14", "edge-21")
    assert [cause.check for cause in fleet.remedies[0].causes] == ["ipset_functional", "xt_match_set"]


def test_failures_are_to_be_mended_before_warnings_however_many() -> None:
    fleet = fleet_of(a=answer("a", [WARNED]), b=answer("b", [WARNED]), c=answer("c", [FAILED]))
    assert [remedy.text for remedy in fleet.remedies] == ["mend it", "open it"]


def test_what_was_observed_is_told_once_for_all_hosts_with_the_same_message() -> None:
    seen = [check(status="fail", remedy="mend it", observed=text) for text in ("EINVAL", "EINVAL", "EPERM")]
    (remedy,) = fleet_of(**{name: answer(name, [one]) for name, one in zip("abc", seen)}).remedies
    assert [(cause.observed, cause.hosts) for cause in remedy.causes] == [(("EINVAL", "EPERM"), ("a", "b", "c"))]


def test_hosts_that_are_silent_for_the_same_reason_are_told_together() -> None:
    fleet = fleet_of(a=UNREACHABLE, b=UNREACHABLE, c={})
    assert [(silence.outcome, silence.hosts) for silence in fleet.silent] == [
        ("unreachable", ("a", "b")),
        ("no_result", ("c",)),
    ]


@pytest.mark.parametrize("page", [precheck_text, precheck_markdown, precheck_page, precheck_junit])
def test_what_to_do_about_hosts_without_a_result_is_on_every_page(page: Any) -> None:
    no_terminal = {"failed": True, "msg": "x", "module_stderr": "sudo: sorry, you must have a tty to run sudo"}
    report = assemble({"a": no_terminal, "b": no_terminal, "c": {"failed": True, "msg": "boom"}})
    text = " ".join(page(report).replace("\\", "").split())
    assert "its sudo wants a terminal (requiretty)" in text
    assert text.count("set ansible_pipelining=false for it") == (2 if page is precheck_junit else 1)
    assert [(one.hosts, bool(one.remedy)) for one in survey(report).silent] == [(("a", "b"), True), (("c",), False)]


def test_what_loading_modules_would_add_is_told_with_the_hosts() -> None:
    result = answer("a")
    result["precheck"]["summary"] = {"exercised": 3, "static": 2, "would_load": ["xt_set", "ip_set"]}
    report = assemble({"a": result, "b": answer("b")})
    assert survey(report).static == ("a",)
    told = (
        "On a some verdicts rest on module files alone; allow_module_load would load ip_set, xt_set to ask the kernel."
    )
    assert told in " ".join(precheck_text(report).split())
    assert "allow\\_module\\_load would load ip\\_set" in precheck_markdown(report)


def test_modules_that_the_probes_loaded_are_told_with_the_hosts() -> None:
    answers = {name: answer(name) for name in ("a", "b", "c")}
    for name, modules in (("a", ["ip_set", "xt_set"]), ("b", ["ip_set", "xt_set"]), ("c", [])):
        answers[name]["precheck"]["modules_loaded"] = modules
    report = assemble(answers)
    assert survey(report).loaded == ((("ip_set", "xt_set"), ("a", "b")),)
    told = "Loaded on 2 hosts (a, b) to ask the kernel (allow_module_load), and still loaded: ip_set, xt_set."
    assert told in " ".join(precheck_text(report).split())
    assert "Loaded on 2 hosts \\(a, b\\) to ask the kernel" in precheck_markdown(report)
    nothing = assemble({"c": answers["c"]})
    assert "oaded" not in precheck_text(nothing) + precheck_markdown(nothing)


@pytest.mark.parametrize(("hosts", "named"), [(14, 14), (50, 50), (51, 50)])
def test_a_remedy_names_the_hosts_for_a_limit_and_of_very_many_says_where_the_rest_is(hosts: int, named: int) -> None:
    report = assemble({f"edge-{number}": answer(f"x{number}", [FAILED]) for number in range(hosts)})
    lines = precheck_text(report).splitlines()
    begun = next(index for index, line in enumerate(lines) if line.startswith(f"On {hosts} hosts ("))
    (remedy,) = (index for index, line in enumerate(lines) if line == "    mend it")
    told = " ".join(" ".join(lines[begun:remedy]).split())
    assert told.count("edge-") == named
    assert ("and 1 more" in told, "With precheck_report_dir" in " ".join(lines)) == (hosts > named, hosts > named)
    assert max(len(line) for line in lines[begun:remedy]) <= 74


def test_the_text_is_a_table_then_the_remedies_then_the_result() -> None:
    text = precheck_text(assemble({"a": answer("a", [FAILED]), "b": answer("b", [WARNED]), "c": answer("c")}))
    lines = text.splitlines()
    start = lines.index("Checked for this Calico:")
    assert [*lines[:start], lines[-1]] == [
        "  host  verdict        ipset  firewall",
        "  a     stays outside  1F     .",
        "  b     may join       .      1w",
        "  c     may join       .      .",
        "  (F failed, w warning)",
        "",
        "On a:",
        "    mend it",
        "  failed: ipset_functional: the kernel has no ip_set subsystem",
        "      expected: hash:net created; observed: EINVAL",
        "",
        "On b:",
        "    open it",
        "  warning: firewalld_active: hash:net was created",
        "",
        "Result: 2 of 3 hosts can run calico-node.",
    ]


def test_on_a_large_fleet_the_table_ends_where_nobody_would_read_on() -> None:
    answers = {f"h{number}": answer(f"x{number}", [FAILED] if number < 45 else []) for number in range(50)}
    text = precheck_text(assemble({**answers, **{f"z{number}": answer(f"y{number}") for number in range(3)}}))
    assert "  and 13 more hosts, 10 of them with a finding" in text.splitlines()


def test_control_characters_of_a_host_do_not_reach_the_terminal() -> None:
    text = precheck_text(assemble({"a": answer("a", [check(status="fail", message="\x1b[2Jgone", remedy="\x07")])}))
    assert "\x1b" not in text
    assert "\x07" not in text


def test_markdown_of_a_host_is_shown_as_it_is() -> None:
    page = precheck_markdown(
        assemble({"a": answer("a", [check(status="fail", message="[x](http://y) | <b>", remedy="*r*")])})
    )
    assert "\\[x\\]\\(http&#58;//y\\) \\| &lt;b&gt;" in page
    assert "### \\*r\\*" in page


def test_junit_has_a_suite_a_host_and_a_case_a_check() -> None:
    xml = precheck_junit(assemble({"a": answer("a", [FAILED, WARNED, UNJUDGED, check("fine")]), "dark": UNREACHABLE}))
    root = ET.fromstring(xml)  # noqa: S314 - made here
    counted = {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")}
    # Five checks of one host, the other that gave no answer, and a case for each comparison of the two.
    assert counted == {"tests": str(6 + len(AMONG_HOSTS)), "failures": "1", "errors": "2", "skipped": "1"}
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure = cases["ipset_functional"].find("failure")
    assert failure is not None
    assert failure.get("message") == "the kernel has no ip_set subsystem"
    assert "remedy: mend it" in (failure.text or "")
    assert (cases["firewalld_active"].findtext("system-out") or "").startswith("warning: ")
    assert list(cases["fine"]) == []
    assert cases["wireguard_link_create"].find("skipped") is not None
    error = cases["host_precheck"].find("error")
    assert error is not None
    assert "No route to host" in (error.get("message") or "")


def addressed(addresses: dict[str, str], **mtu: int) -> dict[str, Any]:
    answers = {name: answer(name) for name in addresses}
    for name, given in answers.items():
        given["precheck"]["facts"].update(address=addresses[name], mtu=mtu.get(name, 1500))
    return answers


def suite_between(answers: dict[str, Any]) -> tuple[ET.Element | None, ET.Element]:
    root = ET.fromstring(precheck_junit(assemble(answers)))  # noqa: S314 - made here
    return root.find("testsuite[@name='between hosts']"), root


def test_junit_has_what_shows_between_hosts_in_a_class_of_its_own() -> None:
    suite, root = suite_between(addressed({"a": "10.0.0.1", "b": "10.0.0.1", "c": "10.0.0.3"}, c=9000))
    assert suite is not None
    assert {case.get("classname") for case in suite} == {"between hosts"}
    cases = {case.get("name"): case for case in suite}
    failure = cases["same_address"].find("failure")
    assert failure is not None
    assert "calico-node would take 10.0.0.1 on each of a and b" in (failure.get("message") or "")
    assert "remedy: Give each host an address of its own" in (failure.text or "")
    assert (cases["mtu_differs"].findtext("system-out") or "").startswith("warning: ")
    assert list(cases["same_node_name"]) == []
    assert (suite.get("failures"), root.get("failures")) == ("1", "1")
    assert int(root.get("tests") or 0) == len(root.findall(".//testcase"))


def test_junit_keeps_several_findings_of_one_comparison_in_one_case() -> None:
    suite, _root = suite_between(addressed({"a": "10.0.0.1", "b": "10.0.0.1", "c": "10.0.0.2", "d": "10.0.0.2"}))
    assert suite is not None
    (failure,) = suite.findall("testcase[@name='same_address']/failure")
    assert "(and 1 more like it)" in (failure.get("message") or "")
    assert "a, b: " in (failure.text or "")
    assert "c, d: " in (failure.text or "")


def test_junit_of_a_single_host_compares_nothing() -> None:
    assert suite_between({"a": answer("a")})[0] is None


def test_junit_holds_no_character_that_xml_cannot() -> None:
    hostile = answer("a", [check(status="fail", message='\x00\x1b<&>"', remedy="\ud800")])
    ET.fromstring(precheck_junit(assemble({"\x0b": hostile})).encode("utf-8"))  # noqa: S314 - made here


@pytest.mark.parametrize(
    ("fail_on", "complaint"),
    [
        ("never", ""),
        ("fail", "2 of 3 hosts must stay outside: bad, dark"),
        ("warn", "2 of 3 hosts must stay outside: bad, dark; 1 host may join with warnings: warned"),
    ],
)
def test_what_a_play_fails_on_is_the_users_choice(fail_on: str, complaint: str) -> None:
    report = assemble({"bad": answer("b", [FAILED]), "dark": UNREACHABLE, "warned": answer("w", [WARNED])})
    assert precheck_complaint(report, fail_on) == complaint


def test_a_fleet_without_a_finding_gives_nothing_to_complain_of() -> None:
    assert precheck_complaint(assemble({"a": answer("a")}), "warn") == ""


def test_an_unknown_choice_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(RolloutError, match="fail_on: 'sometimes' is not one of fail, warn, never"):
        precheck_complaint(assemble({"a": answer("a")}), "sometimes")


def test_a_thousand_hosts_are_summarized_in_every_form_within_a_gibibyte() -> None:
    """From the results of all checks, as hosts register them, to the last page, the comparison of the hosts with each other included."""
    answers = full_size_answers(1000)
    told = [one["precheck"] for one in answers.values() if "precheck" in one]
    assert {sum(len(one[ids]) for ids in ("findings", "ok", "not_applicable")) for one in told} == {len(CATALOGUE)}
    report = assemble(answers)
    text = precheck_text(report)
    pages = [precheck_markdown(report), precheck_junit(report), precheck_page(report), json.dumps(report, indent=4)]
    complaint = precheck_complaint(report, "warn")
    assert text.endswith("hosts can run calico-node.")
    assert complaint.split(" of ")[1].startswith("1000 hosts must stay outside")
    assert all("edge-1000" in page or "edge\\-1000" in page for page in pages)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1024 * 1024

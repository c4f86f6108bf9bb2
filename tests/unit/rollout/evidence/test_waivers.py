# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check that a user lets count less on a host: what it changes, for how long, and that every report says so."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import date
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.admission_annotations import (
    written_to,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.waivers import (
    effective,
    read_waivers,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.names import ANNOTATION_WAIVED
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_junit import precheck_junit
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_markdown import (
    precheck_markdown,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_text import precheck_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import (
    markdown,
    terminal,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan, planned_nodes
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import UNREACHABLE, answer, bare, check, facts, tier

KNOWN = frozenset(("ipset_functional", "nft_functional", "bgp_port_free"))
TODAY = date(2027, 1, 15)
IPSET = {"check": "ipset_functional", "reason": "policies are enforced upstream", "until": "2027-01-31"}
NFT = {**IPSET, "check": "nft_functional"}
BROKEN = [check("ipset_functional", "fail"), check("nft_functional", "fail", 2)]


def report_of(checks: Any, *waivers: Any, today: date = TODAY) -> Any:
    return assemble(
        {"h": answer("edge-1", checks)}, waivers={"h": read_waivers(list(waivers), "h", KNOWN)}, today=today
    )


def host_of(checks: Any, *waivers: Any, today: date = TODAY) -> Any:
    return report_of(checks, *waivers, today=today)["hosts"]["h"]


def states(host: Any) -> list[str]:
    return [waiver["state"] for waiver in host["waivers"]]


def test_a_waived_failure_is_a_warning_and_the_host_passes() -> None:
    host = host_of(BROKEN[:1], IPSET)
    assert (host["outcome"], host["reason"]) == ("passed", None)
    (counted,) = effective(host)
    assert (counted["status"], counted["message"]) == (
        "warn",
        "the kernel has no ip_set subsystem (waived until 2027-01-31: policies are enforced upstream)",
    )


def test_a_skipped_check_does_not_count_at_all() -> None:
    host = host_of(BROKEN[:1], {**IPSET, "effect": "skip"})
    assert (host["outcome"], effective(host)) == ("passed", [])
    assert states(host) == ["in_force"]


def test_what_the_host_said_stays_as_it_is() -> None:
    result = host_of(BROKEN[:1], IPSET)["result"]
    assert result == answer("edge-1", BROKEN[:1])["precheck"]
    assert (result["verdict"], result["findings"][0]["status"]) == ("fail", "fail")


def test_a_failure_that_no_waiver_covers_keeps_the_host_out() -> None:
    host = host_of(BROKEN, NFT)
    assert (host["outcome"], host["reason"]) == (
        "failed",
        "ipset_functional failed: the kernel has no ip_set subsystem",
    )
    assert host_of(BROKEN, NFT, IPSET)["outcome"] == "passed"


def test_a_check_that_could_not_judge_is_no_pass_by_the_waiver_of_another() -> None:
    silent = check("nft_functional", "skipped", 2, message="needs become", remedy="become")
    checks = [BROKEN[0], silent]
    host = host_of(checks, IPSET)
    assert (host["outcome"], host["reason"]) == ("failed", "nft_functional could not judge: needs become")
    assert host_of(checks, IPSET, NFT)["outcome"] == "passed"


def test_a_part_of_the_checks_is_no_pass_by_a_waiver() -> None:
    registered = answer("edge-1", BROKEN[:1])
    registered["precheck"]["not_asked"] = ["nft_functional"]
    host = assemble({"h": registered}, waivers={"h": read_waivers([IPSET], "h", KNOWN)}, today=TODAY)["hosts"]["h"]
    assert host["outcome"] == "failed"


def test_a_verdict_that_contradicts_itself_is_no_pass_by_a_waiver() -> None:
    registered = answer("edge-1", [check("bgp_port_free", "warn")])
    registered["precheck"]["verdict"] = "fail"
    waivers = read_waivers([{**IPSET, "check": "bgp_port_free", "effect": "skip"}], "h", KNOWN)
    assert assemble({"h": registered}, waivers={"h": waivers}, today=TODAY)["hosts"]["h"]["outcome"] == "failed"


@pytest.mark.parametrize(
    ("today", "outcome", "state"),
    [(date(2027, 1, 31), "passed", "in_force"), (date(2027, 2, 1), "failed", "expired")],
)
def test_a_waiver_counts_up_to_and_with_its_last_day(today: date, outcome: str, state: str) -> None:
    host = host_of(BROKEN[:1], IPSET, today=today)
    assert (host["outcome"], states(host)) == (outcome, [state])


def test_a_waiver_without_anything_to_waive_is_told_to_be_unused() -> None:
    assert states(host_of([check()], IPSET)) == ["unused"]
    assert states(host_of([check("ipset_functional", "warn")], IPSET)) == ["unused"]
    assert states(host_of([check("ipset_functional", "warn")], {**IPSET, "effect": "skip"})) == ["in_force"]


def test_a_host_without_a_result_does_not_pass_by_a_waiver() -> None:
    host = assemble({"h": UNREACHABLE}, waivers={"h": read_waivers([IPSET], "h", KNOWN)}, today=TODAY)["hosts"]["h"]
    assert (host["outcome"], states(host)) == ("unreachable", ["unused"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"check": "x"}, "a list is needed, not {'check': 'x'}"),
        (["x"], r"\[0\]: a mapping with check, reason, until, effect is needed"),
        (
            [{**IPSET, "check": "ipset_functionl"}],
            r"\[0\]: there is no check 'ipset_functionl'; is it ipset_functional\?",
        ),
        (
            [{**IPSET, "check": "quite_else"}],
            "there is no check 'quite_else'; docs/reference/prechecks.md lists them all",
        ),
        ([{**IPSET, "who": "me"}], "who is not known here"),
        ([{**IPSET, "reason": " "}], r"\[0\] \(ipset_functional\): a reason is needed"),
        ([{**IPSET, "until": None}], "until is the last day .* not None. A waiver without an end is refused"),
        ([{**IPSET, "until": "2027-02-30"}], "not '2027-02-30'"),
        ([{**IPSET, "until": "31.01.2027"}], "not '31.01.2027'"),
        ([{**IPSET, "effect": "ok"}], "effect is warn or skip, not 'ok'"),
        ([IPSET, {**IPSET, "effect": "skip"}], "ipset_functional is waived twice"),
    ],
)
def test_waivers_that_make_no_sense_are_refused_with_their_place(given: Any, message: str) -> None:
    with pytest.raises(RolloutError, match="precheck_waivers of host h.*" + message):
        read_waivers(given, "h", KNOWN)


def test_the_plan_admits_a_waived_node_and_says_so() -> None:
    plan = two_nodes(TODAY)
    assert planned_nodes(plan) == ["edge-1", "edge-2", "edge-3"]
    assert [(each["host"], each["node"], each["waiver"]["state"]) for each in plan["waivers"]] == [
        ("h-edge-1", "edge-1", "in_force"),
        ("h-edge-2", "edge-2", "in_force"),
    ]


def test_a_node_that_a_waiver_lets_in_is_noted_so_when_it_is_admitted() -> None:
    plan, seen = two_nodes(TODAY), bare(["edge-1", "edge-2", "edge-3"])
    (labelling,) = decide(plan, new_state(plan), seen, 0.0)["actions"]
    assert labelling["nodes"] == ["edge-1", "edge-2", "edge-3"]
    assert labelling["waived"] == dict.fromkeys(("edge-1", "edge-2"), "ipset_functional=2027-01-31")
    written = {node: written_to(labelling, node).get(ANNOTATION_WAIVED) for node in labelling["nodes"]}
    assert written == {**labelling["waived"], "edge-3": None}


def test_what_an_earlier_admission_noted_is_taken_off_where_this_one_needs_no_waiver() -> None:
    plan, seen = two_nodes(TODAY), bare(["edge-1", "edge-2", "edge-3"])
    for node in seen["nodes"].values():
        node["annotations"][ANNOTATION_WAIVED] = "nft_functional=2026-01-31"
    (labelling,) = decide(plan, new_state(plan), seen, 0.0)["actions"]
    assert (labelling["waived"]["edge-1"], labelling["waived"]["edge-3"]) == ("ipset_functional=2027-01-31", None)
    assert written_to(labelling, "edge-3")[ANNOTATION_WAIVED] is None


WAIVED = "ipset_functional on 2 hosts (h-edge-1, h-edge-2): counts as a warning until 2027-01-31: policies are enforced upstream"


def two_nodes(today: date) -> Any:
    return build_plan([facts(name) for name in ("edge-1", "edge-2", "edge-3")], two_hosts(today), [tier("edge", 3)])


def two_hosts(today: date) -> Any:
    names = ("edge-1", "edge-2")
    registered: Any = {f"h-{name}": answer(name, BROKEN[:1]) for name in names}
    registered["h-edge-3"] = answer("edge-3")
    waivers = {f"h-{name}": read_waivers([IPSET], name, KNOWN) for name in names}
    return assemble(registered, waivers=waivers, today=today)


def test_every_report_tells_what_is_waived_why_and_until_when() -> None:
    plan = two_nodes(TODAY)
    report = decide(plan, new_state(plan), bare(["edge-1", "edge-2", "edge-3"]), 0.0)["report"]
    assert report["waivers"] == plan["waivers"]
    for text in (precheck_text(two_hosts(TODAY)), plan_text(plan), terminal(report)):
        assert WAIVED in " ".join(text.split())
    for page in (precheck_markdown(two_hosts(TODAY)), markdown(report)):
        assert "## Waived checks\n\n- " + WAIVED.replace("_", "\\_").replace("(", "\\(").replace(")", "\\)") in page


def cases_of(report: Any) -> dict[Any, ET.Element]:
    return {case.get("name"): case for case in ET.fromstring(precheck_junit(report)).iter("testcase")}  # noqa: S314 - made here


def test_junit_shows_what_does_not_count_as_skipped_with_the_reason_and_the_day() -> None:
    case = cases_of(report_of(BROKEN, {**IPSET, "effect": "skip"}, NFT))["ipset_functional"]
    (skipped,) = case
    assert (skipped.tag, skipped.get("message")) == (
        "skipped",
        "waived until 2027-01-31: policies are enforced upstream",
    )


def test_junit_shows_what_counts_as_a_warning_as_passed_with_the_reason_and_the_day() -> None:
    (output,) = cases_of(report_of(BROKEN[:1], IPSET))["ipset_functional"]
    assert output.tag == "system-out"
    assert "(waived until 2027-01-31: policies are enforced upstream)" in (output.text or "")


def test_a_failure_says_that_its_waiver_has_expired() -> None:
    report = report_of(BROKEN[:1], IPSET, today=date(2027, 2, 1))
    told = "the kernel has no ip_set subsystem (its waiver expired on 2027-01-31: policies are enforced upstream)"
    assert report["hosts"]["h"]["reason"] == f"ipset_functional failed: {told}"
    (failure,) = cases_of(report)["ipset_functional"]
    assert (failure.tag, failure.get("message")) == ("failure", told)


def test_an_expired_waiver_is_named_with_those_that_stay_outside() -> None:
    text = " ".join(precheck_text(two_hosts(date(2027, 3, 1))).split())
    assert "expired on 2027-01-31 and does not count any more: policies are enforced upstream" in text
    assert "Result: 1 of 3 hosts can run calico-node." in text

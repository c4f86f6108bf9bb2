# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of each document, and no page of another."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Callable

import pytest

pytest.importorskip("ansible")

import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.calico_ops.rollout.plugins.filter import documents, pages
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach.report import assemble_reach
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer import decide, state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.status.cluster_status import cluster_status

from tests.unit.filter.test_documents import NAMES, made_plan, made_report
from tests.unit.rollout.builders import LABEL, answer, bare, facts, failing
from tests.unit.rollout.policy.data_plane import ALWAYS, Fault, having
from tests.unit.rollout.policy.reports import reported

FILTERS: dict[str, Any] = {**documents.FilterModule().filters(), **pages.FilterModule().filters()}
PAGES: dict[str, pages.Pages] = {
    "text": pages.TEXT,
    "markdown": pages.MARKDOWN,
    "junit": pages.JUNIT,
    "html": pages.HTML,
}
KINDS = sorted({kind for kinds in PAGES.values() for kind in kinds})


def filter_named(name: str) -> Any:
    return FILTERS[name]


def document_of(kind: str) -> Any:
    plan = made_plan()
    made: dict[str, Callable[[], Any]] = {
        "ClusterStatus": lambda: cluster_status([facts(name) for name in NAMES], bare(NAMES), (), None, LABEL, 0.0),
        "Plan": lambda: plan,
        "PolicyProbeReport": lambda: reported(NAMES),
        "PrecheckReport": made_report,
        "ReachReport": lambda: assemble_reach({}),
        "Report": lambda: decide.decide(plan, state.new_state(plan), bare(NAMES), 0.0)["report"],
    }
    return made[kind]()


@pytest.mark.parametrize(
    ("page", "kind", "begins"),
    [
        ("text", "ClusterStatus", "Calico on this cluster, nodes admitted by rollout.calico-ops.dev/admitted=true\n"),
        ("text", "Plan", "Plan "),
        ("text", "PolicyProbeReport", "  node "),
        ("text", "PrecheckReport", "  host "),
        ("text", "ReachReport", "Result: nothing was asked: 0 hosts took part, and it takes two."),
        ("text", "Report", "Rollout of plan "),
        ("markdown", "ClusterStatus", "# Calico on this cluster\n"),
        ("markdown", "PolicyProbeReport", "# Network policy on real pods\n"),
        ("markdown", "PrecheckReport", "# Calico prechecks\n"),
        ("markdown", "Report", "# Calico rollout, plan "),
        (
            "junit",
            "PrecheckReport",
            '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="calico_ops.rollout.precheck"',
        ),
        ("junit", "ReachReport", '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="calico_ops.rollout.reach"'),
        (
            "junit",
            "PolicyProbeReport",
            '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="calico_ops.rollout.policy"',
        ),
        ("html", "PolicyProbeReport", "<!doctype html>"),
        ("html", "PrecheckReport", "<!doctype html>"),
    ],
)
def test_the_documents_kind_decides_which_page_it_is(page: str, kind: str, begins: str) -> None:
    assert filter_named(page)(document_of(kind)).startswith(begins)


@pytest.mark.parametrize("page", sorted(PAGES))
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_there_of_the_documents_that_the_filter_names_and_of_no_other(page: str, kind: str) -> None:
    if kind in PAGES[page]:
        assert filter_named(page)(document_of(kind))
        return
    with pytest.raises(AnsibleFilterError) as refused:
        filter_named(page)(document_of(kind))
    told = str(refused.value)
    assert told.startswith(f"calico_ops.rollout.{page}: a ")
    assert told.endswith(f" document is needed, not a {kind}.")
    assert all(allowed in told for allowed in PAGES[page])


def test_the_refusal_names_filter_and_kind_and_what_is_allowed() -> None:
    with pytest.raises(AnsibleFilterError) as refused:
        filter_named("junit")(made_plan())
    assert str(refused.value) == (
        "calico_ops.rollout.junit: a PolicyProbeReport, PrecheckReport or ReachReport document is needed, not a Plan."
    )


@pytest.mark.parametrize("page", sorted(PAGES))
@pytest.mark.parametrize(
    ("value", "message"),
    [({"kind": "Decision", "version": 1}, "not a Decision"), ("text", "not str"), ({}, "not dict")],
)
def test_what_is_no_document_of_a_page_is_refused(page: str, value: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        filter_named(page)(value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_of_another_version_is_refused(kind: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"this {kind} has version 2, this collection reads version 1"):
        filter_named("text")({**document_of(kind), "version": 2})


def test_a_report_that_lost_a_field_is_refused_with_its_place_and_what_belongs_there() -> None:
    report = copy.deepcopy(made_report())
    report["hosts"]["a"].pop("waivers")
    with pytest.raises(
        AnsibleFilterError, match=r"PrecheckReport\.hosts\.a\.waivers is missing: a list .* make it anew"
    ):
        filter_named("text")(report)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_filters_manual_names_the_documents_that_it_takes(page: str) -> None:
    manual = yaml.safe_load(Path(pages.__file__).with_name(f"{page}.yml").read_text(encoding="utf-8"))
    told = manual["DOCUMENTATION"]["options"]["_input"]["description"]
    assert {kind for kind in KINDS if f"C({kind})" in told} == set(PAGES[page])


def test_the_complaint_of_a_report_counts_the_hosts_that_stay_outside() -> None:
    assert filter_named("precheck_complaint")(made_report()).startswith("3 of 5 hosts must stay outside")


def test_the_page_tells_what_shows_between_hosts_and_what_is_waived_and_escapes_it() -> None:
    until = "2999-12-31"
    waiver = {"check": "ipset_functional", "reason": "<b>later</b>", "until": until, "effect": "skip"}
    twin = {**answer(None, hostname="<i>twin", machine_id=None), "reused": True, "checked_at": 1.0}
    hosts: dict[str, Any] = {name: {"precheck_registered": twin} for name in ("a", "b")}
    hosts["c"] = {"precheck_registered": failing("core-1"), "precheck_waivers": [waiver]}
    page = filter_named("html")(filter_named("precheck_report")(["a", "b", "c"], hosts))
    assert "<h2>Between hosts</h2>" in page
    assert "a and b call themselves &lt;i&gt;twin" in page
    assert f"<li>ipset_functional on c: does not count until {until}: &lt;b&gt;later&lt;/b&gt;</li>" in page
    assert "On 2 hosts (a, b) a result of an earlier run counts, the oldest from 1970-01-01T00:00:01Z." in page
    assert "<i>twin" not in page


def test_a_host_that_stays_outside_is_among_the_failed_ones_of_the_page_though_no_check_failed() -> None:
    partly = answer("core-1")
    partly["precheck"].update(verdict="fail", not_asked=["veth_create"])
    hosts = {"a": {"precheck_registered": partly}, "b": {"precheck_registered": answer("core-2")}}
    page = filter_named("html")(filter_named("precheck_report")(["a", "b"], hosts))
    assert 'data-gravity="fail failed" data-text="a ' in page
    assert 'data-gravity="passed" data-text="b ' in page


def test_the_page_tells_which_modules_were_loaded_where() -> None:
    loaded = answer("core-1")
    loaded["precheck"]["modules_loaded"] = ["ip_set"]
    pages = [
        filter_named("html")(filter_named("precheck_report")(["a"], {"a": {"precheck_registered": one}}))
        for one in (loaded, answer("core-1"))
    ]
    assert "Loaded on a to ask the kernel (allow_module_load), and still loaded: ip_set." in pages[0]
    assert "Loaded on" not in pages[1]


def test_the_page_does_not_call_right_what_dns_did_not_answer() -> None:
    asked = having(kind="dns")
    silent = reported(["a"], [Fault(None, asked, cut=ALWAYS)], dns=["IPv4"])
    assert "egress to the cluster&#39;s DNS: no answer without a policy" in filter_named("html")(silent)
    assert "egress to the cluster&#39;s DNS: right in every phase" in filter_named("html")(
        reported(["a"], dns=["IPv4"])
    )

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import importlib.util
from collections import UserDict
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible")

import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.calico_ops.rollout.plugins.filter import (
    plan,
    plan_text,
    precheck_complaint,
    precheck_html,
    precheck_junit,
    precheck_markdown,
    precheck_report,
    precheck_text,
    report_markdown,
    report_text,
    status_markdown,
    status_text,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan import frozen
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer import decide, state

from tests.unit.rollout.builders import UNREACHABLE, answer, bare, facts, failing

NAMES = ["core-1", "core-2"]
TIERS = [{"name": "core", "selector": ""}]
FILTERS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        *(plan, plan_text, report_markdown, report_text, status_markdown, status_text),
        *(precheck_complaint, precheck_html, precheck_junit, precheck_markdown, precheck_report, precheck_text),
    )
}


def filter_named(name: str) -> Any:
    return FILTERS[name].FilterModule().filters()[name]


HOSTVARS: dict[str, Any] = {
    "a": {"precheck_registered": answer("core-1")},
    "b": {"precheck_registered": answer(None), "node_name": "core-2"},
    "dark": {"precheck_registered": UNREACHABLE, "node_name": "core-3"},
    "never": {},
}


def made_report() -> Any:
    return filter_named("precheck_report")(["a", "b", "dark", "never", "unknown"], HOSTVARS)


def made_plan() -> Any:
    return filter_named("plan")(made_report(), [facts(name) for name in NAMES], tiers=TIERS)


def test_every_host_of_the_play_is_in_the_report_with_what_became_of_it() -> None:
    assert {name: host["outcome"] for name, host in made_report()["hosts"].items()} == {
        "a": "passed",
        "b": "passed",
        "dark": "unreachable",
        "never": "no_result",
        "unknown": "no_result",
    }


def test_the_inventorys_node_name_goes_into_the_report() -> None:
    assert {name: host["node_name"] for name, host in made_report()["hosts"].items()} == {
        "a": None,
        "b": "core-2",
        "dark": "core-3",
        "never": None,
        "unknown": None,
    }


def test_the_results_may_be_registered_under_another_name() -> None:
    hostvars = {"a": {"mine": answer("core-1")}}
    assert filter_named("precheck_report")(["a"], hostvars, register="mine")["hosts"]["a"]["outcome"] == "passed"


class Counting(UserDict[str, Any]):
    """Variables of hosts that count how often they are worked out, which in Ansible's own takes a while each time."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.looks: dict[str, int] = {}

    def __getitem__(self, host: str) -> Any:
        self.looks[host] = self.looks.get(host, 0) + 1
        return super().__getitem__(host)


def test_the_variables_of_a_host_are_worked_out_once() -> None:
    hostvars = Counting(HOSTVARS)
    assert filter_named("precheck_report")(["a", "b", "dark", "never", "unknown"], hostvars) == made_report()
    assert hostvars.looks == {"a": 1, "b": 1, "dark": 1, "never": 1}


def test_the_plan_admits_the_nodes_whose_hosts_passed() -> None:
    assert made_plan()["batches"][0]["nodes"] == NAMES


def test_a_plan_of_the_filter_is_one_that_rollout_step_takes() -> None:
    assert frozen.given_plan(made_plan()) == made_plan()


def test_a_rollout_error_becomes_a_filter_error_with_its_text() -> None:
    with pytest.raises(
        AnsibleFilterError, match=r'calico_ops.rollout.plan: tier x, selector: "a in" is not a label selector'
    ):
        filter_named("plan")(made_report(), [facts(name) for name in NAMES], tiers=[{"name": "x", "selector": "a in"}])


def test_texts_are_told_of_their_documents() -> None:
    the_plan = made_plan()
    report = decide.decide(the_plan, state.new_state(the_plan), bare(NAMES), 0.0)["report"]
    assert "Result: 2 of 5 hosts can run calico-node." in filter_named("precheck_text")(made_report())
    assert filter_named("precheck_markdown")(made_report()).startswith("# Calico prechecks")
    assert filter_named("precheck_junit")(made_report()).startswith("<?xml")
    assert filter_named("precheck_html")(made_report()).startswith("<!doctype html>")
    assert filter_named("precheck_complaint")(made_report()).startswith("3 of 5 hosts must stay outside")
    assert filter_named("plan_text")(the_plan).startswith(f"Plan {the_plan['id']}: 2 nodes in 1 batch,")
    assert filter_named("report_text")(report, the_plan).splitlines()[-1].startswith("Result: in progress.")
    assert filter_named("report_markdown")(report, the_plan).startswith(f"# Calico rollout, plan {the_plan['id']}")


@pytest.mark.parametrize(
    "name",
    ["plan_text", *(name for name in sorted(FILTERS) if name.startswith("precheck_") and name != "precheck_report")],
)
@pytest.mark.parametrize(
    ("value", "message"),
    [({"kind": "Report", "version": 1}, "not a Report"), ("text", "not str"), ({}, "not dict")],
)
def test_another_document_than_the_one_needed_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        filter_named(name)(value)


def test_a_document_of_another_version_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="has version 2, this collection reads version 1"):
        filter_named("plan_text")({**made_plan(), "version": 2})


def test_a_report_that_lost_a_field_is_refused_with_its_place_and_what_belongs_there() -> None:
    report = copy.deepcopy(made_report())
    report["hosts"]["a"].pop("waivers")
    with pytest.raises(
        AnsibleFilterError, match=r"PrecheckReport\.hosts\.a\.waivers is missing: a list .* make it anew"
    ):
        filter_named("precheck_text")(report)


def test_nodes_that_are_not_those_of_rollout_info_are_refused_with_their_place() -> None:
    nodes = [dict(facts(name)) for name in NAMES]
    nodes[1]["labels"] = None
    with pytest.raises(
        AnsibleFilterError, match=r"nodes\[1\]\.labels: a mapping .* belongs here, not null.*rollout_info"
    ):
        filter_named("plan")(made_report(), nodes, tiers=[{"name": "all", "selector": ""}])


def test_the_page_tells_what_shows_between_hosts_and_what_is_waived_and_escapes_it() -> None:
    until = "2999-12-31"
    waiver = {"check": "ipset_functional", "reason": "<b>later</b>", "until": until, "effect": "skip"}
    twin = {**answer(None, hostname="<i>twin", machine_id=None), "reused": True, "checked_at": 1.0}
    hosts: dict[str, Any] = {name: {"precheck_registered": twin} for name in ("a", "b")}
    hosts["c"] = {"precheck_registered": failing("core-1"), "precheck_waivers": [waiver]}
    page = filter_named("precheck_html")(filter_named("precheck_report")(["a", "b", "c"], hosts))
    assert "<h2>Between hosts</h2>" in page
    assert "a and b call themselves &lt;i&gt;twin" in page
    assert f"<li>ipset_functional on c: does not count until {until}: &lt;b&gt;later&lt;/b&gt;</li>" in page
    assert "On 2 hosts (a, b) a result of an earlier run counts, the oldest from 1970-01-01T00:00:01Z." in page
    assert "<i>twin" not in page


def test_a_host_that_stays_outside_is_among_the_failed_ones_of_the_page_though_no_check_failed() -> None:
    partly = answer("core-1")
    partly["precheck"].update(verdict="fail", not_asked=["veth_create"])
    hosts = {"a": {"precheck_registered": partly}, "b": {"precheck_registered": answer("core-2")}}
    page = filter_named("precheck_html")(filter_named("precheck_report")(["a", "b"], hosts))
    assert 'data-gravity="fail failed" data-text="a ' in page
    assert 'data-gravity="passed" data-text="b ' in page


def test_the_page_tells_which_modules_were_loaded_where() -> None:
    loaded = answer("core-1")
    loaded["precheck"]["modules_loaded"] = ["ip_set"]
    pages = [
        filter_named("precheck_html")(filter_named("precheck_report")(["a"], {"a": {"precheck_registered": one}}))
        for one in (loaded, answer("core-1"))
    ]
    assert "Loaded on a to ask the kernel (allow_module_load), and still loaded: ip_set." in pages[0]
    assert "Loaded on" not in pages[1]


def test_a_node_has_the_waivers_of_its_host_also_where_that_is_left_out_of_the_run() -> None:
    waivers = [{"check": "ipset_functional", "reason": "later", "until": "2999-12-31"}]
    hosts = {"talos": {"node_name": "talos-1", "precheck_waivers": waivers}}
    report = filter_named("precheck_report")(["talos"], hosts, in_run=["other"], nodes={"talos-1": failing("talos-1")})
    assert (report["hosts"]["talos"]["outcome"], report["not_in_run"]) == ("passed", {})


def test_a_waiver_of_an_unknown_check_is_refused_by_the_filter() -> None:
    hosts = {"a": {"precheck_registered": answer("core-1"), "precheck_waivers": [{"check": "no_such"}]}}
    with pytest.raises(AnsibleFilterError, match=r"precheck_waivers of host a.* there is no check 'no_such'"):
        filter_named("precheck_report")(["a"], hosts)


def test_hosts_that_the_play_was_limited_to_leave_out_are_not_in_the_run() -> None:
    report = filter_named("precheck_report")(["a", "b", "dark"], HOSTVARS, in_run=["localhost", "a"])
    assert (list(report["hosts"]), report["not_in_run"]) == (["a"], {"b": "core-2", "dark": "core-3"})


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_has_its_manual_beside_it(name: str) -> None:
    manual = Path(FILTERS[name].__file__).with_suffix(".yml")
    documented = yaml.safe_load(manual.read_text(encoding="utf-8"))
    assert documented["DOCUMENTATION"]["name"] == name
    code = filter_named(name).__wrapped__.__code__
    arguments = code.co_varnames[1 : code.co_argcount]
    assert set(documented["DOCUMENTATION"]["options"]) == {"_input", *arguments}


@pytest.mark.skipif(
    importlib.util.find_spec("ansible._internal") is None,
    reason="ansible-core before 2.19 tags no data",
)
def test_tagged_data_gives_the_same_plan() -> None:
    from ansible.template import trust_as_template

    def tagged(value: Any) -> Any:
        if isinstance(value, str):
            return trust_as_template(value)
        if isinstance(value, dict):
            return {tagged(key): tagged(item) for key, item in value.items()}
        return [tagged(item) for item in value] if isinstance(value, list) else value

    again = filter_named("plan")(tagged(made_report()), tagged([facts(name) for name in NAMES]), tiers=tagged(TIERS))
    assert again == made_plan()
    assert {type(name) for name in again["batches"][0]["nodes"]} == {str}


def test_nodes_that_were_asked_in_the_cluster_are_in_the_run_whatever_hosts_it_was_limited_to() -> None:
    nodes = {
        "core-3": answer("core-3", node_name="core-3"),
        "talos-1": {"failed": True, "msg": "no pod was made for it"},
    }
    report = filter_named("precheck_report")(["a", "b", "dark"], HOSTVARS, in_run=["a"], nodes=nodes)
    outcomes = {name: (host["outcome"], host["node_name"]) for name, host in report["hosts"].items()}
    assert outcomes == {"a": ("passed", None), "dark": ("passed", "core-3"), "talos-1": ("no_result", "talos-1")}
    assert set(report["not_in_run"]) == {"b"}

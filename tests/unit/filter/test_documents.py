# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib.util
from collections import UserDict
from typing import Any

import pytest

pytest.importorskip("ansible")

from ansible.errors import AnsibleFilterError
from ansible_collections.calico_ops.rollout.plugins.filter import documents
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan import frozen
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _untrusted

from tests.unit.rollout.builders import UNREACHABLE, answer, facts, failing, machine_id
from tests.unit.rollout.probes import probe_of

NAMES = ["core-1", "core-2"]
TIERS = [{"name": "core", "selector": ""}]
FILTERS: dict[str, Any] = documents.FilterModule().filters()


def filter_named(name: str) -> Any:
    return FILTERS[name]


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
        # Not counted for a host without variables: before Python 3.12 `get` looks for it, then `in` does.
        found = super().__getitem__(host)
        self.looks[host] = self.looks.get(host, 0) + 1
        return found


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


def test_nodes_that_are_not_those_of_rollout_info_are_refused_with_their_place() -> None:
    nodes = [dict(facts(name)) for name in NAMES]
    nodes[1]["labels"] = None
    with pytest.raises(
        AnsibleFilterError, match=r"nodes\[1\]\.labels: a mapping .* belongs here, not null.*rollout_info"
    ):
        filter_named("plan")(made_report(), nodes, tiers=[{"name": "all", "selector": ""}])


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


def test_what_hosts_say_of_their_rules_comes_into_the_report_of_a_probe() -> None:
    said = {"verdict": "missing", "sentence": "no chain", "identity": identity_of("core-1")}
    hostvars = {"a": {"rollout_host_rules": said}, "dark": {"rollout_host_rules": UNREACHABLE, "node_name": "core-2"}}
    nodes = [facts(name) for name in NAMES]
    report = filter_named("with_host_rules")(
        probe_of({"core-1": "enforced", "core-2": "open"}), ["a", "dark", "never"], hostvars, nodes
    )
    assert [(one["node"], one["host"], one["verdict"]) for one in report["host_rules"]] == [
        ("core-1", "a", "missing"),
        ("core-2", "dark", "unreadable"),
    ]
    assert report["outcome"] == "failed"


def test_what_a_host_says_is_never_templated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_untrusted, "_TEMPLATED_UNLESS_MARKED", True)
    monkeypatch.setattr(_untrusted, "wrap_var", lambda text: f"marked {text}")
    said = {"verdict": "missing", "sentence": "cali{{ 7 * 7 }}", "identity": identity_of("core-1")}
    report = filter_named("with_host_rules")(
        probe_of({"core-1": "enforced"}), ["a"], {"a": {"rollout_host_rules": said}}, [facts("core-1")]
    )
    (told,) = report["host_rules"]
    assert told["sentence"] == "marked cali{{ 7 * 7 }}"


def identity_of(node: str) -> dict[str, Any]:
    return {"machine_id": machine_id(node), "system_uuid": None, "addresses": []}

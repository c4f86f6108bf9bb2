# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What shows only when hosts are compared with each other, with the controller's clock and with their Nodes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.fleet import survey
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_markdown import (
    precheck_markdown,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_text import (
    precheck_complaint,
    precheck_text,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan, planned_nodes

from tests.unit.rollout.builders import answer, check, facts, tier

NAMES = ["edge-1", "edge-2", "edge-3"]


def host(name: str, took: float = 0.5, node_name: str | None = None, checks: Any = None, **values: Any) -> Any:
    """A host's registered result; `values` are of its identity or of its facts."""
    registered = answer(name, checks, node_name=node_name)
    registered.update(call_seconds=took, checked_at=1700000000.0)
    for key, value in values.items():
        part = "identity" if key in registered["precheck"]["identity"] else "facts"
        registered["precheck"][part][key] = value
    return registered


def found(node_names: Any = None, **hosts: Any) -> list[tuple[str, str, list[str]]]:
    report = assemble(hosts, node_names)
    return [(finding["id"], finding["severity"], finding["hosts"]) for finding in report["cross_findings"]]


def message(**hosts: Any) -> str:
    (finding,) = assemble(hosts)["cross_findings"]
    return str(finding["message"])


def test_hosts_that_differ_where_they_should_have_no_finding() -> None:
    assert found(a=host("edge-1", mtu=1500, address="10.0.0.1"), b=host("edge-2", mtu=1500, address="10.0.0.2")) == []


def test_hosts_without_a_result_are_not_compared() -> None:
    assert found(a=None, b={"unreachable": True, "msg": "x"}, c=host("edge-1")) == []


def test_two_hosts_that_the_inventory_calls_one_node_are_kept_out() -> None:
    names = {"a": "edge-1", "b": "edge-1"}
    hosts = {"a": host("edge-1"), "b": host("edge-2")}
    assert found(names, **hosts) == [("same_node_name", "fail", ["a", "b"])]
    report = assemble(hosts, names)
    assert [entry["outcome"] for entry in report["hosts"].values()] == ["failed", "failed"]
    assert (
        report["hosts"]["a"]["reason"]
        == "same_node_name: a and b have node_name edge-1: one Node cannot be several hosts"
    )


def test_two_hosts_with_the_address_that_calico_node_takes_are_kept_out() -> None:
    hosts = {"a": host("edge-1", address="10.0.2.15"), "b": host("edge-2", address="10.0.2.15"), "c": host("edge-3")}
    assert found(**hosts) == [("same_address", "fail", ["a", "b"])]
    assert "take 10.0.2.15 on each of a and b" in message(**hosts)


def test_other_addresses_may_be_on_every_host() -> None:
    """docker0 has 172.17.0.1 everywhere."""
    assert found(a=host("edge-1", addresses=["172.17.0.1"]), b=host("edge-2", addresses=["172.17.0.1"])) == []


def test_two_hosts_with_one_ipv6_address_are_kept_out_too() -> None:
    hosts = {name: host(f"edge-{name}", address_v6="2001:db8::5") for name in ("a", "b")}
    assert found(**hosts) == [("same_address", "fail", ["a", "b"])]
    assert "take 2001:db8::5 on each of a and b" in message(**hosts)


@pytest.mark.parametrize(
    ("uuid", "told"),
    [
        ("4c4c4544-0042-3510-8052-b4c04f4a4d32", True),
        ("03000200-0400-0500-0006-000700080009", False),
        ("00020003-0004-0005-0006-000700080009", False),
        ("00000000-0000-0000-0000-000000000000", False),
        (None, False),
    ],
)
def test_machines_of_one_system_uuid_are_a_warning_unless_firmware_never_had_one(uuid: Any, told: bool) -> None:
    hosts = {name: host(f"edge-{name}", system_uuid=uuid) for name in ("a", "b")}
    assert found(**hosts) == ([("same_system_uuid", "warn", ["a", "b"])] if told else [])


def test_a_machine_id_that_stands_for_the_system_uuid_is_told_once() -> None:
    machine_id = "0123456789abcdef0123456789abcdef"
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    hosts = {name: host(f"edge-{name}", machine_id=machine_id, system_uuid=uuid) for name in ("a", "b")}
    assert found(**hosts) == [("same_machine_id", "warn", ["a", "b"])]


def test_a_mac_address_of_two_hosts_is_a_warning_and_of_two_links_of_a_host_is_none() -> None:
    mac = "52:54:00:12:34:56"
    assert found(a=host("edge-1", macs=[mac, mac]), b=host("edge-2")) == []
    hosts = {"a": host("edge-1", macs=[mac]), "b": host("edge-2", macs=["3c:ec:ef:00:00:01", mac])}
    assert found(**hosts) == [("same_mac", "warn", ["a", "b"])]
    assert f"a and b have MAC address {mac}" in message(**hosts)


def test_hosts_of_one_name_are_a_warning_unless_the_inventory_tells_them_apart() -> None:
    clones = {"a": host("edge-1", hostname="pi"), "b": host("edge-2", hostname="pi")}
    assert found(**clones) == [("same_hostname", "warn", ["a", "b"])]
    assert found({"a": "edge-1", "b": "edge-2"}, **clones) == []


def test_cloned_machine_ids_are_a_warning_and_placeholders_are_none() -> None:
    def clones(machine_id: Any) -> Any:
        return found(a=host("edge-1", machine_id=machine_id), b=host("edge-2", machine_id=machine_id))

    assert clones("abc123") == [("same_machine_id", "warn", ["a", "b"])]
    assert clones("uninitialized") == []
    assert clones(None) == []


def test_another_mtu_than_most_hosts_have_is_a_warning_on_those_that_differ() -> None:
    hosts = {"a": host("edge-1", mtu=1500), "b": host("edge-2", mtu=1450), "c": host("edge-3", mtu=1500)}
    assert found(**hosts) == [("mtu_differs", "warn", ["b"])]
    assert "1450 on b, 1500 on a, c" in message(**hosts)
    assert found(a=host("edge-1", mtu=1500), b=host("edge-2", mtu=None)) == []


@pytest.mark.parametrize(
    ("offset", "took", "told"),
    [
        (31.0, 0.5, "at least 30 s ahead of the controller's (the call took 0.5 s)"),
        (-95.0, 0.5, "at least 95 s behind the controller's (the call took 0.5 s)"),
        (45.0, 20.0, None),
        (30.0, 0.0, None),
        (-30.0, 60.0, None),
        (None, 0.5, None),
        (99.0, None, None),
    ],
)
def test_a_clock_is_wrong_only_when_the_calls_duration_cannot_explain_it(offset: Any, took: Any, told: Any) -> None:
    hosts = {"a": host("edge-1", clock_offset=offset, took=took)}
    assert found(**hosts) == ([("clock_skew", "warn", ["a"])] if told else [])
    assert told is None or told in message(**hosts)


def planned(report: Any, **architectures: str) -> Any:
    nodes = [facts(name) for name in NAMES]
    for node in nodes:
        node["architecture"] = architectures.get(node["name"].replace("-", "_"), "amd64")
    return build_plan(nodes, report, [tier("edge", 3)])


def outside(plan: Any) -> dict[str, str]:
    return {entry["node"]: entry["cause"] for entry in plan["excluded"]}


def test_a_node_of_another_architecture_than_its_hosts_kernel_stays_outside() -> None:
    report = assemble({name: host(name) for name in NAMES})
    plan = planned(report, edge_2="arm64")
    assert outside(plan) == {"edge-2": "contradiction"}
    (entry,) = plan["excluded"]
    assert entry["counts"]
    assert (
        "architecture_differs: the kernel is x86_64 (amd64), but of Node edge-2 its kubelet says arm64"
        in entry["reason"]
    )
    assert entry["remedy"].startswith("See whether the host is that Node")
    assert plan_text(plan).count("architecture_differs") == 1


def test_a_label_that_contradicts_the_kernel_keeps_the_node_out_too() -> None:
    nodes = [facts(name) for name in NAMES]
    nodes[0]["labels"]["kubernetes.io/arch"] = "arm64"
    plan = build_plan(nodes, assemble({name: host(name) for name in NAMES}), [tier("edge", 3)])
    assert outside(plan) == {"edge-1": "contradiction"}
    assert "label kubernetes.io/arch says arm64" in plan["excluded"][0]["reason"]


@pytest.mark.parametrize(
    ("machine", "architecture"), [("aarch64", "arm64"), ("armv7l", "arm"), ("loongarch64", "loong64")]
)
def test_architectures_are_compared_by_their_own_names(machine: str, architecture: str) -> None:
    report = assemble({name: host(name, architecture=machine if name == "edge-1" else "x86_64") for name in NAMES})
    assert outside(planned(report, edge_1=architecture)) == {}


def test_a_node_that_two_hosts_are_taken_for_stays_outside_with_both_named() -> None:
    hosts = {name: host(name) for name in NAMES}
    hosts["twin"] = host("edge-2", hostname="twin", address=None)
    plan = planned(assemble(hosts))
    assert outside(plan) == {"edge-2": "contradiction"}
    reason = plan["excluded"][0]["reason"]
    assert "same_node: edge-2 and twin are both taken for Node edge-2" in reason
    assert planned_nodes(plan) == ["edge-1", "edge-3"]


def test_what_the_inventory_says_twice_is_told_once() -> None:
    hosts = {name: host(name) for name in NAMES}
    hosts["twin"] = host("twin", machine_id=None, addresses=[])
    plan = planned(assemble(hosts, {"edge-2": "edge-2", "twin": "edge-2"}))
    assert outside(plan) == {"edge-2": "contradiction"}
    assert [finding["id"] for finding in plan["cross_findings"]] == ["same_node_name"]


def test_a_host_whose_own_checks_fail_is_told_with_these() -> None:
    hosts = {name: host(name, address="10.0.2.15" if name != "edge-3" else "10.0.2.16") for name in NAMES}
    hosts["edge-1"] = host("edge-1", checks=[check(status="fail")], address="10.0.2.15")
    hosts["spare-1"], hosts["spare-2"] = host("edge-8"), host("edge-9")
    nodes = [facts(name) for name in [*NAMES, "edge-8", "edge-9"]]
    plan = build_plan(nodes, assemble(hosts), [tier("edge", 5)])
    assert outside(plan) == {"edge-1": "precheck_failed", "edge-2": "contradiction"}


def test_the_reports_tell_what_was_found_between_hosts_with_the_remedy() -> None:
    hosts = {name: host(name, mtu=1500 - number) for number, name in enumerate(NAMES)}
    hosts["edge-1"]["precheck"]["facts"]["clock_offset"] = -95.0
    report = assemble(hosts)
    plan = planned(report)
    for text in (precheck_text(report), plan_text(plan)):
        flowing = " ".join(text.split())
        assert "Between hosts (2):" in flowing
        assert "warning: clock_skew: edge-1: its clock is at least 95 s behind the controller's" in flowing
        assert "remedy: Set the clock and keep it so" in flowing
    assert "| warning | clock\\_skew | edge-1 | its clock is at least 95 s" in precheck_markdown(report)


def test_what_shows_between_hosts_counts_with_each_host_that_it_names() -> None:
    fleet = survey(
        assemble({"a": host("edge-1", mtu=1500), "b": host("edge-2", mtu=1500), "c": host("edge-3", mtu=9000)})
    )
    assert fleet.categories == ("between hosts",)
    assert [(row.host, row.counts) for row in fleet.rows] == [
        ("c", {"fail": 0, "unjudged": 0, "warn": 1}),
        ("a", {"fail": 0, "unjudged": 0, "warn": 0}),
        ("b", {"fail": 0, "unjudged": 0, "warn": 0}),
    ]
    assert fleet.rows[0].cells == {"between hosts": {"fail": 0, "unjudged": 0, "warn": 1}}


def test_a_category_between_hosts_comes_after_those_of_the_checks() -> None:
    hosts = {name: host(f"edge-{name}", checks=[check(status="fail")], address="10.0.2.15") for name in ("a", "b")}
    fleet = survey(assemble(hosts))
    assert fleet.categories == ("ipset", "between hosts")
    assert {row.counts["fail"] for row in fleet.rows} == {2}
    lines = precheck_text(assemble(hosts)).splitlines()
    assert lines[:2] == ["  host  verdict        ipset  between hosts", "  a     stays outside  1F     1F"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"mtu": 9000}, "1 host may join with warnings: c"),
        ({"hostname": "edge-1"}, "2 hosts may join with warnings: a, c"),
        ({"machine_id": "abc123"}, "2 hosts may join with warnings: a, c"),
        ({"clock_offset": 99.0}, "1 host may join with warnings: c"),
    ],
)
def test_a_warning_between_hosts_is_one_that_a_play_may_fail_on(values: Any, named: str) -> None:
    hosts = {"a": host("edge-1", machine_id="abc123"), "b": host("edge-2"), "c": host("edge-3", **values)}
    assert precheck_complaint(assemble(hosts), "warn") == named
    assert precheck_complaint(assemble(hosts), "fail") == ""


def test_more_hosts_than_a_sentence_names_are_named_below_it() -> None:
    hosts = {f"h{number}": host(f"edge-{number}", hostname="pi") for number in range(14)}
    flowing = " ".join(precheck_text(assemble(hosts)).split())
    assert "h11 and 2 more call themselves pi" in flowing
    assert "hosts: h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13 remedy:" in flowing


def test_a_fatal_finding_makes_the_precheck_complain() -> None:
    report = assemble({"a": host("edge-1", address="10.0.2.15"), "b": host("edge-2", address="10.0.2.15")})
    assert precheck_complaint(report, "fail") == "2 of 2 hosts must stay outside: a, b"
    assert "Result: 0 of 2 hosts can run calico-node." in precheck_text(report)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result is the document that the rest of the collection reads, and small."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck import judge
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.facts import Facts
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Want, conduct, ok
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PrecheckResult
from pydantic import TypeAdapter

from tests.unit.precheck.kernels import (
    WANTS,
    RawFacts,
    healthy,
    knowing,
    netfilter_refused_by_seccomp,
    rhel10_without_extra_modules,
    unprivileged,
    want,
)

FIRST, SECOND = "3c:ec:ef:00:00:01", "3c:ec:ef:00:00:02"
HOSTS = [healthy, rhel10_without_extra_modules, netfilter_refused_by_seccomp, unprivileged]


def answered(facts: RawFacts) -> dict[str, Any]:
    return {"facts": facts, "modules_loaded": ["vxlan"], "duration": 0.1}


def document(facts: RawFacts, **how: Any) -> dict[str, Any]:
    return judge.examine(answered(facts), want(), **how)[0]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_the_result_is_a_precheck_result(host: Any) -> None:
    found = document(host())
    TypeAdapter(PrecheckResult).validate_python(found, strict=True)
    assert set(found) == set(PrecheckResult.__annotations__)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("wanted", WANTS, ids=lambda wanted: f"{wanted.dataplane}-{wanted.encapsulation}")
def test_a_good_hosts_result_is_below_8_kib(wanted: Want) -> None:
    assert len(json.dumps(judge.examine(answered(healthy()), wanted)[0])) < 8 * 1024


def test_every_check_is_told_once() -> None:
    for host in HOSTS:
        found = document(host())
        told = [*(one["id"] for one in found["findings"]), *found["ok"], *found["not_applicable"], *found["not_asked"]]
        assert sorted(told) == sorted(check.id for check in CATALOGUE)


def test_what_is_well_is_told_by_its_id() -> None:
    found = document(healthy())
    assert (found["findings"], found["verdict"]) == ([], "pass")
    assert "ipset_functional" in found["ok"]
    assert "wireguard_link_create" in found["not_applicable"]


def test_every_finding_has_a_remedy() -> None:
    for host in HOSTS:
        assert [one["id"] for one in document(host())["findings"] if not one["remedy"]] == []


def test_what_is_compared_with_other_hosts_is_told() -> None:
    host = {**healthy(), "clock": {"value": 1700000007.25}}
    facts = judge.examine(answered(host), want(controller_clock=1700000000.0))[0]["facts"]
    assert facts == {
        "clock": 1700000007.25,
        "clock_offset": 7.25,
        "address": "10.0.0.5",
        "address_v6": None,
        "interface": "eth0",
        "mtu": 1500,
        "mtu_v6": None,
        "macs": ["02:00:00:00:00:05"],
    }


@pytest.mark.parametrize(
    ("links", "macs"),
    [
        ([("eno1", None, FIRST), ("eno2", None, SECOND)], [FIRST, SECOND]),
        # A bond has the address of one of its ports.
        ([("eno1", None, FIRST), ("eno2", None, FIRST), ("eth0", "bond", FIRST)], [FIRST]),
        # That of a virtual machine is made up; on the uplink another machine must not have it all the same.
        ([("eth0", None, "52:54:00:12:34:56"), ("eth1", None, "52:54:00:12:34:57")], ["52:54:00:12:34:56"]),
        ([("eth0", None, FIRST), ("docker0", "bridge", "02:42:9c:00:00:01"), ("cali0", "veth", SECOND)], [FIRST]),
        ([("lo", None, "00:00:00:00:00:00"), ("eth0", None, "00:00:00:00:00:00"), ("ppp0", None, "")], []),
        ([("eth0", None, FIRST), ("eth1", None, "0c:5b:8f:27:9a:64")], [FIRST]),
    ],
)
def test_only_the_macs_that_no_other_host_should_have_are_compared(links: Any, macs: list[str]) -> None:
    facts = healthy()
    uplink = facts["links"]["value"][1]
    made = [
        {**uplink, "index": uplink["index"] if name == "eth0" else 20 + place, "name": name, "kind": kind, "mac": mac}
        for place, (name, kind, mac) in enumerate(links)
    ]
    assert judge.comparable(Facts(knowing(facts, links=made)), want())["macs"] == macs


def test_the_ipv6_address_is_told_where_it_is_asked_for_and_the_host_decides() -> None:
    def address_v6(**settings: Any) -> Any:
        return judge.examine(answered(healthy()), want(**settings))[0]["facts"]["address_v6"]

    assert address_v6(ipv6=True) == "fd00::5"
    assert address_v6() is None
    assert address_v6(ipv6=True, ip6_autodetection="kubernetes-internal-ip") is None


def test_the_mtu_of_the_interface_with_the_ipv6_address_is_told_with_it() -> None:
    facts = judge.examine(answered(healthy()), want(ipv6=True))[0]["facts"]
    assert (facts["mtu"], facts["mtu_v6"]) == (1500, 1500)


def test_a_clock_is_compared_only_when_the_controllers_is_given() -> None:
    assert document(healthy())["facts"]["clock_offset"] is None


def test_the_settings_are_those_of_calico_only() -> None:
    assert {"node_name", "controller_clock"}.isdisjoint(document(healthy())["settings"])


def test_identity_has_every_global_address() -> None:
    assert document(healthy())["identity"]["addresses"] == ["10.0.0.5", "fd00::5"]


def test_identity_that_cannot_be_read_is_null() -> None:
    facts = healthy()
    facts["system_uuid"] = {"errno": 13, "text": ""}
    assert document(facts)["identity"]["system_uuid"] is None


def test_modules_that_were_loaded_are_told() -> None:
    assert document(healthy())["modules_loaded"] == ["vxlan"]


def test_a_part_of_the_checks_is_no_evidence_for_the_whole() -> None:
    found = document(healthy(), selected=["ipset_functional"])
    assert (found["verdict"], found["findings"], found["ok"]) == ("fail", [], ["ipset_functional"])
    assert "kernel_min" in found["not_asked"]
    assert "wireguard_link_create" in found["not_applicable"]


def test_a_part_of_the_checks_that_is_well_is_no_complaint() -> None:
    _document, made = judge.examine(answered(healthy()), want(), selected=["ipset_functional"])
    assert [check.id for check, _one in made] == ["ipset_functional"]
    assert judge.complaints(made, "fail") == []


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"facts": []},
        {"facts": {}, "modules_loaded": [], "duration": 0.1},
        answered({**healthy(), "clock": {"lost": "stopped"}}),
        answered({**healthy(), "links": {"value": {"name": "eth0"}}}),
        answered({**healthy(), "addresses": {"value": [1, 2]}}),
        answered({**healthy(), "os_release": {"value": "Debian"}}),
        answered(dict.fromkeys(healthy(), 1)),  # type: ignore[misc]
    ],
)
def test_a_host_that_answers_something_else_gets_no_verdict(said: Any) -> None:
    with pytest.raises(judge.StrangeAnswer, match="something else than was asked"):
        judge.examine(said, want())


def test_a_fault_in_a_check_is_no_crash_and_no_pass() -> None:
    def faulty(facts: Any, want: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    broken = CATALOGUE[0]._replace(judge=faulty)
    found = conduct(broken, judge.Facts(healthy()), want())
    assert (found.status, found.message) == (
        "skipped",
        "because of an internal error: ZeroDivisionError: division by zero",
    )
    assert judge.verdict([(broken, found)]) == "fail"


@pytest.mark.parametrize(
    ("host", "fail_on", "count"),
    [
        (rhel10_without_extra_modules, "never", 0),
        # What the missing modules hinder is one cause with them.
        (rhel10_without_extra_modules, "fail", 1),
        (unprivileged, "never", 0),
        (healthy, "warn", 0),
    ],
)
def test_the_module_fails_when_it_is_told_to(host: Any, fail_on: str, count: int) -> None:
    assert len(judge.complaints(judge.judge(judge.Facts(host()), want(), [c.id for c in CATALOGUE]), fail_on)) == count


def test_missing_evidence_makes_the_module_fail_too() -> None:
    judged = judge.judge(judge.Facts(unprivileged()), want(), [check.id for check in CATALOGUE])
    complaints = judge.complaints(judged, "fail")
    assert any(": needs become" in sentence and "ipset_functional" in sentence for sentence in complaints)


def test_a_warning_makes_the_module_fail_on_request_only() -> None:
    check = CATALOGUE[0]
    warning = [(check, ok()._replace(status="warn", message="x", remedy="y"))]
    assert (judge.complaints(warning, "fail"), len(judge.complaints(warning, "warn"))) == ([], 1)

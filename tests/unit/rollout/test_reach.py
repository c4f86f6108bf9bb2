# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach import (
    FULL_MESH,
    assemble_reach,
    peers_of,
    reach_text,
    targets_for,
)

from tests.unit.rollout.builders import answer

PORTS = {"tcp/5473": "listening"}
WHY = "the port is in use there, or there is no address of its family"


def answers(outcomes: dict[tuple[str, str], str], hosts: str = "abc", **ended: bool) -> Any:
    """Every host listened and asked every other; what `outcomes` does not name was well."""
    return {
        host: {
            "listening": {"ports": PORTS},
            "probed": {"reached": {to: {"tcp/5473": outcomes.get((host, to), "ok")} for to in hosts if to != host}},
            "ended": {"listened": ended.get(host, True)},
        }
        for host in hosts
    }


def found(report: Any) -> list[tuple[str, list[str], list[str]]]:
    return [(finding["outcome"], finding["sources"], finding["destinations"]) for finding in report["findings"]]


@pytest.mark.parametrize(
    ("settings", "targets"),
    [
        ({"bgp": True, "encapsulation": "ipip"}, ["tcp/5473", "tcp/179", "ip/4"]),
        ({"encapsulation": "vxlan"}, ["tcp/5473", "udp/4789"]),
        ({"encapsulation": "none"}, ["tcp/5473"]),
        ({"encapsulation": "none", "dataplane": "bpf"}, ["tcp/5473", "udp/4789"]),
        ({"encapsulation": "none", "wireguard": True}, ["tcp/5473", "udp/51820"]),
        ({"encapsulation": "none", "wireguard": True, "wireguard_port": 51999}, ["tcp/5473", "udp/51999"]),
        ({"encapsulation": "vxlan", "vxlan_port": 8472}, ["tcp/5473", "udp/8472"]),
        (
            {"bgp": True, "encapsulation": "ipip", "wireguard": True, "ipv6": True},
            ["tcp/5473", "tcp/179", "ip/4", "udp/51820", "tcp6/5473", "tcp6/179", "udp6/51821"],
        ),
        ({"encapsulation": "vxlan", "ipv6": True}, ["tcp/5473", "udp/4789", "tcp6/5473", "udp6/4789"]),
    ],
)
def test_what_is_asked_is_what_such_a_calico_sends(settings: dict[str, Any], targets: list[str]) -> None:
    assert targets_for({**answer("a")["precheck"]["settings"], **settings}) == targets


def test_a_small_fleet_is_asked_in_full() -> None:
    hosts = [f"h{number}" for number in range(FULL_MESH)]
    assert len(peers_of("h7", hosts, "seed")) == FULL_MESH - 1
    assert "h7" not in peers_of("h7", hosts, "seed")


def test_in_a_large_fleet_every_host_is_asked_and_asks_four() -> None:
    hosts = [f"h{number}" for number in range(200)]
    asked = {host: peers_of(host, hosts, "seed") for host in hosts}
    assert {len(peers) for peers in asked.values()} == {4}
    assert all(host not in peers for host, peers in asked.items())
    assert {peer for peers in asked.values() for peer in peers} == set(hosts)
    assert asked == {host: peers_of(host, list(reversed(hosts)), "seed") for host in hosts}
    assert asked != {host: peers_of(host, hosts, "another") for host in hosts}


def test_a_fleet_in_which_all_reach_all_passes() -> None:
    report = assemble_reach(answers({}))
    assert (report["outcome"], report["probes"], report["reached"], report["findings"]) == ("passed", 6, 6, [])


def test_a_host_that_nobody_reaches_is_one_finding() -> None:
    report = assemble_reach(answers({("a", "c"): "timeout", ("b", "c"): "timeout"}))
    assert found(report) == [("timeout", ["a", "b"], ["c"])]
    assert report["outcome"] == "failed"
    assert report["reason"] == "tcp/5473: no answer from c, asked by a, b"


def test_a_host_that_reaches_nobody_is_one_finding() -> None:
    assert found(assemble_reach(answers({("a", "b"): "refused", ("a", "c"): "refused"}))) == [
        ("refused", ["a"], ["b", "c"])
    ]


def test_a_pair_that_fails_alone_is_told_as_a_pair() -> None:
    assert found(assemble_reach(answers({("a", "b"): "unreachable"}))) == [("unreachable", ["a"], ["b"])]


def test_a_network_that_lets_nothing_through_is_one_finding() -> None:
    pairs = {(source, to): "timeout" for source in "abc" for to in "abc" if source != to}
    assert found(assemble_reach(answers(pairs))) == [("timeout", ["a", "b", "c"], ["a", "b", "c"])]


def test_a_port_in_use_is_no_fault_and_counted() -> None:
    report = assemble_reach(answers({("a", "b"): "not_provable", ("a", "c"): "answered"}))
    assert (report["outcome"], report["reached"], report["not_provable"]) == ("passed", 5, 1)
    assert reach_text(report) == f"Result: 5 of 6 probes reached their host, 1 not provable ({WHY})."


def test_a_refusal_of_a_host_whose_listener_had_ended_proves_nothing() -> None:
    report = assemble_reach(answers({("a", "b"): "refused"}, b=False))
    assert (report["ended_early"], report["findings"], report["not_provable"]) == (["b"], [], 1)
    assert "The listeners of b ended before all had asked: raise precheck_reach_seconds" in reach_text(report)


def test_a_host_that_took_no_part_is_named_with_its_reason() -> None:
    given = answers({})
    given["c"] = {"listening": {"unreachable": True, "msg": "Connection refused\nmore"}}
    given["d"] = {}
    report = assemble_reach(given)
    assert report["silent"] == {
        "c": "Connection refused",
        "d": "it has no address that calico-node would use, or did not get so far",
    }
    assert report["outcome"] == "failed"
    assert report["reason"] == "2 hosts took no part: c, d"


def test_the_hypervisors_vxlan_is_thought_of_where_it_has_the_port() -> None:
    for target, thought_of in (("udp/4789", True), ("udp6/4789", True), ("udp/8472", False)):
        given = {
            "a": {
                "listening": {"ports": {}},
                "probed": {"reached": {"b": {target: "timeout"}}},
                "ended": {"listened": True},
            }
        }
        (finding,) = assemble_reach(given)["findings"]
        assert ("the hypervisor's own VXLAN" in finding["remedy"]) is thought_of
        assert target in finding["remedy"]


def test_the_text_tells_the_fault_its_remedy_and_the_result() -> None:
    text = reach_text(assemble_reach(answers({("a", "c"): "timeout", ("b", "c"): "timeout"})))
    assert text.splitlines() == [
        "tcp/5473: no answer from c, asked by a, b.",
        "    let tcp/5473 through between the nodes (security groups, host firewalls)",
        "Result: 4 of 6 probes reached their host.",
    ]

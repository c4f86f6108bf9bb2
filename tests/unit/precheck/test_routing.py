# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that take packets to pods past the table in which the routes to pods are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.precheck.builders import judgement, status
from tests.unit.precheck.kernels import RawFacts, healthy, knowing, route, rule
from tests.unit.precheck.recordings import recorded

CHECK = "rules_before_pods"
PODS = {"pod_cidrs": ["10.244.0.0/16"]}
OWN = "10.0.0.5/32"


def host(*rules: dict[str, Any], routes: list[dict[str, Any]]) -> RawFacts:
    known = healthy()
    return knowing(known, rules=[*rules, *known["rules"]["value"]], routes=[*known["routes"]["value"], *routes])


OUT = [route("0.0.0.0/0", table=100), route("10.0.0.0/24", table=100)]
WIREGUARD_QUICK = [rule(32764, suppress=0), rule(32765, 51820, mark=51820, mask=0xFFFFFFFF, invert=True)]


@pytest.mark.parametrize(
    ("rules", "routes", "expected"),
    [
        ([rule(30400, 100, **{"from": OWN})], OUT, "fail"),
        ([rule(30400, 100, **{"from": OWN})], OUT[1:], "ok"),
        ([rule(30400, 100, **{"from": OWN})], [route("10.244.0.0/16", table=100)], "fail"),
        ([rule(30400, 100, **{"from": OWN})], [route("10.244.3.7/32", table=100, protocol=80)], "ok"),
        ([rule(30400, 100, **{"from": OWN})], [route("10.244.0.0/16", table=100, unicast=False)], "ok"),
        ([rule(30400, 100, **{"from": "10.0.0.99/32"})], OUT, "ok"),
        ([rule(30400, 100, **{"from": "10.0.0.0/24"})], OUT, "fail"),
        ([rule(32800, 100, **{"from": OWN})], OUT, "ok"),
        ([rule(100, to="10.244.0.0/16"), rule(30400, 100, **{"from": OWN})], OUT, "ok"),
        ([rule(30400, 100, to="10.9.0.0/16")], OUT, "ok"),
        ([rule(30400, 100)], OUT, "fail"),
        ([rule(30400, 100, suppress=0)], OUT, "ok"),
        ([rule(30400, 100, suppress=0)], [route("10.244.0.0/16", table=100)], "fail"),
        ([rule(30400, 100, iif="eth0")], OUT, "fail"),
        ([rule(30400, 100, iif="eth7")], OUT, "ok"),
        ([rule(30400, 100, oif="eth0")], OUT, "ok"),
        ([rule(30400, 100, mark=0x80000, mask=0xFF0000)], OUT, "ok"),
        ([rule(30400, 100, mark=0, mask=0xFF0000)], OUT, "fail"),
        ([rule(30400, 100, narrow=True)], OUT, "ok"),
        ([rule(30400, 255)], OUT, "ok"),
        ([rule(30400, action="unreachable", **{"from": OWN})], [], "fail"),
        ([rule(30400, action="unreachable", **{"from": "10.244.0.0/16"})], [], "fail"),
        (WIREGUARD_QUICK, [route("0.0.0.0/0", table=51820)], "ok"),
        (WIREGUARD_QUICK[1:], [route("0.0.0.0/0", table=51820)], "fail"),
        ([rule(30400, 100, ipv6=True)], [route("::/0", table=100, ipv6=True)], "ok"),
    ],
)
def test_the_rule_that_decides_before_main_is_found(
    rules: list[dict[str, Any]], routes: list[dict[str, Any]], expected: str
) -> None:
    assert status(CHECK, host(*rules, routes=routes), **PODS) == expected


def test_where_pods_are_is_not_known_only_what_holds_for_any_destination_counts() -> None:
    known = rule(30400, 100, **{"from": OWN})
    assert status(CHECK, host(known, routes=[route("10.244.0.0/16", table=100)])) == "ok"
    assert status(CHECK, host(known, routes=OUT)) == "fail"
    halves = [route("0.0.0.0/1", table=100), route("128.0.0.0/1", table=100)]
    assert [status(CHECK, host(known, routes=halves[:number])) for number in (1, 2)] == ["ok", "fail"]


def test_ipv6_has_rules_of_its_own() -> None:
    facts = host(rule(30400, 100, ipv6=True), routes=[route("::/0", table=100, ipv6=True)])
    assert status(CHECK, facts, ipv6=True) == "fail"


def test_rules_of_the_cloud_are_told_with_what_wrote_them() -> None:
    found = judgement(CHECK, recorded("nm_cloud_setup"))
    assert found.observed == "ip rule: 30400: from 172.31.16.20/32 lookup 30400"
    assert "what the host says from 172.31.16.20" in found.message
    assert "nm-cloud-setup.service" in (found.remedy or "")


@pytest.mark.parametrize("name", ["tailscale", "vagrant", "bond", "vip", "down"])
def test_rules_of_a_vpn_that_only_knows_its_own_peers_are_well(name: str) -> None:
    assert status(CHECK, recorded(name), **PODS) == "ok"

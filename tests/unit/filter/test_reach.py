# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

pytest.importorskip("ansible")

from ansible_collections.calico_ops.rollout.plugins.filter.reach import FilterModule
from ansible_collections.calico_ops.rollout.plugins.modules import host_reach

FILTERS = FilterModule().filters()
PORTS = {"tcp/5473": "listening"}


class Hostvars(Mapping[str, Any]):
    """Counts: with Ansible's own, each read puts all variables of a host together."""

    def __init__(self, hosts: Mapping[str, Any]) -> None:
        self.hosts = hosts
        self.reads: Counter[str] = Counter()

    def __getitem__(self, name: str) -> Any:
        self.reads[name] += 1
        return self.hosts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.hosts)

    def __len__(self) -> int:
        return len(self.hosts)


def host(**facts: str | None) -> dict[str, Any]:
    """What a host that listens has registered."""
    return {
        "precheck_registered": {"precheck": {"facts": facts}},
        "precheck_reach_listening": {"ports": PORTS},
    }


def plan(hosts: list[str], hostvars: Mapping[str, Any]) -> Any:
    return FILTERS["reach_plan"](hosts, hostvars, seed="this run")


def peers(name: str, **hosts: dict[str, Any]) -> Any:
    return FILTERS["reach_peers"](name, plan(list(hosts), hosts))


def test_a_peer_is_asked_at_the_addresses_that_it_has() -> None:
    both, v4 = host(address="192.0.2.2", address_v6="2001:db8::2"), host(address="192.0.2.3", address_v6=None)
    assert peers(
        "a", a=host(address="192.0.2.1"), both=both, v4=v4, v6=host(address=None, address_v6="2001:db8::4")
    ) == [
        {"name": "both", "address": "192.0.2.2", "address_v6": "2001:db8::2", "ports": PORTS},
        {"name": "v4", "address": "192.0.2.3", "address_v6": None, "ports": PORTS},
        {"name": "v6", "address": None, "address_v6": "2001:db8::4", "ports": PORTS},
    ]


def test_who_has_no_address_or_does_not_listen_is_not_asked_and_asks_nobody() -> None:
    hosts = {"a": host(address="192.0.2.1"), "none": host(address=None), "dark": {}, "b": host(address="192.0.2.2")}
    hosts["b"]["precheck_reach_listening"] = {"unreachable": True, "msg": "No route to host"}
    hosts["failed"] = {**host(), "precheck_registered": {"failed": True, "msg": "no Python"}}
    assert peers("a", **hosts) == []
    assert peers("none", **hosts) == []


def test_what_a_fleet_of_200_registered_is_read_once_a_host() -> None:
    names = [f"h{number}" for number in range(200)]
    hostvars = Hostvars({name: host(address=f"192.0.2.{number}") for number, name in enumerate(names)})
    made = plan(names, hostvars)
    filtered = FILTERS["reach_peers"]
    assert {len(filtered(name, made)) for name in names} == {4}
    assert hostvars.reads == dict.fromkeys(names, 1)


def test_listeners_are_there_no_longer_than_host_reach_allows() -> None:
    seconds = FILTERS["reach_seconds"]
    assert seconds(["h"] * 200, "5", "5", at_least="120") == 440
    assert seconds(["h"] * 10_000, 5, 5, at_least=120) == host_reach.LONGEST_LISTENING

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import ReachPeer
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reach.plan import (
    FULL_MESH,
    LONGEST,
    listening_seconds,
    packets_for,
    peers_in,
    plan_reach,
    targets_for,
)

from tests.unit.rollout.builders import address, answer


def listening(hosts: int) -> dict[str, ReachPeer]:
    names = [f"h{number}" for number in range(hosts)]
    return {name: ReachPeer(name=name, address=address(name), address_v6=None, ports={}) for name in names}


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


TARGETS = ["tcp/5473", "ip/4", "udp/4789", "udp/51820", "tcp6/179", "udp6/4789", "udp6/51821"]


@pytest.mark.parametrize(
    ("mtus", "set_mtu", "sizes"),
    [
        ((1500, 1400), 0, [1500, 1500, 1500, 1400, 1400]),
        ((1500, 1500), 1300, [1320, 1350, 1360, 1370, 1380]),
        ((1500, 1500), 1460, [1480, 1500, 1500, 1500, 1500]),
        ((None, 1500), 0, [None, None, None, 1500, 1500]),
        ((1500, None), 1400, [1420, 1450, 1460, None, None]),
    ],
)
def test_a_packet_is_as_large_as_the_overlays_over_this_interface(
    mtus: tuple[int | None, int | None], set_mtu: int, sizes: list[int | None]
) -> None:
    precheck = answer("a")["precheck"]
    found = {**precheck["facts"], "mtu": mtus[0], "mtu_v6": mtus[1]}
    packets = packets_for({**precheck["settings"], "mtu": set_mtu}, found, TARGETS)
    datagrams = [target for target in TARGETS if not target.startswith("tcp")]
    assert packets == {target: size for target, size in zip(datagrams, sizes) if size is not None}


def test_a_small_fleet_is_asked_in_full() -> None:
    plan = plan_reach(listening(FULL_MESH), "seed")
    assert len(peers_in(plan, "h7")) == FULL_MESH - 1
    assert "h7" not in plan["asks"]["h7"]


@pytest.mark.parametrize("hosts", [FULL_MESH + 1, 200])
def test_in_a_large_fleet_every_host_is_asked_and_asks_four(hosts: int) -> None:
    asks = plan_reach(listening(hosts), "seed")["asks"]
    assert {len(set(peers)) for peers in asks.values()} == {4}
    assert all(host not in peers for host, peers in asks.items())
    assert {peer for peers in asks.values() for peer in peers} == set(asks)
    assert all(f"h{(int(host[1:]) + 1) % hosts}" in peers for host, peers in asks.items())


def test_another_run_asks_other_pairs_and_the_same_run_the_same() -> None:
    fleet = listening(200)
    asks = plan_reach(fleet, "this run")["asks"]
    assert asks == plan_reach(dict(reversed(fleet.items())), "this run")["asks"]
    other = plan_reach(fleet, "another")["asks"]
    pairs, others = ({(host, peer) for host in one for peer in one[host]} for one in (asks, other))
    # The ring is the same in each run.
    assert 200 <= len(pairs & others) < 250


def test_a_host_that_does_not_listen_asks_nobody() -> None:
    assert peers_in(plan_reach(listening(3), "seed"), "stranger") == []


@pytest.mark.parametrize(
    ("hosts", "forks", "at_least", "seconds"),
    [
        (3, 5, 120, 120),
        (3, 5, 1, 11),
        (200, 5, 120, 440),
        (201, 5, 120, 451),
        (200, 50, 120, 120),
        (200, 5, 900, 900),
        (10_000, 5, 120, LONGEST),
    ],
)
def test_listeners_are_there_until_the_last_host_has_asked(hosts: int, forks: int, at_least: int, seconds: int) -> None:
    assert listening_seconds(hosts, forks, probe_seconds=5, at_least=at_least) == seconds

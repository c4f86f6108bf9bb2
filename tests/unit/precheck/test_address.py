# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address that calico-node will take is found as calico-node finds it."""

from __future__ import annotations

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.checks.address import problem_with

from tests.unit.precheck.builders import judgement, status
from tests.unit.precheck.kernels import RawFacts, healthy, knowing


def host(**interfaces: str) -> RawFacts:
    """A host with these interfaces in this order; double underscores stand for what Python's names cannot have."""
    links, addresses = [], []
    for index, (name, address) in enumerate(interfaces.items(), start=2):
        up = not address.startswith("down ")
        links.append(
            {"index": index, "name": name, "kind": None, "vxlan": None, "mtu": 1500, "mac": "", "up": up, "running": up}
        )
        text = address.replace("down ", "")
        addresses.append({"index": index, "address": text, "prefix": 24, "ipv6": ":" in text, "global": True})
    return knowing(healthy(), links=links, addresses=addresses)


def test_the_only_address_is_taken() -> None:
    assert judgement("node_ip_autodetect", host(eth0="10.0.0.5")).message == "calico-node will take 10.0.0.5 on eth0"


@pytest.mark.parametrize(
    "name", ["docker0", "podman1", "virbr0", "cali12", "tunl0", "flannel.1", "cni0", "br-3f", "lo"]
)
def test_devices_of_runtimes_and_plugins_are_never_taken(name: str) -> None:
    assert status("node_ip_autodetect", host(**{name: "172.17.0.1"})) == "fail"
    assert status("node_ip_autodetect", host(**{name: "172.17.0.1", "eth0": "10.0.0.5"})) == "ok"


@pytest.mark.parametrize("address", ["169.254.3.4", "127.0.0.2", "down 10.0.0.5"])
def test_an_address_that_is_not_global_or_not_up_is_never_taken(address: str) -> None:
    assert status("node_ip_autodetect", host(eth0=address)) == "fail"


def test_a_second_candidate_is_warned_about_and_the_first_interface_wins() -> None:
    found = judgement("node_ip_autodetect", host(eth0="10.0.0.5", eth1="192.168.1.5"))
    assert found.status == "warn"
    assert "will take 10.0.0.5 on eth0" in found.message
    assert found.observed == "10.0.0.5 on eth0, 192.168.1.5 on eth1"


@pytest.mark.parametrize(
    ("method", "taken"),
    [
        ("interface=eth1", "192.168.1.5"),
        ("interface=eth[5-9],eth1", "192.168.1.5"),
        ("skip-interface=eth0", "192.168.1.5"),
        ("cidr=10.0.0.0/8", "10.0.0.5"),
        ("cidr=172.16.0.0/12,192.168.0.0/16", "192.168.1.5"),
    ],
)
def test_the_method_decides(method: str, taken: str) -> None:
    found = judgement("node_ip_autodetect", host(eth0="10.0.0.5", eth1="192.168.1.5"), ip_autodetection=method)
    assert (found.status, f"will take {taken} on" in found.message) == ("ok", True)


def test_can_reach_takes_the_address_of_the_route() -> None:
    facts = knowing(host(eth0="10.0.0.5", eth1="192.168.1.5"), reach="192.168.1.5")
    assert (
        "192.168.1.5 on eth1" in judgement("node_ip_autodetect", facts, ip_autodetection="can-reach=192.0.2.1").message
    )


def test_a_destination_that_cannot_be_reached_fails() -> None:
    facts = knowing(host(eth0="10.0.0.5"), reach=None)
    assert status("node_ip_autodetect", facts, ip_autodetection="can-reach=192.0.2.1") == "fail"


def test_the_nodes_internal_ip_is_left_to_kubernetes() -> None:
    facts = host(eth0="10.0.0.5", eth1="192.168.1.5")
    assert status("node_ip_autodetect", facts, ip_autodetection="kubernetes-internal-ip") == "ok"


def test_an_ipv6_pool_needs_an_ipv6_address() -> None:
    assert status("node_ip_autodetect", host(eth0="10.0.0.5"), ipv6=True) == "fail"
    assert status("node_ip_autodetect", host(eth0="10.0.0.5", eth1="fd00::5"), ipv6=True) == "ok"


def test_without_bgp_and_tunnels_nobody_needs_the_address() -> None:
    assert status("node_ip_autodetect", host(), bgp=False, encapsulation="none") == "not_applicable"


@pytest.mark.parametrize("method", ["", "first", "interface=(", "cidr=10.0.0.0/99", "can-reach="])
def test_a_method_that_calico_does_not_know_is_refused(method: str) -> None:
    assert problem_with(method)


@pytest.mark.parametrize(
    "method",
    ["first-found", "interface=eth.*", "cidr=10.0.0.0/8,fd00::/8", "can-reach=example.org", "skip-interface=x"],
)
def test_a_method_that_calico_knows_is_taken(method: str) -> None:
    assert problem_with(method) is None

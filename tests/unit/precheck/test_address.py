# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address that calico-node will take is found as calico-node finds it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.checks.address import candidates
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.facts import Facts
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.upstream.autodetection import (
    detected,
    is_global_unicast,
    problem_with,
)

from tests.unit.precheck.builders import judged, judgement, status
from tests.unit.precheck.kernels import RawFacts, healthy, knowing, route, want
from tests.unit.precheck.recordings import recorded


def link(index: int, name: str, up: bool = True) -> dict[str, Any]:
    known = {"index": index, "name": name, "kind": None, "vxlan": None, "mtu": 1500, "mac": "", "master": None}
    return {**known, "up": up, "running": up}


def address(index: int, text: str, *marks: str) -> dict[str, Any]:
    known = {"index": index, "address": text, "prefix": 24, "ipv6": ":" in text, "global": True}
    return {**known, "marks": list(marks)}


def host(way: str = "eth0", node_ip: str | None = None, **interfaces: str) -> RawFacts:
    """A host with these interfaces in this order, and its default route by one of them, where it has it."""
    links = [link(index, name, not text.startswith("down ")) for index, name, text in _numbered(interfaces)]
    addresses = [address(index, text.replace("down ", "")) for index, _name, text in _numbered(interfaces)]
    out = [index for index, name, _text in _numbered(interfaces) if name == way]
    routes = [route(to, link=index, ipv6=":" in to) for index in out for to in ("0.0.0.0/0", "::/0")]
    kubelet = {**healthy()["kubelet"]["value"], "node_ip": node_ip}
    return knowing(healthy(), links=links, addresses=addresses, routes=routes, kubelet=kubelet)


def _numbered(interfaces: dict[str, str]) -> list[tuple[int, str, str]]:
    return [(index, name, text) for index, (name, text) in enumerate(interfaces.items(), start=2)]


def taken(facts: RawFacts, method: str = "first-found") -> list[str]:
    return [one.address for one in candidates(Facts(facts), want(ip_autodetection=method))]


def test_the_only_address_is_taken() -> None:
    assert status("node_ip_autodetect", host(eth0="10.0.0.5")) == "ok"
    assert taken(host(eth0="10.0.0.5")) == ["10.0.0.5"]


def ipv6_alone() -> RawFacts:
    """A host of an IPv6-only cluster: no IPv4 address but the loopback's, and no IPv4 route."""
    facts = host(eth0="2001:db8::5", node_ip="2001:db8::5")
    ways = [one for one in facts["routes"]["value"] if one["ipv6"]]
    return knowing(facts, routes=ways)


def test_a_host_of_an_ipv6_only_cluster_is_well() -> None:
    def failed(**settings: Any) -> dict[str, str]:
        told = judged(ipv6_alone(), ipv6=True, encapsulation="vxlan", bgp=False, **settings)
        return {check.id: judgement.message for check, judgement in told if judgement.status == "fail"}

    assert failed(ip_autodetection="none") == {}
    closed = knowing(ipv6_alone(), sysctls={**healthy()["sysctls"]["value"], "net.ipv4.ip_forward": "0"})
    assert status("ip_forward", closed, ip_autodetection="none", ipv6=True) == "not_applicable"
    # Were the cluster to have IPv4 too, this host could not be in it.
    assert "node_ip_autodetect" in failed()


@pytest.mark.parametrize(
    "name",
    [
        *("docker0", "podman1", "virbr0", "cali12", "tunl0", "flannel.1", "cni0", "br-3f", "lo", "lo7", "veth3"),
        *(
            "vxlan.calico",
            "vxlan-v6.calico",
            "wireguard.cali",
            "nodelocaldns",
            "kube-ipvs0",
            "dummy0",
            "cbr0",
            "lxcbr0",
        ),
    ],
)
def test_devices_of_runtimes_and_plugins_are_never_taken(name: str) -> None:
    assert status("node_ip_autodetect", host(**{name: "172.17.0.1"})) == "fail"
    assert status("node_ip_autodetect", host(**{"eth0": "10.0.0.5", name: "172.17.0.1"})) == "ok"


@pytest.mark.parametrize("name", ["br0", "vmbr0", "bond0", "team0", "wg0", "tailscale0", "vxlanXcalico", "enlo0"])
def test_other_devices_are_taken_whatever_they_are(name: str) -> None:
    assert taken(host(**{"eth0": "10.0.0.5", name: "172.17.0.1"}))[0] == "172.17.0.1"


@pytest.mark.parametrize("text", ["169.254.3.4", "127.0.0.2", "224.0.0.1", "0.0.0.0", "255.255.255.255"])
def test_an_address_that_is_not_global_is_never_taken(text: str) -> None:
    assert status("node_ip_autodetect", host(eth0=text)) == "fail"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("10.0.0.5", True),
        ("100.64.0.1", True),
        ("fd00::1", True),
        ("fe80::1", False),
        ("::1", False),
        ("ff02::1", False),
    ],
)
def test_what_is_global_is_as_go_has_it(text: str, taken: bool) -> None:
    assert is_global_unicast(text) is taken


def test_the_last_interface_of_the_kernels_list_wins_and_must_be_on_the_default_routes_link() -> None:
    found = judgement("node_ip_autodetect", host(eth0="10.0.0.5", eth1="192.168.1.5"))
    assert (found.status, found.observed) == ("fail", "192.168.1.5 on eth1, 10.0.0.5 on eth0")
    assert "will take 192.168.1.5 on eth1" in found.message
    assert found.expected == "10.0.0.5 on eth0, on the link of the default route"
    assert status("node_ip_autodetect", host("eth1", eth0="10.0.0.5", eth1="192.168.1.5")) == "ok"


def test_what_the_kubelet_is_told_settles_which_of_several_is_the_nodes() -> None:
    facts = host(eth0="10.0.2.15", eth1="192.168.56.11", node_ip="192.168.56.11")
    assert status("node_ip_autodetect", facts) == "ok"
    assert status("node_ip_autodetect", knowing(facts, kubelet={"installed": True, "node_ip": "0.0.0.0"})) == "fail"


def test_without_a_default_route_several_candidates_are_warned_about() -> None:
    assert status("node_ip_autodetect", host("none", eth0="10.0.0.5", eth1="192.168.1.5")) == "warn"
    assert status("node_ip_autodetect", host("none", eth0="10.0.0.5")) == "ok"


def test_a_link_that_is_down_is_taken_and_fails() -> None:
    found = judgement("node_ip_autodetect", host(eth0="10.0.0.5", eth1="down 10.9.0.5"))
    assert (found.status, "10.9.0.5 on eth1, and that link is down" in found.message) == ("fail", True)


def test_the_uplink_that_calico_never_takes_is_missed() -> None:
    """A bridge that a hypervisor or OpenShift made of the card."""
    found = judgement("node_ip_autodetect", host("br-ex", **{"br-ex": "10.0.0.5", "eth1": "10.9.0.5"}))
    assert (found.status, found.expected) == ("fail", "10.0.0.5 on br-ex, on the link of the default route")


def test_the_lower_metric_and_a_vpns_two_halves_tell_the_way_out() -> None:
    facts = host(eth0="10.0.0.5", eth1="192.168.1.5")
    both = [route("0.0.0.0/0", link=2, metric=600), route("0.0.0.0/0", link=3, metric=100)]
    assert status("node_ip_autodetect", knowing(facts, routes=both)) == "ok"
    halves = [*both, route("0.0.0.0/1", link=2), route("128.0.0.0/1", link=2)]
    assert status("node_ip_autodetect", knowing(facts, routes=halves)) == "fail"
    assert status("node_ip_autodetect", knowing(facts, routes=halves[:-1])) == "ok"
    off = [route("0.0.0.0/0", link=2, dead=True), route("0.0.0.0/0", link=3, metric=100)]
    assert status("node_ip_autodetect", knowing(facts, routes=off)) == "ok"
    shared = [route("0.0.0.0/0", link=2, hops=[2, 3])]
    assert status("node_ip_autodetect", knowing(facts, routes=shared)) == "ok"


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("interface=eth1", "192.168.1.5"),
        ("interface=eth[5-9],eth1", "192.168.1.5"),
        ("interface=eth[5-9] , eth1", "192.168.1.5"),
        ("interface=th", "192.168.1.5"),
        ("interface=docker0", "172.17.0.1"),
        ("interface=eth0,", "172.17.0.1"),
        ("skip-interface=eth1", "10.0.0.5"),
        ("skip-interface=^th1", "192.168.1.5"),
        ("cidr=10.0.0.0/8", "10.0.0.5"),
        ("cidr=172.16.0.0/12,192.168.0.0/16", "172.17.0.1"),
        ("cidr=192.168.0.0/16", "192.168.1.5"),
        ("", "192.168.1.5"),
    ],
)
def test_the_method_decides(method: str, address: str) -> None:
    facts = host(eth0="10.0.0.5", eth1="192.168.1.5", docker0="172.17.0.1")
    assert taken(facts, method)[0] == address


def test_a_method_that_names_its_interface_is_a_choice() -> None:
    facts = host(eth0="10.0.0.5", eth1="192.168.1.5", eth2="10.9.0.5")
    assert status("node_ip_autodetect", facts, ip_autodetection="interface=eth1") == "ok"
    assert status("node_ip_autodetect", facts, ip_autodetection="cidr=192.168.0.0/16") == "ok"
    assert status("node_ip_autodetect", facts, ip_autodetection="skip-interface=eth2") == "fail"
    assert status("node_ip_autodetect", facts, ip_autodetection="skip-interface=eth[12]") == "ok"


def test_can_reach_takes_the_address_of_the_route_on_the_last_interface_that_has_it() -> None:
    facts = knowing(host(eth0="10.0.0.5", eth1="192.168.1.5", lo1="10.0.0.5"), reach="10.0.0.5")
    found = candidates(Facts(facts), want(ip_autodetection="can-reach=192.0.2.1"))
    assert found == [("lo1", "10.0.0.5")]
    assert status("node_ip_autodetect", facts, ip_autodetection="can-reach=192.0.2.1") == "ok"


def test_a_destination_that_cannot_be_reached_fails() -> None:
    facts = knowing(host(eth0="10.0.0.5"), reach=None)
    assert status("node_ip_autodetect", facts, ip_autodetection="can-reach=192.0.2.1") == "fail"


def test_the_nodes_internal_ip_is_left_to_kubernetes_where_the_kubelet_is_not_told_one() -> None:
    facts = host(eth0="10.0.0.5", eth1="192.168.1.5")
    assert status("node_ip_autodetect", facts, ip_autodetection="kubernetes-internal-ip") == "ok"
    assert taken(facts, "kubernetes-internal-ip") == []
    told = host(eth0="10.0.0.5", eth1="192.168.1.5", node_ip="10.0.0.5,fd00::9")
    assert taken(told, "kubernetes-internal-ip") == ["10.0.0.5"]
    found = judgement(
        "node_ip_autodetect", host(eth0="10.0.0.5", node_ip="10.0.0.9"), ip_autodetection="kubernetes-internal-ip"
    )
    assert (found.status, found.observed) == ("fail", "10.0.0.5 on eth0")


def test_an_ipv6_pool_needs_an_ipv6_address() -> None:
    assert status("node_ip_autodetect", host(eth0="10.0.0.5"), ipv6=True) == "fail"
    assert status("node_ip_autodetect", host(eth0="10.0.0.5", eth1="fd00::5"), ipv6=True) == "ok"


@pytest.mark.parametrize(
    ("marks", "expected"), [(["temporary"], "warn"), (["deprecated"], "warn"), (["failed"], "warn"), ([], "ok")]
)
def test_an_ipv6_address_that_passes_is_warned_about(marks: list[str], expected: str) -> None:
    facts = host(eth0="10.0.0.5")
    facts["addresses"]["value"] += [address(2, "2001:db8::1", *marks), address(2, "2001:db8::5")]
    found = judgement("node_ip_autodetect", facts, ipv6=True)
    assert (found.status, "2001:db8::1 on eth0" in found.message) == (expected, expected == "warn")


def test_without_bgp_and_tunnels_nobody_needs_the_address() -> None:
    assert status("node_ip_autodetect", host(), bgp=False, encapsulation="none") == "not_applicable"


@pytest.mark.parametrize(
    "method",
    [
        *("", "first", "interface=(", "cidr=10.0.0.0/99", "can-reach=", "interface=", "interface=eth0,", "cidr="),
        *("skip-interface=eth0,,eth1", "interface=^(?!docker).*", "cidr=10.0.0.1", "cidr=10.0.0.0/255.0.0.0"),
    ],
)
def test_a_method_that_calico_does_not_know_is_refused(method: str) -> None:
    assert problem_with(method)


@pytest.mark.parametrize(
    "method",
    ["first-found", "interface=eth.*", "cidr=10.0.0.0/8,fd00::/8", "can-reach=example.org", "skip-interface=x"],
)
def test_a_method_that_calico_knows_is_taken(method: str) -> None:
    assert problem_with(method) is None


RECORDED = [
    ("vagrant", None, "fail", "192.168.56.11 on eth1, 10.0.2.15 on eth0"),
    ("vagrant", "192.168.56.11", "ok", ""),
    ("tailscale", None, "fail", "100.101.102.103 on tailscale0, 10.0.0.5 on eth0"),
    ("tailscale", "10.0.0.5", "fail", "100.101.102.103 on tailscale0, 10.0.0.5 on eth0"),
    ("bond", None, "fail", "10.77.0.5 on bond0.77, 10.1.0.5 on bond0, 10.1.0.100 on bond0"),
    ("bond", "10.77.0.5", "ok", ""),
    ("vip", None, "fail", "10.0.0.100 on vrrp.51, 10.0.0.5 on eth0"),
    ("down", None, "fail", "10.9.0.5 on eth1, 10.0.0.5 on eth0"),
    ("nm_cloud_setup", None, "ok", ""),
]


@pytest.mark.parametrize(("name", "node_ip", "expected", "observed"), RECORDED)
def test_a_recorded_host_is_judged_by_what_calico_node_will_take(
    name: str, node_ip: str | None, expected: str, observed: str
) -> None:
    found = judgement("node_ip_autodetect", recorded(name, node_ip))
    assert (found.status, found.observed or "") == (expected, observed)


def test_of_the_recorded_ipv6_addresses_the_newest_is_first_and_runs_out() -> None:
    """The kernel lists the last that was added first; a privacy address is always newer than what it hides."""
    facts = recorded("down")
    found = detected("first-found", facts["links"]["value"], facts["addresses"]["value"], ipv6=True)
    assert [one.address for one in found] == ["2001:db8::bad:5", "2001:db8::5"]


def test_before_kernel_6_7_the_order_of_many_links_is_not_that_of_their_indexes() -> None:
    """The kernel goes through 256 buckets of indexes (dev_index_head), and in each from the newest to the oldest."""
    names = {2: "eth0", **{index: f"cali{index}" for index in range(3, 259)}, 259: "eth1", 514: "eth2"}
    buckets = sorted(names, key=lambda index: (index % 256, -index))
    links = [link(index, names[index]) for index in buckets]
    addresses = [address(2, "10.0.0.5"), address(259, "10.0.1.5"), address(514, "10.0.2.5")]
    found = detected("first-found", links, addresses, ipv6=False)
    assert [one.interface for one in found] == ["eth1", "eth0", "eth2"]
    newer = sorted(links, key=lambda one: one["index"])
    assert [one.interface for one in detected("first-found", newer, addresses, ipv6=False)] == ["eth2", "eth1", "eth0"]


def test_a_thousand_links_are_gone_through_once() -> None:
    links = [link(index, f"eth{index}") for index in range(1, 2001)]
    addresses = [address(index, f"10.{index // 256}.{index % 256}.1") for index in range(1, 2001)]
    assert detected("first-found", links, addresses, ipv6=False)[0].interface == "eth2000"


@pytest.mark.parametrize(
    ("name", "node_ip", "same"), [("vagrant", "192.168.56.11", "ok"), ("vagrant", "10.0.2.15", "fail")]
)
def test_what_inherits_the_address_goes_by_the_same(name: str, node_ip: str, same: str) -> None:
    assert status("kubelet_alive_and_ip", recorded(name, node_ip)) == same


def test_a_kubelet_that_cannot_be_read_matters_where_it_would_settle_the_address_only() -> None:
    lost = {"kubelet": {"lost": "no answer within 5 s"}}
    assert status("node_ip_autodetect", host(eth0="10.0.0.5") | lost) == "ok"
    assert status("node_ip_autodetect", host(eth0="10.0.0.5", eth1="10.9.0.5") | lost) == "skipped"
    told = host(eth0="10.0.0.5") | lost
    assert status("node_ip_autodetect", told, ip_autodetection="kubernetes-internal-ip") == "skipped"

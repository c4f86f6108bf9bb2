# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault that a host can have shows in real packets, there and nowhere else, while calico-node stays Ready."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.lab.eventually import eventually
from tests.lab.pods import faults
from tests.lab.pods.faults import Flow
from tests.lab.pods.names import ENGINES_TABLE
from tests.lab.pods.traffic import ALLOWED, DENIED

from .conftest import UNFIT, Cluster

pytestmark = [
    pytest.mark.pods,
    pytest.mark.soak,
    pytest.mark.stand_in("it has calico-node be what a real kubelet of the lab can run"),
]

Fault = Callable[[Cluster], AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def _only_rules_of_the_lab(running: Cluster) -> None:
    """A kernel with NFT_QUEUE takes the engine's own rules too, which judge on the client's host as well and come back by themselves."""
    if ENGINES_TABLE in running.host("w-1").run(["nft", "list", "tables"]).stdout:
        pytest.skip("this kernel takes kube-network-policies' own rules, which hide a fault of the server's host")


def ways(seen: dict[str, str], verdict: str) -> set[str]:
    return {way for way, said in seen.items() if said == verdict}


def matching(seen: dict[str, str], *parts: str) -> set[str]:
    return {way for way in seen if all(part in way for part in parts)}


# What it lets through, of all that the policy denies.
OPEN: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "rules gone": (lambda lab: faults.not_enforcing(lab.host("w-1")), (">w-1",)),
    "everything exempt": (lambda lab: faults.exempted(lab.host("w-1"), Flow()), (">w-1",)),
    "one family": (lambda lab: faults.exempted(lab.host("w-1"), Flow(family="ip6")), (">w-1", "ip6")),
    "one protocol": (lambda lab: faults.exempted(lab.host("w-1"), Flow(protocol="udp")), (">w-1", "udp")),
    "one pair of nodes": (
        lambda lab: faults.exempted(lab.host("w-1"), Flow(source=lab.host("w-3"))),
        ("w-3>w-1",),
    ),
}
# What it stops, of all that is allowed.
CLOSED: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "foreign drop": (lambda lab: faults.foreign_drop(lab.host("w-1")), ("w-1",)),
    "foreign drop, one family": (lambda lab: faults.foreign_drop(lab.host("w-1"), Flow(family="ip")), ("w-1", "ip ")),
    "foreign drop, one protocol": (
        lambda lab: faults.foreign_drop(lab.host("w-1"), Flow(protocol="udp")),
        ("w-1", "udp"),
    ),
    "foreign drop, into the node": (
        lambda lab: faults.foreign_drop(lab.host("w-1"), Flow(destination=lab.host("w-1"))),
        (">w-1",),
    ),
    "foreign drop, out of the node": (
        lambda lab: faults.foreign_drop(lab.host("w-1"), Flow(source=lab.host("w-1"))),
        ("w-1>",),
    ),
    "route missing": (lambda lab: faults.route_missing(lab.host("w-1"), lab.host("w-3")), ("w-3>w-1",)),
}


@pytest.mark.parametrize("name", OPEN)
def test_an_open_fault_lets_through_what_it_says_and_no_more(denied: Cluster, name: str) -> None:
    fault, parts = OPEN[name]
    with fault(denied):
        seen = denied.verdicts()
        assert denied.ready("w-1")
    assert ways(seen, ALLOWED) == matching(seen, *parts)
    assert ways(seen, DENIED) == set(seen) - matching(seen, *parts)
    denied.wait_until_denied("w-1")


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_fault_stops_what_it_says_and_no_more(cluster: Cluster, name: str) -> None:
    fault, parts = CLOSED[name]
    with fault(cluster):
        seen = cluster.verdicts()
        assert cluster.ready("w-1")
    assert ways(seen, ALLOWED) == set(seen) - matching(seen, *parts)


@pytest.mark.parametrize("family", faults.FAMILIES)
def test_without_forwarding_nothing_crosses_between_nodes(cluster: Cluster, family: faults.Family) -> None:
    with faults.forwarding_off(cluster.host("w-1"), family):
        seen = cluster.verdicts()
        assert cluster.ready("w-1")
    # IPv6 has no switch of one link: pods of the same node do not reach each other either.
    unhurt = matching(seen, "w-1>w-1") if family == "ip" else set()
    assert ways(seen, ALLOWED) == set(seen) - (matching(seen, "w-1", f" {family} ") - unhurt)


def test_large_packets_are_lost_where_small_ones_pass(cluster: Cluster) -> None:
    client, server = cluster.clients["w-3"], cluster.servers["w-1"]
    assert client.echoes(server, 1400)
    with faults.large_packets_lost(cluster.host("w-1")):
        assert cluster.ready("w-1")
        assert (client.connect(server), client.echoes(server, 64), client.echoes(server, 1400)) == (
            ALLOWED,
            True,
            False,
        )


def test_a_late_engine_enforces_after_the_others(cluster: Cluster) -> None:
    client = cluster.clients["w-3"]
    with (
        faults.enforcing_late(cluster.lab, cluster.host("w-1"), 3.0),
        client.witness(cluster.servers["w-1"]) as late,
    ):
        cluster.deny()
        cluster.wait_until_denied("w-2")
        timely = time.time()
        cluster.wait_until_denied("w-1")
        assert cluster.ready("w-1")
    assert late.allowed(since=timely)
    assert not late.allowed(since=min(late.denied(since=timely)))


def test_an_engine_that_is_never_told_stays_ready_and_open(cluster: Cluster) -> None:
    with faults.never_told(cluster.lab, cluster.host("w-1")):
        cluster.deny()
        cluster.wait_until_denied("w-2")
        seen = cluster.verdicts()
        assert cluster.ready("w-1")
    assert ways(seen, ALLOWED) == matching(seen, ">w-1")
    assert ways(seen, DENIED) == matching(seen, ">w-2")
    cluster.wait_until_denied("w-1")


def test_a_host_that_is_open_for_200_ms_is_seen_by_a_witness(denied: Cluster) -> None:
    with (
        denied.clients["w-3"].witness(denied.servers["w-1"]) as seen,
        denied.clients["w-3"].witness(denied.servers["w-2"]) as other,
    ):
        denied.clients["w-3"].connect(denied.servers["w-1"])
        faults.open_for(denied.host("w-1"), 0.2)
        denied.clients["w-3"].connect(denied.servers["w-1"])
    let_through = seen.allowed()
    assert let_through
    assert not seen.denied(since=min(let_through), until=max(let_through))
    assert seen.denied(until=min(let_through))
    assert seen.denied(since=max(let_through))
    assert not other.allowed()


def test_a_host_that_is_never_ready_is_open(denied: Cluster) -> None:
    seen = denied.verdicts(servers=("w-1", UNFIT))
    assert not denied.ready(UNFIT)
    assert ways(seen, ALLOWED) == matching(seen, f">{UNFIT}")
    eventually(lambda: denied.ready("w-1"))

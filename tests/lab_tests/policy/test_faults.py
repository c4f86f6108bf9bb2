# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault of a host's network policy is seen by real packets, and blamed on that host, or that pair, while calico-node is Ready."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.lab.eventually import eventually
from tests.lab.lab import Lab
from tests.lab.pods import faults
from tests.lab.pods.faults import Flow

from .conftest import DEADLINE, NAMESPACE, NODES, Prove, calico_node_is_ready, host, verdicts, wrong

pytestmark = [pytest.mark.pods, pytest.mark.stand_in("it has calico-node be what a real kubelet of the lab can run")]

Fault = Callable[[Lab], AbstractContextManager[None]]
POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"

ON_A_NODE: dict[str, tuple[Fault, str]] = {
    "rules gone": (lambda lab: faults.not_enforcing(host(lab, "w-1")), "open"),
    "one family not judged": (lambda lab: faults.exempted(host(lab, "w-1"), Flow(family="ip6")), "open"),
    "one protocol not judged": (lambda lab: faults.exempted(host(lab, "w-1"), Flow(protocol="udp")), "open"),
    "never told": (lambda lab: faults.never_told(lab, host(lab, "w-1")), "open"),
    "late": (lambda lab: faults.enforcing_late(lab, host(lab, "w-1"), DEADLINE + 1.5), "late"),
    "no forwarding": (lambda lab: faults.forwarding_off(host(lab, "w-1")), "closed"),
    "foreign drop": (lambda lab: faults.foreign_drop(host(lab, "w-1")), "closed"),
    "foreign drop of a protocol": (lambda lab: faults.foreign_drop(host(lab, "w-1"), Flow(protocol="udp")), "closed"),
    "large packets lost": (lambda lab: faults.large_packets_lost(host(lab, "w-1")), "closed"),
}
EVERY_RUN = ("rules gone", "foreign drop")
"""A node that is open and one that is closed."""
BETWEEN_TWO: dict[str, Fault] = {
    "one pair not judged": lambda lab: faults.exempted(host(lab, "w-1"), Flow(source=host(lab, "w-3"))),
    "route missing": lambda lab: faults.route_missing(host(lab, "w-1"), host(lab, "w-3")),
}


@pytest.mark.parametrize(
    "name", [name if name in EVERY_RUN else pytest.param(name, marks=pytest.mark.soak) for name in ON_A_NODE]
)
def test_a_fault_of_a_node_is_its_verdict_and_no_others(running: Lab, proving: Prove, name: str) -> None:
    fault, verdict = ON_A_NODE[name]
    with fault(running):
        report = proving()
        assert calico_node_is_ready(running, "w-1")
    assert report["outcome"] == "failed"
    assert wrong(report) == {"w-1": verdict}, report["reason"]
    assert report["reason"].startswith("w-1: ")
    assert report["pairs"] == []


@pytest.mark.soak
@pytest.mark.parametrize("name", BETWEEN_TWO)
def test_a_fault_between_two_nodes_is_the_pairs(running: Lab, proving: Prove, name: str) -> None:
    with BETWEEN_TWO[name](running):
        report = proving(strength=3)
    assert report["outcome"] == "failed"
    assert [pair["nodes"] for pair in report["pairs"]] == [["w-1", "w-3"]], report["reason"]
    # With three nodes, what one of the two had with no other peer may be its own fault too.
    assert set(wrong(report)) <= {"w-1", "w-3"}


@pytest.mark.soak
def test_a_node_that_is_open_for_200_ms_is_open(running: Lab, proving: Prove) -> None:
    with once_allowed(running, lambda: faults.open_for(host(running, "w-1"), 0.2)):
        report = proving()
    assert wrong(report) == {"w-1": "open"}, report["reason"]


@contextmanager
def once_allowed(lab: Lab, act: Callable[[], object]) -> Iterator[None]:
    """Do that as soon as the run's second policy is written: by then the first one is in force."""

    def wait_and_act() -> None:
        eventually(lambda: len(lab.admin.list(POLICIES)) == 2, 120)
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    yield
    thread.join()


def test_policy_is_proven_where_nothing_is_wrong(proving: Prove) -> None:
    report = proving()
    assert report["outcome"] == "proven", report["reason"]
    assert verdicts(report) == dict.fromkeys(NODES, "enforced")
    assert {fate["ok"] for row in report["rows"] for fate in row["fates"]} == {True}

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node agent decides, without a cluster."""

from __future__ import annotations

from dataclasses import replace

from tests.lab.node_agent import HEALTHY, NETWORK, UP, Annotate, LookAgain, NodeSeen, PodSeen, SetNetwork, judge
from tests.lab.node_queue import NodeQueue

NODE = NodeSeen("w-1", ready=True, network_reason=UP, fault="")
CALICO = PodSeen(
    namespace="calico-system",
    name="calico-node-x",
    node="w-1",
    calico_node=True,
    host_network=True,
    phase="Running",
    started=100.0,
    deleting=False,
    network="",
    healthy="true",
)
OTHER = replace(CALICO, name="csi-x", calico_node=False, host_network=False, phase="Pending", healthy="")


def test_a_node_as_it_should_be_is_left_alone() -> None:
    assert judge(NODE, [CALICO, replace(OTHER, phase="Running", network="up")], now=100) == []


def test_a_node_that_never_had_calico_gets_no_condition() -> None:
    assert judge(replace(NODE, network_reason=""), [], now=100) == []


def test_calico_node_that_is_pending_is_not_up_yet() -> None:
    assert judge(replace(NODE, network_reason=""), [replace(CALICO, phase="Pending")], now=100) == []


def test_a_calico_node_on_its_way_out_is_down() -> None:
    assert judge(NODE, [replace(CALICO, deleting=True)], now=100) == [SetNetwork(up=False)]


def test_a_new_calico_node_beside_one_on_its_way_out_is_up() -> None:
    assert judge(NODE, [replace(CALICO, deleting=True), CALICO], now=100) == []


def test_a_late_calico_node_is_looked_at_again_when_its_time_has_come() -> None:
    late, pod = replace(NODE, fault="late:30"), replace(CALICO, healthy="")
    assert judge(late, [pod], now=110) == [LookAgain(20.0)]
    assert judge(late, [pod], now=130) == [Annotate(pod, HEALTHY, "true")]


def test_a_fault_that_comes_takes_the_health_that_was_given() -> None:
    assert judge(replace(NODE, fault="never-ready"), [CALICO], now=100) == [Annotate(CALICO, HEALTHY, "false")]


def test_a_pod_of_the_pod_network_may_start_on_a_ready_node_only() -> None:
    assert judge(NODE, [CALICO, OTHER], now=100) == [Annotate(OTHER, NETWORK, "up")]
    assert judge(replace(NODE, ready=False), [CALICO, OTHER], now=100) == []


def test_a_node_that_changes_while_it_is_worked_on_is_given_out_again_afterwards() -> None:
    queue = NodeQueue()
    queue.add("w-1")
    assert queue.take() == "w-1"
    queue.add("w-1")
    queue.add("w-2")
    assert queue.take() == "w-2"
    queue.done("w-1")
    assert queue.take() == "w-1"


def test_a_node_for_later_is_not_given_out_before() -> None:
    queue = NodeQueue()
    queue.add_later("late", 0.2)
    queue.add("now")
    assert [queue.take(), queue.take()] == ["now", "late"]

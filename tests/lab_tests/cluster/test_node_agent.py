# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node agent decides, without a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.lab.errors import LabError
from tests.lab.faults import NO_FAULT, Fault
from tests.lab.node_judgement import (
    ARGUMENT,
    CALICO_NODE,
    DOWN,
    NETWORK,
    UP,
    Annotate,
    LookAgain,
    MarkNotReady,
    NodeSeen,
    PodSeen,
    SetKubelet,
    SetNetwork,
    judge,
)
from tests.lab.node_queue import NodeQueue

NODE = NodeSeen("w-1", ready="True", network_reason=UP)
CALICO = PodSeen(
    namespace="calico-system",
    name="calico-node-x",
    node="w-1",
    calico_node=True,
    host_network=True,
    phase="Running",
    ready=True,
    started=100.0,
    deleting=False,
    network="",
    calico="ready",
)
OTHER = replace(CALICO, name="csi-x", calico_node=False, host_network=False, phase="Pending", ready=False, calico="")
PENDING = replace(CALICO, phase="Pending", ready=False, started=0.0, calico="")


def faulty(fault: str, **fields: Any) -> NodeSeen:
    return replace(NODE, fault=Fault.parse(fault), **fields)


def told(pod: PodSeen, fate: str, argument: str = "") -> Annotate:
    return Annotate(pod, {CALICO_NODE: fate, ARGUMENT: argument})


def test_a_node_as_it_should_be_is_left_alone() -> None:
    assert judge(NODE, [CALICO, replace(OTHER, phase="Running", network="up")], now=100) == []


def test_a_node_that_never_had_calico_gets_no_condition() -> None:
    assert judge(replace(NODE, network_reason=""), [], now=100) == []


def test_calico_node_that_is_pending_is_not_up_yet_and_told_what_will_become_of_it() -> None:
    assert judge(replace(NODE, network_reason=""), [PENDING], now=100) == [told(PENDING, "ready")]
    assert judge(replace(NODE, network_reason=""), [replace(PENDING, calico="ready")], now=100) == []


def test_a_calico_node_on_its_way_out_is_down() -> None:
    assert judge(NODE, [replace(CALICO, deleting=True)], now=100) == [SetNetwork(up=False)]


def test_a_new_calico_node_beside_one_on_its_way_out_is_up() -> None:
    assert judge(NODE, [replace(CALICO, deleting=True), CALICO], now=100) == []


def test_a_late_calico_node_starts_unready_and_is_looked_at_again_when_its_time_has_come() -> None:
    late, pod = faulty("late:30"), replace(CALICO, ready=False, calico="unready")
    assert judge(replace(late, network_reason=""), [PENDING], now=90) == [told(PENDING, "unready", "30")]
    assert judge(late, [pod], now=110) == [LookAgain(20.0)]
    assert judge(late, [pod], now=130) == [told(pod, "ready", "30")]
    assert judge(late, [CALICO], now=110) == []


def test_a_fault_that_comes_takes_the_health_that_was_given() -> None:
    assert judge(faulty("never-ready"), [CALICO], now=100) == [told(CALICO, "unready")]


def test_a_crash_loop_leaves_the_network_condition_as_it_was() -> None:
    for reason in ("", UP, DOWN):
        node = faulty("crash-loop:2", network_reason=reason)
        assert judge(node, [CALICO], now=100) == [told(CALICO, "crash-loop", "2")]


@pytest.mark.parametrize("fault", ["init-stuck", "image-pull"])
def test_what_goes_wrong_before_the_containers_run_leaves_a_running_pod_alone(fault: str) -> None:
    assert judge(faulty(fault, network_reason=""), [PENDING], now=100) == [told(PENDING, fault)]
    assert judge(faulty(fault), [CALICO], now=100) == []


def test_a_network_that_stays_unavailable_is_that_of_a_calico_node_that_is_well() -> None:
    assert judge(faulty("network-unavailable"), [CALICO], now=100) == [SetNetwork(up=False)]
    assert judge(faulty("network-unavailable", network_reason=DOWN), [CALICO], now=100) == []


def test_a_kubelet_that_is_gone_leaves_its_node_unknown_and_its_ready_pods_not_ready() -> None:
    other = replace(OTHER, phase="Running")
    assert judge(faulty("kubelet-gone"), [CALICO, other], now=100) == [SetKubelet(gone=True), MarkNotReady(CALICO)]
    assert judge(faulty("kubelet-gone", ready="Unknown"), [other, PENDING], now=100) == []


def test_a_kubelet_that_is_back_posts_its_conditions() -> None:
    assert judge(replace(NODE, ready="Unknown"), [CALICO], now=100) == [SetKubelet(gone=False, ready=True)]


def test_a_fault_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(LabError, match="'nevr-ready': there are never-ready, late, crash-loop"):
        Fault.parse("nevr-ready")
    assert Fault.parse("") == NO_FAULT


def test_a_pod_of_the_pod_network_may_start_on_a_ready_node_only() -> None:
    assert judge(NODE, [CALICO, OTHER], now=100) == [Annotate(OTHER, {NETWORK: "up"})]
    assert judge(replace(NODE, ready="False"), [CALICO, OTHER], now=100) == []


def test_a_real_kubelet_says_itself_what_becomes_of_its_pods() -> None:
    real = replace(faulty("never-ready", ready="Unknown", network_reason=""), real=True)
    assert judge(real, [CALICO, PENDING], now=100) == [SetNetwork(up=True)]
    assert judge(replace(real, network_reason=UP), [CALICO, OTHER], now=100) == []


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

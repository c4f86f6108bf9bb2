# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_readiness on real DaemonSets: what passes, what never does, and the table in both cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.calico import Calico
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome, eventually
from tests.lab_tests.modules.test_installation_scope import DAEMONSETS, KEY, create_installation

ADMITTED = {KEY: "true"}
OVERRIDE = {"spec": {"template": {"spec": {"nodeSelector": ADMITTED}}}}


def install(lab: Lab) -> None:
    create_installation(lab, calicoNodeDaemonSet=OVERRIDE, csiNodeDriverDaemonSet=OVERRIDE)


def states(outcome: Outcome) -> dict[str, str]:
    return {row["node"]: row["state"] for row in outcome["readiness"]["nodes"]}


def test_a_late_node_is_in_the_table_with_its_reason_until_it_is_ready_and_then_all_pass(
    cluster: Lab, modules: Modules
) -> None:
    cluster.add_node("a", ADMITTED)
    cluster.add_node("b", ADMITTED, fault="late:25")
    install(cluster)
    first = modules.run("node_readiness", nodes=["a"], timeout=60)
    assert not first.failed, first["msg"]
    eventually(lambda: Calico(cluster).nodes_with() == {"a", "b"}, "each node has its pod")
    early = modules.run("node_readiness", nodes=["a", "b"], timeout=3)
    assert early.failed
    assert states(early) == {"a": "ready", "b": "not_ready"}
    late = r"container calico-node has been running since 20.*, but its startup probe does not pass \(.* after 150 failures, every 2 s\)"
    assert re.fullmatch(late, early["readiness"]["nodes"][1]["reason"])
    outcome = modules.run("node_readiness", nodes=["a", "b"], timeout=60, soak=1)
    assert not outcome.failed, outcome["msg"]
    assert states(outcome) == {"a": "ready", "b": "ready"}
    assert outcome["elapsed"] > 5
    assert outcome.writes == []


def test_one_deadline_for_all_ends_with_the_table_of_who_why_and_since_when(cluster: Lab, modules: Modules) -> None:
    cluster.add_node("a", ADMITTED)
    cluster.add_node("b", ADMITTED, fault="never-ready")
    cluster.add_node("c")
    install(cluster)
    passed = modules.run("node_readiness", nodes=["a"], timeout=60)
    assert not passed.failed, passed["msg"]
    outcome = modules.run("node_readiness", nodes=["a", "b", "c", "gone"], timeout=8)
    assert outcome.failed
    assert states(outcome) == {"a": "ready", "b": "not_ready", "c": "not_labelled", "gone": "node_missing"}
    row = outcome["readiness"]["nodes"][1]
    assert row["pod"].startswith("calico-node-")
    assert row["since"].startswith("20")
    assert "b (not_ready: " in outcome["msg"]
    assert 8 <= outcome["elapsed"] < 12


def test_check_mode_tells_at_once_what_it_would_wait_for(cluster: Lab, modules: Modules) -> None:
    cluster.add_node("a", ADMITTED)
    outcome = modules.run("node_readiness", check=True, nodes=["a"], timeout=300)
    assert not outcome.failed, outcome["msg"]
    assert "DaemonSet calico-system/calico-node does not exist" in outcome["waiting_for"]
    assert outcome["elapsed"] < 10


def test_a_selector_that_matches_nothing_never_passes(cluster: Lab, modules: Modules) -> None:
    cluster.add_node("a", ADMITTED)
    install(cluster)
    outcome = modules.run("node_readiness", selector="zone=nowhere", timeout=2)
    assert outcome.failed
    assert outcome["readiness"]["expected"] == 0


@pytest.fixture
def without_operator(cluster: Lab) -> Iterator[Lab]:
    """One admitted node with a ready calico-node, and an operator that no longer corrects what a test does."""
    cluster.add_node("a", ADMITTED)
    install(cluster)
    yield cluster
    cluster.start_operator()


def test_a_ready_pod_of_an_old_template_never_passes(without_operator: Lab, modules: Modules) -> None:
    ready = modules.run("node_readiness", nodes=["a"], timeout=60)
    assert not ready.failed, ready["msg"]
    without_operator.stop_operator()
    template = {"metadata": {"annotations": {"changed": "yes"}}}
    change: dict[str, Any] = {
        "spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}, "template": template}
    }
    without_operator.admin.patch(DAEMONSETS + "calico-node", change)
    outcome = modules.run("node_readiness", nodes=["a"], timeout=5)
    assert outcome.failed
    assert states(outcome) == {"a": "old_revision"}


def test_two_pods_on_a_node_never_pass(cluster: Lab, modules: Modules) -> None:
    cluster.add_node("a", ADMITTED)
    install(cluster)
    ready = modules.run("node_readiness", nodes=["a"], timeout=60)
    assert not ready.failed, ready["msg"]
    Calico(cluster).second_pod("a")
    outcome = modules.run("node_readiness", nodes=["a"], timeout=5)
    assert outcome.failed
    assert states(outcome) == {"a": "two_pods"}

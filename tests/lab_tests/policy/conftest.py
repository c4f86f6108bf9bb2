# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster whose network policy these tests have proven: three dual-stack hosts with real pods, and an engine that enforces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.request import ProbeRequest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.run import prove
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import PolicyProbeReport

from tests.lab.calico import Calico
from tests.lab.claims import claimed_lab, taken_down, tell
from tests.lab.eventually import eventually
from tests.lab.hosts import Host
from tests.lab.lab import Lab
from tests.lab.modules import Modules
from tests.lab.pods import AGNHOST, kubelet_host

NODES = ("w-1", "w-2", "w-3")
NAMESPACE = "calico-ops-policy-probe"
DEADLINE = 2.0
Prove = Callable[..., PolicyProbeReport]


@pytest.fixture(scope="package")
def running(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with claimed_lab("-policy") as lab:
        lab.up([kubelet_host(name, groups=["core"], dual_stack=True) for name in NODES])
        with taken_down(lab, lambda: bool(request.session.testsfailed)):
            calico = Calico(lab)
            calico.install()
            eventually(lambda: calico.nodes_with(ready=True) == set(NODES), 120)
            yield lab


@pytest.fixture
def cluster(running: Lab) -> Cluster:
    """As the collection's own account reaches it."""
    return Cluster(Connection({"kubeconfig": str(running.kubeconfig)}))


@pytest.fixture
def proving(running: Lab, cluster: Cluster) -> Prove:
    """Prove policy on the lab's nodes, with options of a request over those of all tests."""

    def run(nodes: tuple[str, ...] = NODES, offered: tuple[str, ...] = (), **options: Any) -> PolicyProbeReport:
        request = ProbeRequest(**{"image": AGNHOST, "deadline": DEADLINE, "timeout": 120.0, **options})
        return prove(cluster, request, nodes, offered, tell=tell)

    return run


@pytest.fixture
def modules(running: Lab, tmp_path: Any) -> Modules:
    return Modules(running, tmp_path)


def host(lab: Lab, name: str) -> Host:
    return next(each for each in lab.hosts if each.name == name)


def calico_node_is_ready(lab: Lab, node: str) -> bool:
    return node in Calico(lab).nodes_with(ready=True)


def verdicts(report: PolicyProbeReport) -> dict[str, str]:
    return {proof["node"]: proof["verdict"] for proof in report["nodes"]}


def wrong(report: PolicyProbeReport) -> dict[str, str]:
    """The nodes that are blamed. What was tried with such a node only is not shown of another one: that is blamed for nothing."""
    return {node: verdict for node, verdict in verdicts(report).items() if verdict not in ("enforced", "unproven")}

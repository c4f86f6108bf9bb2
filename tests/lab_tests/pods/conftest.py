# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster with real pods for these tests: three dual-stack hosts that enforce NetworkPolicy, one that cannot, and two nodes of kwok's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.lab.calico import Calico
from tests.lab.claims import claimed_lab, taken_down
from tests.lab.eventually import eventually
from tests.lab.hosts import Host
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec
from tests.lab.pods import kubelet_host
from tests.lab.pods.faults import FAMILIES
from tests.lab.pods.traffic import ALLOWED, DENIED, PORTS, SERVE, Pod, run_pods

NETWORK_POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
ENFORCING, UNFIT, SIMULATED = ("w-1", "w-2", "w-3"), "unfit", ("kwok-1", "kwok-2")


@dataclass
class Cluster:
    """The lab, with a server on w-1, w-2 and the unfit host, and a client on w-1 and w-3."""

    lab: Lab
    servers: dict[str, Pod]
    clients: dict[str, Pod]

    def host(self, name: str) -> Host:
        return next(host for host in self.lab.hosts if host.name == name)

    def calico_node(self, node: str) -> dict[str, Any]:
        (found,) = (pod for pod in Calico(self.lab).pods() if pod["spec"].get("nodeName") == node)
        return found

    def ready(self, node: str) -> bool:
        """Is calico-node of this node Ready?"""
        return node in Calico(self.lab).nodes_with(ready=True)

    def verdicts(
        self, servers: tuple[str, ...] = ("w-1", "w-2"), families: tuple[str, ...] = FAMILIES
    ) -> dict[str, str]:
        """What became of each connection, by `CLIENT>SERVER FAMILY PROTOCOL`; all are tried at once."""
        tried = [
            (client, server, family, protocol)
            for client in self.clients
            for server in servers
            for family in families
            for protocol in PORTS
        ]

        def connect(one: tuple[str, str, str, str]) -> str:
            client, server, family, protocol = one
            return self.clients[client].connect(self.servers[server], family, protocol, seconds=2)

        with ThreadPoolExecutor(16) as pool:
            outcomes = pool.map(connect, tried)
        return {
            f"{client}>{server} {family} {protocol}": said
            for (client, server, family, protocol), said in zip(tried, outcomes)
        }

    def deny(self) -> None:
        """Nobody may connect to a server. Returns at once."""
        spec = {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"]}
        self.lab.admin.create(NETWORK_POLICIES, {"metadata": {"name": "deny"}, "spec": spec})

    def wait_until_denied(self, server: str) -> None:
        eventually(lambda: self.clients["w-3"].connect(self.servers[server], seconds=0.3) == DENIED, 15)


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    hosts = [
        *(kubelet_host(name, groups=["core"], dual_stack=True) for name in ENFORCING),
        kubelet_host(UNFIT, groups=["edge"], dual_stack=True, netfilter_refused=True),
    ]
    with claimed_lab("-pods") as lab:
        lab.up(hosts)
        with taken_down(lab, lambda: bool(request.session.testsfailed)):
            lab.add_nodes(NodeSpec(name) for name in SIMULATED)
            Calico(lab).install()
            cluster = Cluster(lab, {}, {})
            for name in (*ENFORCING, *SIMULATED):
                eventually(partial(cluster.ready, name), 60)
            places = {host.name: host for host in lab.hosts}
            servers = {f"server-{name}": places[name] for name in ("w-1", "w-2", UNFIT)}
            clients = {f"client-{name}": places[name] for name in ("w-1", "w-3")}
            cluster.servers = {pod.host.name: pod for pod in run_pods(lab.admin, servers, {"app": "server"}, SERVE)}
            cluster.clients = {
                pod.host.name: pod for pod in run_pods(lab.admin, clients, {"app": "client"}, ("pause",))
            }
            # Seen once, cause not found: one of the first connections between pods that had just got Ready timed out.
            eventually(lambda: set(cluster.verdicts(("w-1", "w-2", UNFIT)).values()) == {ALLOWED}, 30)
            yield cluster


@pytest.fixture
def cluster(running: Cluster) -> Iterator[Cluster]:
    """The cluster without a NetworkPolicy, before and after."""
    yield running
    running.lab.admin.delete(NETWORK_POLICIES)
    eventually(lambda: set(running.verdicts().values()) == {""}, 30)


@pytest.fixture
def denied(cluster: Cluster) -> Cluster:
    """The cluster under a policy that denies all that goes to a server, in force on the hosts that enforce."""
    cluster.deny()
    for server in ("w-1", "w-2"):
        cluster.wait_until_denied(server)
    return cluster

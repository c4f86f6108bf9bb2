# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our judgement of NetworkPolicies foretells becomes of real packets: policies drawn at random, and every way to two real pods.

The engine goes through the changes of NetworkPolicies in their order, in one stream for all namespaces. So what was written before a
policy is in force on a host as soon as that policy is: a policy for a server in a namespace of its own, which no other policy is about.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from random import Random
from typing import Any, Callable

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.network_policy import (
    Connection,
    End,
    allowed,
    by_namespace,
    pod_of,
    policy_of,
)

from tests.lab.eventually import eventually
from tests.lab.hosts import Host
from tests.lab.pods.faults import FAMILIES
from tests.lab.pods.traffic import ALLOWED, DENIED, PORT_NAMES, PORTS, SERVE, Pod, connect, run_pods
from tests.network_policies import Sort, draw_policies
from tests.soak import times_as_much

from .conftest import Cluster

pytestmark = [
    pytest.mark.pods,
    pytest.mark.soak,
    pytest.mark.stand_in("it has calico-node be what a real kubelet of the lab can run"),
]

SEED, ROUNDS = 20260102, times_as_much(20)
OTHER, MARKS = "bank", "marks"
ENFORCING_SERVERS = ("w-1", "w-2")
LABELS = {
    "server-w-1": {"app": "server", "tier": "front"},
    "server-w-2": {"app": "server", "tier": "back"},
    "client-w-1": {"app": "client", "tier": "front"},
    "client-w-3": {"app": "client"},
    "client-bank": {"app": "client", "tier": "back"},
}


@dataclass
class Source:
    """From where connections are made."""

    run: Callable[[list[str]], Any]
    ends: Mapping[str, End]
    """By family, as policies see it."""


@dataclass
class Bed:
    cluster: Cluster
    sources: dict[str, Source]
    targets: Mapping[str, tuple[Pod, Mapping[str, End]]]
    marks: dict[str, Pod]
    namespaces: dict[str, dict[str, str]]
    sort: Sort

    def predicted(self, policies: list[dict[str, Any]]) -> dict[str, str]:
        compiled = by_namespace(map(policy_of, policies))
        return {
            way: ALLOWED
            if allowed(
                compiled,
                Connection(
                    self.sources[source].ends[family],
                    self.targets[target][1][family],
                    protocol.upper(),
                    PORTS[protocol],
                ),
                self.namespaces,
            )
            else DENIED
            for way, (source, target, family, protocol) in self.ways().items()
        }

    def seen(self, predicted: Mapping[str, str]) -> dict[str, str]:
        """What packets say. Where that is not what was predicted, a connection that has more time decides: the machine may be slow."""
        said = self._connected(self.ways(), 1.0)
        doubted = {way: ends for way, ends in self.ways().items() if said[way] != predicted[way] == ALLOWED}
        return {**said, **self._connected(doubted, 10.0)}

    def ways(self) -> dict[str, tuple[str, str, str, str]]:
        return {
            f"{source}>{target} {family} {protocol}": (source, target, family, protocol)
            for source, target, family, protocol in product(self.sources, self.targets, FAMILIES, PORTS)
            if source != f"server-{target}"
        }

    def _connected(self, ways: Mapping[str, tuple[str, str, str, str]], seconds: float) -> dict[str, str]:
        def connected(way: tuple[str, str, str, str]) -> str:
            source, target, family, protocol = way
            return connect(self.sources[source].run, self.targets[target][0], family, protocol, seconds)

        with ThreadPoolExecutor(16) as pool:
            return dict(zip(ways, pool.map(connected, ways.values())))

    def write(self, policies: list[dict[str, Any]]) -> None:
        """Only these policies; returns when they are in force on the servers' hosts."""
        admin = self.cluster.lab.admin
        for namespace in (*self.sort.namespaces, MARKS):
            admin.delete(_policies(namespace))
        self._wait(ALLOWED)
        for policy in policies:
            admin.create(_policies(policy["metadata"]["namespace"]), policy)
        admin.create(_policies(MARKS), {"metadata": {"name": "mark"}, "spec": {"podSelector": {}}})
        self._wait(DENIED)

    def _wait(self, verdict: str) -> None:
        host = self.cluster.host("w-3")
        for mark in self.marks.values():
            eventually(partial(_is, verdict, host, mark), 60)


def _is(verdict: str, host: Host, mark: Pod) -> bool:
    return connect(host.run, mark, seconds=0.5) == verdict


def _policies(namespace: str) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"


@pytest.fixture
def bed(cluster: Cluster) -> Iterator[Bed]:
    admin = cluster.lab.admin
    for name, labels in ((OTHER, {"team": "blue"}), (MARKS, {})):
        admin.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        eventually(lambda at=f"/api/v1/namespaces/{name}/serviceaccounts": admin.list(at))  # type: ignore[misc]
    try:
        yield _bed(cluster)
    finally:
        for name in (OTHER, MARKS):
            admin.delete(f"/api/v1/namespaces/{name}/pods", gracePeriodSeconds=0)
            admin.delete(_policies(name))
            admin.delete(f"/api/v1/namespaces/{name}")
        for name in LABELS:
            if name != "client-bank":
                admin.patch(f"/api/v1/namespaces/default/pods/{name}", {"metadata": {"labels": {"tier": None}}})


def _bed(cluster: Cluster) -> Bed:
    admin = cluster.lab.admin
    (client,) = run_pods(admin, {"client-bank": cluster.host("w-1")}, LABELS["client-bank"], ("pause",), OTHER)
    hosts = {f"mark-{name}": cluster.host(name) for name in ENFORCING_SERVERS}
    marks = {pod.host.name: pod for pod in run_pods(admin, hosts, {}, SERVE, MARKS)}
    pods = {
        pod.name: pod for pod in (*cluster.servers.values(), *cluster.clients.values(), client) if pod.name in LABELS
    }
    for name in pods:
        if name != client.name:
            admin.patch(f"/api/v1/namespaces/default/pods/{name}", {"metadata": {"labels": LABELS[name]}})
    ends = {name: _ends(pod, admin.get(_path(name))) for name, pod in pods.items()}
    sources = {name: Source(lambda command, pod=pod: pod.run(*command), ends[name]) for name, pod in pods.items()}  # type: ignore[misc]
    for name in ("w-1", "w-3"):
        host = cluster.host(name)
        addresses = {"ip": host.address, "ip6": host.address_v6}
        sources[name] = Source(host.run, {family: End(str(at), node=name) for family, at in addresses.items()})
    targets = {name: (pods[f"server-{name}"], ends[f"server-{name}"]) for name in ENFORCING_SERVERS}
    namespaces = {name: admin.get(f"/api/v1/namespaces/{name}")["metadata"]["labels"] for name in ("default", OTHER)}
    return Bed(cluster, sources, targets, marks, namespaces, _sort(sources, namespaces))


def _path(name: str) -> str:
    return f"/api/v1/namespaces/{OTHER if name == 'client-bank' else 'default'}/pods/{name}"


def _ends(pod: Pod, raw: dict[str, Any]) -> dict[str, End]:
    return {family: End(pod.address(family).strip("[]"), pod_of(raw)) for family in FAMILIES}


def _sort(sources: Mapping[str, Source], namespaces: dict[str, dict[str, str]]) -> Sort:
    """Blocks of the lab's addresses: each end's network, with its own address as an exception, and all of a family."""
    blocks: list[tuple[str, tuple[str, ...]]] = []
    for family, everything in zip(FAMILIES, ("0.0.0.0/0", "::/0")):
        singles = [ipaddress.ip_network(source.ends[family].address) for source in sources.values()]
        near = [single.supernet(new_prefix=single.max_prefixlen - 8) for single in singles]
        blocks += [(str(network), (str(single),)) for network, single in zip(near, singles)]
        blocks.append((everything, tuple(dict.fromkeys(map(str, (*near, *singles))))))
    return Sort(
        namespaces=namespaces,
        labels={"app": ("server", "client"), "tier": ("front", "back")},
        blocks=tuple(blocks),
        ports={"TCP": (PORTS["tcp"], 80), "UDP": (PORTS["udp"], 53)},
        names=(*PORT_NAMES.values(), "nobody"),
    )


def test_real_packets_fare_as_foretold(bed: Bed) -> None:
    random = Random(SEED)
    verdicts: list[str] = []
    for _round in range(ROUNDS):
        policies = draw_policies(random, bed.sort)
        predicted = bed.predicted(policies)
        bed.write(policies)
        seen = bed.seen(predicted)
        assert {way: said for way, said in seen.items() if said != predicted[way]} == {}, policies
        verdicts += predicted.values()
    assert 0.2 < verdicts.count(ALLOWED) / len(verdicts) < 0.8

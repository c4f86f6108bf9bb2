# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network policy proven the way policy-assistant does: pods once, a policy, a sleep, and then an exec for each connection.

Its method is read from kubernetes-sigs/network-policy-api, cmd/policy-assistant (formerly cyclonus), and written anew. After each change
it sleeps for 5 s (`perturbation-wait-seconds` in pkg/cli/generate.go, `ExecuteTestCase` in pkg/connectivity/interpreter.go). Then 15
workers (`defaultWorkersCount`) have pods run `agnhost connect` (`ClientCommand` in pkg/connectivity/probe/job.go).

Where there is a choice, it is made in the method's favour. Only the connections of our rows are tried, and not each pod with each. One that
is dropped is given up after 1 s, and not after 10 s (`job-timeout-seconds`). It looks for its pods each second, and not each 5 s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe import pods, policies
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.client import ANSWERED, Target
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.targets import (
    Place,
    tried_by_client,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import Family
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.design import design
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.timelines import PHASES
from kubernetes.client import CoreV1Api
from kubernetes.config import new_client_from_config
from kubernetes.stream import stream

from tests.bench.figures import BenchError
from tests.lab.api import Api
from tests.lab.eventually import eventually
from tests.lab.pods import AGNHOST

SLEEP = 5.0
LOOK = 1.0
WORKERS = 15
GIVE_UP = "1s"
NAMESPACE = "bench-policy-by-exec"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
PORTS = ((pods.TCP, pods.UDP), (pods.DENIED_TCP, pods.DENIED_UDP))
Connection = tuple[Place, Target]


class ByExec:
    """One proof; `known_after` has for each change the seconds until the last verdict, `through` those that a connection takes of all."""

    def __init__(self, kubeconfig: Path) -> None:
        self.connections = 0
        self.through = 0.0
        self.known_after: list[float] = []
        self._kubeconfig = kubeconfig
        self._api = Api(kubeconfig)
        self._owner = pods.Owner("bench", NAMESPACE, "none")

    def prove(self, nodes: Sequence[str]) -> None:
        self._api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        # No pod is let in before.
        eventually(lambda: self._api.get_or_none(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"))
        connections = self._connections(
            nodes, self._addresses([Place(node, role) for node in nodes for role in pods.ROLES])
        )
        began = time.monotonic()
        self._try_all(connections, 0)
        self.through = (time.monotonic() - began) / len(connections)
        for phase, change in enumerate((self._deny, self._allow, self._reopen), start=1):
            change()
            changed = time.monotonic()
            time.sleep(SLEEP)
            self._try_all(connections, phase)
            self.known_after.append(time.monotonic() - changed)

    def _addresses(self, places: Sequence[Place]) -> dict[Place, dict[Family, str]]:
        for place in places:
            self._api.create(PODS, self._pod(place))
        running: list[dict[str, Any]] = []
        while {pod["status"]["phase"] for pod in running} != {"Running"}:
            time.sleep(LOOK)
            running = self._api.list(PODS)
        found = {pod["metadata"]["name"]: pod["status"]["podIPs"] for pod in running}
        return {
            place: {"IPv6" if ":" in one["ip"] else "IPv4": one["ip"] for one in found[_name(place)]}
            for place in places
        }

    def _pod(self, place: Place) -> dict[str, Any]:
        labels = {**self._owner.labels, pods.ROLE: place.role}
        containers = [
            {"name": f"server-{tcp}", "image": AGNHOST, "args": ["netexec", f"--http-port={tcp}", f"--udp-port={udp}"]}
            for tcp, udp in PORTS
        ]
        spec = {"nodeName": place.node, "terminationGracePeriodSeconds": 0, "containers": containers}
        return {"metadata": {"name": _name(place), "labels": labels}, "spec": spec}

    @staticmethod
    def _connections(nodes: Sequence[str], addresses: Mapping[Place, Mapping[Family, str]]) -> list[Connection]:
        """Of the ordinary rows: an exec cannot tell a port without a listener from a dropped packet."""
        families = {place.node: list(has) for place, has in addresses.items()}
        rows = [row for row in design(nodes, (), families, 2, 0).rows if row["kind"] == "ordinary"]
        tried = tried_by_client(rows, addresses)
        return [(place, one.target) for place, ones in tried.items() for one in ones if one.row is not None]

    def _try_all(self, connections: Sequence[Connection], phase: int) -> None:
        with ThreadPoolExecutor(WORKERS) as workers:
            through = list(workers.map(self._comes_through, connections))
        self.connections += len(connections)
        wrong = [
            connection
            for connection, came in zip(connections, through)
            if came != (connection[1].wanted[phase] == ANSWERED)
        ]
        if wrong:
            raise BenchError(f"{PHASES[phase]}: {len(wrong)} connections had a wrong fate, first {wrong[0]}")

    def _comes_through(self, connection: Connection) -> bool:
        place, target = connection
        address = f"[{target.address}]" if ":" in target.address else target.address
        connect = ["/agnhost", "connect", f"{address}:{target.port}", f"--timeout={GIVE_UP}"]
        # The stream changes its client, so no two of them share one.
        answer = stream(
            CoreV1Api(new_client_from_config(str(self._kubeconfig))).connect_get_namespaced_pod_exec,
            _name(place),
            NAMESPACE,
            container=f"server-{pods.TCP}",
            command=[*connect, f"--protocol={target.kind.lower()}"],
            stdout=True,
            stderr=True,
            _preload_content=False,
        )
        answer.run_forever(timeout=60)
        came: bool = answer.returncode == 0
        answer.close()
        return came

    def _deny(self) -> None:
        self._create(policies.default_deny(self._owner))

    def _allow(self) -> None:
        self._create(policies.precise_allow(self._owner))

    def _reopen(self) -> None:
        self._api.delete(POLICIES)

    def _create(self, policy: dict[str, Any]) -> None:
        """Without the owner, who is not there."""
        self._api.create(POLICIES, {"metadata": {"name": policy["metadata"]["name"]}, "spec": policy["spec"]})


def _name(place: Place) -> str:
    return f"{place.role}-{place.node}"

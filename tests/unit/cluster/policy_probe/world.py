# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that is had by the sleeve: pods run at once, clients see at once what each write of policy wants, unless told otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.pods import ROLE, TARGETS

from tests.unit.kube.fake_api import Reply, Request, status

NAMESPACE = "calico-ops-policy-probe"
OF_DNS = "/api/v1/namespaces/kube-system"
WAITERS = ("open", "default-deny", "precise-allow")


class World:
    def __init__(
        self,
        *,
        lists: Mapping[str, list[Any]] | None = None,
        labels: Mapping[str, str] | None = None,
        refuse: Mapping[str, Reply] | None = None,
        waiting: Mapping[str, Mapping[str, str]] | None = None,
        lease: dict[str, Any] | None = None,
        phase_seconds: float = 0.0,
        lossy: Collection[int] = (),
    ) -> None:
        """:param lists: what there is beside, by the end of its path
        :param refuse: what is answered to the creation of a pod, by its node
        :param waiting: why no container starts, by node
        :param phase_seconds: how long a phase takes at least: a judge wants to see a fate for some time
        :param lossy: the looks, from 1, in which the first connection of each client is always dropped
        """
        self.pods: dict[str, dict[str, Any]] = {}
        self.lists = dict(lists or {})
        self.labels = dict(labels or {})
        self.refuse = dict(refuse or {})
        self.waiting = dict(waiting or {})
        self.lease = lease
        self.phase_seconds = phase_seconds
        self.lossy = lossy
        self.looks = 0
        """How often pods were made to look at packets."""
        self.writes = [time.time()]
        self.version = 10
        self.changed = threading.Condition()

    def answer(self, request: Request, number: int) -> Reply:
        if request.path.endswith("selfsubjectaccessreviews"):
            return Reply(201, {"status": {"allowed": True}})
        kind = next(
            (kind for kind in ("leases", "pods", "networkpolicies", "configmaps") if f"/{kind}" in request.path), ""
        )
        of_others = ("/apis/policy.networking", "/apis/projectcalico", "/apis/crd.projectcalico", OF_DNS)
        if request.path.startswith(of_others):
            kind = ""
        with self.changed:
            return getattr(self, f"_{kind}", self._others)(request)

    def _others(self, request: Request) -> Reply:
        for path, items in self.lists.items():
            if request.path.endswith(path):
                return Reply(body={"metadata": {"resourceVersion": "1"}, "items": items})
        if request.path.endswith(("/services", "/pods")):
            return Reply(body={"metadata": {"resourceVersion": "1"}, "items": []})
        if request.path.startswith("/api/v1/namespaces/"):
            return Reply(body={"metadata": {"name": NAMESPACE, "labels": self.labels}})
        return status(404, "NotFound")

    def _leases(self, request: Request) -> Reply:
        if "watch" in request.query:
            return Reply(lines=lambda: iter(()))
        if request.method == "GET":
            return status(404, "NotFound") if self.lease is None else Reply(body=self.lease)
        self.version += 1
        self.lease = {**request.body, "metadata": {**request.body["metadata"], "resourceVersion": str(self.version)}}
        return Reply(body=self.lease)

    def _configmaps(self, request: Request) -> Reply:
        if request.method == "POST":
            self.looks += 1
            self.writes = [time.time()]
            return Reply(201, {"metadata": {"uid": "uid-1", "name": request.body["metadata"]["name"]}})
        items = self.lists.get("configmaps", [])
        return Reply(body={"metadata": {"resourceVersion": "1"}, "items": items})

    def _networkpolicies(self, request: Request) -> Reply:
        if request.method == "GET":
            items = self.lists.get("networkpolicies.networking.k8s.io", [])
            return Reply(body={"metadata": {"resourceVersion": "1"}, "items": items})
        time.sleep(self.phase_seconds)
        self.writes.append(time.time())
        for pod in self.pods.values():
            if request.method == "POST":
                phase = "default-deny" if request.body["metadata"]["name"].endswith("deny") else "precise-allow"
                self._end(pod, phase, "")
            else:
                self._end(pod, "client", self._report(pod))
        self.changed.notify_all()
        return Reply(201)

    def _pods(self, request: Request) -> Reply:
        if request.method == "POST":
            return self._make(request)
        if request.method == "PATCH":
            pod = self.pods[request.path.rsplit("/", 1)[1]]
            pod["metadata"]["annotations"].update(request.body["metadata"]["annotations"])
            self._end(pod, "open", "")
            self.changed.notify_all()
        if "watch" in request.query:
            return Reply(lines=self._events)
        items = list(self.pods.values())
        return Reply(body={"metadata": {"resourceVersion": str(self.version), "name": "any"}, "items": items})

    def _make(self, request: Request) -> Reply:
        (term,) = request.body["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"
        ]
        (node,) = term["matchFields"][0]["values"]
        if node in self.refuse:
            return self.refuse[node]
        number = len(self.pods) + 1
        state: Any = {"running": {}}
        if node in self.waiting:
            state = {"waiting": dict(self.waiting[node])}
        names = [container["name"] for container in request.body["spec"]["containers"]]
        self.version += 1
        self.pods[request.body["metadata"]["name"]] = {
            "metadata": {**request.body["metadata"], "resourceVersion": str(self.version)},
            "status": {
                "podIPs": [{"ip": f"10.1.{number // 250}.{number % 250}"}],
                "containerStatuses": [{"name": name, "state": state} for name in names],
            },
        }
        self.changed.notify_all()
        return Reply(201)

    def _end(self, pod: dict[str, Any], name: str, message: str) -> None:
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        for container in pod["status"]["containerStatuses"]:
            if container["name"] == name:
                container["state"] = {"terminated": {"exitCode": 0, "message": message}}

    def _report(self, pod: dict[str, Any]) -> str:
        """What a client saw on a cluster that enforces at once."""
        start = self.writes[0]
        ends = [
            *(round((moment - start) * 1000) for moment in self.writes[1:]),
            round((time.time() - start) * 1000) + 600,
        ]
        begins = [-600, *(end + 10 for end in ends[:-1])]
        lines = [f"1 {round(start * 1e6)} {round(time.time() * 1e6)} 9 settled"]
        for number, line in enumerate(pod["metadata"]["annotations"].get(TARGETS, "").splitlines()):
            letters = "DDDD" if number == 0 and self.looks in self.lossy else line.split()[3]
            runs = [f"{letter}{begin}-{max(begin, end - 100)}x9" for letter, begin, end in zip(letters, begins, ends)]
            lines.append(f"{number} {' '.join(runs)}")
        return "\n".join(lines)

    def _events(self) -> Iterator[Any]:
        told: dict[str, str] = {}
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with self.changed:
                new = [pod for name, pod in self.pods.items() if told.get(name) != pod["metadata"]["resourceVersion"]]
                if not new:
                    self.changed.wait(0.2)
                    continue
                for pod in new:
                    told[pod["metadata"]["name"]] = pod["metadata"]["resourceVersion"]
                items = [{"type": "MODIFIED", "object": pod} for pod in new]
            yield from items

    def roles(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for pod in self.pods.values():
            role = pod["metadata"]["labels"][ROLE]
            found[role] = found.get(role, 0) + 1
        return found

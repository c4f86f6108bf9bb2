# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster in a few lines behind a real HTTP server: what is written takes effect at once, or is refused as a test says."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.unit.kube.fake_api import Reply, Request, status

from . import raw
from .leases import Leases
from .raw import KEY

NODES = "/api/v1/nodes"
INSTALLATIONS = "/apis/operator.tigera.io/v1/installations"
SYSTEM = "/apis/apps/v1/namespaces/calico-system/"


class World:
    """Watches end with 410 after a moment, so each look at a kind is a new list."""

    def __init__(self, *nodes: str) -> None:
        self.nodes = {name: raw.node(name) for name in nodes}
        self.installation: raw.Raw | None = None
        self.refused: dict[str, Reply] = {}
        """Answers to label writes by node, to writes of the Installation under its name, `default`, and to all of the record, `record`."""
        self.lag = 0
        """So many lists of nodes after each write still show the state before it."""
        self.unready: set[str] = set()
        """Nodes whose calico-node never becomes ready."""
        self.labelled: list[str] = []
        self.tried: list[str] = []
        """Nodes whose label write was tried by a dry run and taken."""
        self.untriable: dict[str, Reply] = {}
        """Answers to a dry run of a label write by node; the real one is taken."""
        self.taken_in_a_dry_run: set[str] = set()
        """Nodes whose label only the real write is refused."""
        self.installation_writes = 0
        self.record: raw.Raw | None = None
        """The ConfigMap of the admitted nodes."""
        self.record_writes = 0
        self.leases = Leases()
        self._version = 100
        self._stale: list[raw.Raw] = []
        self._lock = threading.Lock()

    def answer(self, request: Request, number: int) -> Reply:
        with self._lock:
            if request.query.get("watch"):
                return Reply(lines=_expires)
            if "/leases/" in request.path:
                return self.leases.answer(request, number)
            if "/configmaps/" in request.path:
                return self._recorded(request)
            if request.method == "GET":
                return self._got(request.path)
            if request.path.startswith(NODES):
                return self._labelled(request)
            return self._installed(request)

    def _recorded(self, request: Request) -> Reply:
        if "record" in self.refused:
            return self.refused["record"]
        if request.method == "GET":
            return status(404, "NotFound") if self.record is None else Reply(body=self.record)
        self.record, self.record_writes = request.body, self.record_writes + 1
        return Reply(body=request.body)

    def _got(self, path: str) -> Reply:
        if path == INSTALLATIONS + "/default" and self.installation is not None:
            return Reply(body=self.installation)
        if path.rpartition("/")[2] in ("default", "calico-node", "canal"):
            return status(404, "NotFound")
        return Reply(body={"items": self._items(path), "metadata": {"resourceVersion": str(self._version)}})

    def _items(self, path: str) -> list[raw.Raw]:
        running = [name for name, node in self.nodes.items() if KEY in node["metadata"]["labels"]]
        if path == NODES:
            return self._stale.pop(0)["items"] if self._stale else list(self.nodes.values())
        if path == INSTALLATIONS:
            return [self.installation] if self.installation else []
        if not self.installation:
            return []
        if path == SYSTEM + "daemonsets":
            return [raw.daemonset(desired=len(running), selector={KEY: "true"})]
        if path == SYSTEM + "controllerrevisions":
            return [raw.revision(1, "new")]
        return [raw.pod(name, ready=name not in self.unready) for name in running] if path.endswith("/pods") else []

    def _labelled(self, request: Request) -> Reply:
        name = request.path.rpartition("/")[2]
        dry_run = "dryRun" in request.query
        if dry_run and name in self.untriable:
            return self.untriable[name]
        if name in self.refused and not (dry_run and name in self.taken_in_a_dry_run):
            return self.refused[name]
        if dry_run:
            self.tried.append(name)
            return Reply(body=self.nodes[name])
        self._stale = [{"items": copy.deepcopy(list(self.nodes.values()))} for _answer in range(self.lag)]
        self._version += 1
        node = raw.merged(self.nodes[name], request.body)
        node["metadata"]["resourceVersion"] = str(self._version)
        node["status"]["conditions"][0]["status"] = "True"
        self.nodes[name] = node
        self.labelled.append(name)
        return Reply(body=node)

    def _installed(self, request: Request) -> Reply:
        if "default" in self.refused:
            return self.refused["default"]
        body = {**raw.installation(), **request.body}
        body["metadata"] = raw.installation()["metadata"]
        if "dryRun" not in request.query:
            self.installation_writes += 1
            self.installation = body
        return Reply(body=body)


def _expires() -> Iterator[Any]:
    time.sleep(0.1)
    yield {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}

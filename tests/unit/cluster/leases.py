# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases as an API server keeps them (`Store.Update` in registry/generic/registry/store.go of apiserver): a version for each write."""

from __future__ import annotations

import copy
import threading
from typing import Any

from tests.unit.kube.fake_api import Reply, Request, status


class Leases:
    def __init__(self, **held: dict[str, Any]) -> None:
        """:param held: the spec of each Lease that there is, by its name with `_` for `-`"""
        self.version = 10
        self.objects: dict[str, dict[str, Any]] = {}
        self.writes: list[dict[str, Any]] = []
        self.refusal: Reply | None = None
        """What is answered to every request instead."""
        self._lock = threading.Lock()
        for name, spec in held.items():
            self.put(name.replace("_", "-"), spec)

    def put(self, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        """As an admin does it."""
        with self._lock:
            self._store(name, {"metadata": {"name": name, **metadata}, "spec": spec})

    def delete(self, name: str) -> None:
        with self._lock:
            del self.objects[name]

    def holder(self, name: str) -> str:
        with self._lock:
            return str(self.objects[name]["spec"]["holderIdentity"])

    def answer(self, request: Request, _number: int) -> Reply:
        name = request.path.rpartition("/")[2]
        with self._lock:
            if self.refusal is not None:
                return self.refusal
            present = self.objects.get(name)
            if request.method == "GET":
                return status(404, "NotFound") if present is None else Reply(body=present)
            assert request.method == "PUT", f"{request.method} takes another permission"
            metadata = request.body["metadata"]
            if present is None and metadata.get("uid"):
                return status(409, "Conflict", "Precondition failed: UID in precondition")
            if present is not None and not metadata.get("resourceVersion"):
                return status(422, "Invalid", "metadata.resourceVersion: must be specified for an update")
            if present is not None and present["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
                return status(409, "Conflict", "the object has been modified")
            self.writes.append(copy.deepcopy(request.body))
            return Reply(body=self._store(name, request.body))

    def _store(self, name: str, lease: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        metadata = {**lease["metadata"], "uid": "uid-1", "resourceVersion": str(self.version)}
        self.objects[name] = {**lease, "metadata": metadata}
        return self.objects[name]

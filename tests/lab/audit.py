# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API server was asked to do, read from its audit log."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.lab.api import Api
from tests.lab.errors import LabError

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_QUESTIONS = ("authorization.k8s.io", "authentication.k8s.io")
_MARK_PATH = "/livez/ping"


def policy(collection_user: str) -> dict[str, Any]:
    """Every write by anybody, and everything the collection does; heartbeats and Events would only fill the disk."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
            {"level": "None", "resources": [{"group": "events.k8s.io", "resources": ["events"]}]},
            {
                "level": "None",
                "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
                "namespaces": ["kube-node-lease", "kube-system"],
            },
            {"level": "Metadata", "users": [collection_user]},
            {"level": "Metadata", "verbs": sorted(WRITES)},
            {"level": "Metadata", "nonResourceURLs": [_MARK_PATH]},
            {"level": "None"},
        ],
    }


@dataclass(frozen=True)
class AuditEvent:
    """One request, as far as the Metadata level tells."""

    user: str
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    uri: str
    user_agent: str
    field_manager: str
    dry_run: bool
    time: str

    @property
    def is_write(self) -> bool:
        # Reviews are questions that the API takes by POST.
        return self.verb in WRITES and not self.dry_run and self.group not in _QUESTIONS


RECORD = "calico-ops-admissions"
"""The ConfigMap in tigera-operator that a rollout notes the admitted nodes in."""


class AuditLog:
    """Reads the log from a position on: `position = log.position()`, act, `log.writes(position, user=...)`."""

    def __init__(self, path: Path, admin: Api) -> None:
        self.path = path
        self._admin = admin

    def position(self) -> int:
        """A place in the log; all that was answered before this call lies before it."""
        mark = str(uuid.uuid4())
        begin = self.path.stat().st_size
        self._admin.request("GET", _MARK_PATH, headers={"Audit-ID": mark})
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with open(self.path, "rb") as log:
                log.seek(begin)
                text = log.read()
            found = text.find(mark.encode())
            end = text.find(b"\n", found)
            if found >= 0 and end >= 0:
                return begin + end + 1
            time.sleep(0.02)
        raise LabError(f"the API server wrote nothing about its last request into {self.path}")

    def events(self, since: int = 0, user: str | None = None) -> list[AuditEvent]:
        end = self.position()
        with open(self.path, "rb") as log:
            log.seek(since)
            lines = log.read(end - since).splitlines()
        found = [_event(json.loads(line)) for line in lines]
        return [event for event in found if event.uri != _MARK_PATH and user in (None, event.user)]

    def writes(self, since: int = 0, user: str | None = None, record: bool = False) -> list[AuditEvent]:
        """What was really asked to change something; dry runs and access reviews are none.

        The record of the admitted nodes is kept beside what a rollout changes, and is among them only on request.
        """
        return [event for event in self.events(since, user) if event.is_write and (record or event.name != RECORD)]


def _event(raw: dict[str, Any]) -> AuditEvent:
    target = raw.get("objectRef", {})
    query = parse_qs(urlsplit(raw["requestURI"]).query)
    return AuditEvent(
        user=raw["user"]["username"],
        verb=raw["verb"],
        group=target.get("apiGroup", ""),
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=raw.get("responseStatus", {}).get("code", 0),
        uri=raw["requestURI"],
        user_agent=raw.get("userAgent", ""),
        field_manager=query.get("fieldManager", [""])[0],
        dry_run="dryRun" in query,
        time=raw["requestReceivedTimestamp"],
    )

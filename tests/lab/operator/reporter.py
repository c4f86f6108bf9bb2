# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps one TigeraStatus: what its controller reported, and what its workloads look like at each tick."""

from __future__ import annotations

import logging
from datetime import datetime, timezone

from tests.lab.api import Api
from tests.lab.operator.conditions import Condition, Degraded, available, before_first_reconcile, judged, written
from tests.lab.operator.health import Health, daemonset_health, deployment_health, needs_diagnosis, pods_health
from tests.lab.operator.names import FIELD_MANAGER, GROUP, TIGERA_STATUSES, Document, collection, path

_log = logging.getLogger(__name__)


class Reporter:
    """The status of one controller: `calico`, `ippools` or `apiserver`."""

    def __init__(self, api: Api, component: str, *workloads: tuple[str, str]) -> None:
        self.component = component
        self.observed_generation = 0
        self._api = api
        self._workloads = workloads
        self._wanted: bool | None = None
        self._degraded: Degraded | None = None
        self._monitoring = False
        self._seen: Health | None = None

    def judge(self, kind: str, name: str) -> None:
        """One workload more."""
        self._workloads = (*self._workloads, (kind, name))

    def found(self) -> None:
        """The resource that the controller acts on exists; nothing is reported before that."""
        self._wanted = True

    def not_found(self) -> None:
        """Forget everything, so that the next installation is reported like a first one."""
        self._wanted = False
        self._degraded = None
        self._monitoring = False
        self._seen = None

    def degrade(self, reason: str, message: str, error: object = None) -> None:
        degraded = Degraded(reason, message if error is None else f"{message}: {error}")
        if degraded != self._degraded:
            _log.warning("%s: %s", self.component, degraded.message)
        self._degraded = degraded

    def reconciled(self) -> None:
        """The controller got through: from now on its workloads are judged."""
        self._monitoring = True
        self._degraded = None

    @property
    def available(self) -> bool:
        """As of the last tick."""
        return self._monitoring and self._seen is not None and available(self._seen, self._degraded)

    def tick(self) -> None:
        if self._wanted is None:
            return
        if not self._wanted:
            self._api.delete(f"{TIGERA_STATUSES}/{self.component}")
            return
        if self._monitoring:
            self._seen = self._judge()
            self._write(judged(self._seen, self._degraded))
        else:
            self._write(before_first_reconcile(self._degraded))

    def _judge(self) -> Health:
        health, pods = Health(), Health()
        for kind, name in self._workloads:
            workload = self._api.get_or_none(path(kind, name))
            health.add(daemonset_health(name, workload) if kind == "DaemonSet" else deployment_health(name, workload))
            if workload is not None and needs_diagnosis(workload):
                pods.add(self._diagnose(workload))
        health.add(pods)
        return health

    def _diagnose(self, workload: Document) -> Health:
        selector = ",".join(f"{key}={value}" for key, value in workload["spec"]["selector"]["matchLabels"].items())
        pods = self._api.list(collection("Pod"), labelSelector=selector)
        annotations = workload["metadata"].get("annotations") or {}
        return pods_health(pods, self._newest_revision(workload, selector), annotations, datetime.now(timezone.utc))

    def _newest_revision(self, workload: Document, selector: str) -> str:
        if workload["kind"] == "DaemonSet":
            kind, label = "ControllerRevision", "controller-revision-hash"
        else:
            kind, label = "ReplicaSet", "pod-template-hash"
        owned = [
            revision
            for revision in self._api.list(collection(kind), labelSelector=selector)
            if any(
                owner["uid"] == workload["metadata"]["uid"] for owner in revision["metadata"].get("ownerReferences", [])
            )
        ]
        newest: str = max(owned, key=_revision_number)["metadata"]["labels"][label] if owned else ""
        return newest

    def _write(self, conditions: list[Condition]) -> None:
        """One condition after the other, each with a write of its own: a reader may see some of them new and others old.

        Who creates the TigeraStatus loses the condition that it does it for, until the next tick: with a status subresource, the
        API server drops the status of what is created (statusManager.set, pkg/controller/status/status.go).
        """
        where, told = f"{TIGERA_STATUSES}/{self.component}", False
        for condition in conditions:
            current = self._api.get_or_none(where)
            if current is None:
                empty = {"apiVersion": f"{GROUP}/v1", "kind": "TigeraStatus", "metadata": {"name": self.component}}
                self._api.create(TIGERA_STATUSES, empty, fieldManager=FIELD_MANAGER)
                continue
            before = (current.get("status") or {}).get("conditions") or []
            now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            after = written(before, [condition], self.observed_generation, now)
            if after != before:
                told = True
                status = {**current, "status": {"conditions": after}}
                self._api.replace(f"{where}/status", status, fieldManager=FIELD_MANAGER)
        if told:
            _log.info("%s: %s", self.component, ", ".join(_shown(condition) for condition in conditions))


def _revision_number(revision: Document) -> int:
    annotations = revision["metadata"].get("annotations") or {}
    return int(revision.get("revision") or annotations.get("deployment.kubernetes.io/revision") or 0)


def _shown(condition: Condition) -> str:
    return f"{condition.type}={condition.true} ({condition.message or condition.reason})"

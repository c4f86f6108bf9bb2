# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calico on the lab, as its admin sees and changes it: what tests arrange and assert with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from tests.lab.api import APPLY
from tests.lab.eventually import PATIENCE
from tests.lab.lab import Lab

_OPERATOR = "/apis/operator.tigera.io/v1"
_APPS = "/apis/apps/v1/namespaces/calico-system"
_STATUSES = f"{_OPERATOR}/tigerastatuses"
INSTALLATION = f"{_OPERATOR}/installations/default"
# With it the first calico-node that the operator renders is final. Without it, the operator renders it again in some clean installs,
# once it has seen its own pool, and with a node that never gets ready the second rendering never comes to its end.
ADDRESSES = {"calicoNetwork": {"nodeAddressAutodetectionV4": {"firstFound": True}}}

Seen = TypeVar("Seen")
Conditions = dict[str, dict[str, Any]]


class Calico:
    """The Installation of a lab and what came of it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.admin = lab.admin

    # -- change

    def install(self, spec: dict[str, Any] | None = None, apiserver: bool = False) -> None:
        """With that spec and ADDRESSES, of which the spec may say otherwise."""
        self._create("installations", "Installation", "default", {**ADDRESSES, **(spec or {})})
        if apiserver:
            self.serve()

    def serve(self) -> None:
        """Calico's own API, by an APIServer."""
        self._create("apiservers", "APIServer", "default", {})

    def overlay(self, spec: dict[str, Any]) -> None:
        self._create("installations", "Installation", "overlay", spec)

    def patch(self, spec: dict[str, Any]) -> dict[str, Any]:
        """A JSON merge patch of the Installation's spec."""
        patched: dict[str, Any] = self.admin.patch(INSTALLATION, {"spec": spec}, fieldManager="kubectl-edit")
        return patched

    def apply(self, manager: str, spec: dict[str, Any]) -> dict[str, Any]:
        """A server-side apply of the Installation's spec that forces nothing."""
        body = {
            "apiVersion": "operator.tigera.io/v1",
            "kind": "Installation",
            "metadata": {"name": "default"},
            "spec": spec,
        }
        applied: dict[str, Any] = self.admin.patch(INSTALLATION, body, APPLY, fieldManager=manager)
        return applied

    def label(self, nodes: list[str], labels: dict[str, str | None]) -> None:
        for node in nodes:
            self.admin.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": labels}})

    def second_pod(self, node: str) -> str:
        """A calico-node pod beside the DaemonSet's, which belongs to somebody else and so is left alone; its path."""
        pods = "/api/v1/namespaces/calico-system"
        owner = self.admin.create(f"{pods}/configmaps", {"metadata": {"name": "owner"}})["metadata"]
        (first,) = (pod for pod in self.pods() if pod["spec"]["nodeName"] == node)
        reference = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "owner",
            "uid": owner["uid"],
            "controller": True,
        }
        metadata = {"name": "second", "labels": first["metadata"]["labels"], "ownerReferences": [reference]}
        self.admin.create(f"{pods}/pods", {"metadata": metadata, "spec": first["spec"]})
        return f"{pods}/pods/second"

    # -- see

    def installation(self) -> dict[str, Any]:
        found: dict[str, Any] = self.admin.get(INSTALLATION)
        return found

    def daemonset(self, name: str = "calico-node") -> dict[str, Any]:
        found: dict[str, Any] = self.admin.get_or_none(f"{_APPS}/daemonsets/{name}") or {}
        return found

    def deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.admin.get_or_none(f"{_APPS}/deployments/{name}") or {}
        return found

    def pod_template(self, name: str = "calico-node") -> dict[str, Any]:
        """The pod's spec in a DaemonSet or Deployment."""
        workload = self.daemonset(name) or self.deployment(name)
        template: dict[str, Any] = workload["spec"]["template"]["spec"]
        return template

    def pods(self, app: str = "calico-node") -> list[dict[str, Any]]:
        return [
            pod
            for pod in self.admin.list("/api/v1/namespaces/calico-system/pods", labelSelector=f"k8s-app={app}")
            if not pod["metadata"].get("deletionTimestamp")
        ]

    def nodes_with(self, app: str = "calico-node", ready: bool = False) -> set[str]:
        """The nodes that have such a pod, or a Ready one."""
        return {
            pod["spec"]["nodeName"]
            for pod in self.pods(app)
            if "nodeName" in pod["spec"] and (not ready or _ready(pod))
        }

    def conditions(self, component: str = "calico") -> Conditions:
        """The conditions of a TigeraStatus by type; empty where there is none."""
        return _conditions(self.admin.get_or_none(f"{_STATUSES}/{component}") or {})

    def version(self) -> str:
        """The cluster's resourceVersion as of now, for `told_since`."""
        version: str = self.admin.get(_STATUSES)["metadata"]["resourceVersion"]
        return version

    def told_since(self, version: str, component: str = "calico", seconds: int = int(PATIENCE)) -> Iterator[Conditions]:
        """The conditions of a TigeraStatus after each of its writes since that version, as they come; also what lasted an instant."""
        for kind, status in self.admin.watch(_STATUSES, version, seconds):
            if kind in ("ADDED", "MODIFIED") and status["metadata"]["name"] == component:
                yield _conditions(status)

    def said(self, component: str = "calico") -> dict[str, tuple[str, str, str]]:
        """Status, reason and message of each condition, of a TigeraStatus that has seen the newest generation."""
        generation = self.installation()["metadata"]["generation"]
        return {
            kind: (condition["status"], condition["reason"], condition.get("message", ""))
            for kind, condition in self.conditions(component).items()
            if component == "apiserver" or condition.get("observedGeneration") == generation
        }

    def available(self, component: str = "calico") -> bool:
        return self.said(component).get("Available", ("",))[0] == "True"

    # -- wait

    def wait_until_settled(self, nodes: int) -> None:
        """Until that many nodes have a Ready calico-node of the newest template, and no other node has one."""

        def settled() -> bool:
            daemonset = self.daemonset()
            status = daemonset.get("status", {})
            return bool(
                status.get("observedGeneration") == daemonset.get("metadata", {}).get("generation")
                and status.get("updatedNumberScheduled", 0) >= nodes
                and status.get("numberAvailable") == nodes
                and len(self.nodes_with()) == status.get("desiredNumberScheduled")
            )

        wait_for(settled, lambda: f"{nodes} nodes with calico-node: {self.daemonset().get('status')}")

    def wait_until_rolled_out(self, *names: str) -> None:
        """Until these DaemonSets and Deployments have only pods of their newest template, all of them available.

        The one that a test waits for is not always the last: each has an update of its own.
        """

        def unfinished() -> dict[str, Any]:
            workloads = {name: self.daemonset(name) or self.deployment(name) for name in names}
            return {name: workload.get("status") for name, workload in workloads.items() if not _rolled_out(workload)}

        wait_for(lambda: not unfinished(), lambda: f"not rolled out: {unfinished()}")

    def wait_until_available(self, component: str = "calico") -> None:
        """Until all three conditions say so: each has a write of its own, Available the first."""

        def all_say_so() -> bool:
            reasons = {reason for _status, reason, _message in self.said(component).values()}
            return self.available(component) and reasons == {"AllObjectsAvailable"}

        wait_for(all_say_so, lambda: f"{component}: {self.conditions(component)}")

    def _create(self, plural: str, kind: str, name: str, spec: dict[str, Any] | None) -> None:
        body: dict[str, Any] = {"apiVersion": "operator.tigera.io/v1", "kind": kind, "metadata": {"name": name}}
        if spec is not None:
            body["spec"] = spec
        self.admin.create(f"{_OPERATOR}/{plural}", body, fieldManager="kubectl-create")


def wait_for(look: Callable[[], Seen], what: Callable[[], str], seconds: float = PATIENCE) -> Seen:
    """Look until what is seen is true, and fail with the last sight after that many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            pytest.fail(f"not after {seconds:.0f} s: {what()}")
        time.sleep(0.2)


def during(seconds: float) -> Iterator[float]:
    """Turns until that many seconds are over; yields those that have gone by."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        yield time.monotonic() - begun
        time.sleep(0.2)


def _ready(pod: dict[str, Any]) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod.get("status", {}).get("conditions", [])
    )


def _conditions(status: dict[str, Any]) -> Conditions:
    return {condition["type"]: condition for condition in (status.get("status") or {}).get("conditions", [])}


def _rolled_out(workload: dict[str, Any]) -> bool:
    """A DaemonSet or Deployment whose newest template is all that there is of it."""
    status = workload.get("status", {})
    if not workload or status.get("observedGeneration") != workload["metadata"]["generation"]:
        return False
    if workload["kind"] == "DaemonSet":
        counts = {
            status.get(name, 0) for name in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
        }
        return counts == {status["currentNumberScheduled"]} and not status.get("numberMisscheduled")
    return {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")} == {
        workload["spec"]["replicas"]
    }

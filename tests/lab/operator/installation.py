# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controllers of the Installation: the core one, and the one of the IP pools.

A reconcile returns the seconds until it wants to be called again, or None when events are enough; an error is retried
by the caller, with back-off.
"""

from __future__ import annotations

import copy
import time
from typing import Any

from tests.lab.api import Api, ApiError
from tests.lab.operator import pods, typha, workloads
from tests.lab.operator.defaults import enabled_pools, with_defaults, with_pool_defaults
from tests.lab.operator.names import (
    CSI,
    FIELD_MANAGER,
    INSTALLATION,
    INSTALLATION_FINALIZER,
    KUBE_CONTROLLERS,
    NODE,
    OPERATOR_FINALIZER,
    OVERLAY,
    TYPHA,
    Document,
    path,
)
from tests.lab.operator.overlay import overlaid
from tests.lab.operator.reporter import Reporter
from tests.lab.operator.runnable import runnable
from tests.lab.operator.validation import installation_fault
from tests.lab.operator.writes import gone, mirror_conditions, patch_installation, put_all, put_status

_STANDARD_RETRY = 30.0
_NOT_STARTED = "Failed to autoscale typha - could not list nodes: the cache is not started, can not read objects"
_REMOVAL_RETRY = 1.0


def nodes_for_typha(api: Api) -> int:
    """How many typha replicas the cluster's nodes ask for; only what counts is read of them."""
    answer: Document = api.request(
        "GET",
        "/api/v1/nodes",
        query={"fieldSelector": "spec.unschedulable=false", "resourceVersion": "0"},
        headers={"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"},
    )
    # An empty list of metadata has null for its items.
    return typha.replicas(node["metadata"].get("labels") or {} for node in answer["items"] or [])


class Rejected(Exception):
    """The configuration cannot be carried out; said in TigeraStatus already."""


class InstallationController:
    """Fills in defaults, judges the configuration, writes the workloads, fills the status."""

    def __init__(self, api: Api, pools_seen_after: float = 0.0, real_pods: bool = False) -> None:
        """With `pools_seen_after`, calico-node is rendered once without its pools, and again so many seconds later.

        With `real_pods`, a real kubelet can run all that is rendered.
        """
        self.reporter = Reporter(api, "calico", ("DaemonSet", NODE), ("Deployment", KUBE_CONTROLLERS))
        self._api = api
        self._real_pods = real_pods
        self._generation = 0
        self._typha_short = False
        self._pools_seen_after = pools_seen_after
        self._pools_there_since: float | None = None

    def start(self) -> None:
        """What a TigeraStatus says of an Installation that was there before: the autoscaler runs before the nodes can be listed."""
        if self._api.get_or_none(INSTALLATION) is not None:
            self.reporter.found()
            self.reporter.degrade("ResourceScalingError", _NOT_STARTED)
            self.reporter.tick()

    def reconcile(self, status_changed: bool) -> float | None:
        installation = self._api.get_or_none(INSTALLATION)
        if installation is None:
            self.reporter.not_found()
            self._pools_there_since = None
            return None
        self.reporter.found()
        self._generation = installation["metadata"]["generation"]
        try:
            return self._reconcile(installation, status_changed)
        finally:
            # Set at the end of every reconcile, also of one that failed.
            self.reporter.observed_generation = self._generation

    def autoscale_typha(self) -> bool:
        """Keep the number of replicas; True when nodes became sufficient again and a reconcile was waiting for that."""
        if self._api.get_or_none(INSTALLATION) is None:
            return False
        try:
            replicas = nodes_for_typha(self._api)
        except typha.NotEnoughNodes as error:
            self._typha_short = True
            self.reporter.degrade("ResourceScalingError", f"Failed to autoscale typha - {error}")
            return False
        recovered, self._typha_short = self._typha_short, False
        deployment = self._api.get_or_none(path("Deployment", TYPHA))
        if deployment is not None and deployment["spec"]["replicas"] != replicas:
            patch = {"spec": {"replicas": replicas}}
            self._api.patch(path("Deployment", TYPHA), patch, fieldManager=FIELD_MANAGER)
        return recovered

    def _reconcile(self, installation: Document, status_changed: bool) -> float | None:
        if status_changed:
            installation = mirror_conditions(self._api, INSTALLATION, installation, "calico")
        filled = copy.deepcopy(installation)
        unseen = self._seconds_until_pools_are_seen(installation.get("spec") or {})
        filled["spec"] = with_defaults(installation.get("spec") or {}, pools_seen=not unseen)
        self._judge("Invalid Installation provided", filled["spec"])
        if installation["metadata"].get("deletionTimestamp"):
            return self._terminate(installation)
        finalizers = filled["metadata"].setdefault("finalizers", [])
        finalizers += [name for name in (INSTALLATION_FINALIZER, OPERATOR_FINALIZER) if name not in finalizers]
        installation = self._write_back(installation, filled)

        spec = installation["spec"]
        overlay = self._api.get_or_none(OVERLAY)
        if overlay is not None:
            spec = overlaid(spec, overlay.get("spec") or {})
            self._judge("Invalid computed config", spec)
        if "Calico" in (spec["cni"]["type"], spec["cni"]["ipam"]["type"]) and not enabled_pools(spec):
            self.reporter.degrade("ResourceNotFound", "waiting for enabled IP pools to be created")
            return None
        try:
            replicas = nodes_for_typha(self._api)
        except typha.NotEnoughNodes as error:
            self._typha_short = True
            self.reporter.degrade("ResourceScalingError", "Failed to scale typha", error)
            return _STANDARD_RETRY

        try:
            objects = workloads.for_installation(spec, replicas)
            put_all(self._api, runnable(objects) if self._real_pods else objects, installation)
            if not workloads.has_csi(spec):
                self._api.delete(path("DaemonSet", CSI))
        except ApiError as error:
            self.reporter.degrade("ResourceUpdateError", "Error creating / updating resource", error)
            raise
        self.reporter.reconciled()
        if unseen:
            return unseen
        if not self.reporter.available:
            return _STANDARD_RETRY
        self._fill_status(installation, spec)
        return None

    def _seconds_until_pools_are_seen(self, spec: Document) -> float:
        """The operator lists the pools twice in a reconcile: to fill in defaults, and to see whether there are any.

        The pool controller may create the first one in between (core_controller.go, updateInstallationWithDefaults and
        GetActivePools): then calico-node is rendered without an address, and again when the operator next comes round.
        """
        if not enabled_pools(spec):
            return 0.0
        if self._pools_there_since is None:
            self._pools_there_since = time.monotonic()
        return max(0.0, self._pools_there_since + self._pools_seen_after - time.monotonic())

    def _judge(self, said: str, spec: Document) -> None:
        fault = installation_fault(spec)
        if fault:
            self.reporter.degrade("InvalidConfigurationError", said, fault)
            raise Rejected(f"{said}: {fault}")

    def _write_back(self, installation: Document, filled: Document) -> Document:
        try:
            installation = patch_installation(self._api, installation, filled)
        except ApiError as error:
            self.reporter.degrade("ResourceUpdateError", "Failed to write defaults", error)
            raise
        self._generation = installation["metadata"]["generation"]
        return installation

    def _fill_status(self, installation: Document, spec: Document) -> None:
        """Only once all is available: one node that never gets ready leaves this empty for ever."""
        status: dict[str, Any] = dict(installation.get("status") or {})
        status.update(variant=spec["variant"], calicoVersion=pods.CALICO_VERSION, computed=spec)
        status["mtu"] = spec["calicoNetwork"].get("mtu", 0)
        put_status(self._api, INSTALLATION, installation, status)

    def _terminate(self, installation: Document) -> float | None:
        """Pods of the pods' network go first, calico-node last: it is still needed to take their network down."""
        self._api.delete(path("Deployment", KUBE_CONTROLLERS))
        self._api.delete(path("DaemonSet", CSI))
        finalizers = list(installation["metadata"].get("finalizers") or [])
        if gone(self._api, "Deployment", KUBE_CONTROLLERS) and gone(self._api, "DaemonSet", CSI):
            finalizers = [name for name in finalizers if name != INSTALLATION_FINALIZER]
        if finalizers == [OPERATOR_FINALIZER]:
            finalizers = []
        after = copy.deepcopy(installation)
        after["metadata"]["finalizers"] = finalizers
        patch_installation(self._api, installation, after)
        return _REMOVAL_RETRY if finalizers else None


class PoolController:
    """Fills in the IP pools once the core controller has filled in the CNI."""

    def __init__(self, api: Api) -> None:
        self.reporter = Reporter(api, "ippools")
        self._api = api

    def reconcile(self, status_changed: bool) -> float | None:
        installation = self._api.get_or_none(INSTALLATION)
        if installation is None:
            self.reporter.not_found()
            return None
        self.reporter.found()
        if not installation["metadata"].get("deletionTimestamp"):
            installation = self._fill_in(installation)
        self.reporter.observed_generation = installation["metadata"]["generation"]
        return None

    def _fill_in(self, installation: Document) -> Document:
        if OPERATOR_FINALIZER not in (installation["metadata"].get("finalizers") or []):
            self.reporter.degrade("ResourceNotReady", "Waiting for Installation defaulting to occur")
            return installation
        filled = copy.deepcopy(installation)
        filled["spec"] = with_pool_defaults(installation["spec"])
        try:
            installation = patch_installation(self._api, installation, filled)
        except ApiError as error:
            self.reporter.degrade("ResourceUpdateError", "Failed to write defaults", error)
            raise
        self.reporter.reconciled()
        return installation

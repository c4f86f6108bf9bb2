# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller of the APIServer resource: calico-apiserver, placed with the control plane, or webhooks in its place."""

from __future__ import annotations

import copy

from tests.lab.api import Api, ApiError
from tests.lab.operator import workloads
from tests.lab.operator.defaults import with_defaults
from tests.lab.operator.installation import Rejected
from tests.lab.operator.names import (
    APISERVER,
    APISERVER_FINALIZER,
    APISERVERS,
    CRD_GROUP,
    INSTALLATION,
    OVERLAY,
    V3_GROUP,
    WEBHOOKS,
    Document,
)
from tests.lab.operator.overlay import overlaid
from tests.lab.operator.reporter import Reporter
from tests.lab.operator.runnable import runnable
from tests.lab.operator.validation import apiserver_fault
from tests.lab.operator.writes import gone, mirror_conditions, patch_installation, put_all, put_status

_STANDARD_RETRY = 30.0
_REMOVAL_RETRY = 1.0
_APISERVER = f"{APISERVERS}/default"


def made_of_crds(api: Api) -> bool:
    """Is Calico's own API made of CRDs, and not served by calico-apiserver?"""
    return api.get_or_none(CRD_GROUP) is None and api.get_or_none(V3_GROUP) is not None


class ApiserverController:
    """Waits for the Installation's variant and for the namespace, never for calico to be available."""

    def __init__(self, api: Api, real_pods: bool = False) -> None:
        self.reporter = Reporter(api, "apiserver")
        self._real_pods = real_pods
        self._api = api
        self._served: str | None = None

    def reconcile(self, status_changed: bool) -> float | None:
        apiserver = self._api.get_or_none(_APISERVER)
        if apiserver is None:
            self.reporter.not_found()
            return self._release_installation()
        self.reporter.found()
        fault = apiserver_fault(apiserver.get("spec") or {})
        if fault:
            self.reporter.degrade("ResourceValidationError", "APIServer is invalid", fault)
            raise Rejected(fault)
        try:
            return self._reconcile(apiserver, status_changed)
        finally:
            self.reporter.observed_generation = apiserver["metadata"]["generation"]

    def _reconcile(self, apiserver: Document, status_changed: bool) -> float | None:
        if status_changed:
            apiserver = mirror_conditions(self._api, _APISERVER, apiserver, "apiserver")
        installation = self._api.get_or_none(INSTALLATION)
        if installation is None:
            self.reporter.degrade("ResourceNotFound", "Installation not found")
            return _STANDARD_RETRY
        spec = installation.get("spec") or {}
        if not spec.get("variant"):
            self.reporter.degrade("ResourceNotReady", "Waiting for Installation Variant to be set")
            return None
        if not installation["metadata"].get("deletionTimestamp"):
            self._hold_installation(installation)
        overlay = self._api.get_or_none(OVERLAY)
        if overlay is not None:
            spec = overlaid(spec, overlay.get("spec") or {})
        try:
            rendered = workloads.for_webhooks if self._deployment == WEBHOOKS else workloads.for_apiserver
            objects = rendered(with_defaults(spec), apiserver.get("spec") or {})
            put_all(self._api, runnable(objects) if self._real_pods else objects, apiserver)
        except ApiError as error:
            self.reporter.degrade("ResourceUpdateError", "Error creating / updating resource", error)
            raise
        self.reporter.reconciled()
        if not self.reporter.available:
            return _STANDARD_RETRY
        put_status(self._api, _APISERVER, apiserver, {**(apiserver.get("status") or {}), "state": "Ready"})
        return None

    @property
    def _deployment(self) -> str:
        """calico-apiserver, or the webhooks; told once in the operator's life."""
        if self._served is None:
            self._served = WEBHOOKS if made_of_crds(self._api) else APISERVER
            self.reporter.judge("Deployment", self._served)
        return self._served

    def _hold_installation(self, installation: Document) -> None:
        """While there is an APIServer, the Installation's deletion waits for it."""
        after = copy.deepcopy(installation)
        finalizers = after["metadata"].setdefault("finalizers", [])
        if APISERVER_FINALIZER not in finalizers:
            finalizers.append(APISERVER_FINALIZER)
        patch_installation(self._api, installation, after)

    def _release_installation(self) -> float | None:
        installation = self._api.get_or_none(INSTALLATION)
        if installation is None or APISERVER_FINALIZER not in (installation["metadata"].get("finalizers") or []):
            return None
        if not gone(self._api, "Deployment", self._deployment):
            return _REMOVAL_RETRY
        after = copy.deepcopy(installation)
        after["metadata"]["finalizers"].remove(APISERVER_FINALIZER)
        patch_installation(self._api, installation, after)
        return None

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller of Calico's own tiers: here no more than its TigeraStatus, which is unlike the others.

It belongs to no resource, so its conditions carry no observedGeneration, and it stays when the Installation is deleted
(pkg/controller/tiers/tiers_controller.go; on an open-source Calico since operator 1.42).
"""

from __future__ import annotations

from tests.lab.api import Api
from tests.lab.operator.apiserver import made_of_crds
from tests.lab.operator.names import APISERVERS, INSTALLATION
from tests.lab.operator.reporter import Reporter

_STANDARD_RETRY = 30.0
_APISERVER = f"{APISERVERS}/default"


class TiersController:
    """Waits for Calico's own API, and has nothing to complain of where that is served."""

    def __init__(self, api: Api) -> None:
        self.reporter = Reporter(api, "tiers")
        self._api = api
        self._called = False

    def reconcile(self, status_changed: bool) -> float | None:
        apiserver = self._api.get_or_none(_APISERVER)
        # It is called by events, and the first is an Installation or an APIServer.
        self._called = self._called or apiserver is not None or self._api.get_or_none(INSTALLATION) is not None
        if not self._called:
            return None
        self.reporter.found()
        served = apiserver is not None and (apiserver.get("status") or {}).get("state") == "Ready"
        if not served and not made_of_crds(self._api):
            self.reporter.degrade("ResourceNotReady", "Waiting for Tigera API server to be ready")
            return _STANDARD_RETRY
        self.reporter.reconciled()
        return None

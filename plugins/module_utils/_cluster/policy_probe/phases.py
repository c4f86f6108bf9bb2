# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The phases of a run: a write, and then waiting until all clients see what it wants, or its deadline is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..._kube.client import Cluster
from ..._rollout.documents.policy import ProbePhase
from ..._rollout.policy.timelines import PHASES, Write
from . import namespace
from .cluster_dns import ClusterDns
from .fleet import Fleet
from .lease import Lease, check
from .pods import Owner
from .policies import default_deny, global_deny, precise_allow
from .request import ProbeRequest
from .targets import Place

TARGETS_ARRIVE = 3.0
"""Seconds that the kubelets may take to show the clients their targets, beside the deadline."""
HEARD_AFTER = 3.0
"""Seconds from the end of a container to the API server: the kubelet looks at its containers once a second (plegRelistPeriod)."""
ENDS = 10.0
"""Seconds in which a client that was told that a phase is over says so."""


class Phases:
    def __init__(
        self,
        cluster: Cluster,
        request: ProbeRequest,
        owner: Owner,
        lease: Lease,
        fleet: Fleet,
        dns: ClusterDns | None,
    ):
        self.writes: dict[ProbePhase, Write] = {}
        self._cluster = cluster
        self._request = request
        self._owner = owner
        self._lease = lease
        self._fleet = fleet
        self._begin: Mapping[ProbePhase, Callable[[], object]] = {
            "default_deny": self._deny,
            "precise_allow": lambda: self._create(precise_allow(owner, dns)),
            "reopened": lambda: namespace.remove_policies(cluster, owner, request.calico_policy),
        }

    def go_through(self, clients: Iterable[Place]) -> None:
        places = list(clients)
        for number, phase in enumerate(PHASES, start=1):
            if phase in self._begin:
                sent = time.time()
                self._begin[phase]()
                self.writes[phase] = Write(sent, time.time())
            extra = TARGETS_ARRIVE if phase not in self._begin else 0.0
            late = self._await(phase, places, self._request.deadline + HEARD_AFTER + extra)
            if late:
                self._fleet.end_phase(late, number)
                self._await(phase, late, ENDS)

    def _await(self, phase: ProbePhase, places: list[Place], seconds: float) -> list[Place]:
        """Those that have not seen the end of the phase by then."""
        deadline = time.monotonic() + seconds
        while True:
            self._fleet.look()
            check(self._lease)
            late = [
                place for place in places if place.node not in self._fleet.trouble and not self._has_seen(place, phase)
            ]
            if not late or time.monotonic() >= deadline:
                return late
            self._fleet.wait(deadline)

    def _has_seen(self, place: Place, phase: ProbePhase) -> bool:
        seen = self._fleet.pods[place]
        return seen.report is not None or phase in seen.settled

    def _deny(self) -> None:
        if self._request.calico_policy:
            self._cluster.request("POST", namespace.GLOBAL_POLICIES, body=global_deny(self._owner))
        else:
            self._create(default_deny(self._owner))

    def _create(self, policy: dict[str, Any]) -> None:
        self._cluster.request("POST", namespace.path(self._owner.namespace, "networkpolicies"), body=policy)

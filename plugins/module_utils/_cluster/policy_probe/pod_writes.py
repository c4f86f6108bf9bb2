# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Makes pods and annotates them, so many at once as a cluster bears."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..._kube.client import Cluster
from ..._kube.writes import Write, WriteOutcome, write_all
from ..._rollout.text.terminal import printable

RATE, CONCURRENCY = 50.0, 16
"""Writes begun a second, and under way at once."""
SERVICE_ACCOUNT_COMES = 10.0
"""Seconds in which a new namespace gets its service account; no pod is let in before."""
LOOK_AGAIN = 0.25


def make_pods(cluster: Cluster, path: str, bodies: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By the pod's name why the API server refuses it. One that is there already is not refused."""
    refused: dict[str, str] = {}
    until = time.monotonic() + SERVICE_ACCOUNT_COMES
    left = {str(body["metadata"]["name"]): body for body in bodies}
    while left:
        writes = [Write(name, "POST", path, body, "application/json") for name, body in left.items()]
        outcomes = write_all(cluster, writes, RATE, CONCURRENCY)
        in_time = time.monotonic() <= until
        left = {name: body for name, body in left.items() if in_time and _has_no_service_account(outcomes[name])}
        for name, outcome in outcomes.items():
            if name not in left and outcome.error is not None and outcome.error.status != 409:
                refused[name] = f"the API server refuses its pod: {printable(outcome.error.said)}"
        if left:
            time.sleep(LOOK_AGAIN)
    return refused


def patch_pods(cluster: Cluster, path: str, bodies: Mapping[str, Mapping[str, Any]]) -> dict[str, WriteOutcome]:
    """:param bodies: merge patches by the pod's name"""
    writes = [Write(name, "PATCH", f"{path}/{name}", body) for name, body in bodies.items()]
    return write_all(cluster, writes, RATE, CONCURRENCY)


def _has_no_service_account(outcome: WriteOutcome) -> bool:
    """As the admission plugin ServiceAccount says it (plugin/pkg/admission/serviceaccount in kubernetes/kubernetes)."""
    return outcome.error is not None and outcome.error.status == 403 and "service account" in outcome.error.said

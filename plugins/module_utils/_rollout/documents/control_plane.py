# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How the rest of Calico stands, beside calico-node. Told, and never a gate."""

from __future__ import annotations

from typing import Literal, TypedDict

from .observation import ConditionSeen

WorkloadKind = Literal["Deployment", "DaemonSet"]


class OperatorStatus(TypedDict):
    """A TigeraStatus: what tigera-operator says of one of its components."""

    name: str
    available: bool
    progressing: bool
    degraded: bool
    reason: str | None
    """Of the condition that is not as it should be, with its message and the instant since when; null when all are."""
    message: str | None
    since: str | None
    conditions: dict[str, ConditionSeen]


class CalicoApi(TypedDict):
    """Which API Calico's own resources are kept in, as tigera-operator chooses it when it starts."""

    group: Literal["crd.projectcalico.org/v1", "projectcalico.org/v3"]
    ground: str
    """What says so, in one sentence without its end."""


class ComponentStanding(TypedDict):
    """A Deployment or DaemonSet of Calico's, or tigera-operator's own Deployment."""

    kind: WorkloadKind
    namespace: str
    name: str
    wanted: int
    available: int
    ready: bool
    """As many pods as are wanted, one at least, are available and of the newest template."""
    reason: str | None
    """What it waits for; null when it is ready."""


class ControlPlane(TypedDict):
    well: bool
    """Every TigeraStatus is Available and nothing else, every component is ready, and nothing was left unread."""
    troubles: list[str]
    """What is not well and what it waits for, a sentence without its end each."""
    components: list[ComponentStanding]
    calico_api: CalicoApi
    not_read: list[str]
    """What the account may not read, with the right that this takes."""

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where a cluster stands, for people and dashboards."""

from __future__ import annotations

from typing import Literal, TypedDict

from .control_plane import ControlPlane, OperatorStatus
from .decision import Readiness
from .lock import LockSeen
from .nodes import ClusterName
from .plan import AdmissionLabel
from .policy_gap import PolicyGap

OutsideCause = Literal["quarantined", "unsupported", "registered_anew", "not_admitted"]
ScopeState = Literal["absent", "overlaid", "unscoped", "pending", "in_force"]


class NotedWaiver(TypedDict):
    check: str
    until: str
    """The last day on which the waiver counts, in UTC, as an ISO date."""
    expired: bool
    """That day has passed: a precheck would keep the node out."""


class StaleSetting(TypedDict):
    """A setting for which a host's evidence does not count any more."""

    setting: str
    checked: str
    asked: str
    source: str
    """The object that asks for it."""


class Admission(TypedDict):
    """A node that carries the admission label, and what the rollout noted when it set it."""

    node: str
    batch: str | None
    """Null where the label was set by somebody else."""
    plan: str | None
    precheck: str | None
    """Digest of the evidence it was admitted on."""
    waivers: list[NotedWaiver]
    """Checks that failed on it then, and were waived."""
    stale: list[StaleSetting]
    """What the cluster asks of its host by now, and the precheck it was admitted on did not ask. Empty where nothing was noted."""


class OutsideNode(TypedDict):
    """A node that does not carry the admission label."""

    node: str
    cause: OutsideCause
    """`registered_anew`: it was admitted as another Node of its name, and lost label and calico-node with it."""
    reason: str
    """One sentence for the person on call."""
    calico_ready: bool
    """A Ready calico-node runs on it all the same."""
    unschedulable: bool
    """It is cordoned."""
    taints: list[str]
    """Those that keep pods away, as kubectl writes them: `key=value:Effect`."""


class Scope(TypedDict):
    """Where the Installation lets calico-node run."""

    state: ScopeState
    """`absent`: no Installation; `overlaid`: an Installation named overlay takes the place of a selector, affinity or tolerations;
    `unscoped`: a selector lacks the admission label; `pending`: tigera-operator has not taken them yet."""
    reason: str
    calico_node_selector: dict[str, str]
    csi_node_driver_selector: dict[str, str]
    control_plane_selector: dict[str, str]
    managed_by: list[str]
    """Names of the field managers that write the Installation's spec."""


class ClusterStatus(TypedDict):
    """Where a cluster stands: who is in, who is ready, who is outside and why, where policy is not in force."""

    kind: Literal["ClusterStatus"]
    version: int
    cluster: ClusterName | None
    """Null where it was not told."""
    read_at: float
    admission_label: AdmissionLabel
    ready: bool
    """Some node is admitted, every admitted node passes the gate, none of them was registered anew and lost its label, and no overlay
    undoes the selectors."""
    reason: str
    """One sentence."""
    admitted: list[Admission]
    readiness: Readiness
    """The gate over the admitted nodes."""
    outside: list[OutsideNode]
    not_recorded: str | None
    """Why it cannot be told which nodes were registered anew: there is no record of the admitted nodes; null where there is one."""
    policy_gaps: list[PolicyGap] | None
    """Null where the workloads were not read."""
    policies_not_read: str | None
    """Why it cannot be told which NetworkPolicies are not in force; null where it can, or nothing was to be read."""
    operator: list[OperatorStatus]
    control_plane: ControlPlane | None
    """Null where it was not read."""
    scope: Scope
    lock: LockSeen | None
    """Null where it was not read."""
    lock_not_read: str | None
    """Why it cannot be told whether a rollout is under way; null where it can."""

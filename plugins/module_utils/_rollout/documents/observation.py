# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The cluster at one instant."""

from __future__ import annotations

from typing import Any, TypedDict


class TaintSeen(TypedDict):
    key: str
    value: str
    effect: str


class NodeSeen(TypedDict):
    uid: str
    created: str | None
    """RFC 3339: when the Node was registered, the last time."""
    labels: dict[str, str]
    annotations: dict[str, str]
    """Only those of the rollout's own domain."""
    ready: bool
    ready_since: str | None
    """RFC 3339: last transition of the Ready condition."""
    not_ready_reason: str | None
    """Why the Node is not Ready, as its kubelet says; null when it is."""
    kubelet_silent: bool
    """The Ready condition is Unknown: the kubelet no longer reports, and what its pods' status says is old."""
    network_unavailable: bool
    """The NetworkUnavailable condition is True."""
    network_reason: str | None
    network_since: str | None
    """RFC 3339: last transition of the NetworkUnavailable condition."""
    unschedulable: bool
    taints: list[TaintSeen]


class PodSeen(TypedDict):
    """A calico-node pod."""

    name: str
    node: str
    revision: str | None
    """Label controller-revision-hash."""
    ready: bool
    deleting: bool
    phase: str
    reason: str | None
    """Why it is not ready, from container states and conditions."""
    since: str | None
    """RFC 3339: last transition of the Ready condition, else the pod's creation."""
    created: str | None
    """RFC 3339."""
    deleting_since: str | None
    """RFC 3339: when its deletion was requested; null before."""
    starting: bool
    """Its containers are being made: none of them has run yet, and nothing has failed."""
    last_ready: bool
    """Every container was ready when the kubelet last said so, also where somebody else has taken Ready from the pod since."""


class DaemonSetSeen(TypedDict):
    generation: int
    observed_generation: int
    desired: int
    updated: int
    available: int
    node_selector: dict[str, str]
    affinity: dict[str, Any]
    tolerations: list[dict[str, Any]]
    revision: str | None
    """controller-revision-hash of the newest ControllerRevision."""
    max_unavailable: str
    max_surge: str
    """How many nodes may have a second calico-node, which becomes ready before the first one goes; `0`: none."""


class ConditionSeen(TypedDict):
    status: str
    reason: str
    message: str
    observed_generation: int


class RaisedSeen(TypedDict):
    """That a rollout raised maxUnavailable, as its annotation on the Installation says: what the next run restores it from."""

    previous: str | None
    """Null where the Installation had no value."""
    raised: str
    plan: str | None
    """Id of the plan that raised it; null if the annotation does not say."""
    until: str | None
    """RFC 3339: when the run that raised it has ended at the latest; null where the annotation does not say."""


class InstallationSeen(TypedDict):
    uid: str
    generation: int
    calico_node_selector: dict[str, str]
    csi_node_driver_selector: dict[str, str]
    control_plane_selector: dict[str, str]
    max_unavailable: str | None
    """nodeUpdateStrategy.rollingUpdate.maxUnavailable."""
    raised: RaisedSeen | None
    variant: str | None
    provider: str | None
    selector_since: str | None
    """RFC 3339: when a rollout set the selector last, as its field manager says; null where none did."""
    managed_by: list[str]
    """Names of the field managers that write its spec."""
    owned_by: list[str]
    """Helm releases and GitOps controllers that apply it from outside the cluster, in words."""
    placement: dict[str, dict[str, Any]]
    """nodeSelector, affinity and tolerations of each component's override, as far as there are any."""


class OverlaySeen(TypedDict):
    """The Installation named `overlay`, as far as tigera-operator merges it over what a rollout writes."""

    created: str | None
    """RFC 3339."""
    managed_by: list[str]
    """Names of the field managers that write its spec."""
    placement: dict[str, dict[str, Any]]
    """nodeSelector, affinity and tolerations of calico-node's and csi-node-driver's overrides; empty ones too, as they replace as well."""
    control_plane_selector: dict[str, str] | None
    """Null where it leaves that of Installation/default."""


class ApiServerSeen(TypedDict):
    uid: str
    generation: int
    managed_by: list[str]
    owned_by: list[str]
    placement: dict[str, dict[str, Any]]


class Observation(TypedDict):
    """The cluster at one instant, trimmed to what a decision needs."""

    read_at: float
    """That instant, by the API server's clock: what the instants in its objects are compared with."""
    nodes: dict[str, NodeSeen]
    pods: list[PodSeen]
    daemonset: DaemonSetSeen | None
    csi_daemonset: DaemonSetSeen | None
    installation: InstallationSeen | None
    overlay: OverlaySeen | None
    """Null where no Installation named `overlay` exists."""
    apiserver: ApiServerSeen | None
    v3_crds: bool
    """Calico's own API is made of CRDs: webhooks run in place of calico-apiserver."""
    manifest_install: list[str]
    """calico-node or canal DaemonSets outside the operator, as namespace/name."""
    calico_status: dict[str, ConditionSeen]
    """Conditions of TigeraStatus/calico by type; for diagnosis, never a gate."""

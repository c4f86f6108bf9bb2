# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The documents that go from one step of a rollout to the next.

inventory + cluster nodes -> PrecheckReport -> Plan -> (decide -> actions -> Observation)* -> Report

The actions of a decision are in `actions`, and imported from there.

Each is plain JSON: dicts, lists, strings, numbers, booleans and null. The JSON Schemas in docs/reference/schemas are generated from
these definitions, and every document of a real run is validated against them in the tests.
Instants are seconds since the epoch on the controller's clock; durations are seconds.
"""

from __future__ import annotations

from .control_plane import CalicoApi, ComponentStanding, ControlPlane, OperatorStatus, WorkloadKind
from .decision import (
    BatchReport,
    BatchState,
    Decision,
    Outcome,
    Phase,
    Readiness,
    ReadinessRow,
    Report,
    RestartState,
    RolloutState,
)
from .nodes import ClusterAddress, ClusterName, NodeFacts
from .observation import (
    ApiServerSeen,
    ConditionSeen,
    DaemonSetSeen,
    InstallationSeen,
    NodeSeen,
    Observation,
    OverlaySeen,
    PodSeen,
    RaisedSeen,
    TaintSeen,
)
from .plan import (
    AdmissionLabel,
    Batch,
    Evidence,
    ExcludedNode,
    Exclusion,
    ExclusionCause,
    Plan,
    PlannedTier,
    PlannedWaiver,
    Restart,
    RestartingNode,
    StuckNode,
    TierSettings,
    UnprovenCause,
    UnprovenNode,
)
from .precheck import (
    CalicoSettings,
    CheckResult,
    CrossFinding,
    HostFacts,
    HostIdentity,
    HostOutcome,
    NodeSettings,
    PrecheckOutcome,
    PrecheckRecord,
    PrecheckReport,
    PrecheckResult,
    PrecheckSettings,
    PrecheckSummary,
    Severity,
    UnreadObjects,
    Waiver,
    WaiverEffect,
    WaiverState,
)
from .reach import ReachFault, ReachFinding, ReachOutcome, ReachPeer, ReachPlan, ReachReport
from .status import (
    Admission,
    ClusterStatus,
    NotedWaiver,
    OutsideCause,
    OutsideNode,
    PolicyGap,
    Scope,
    ScopeState,
    StaleSetting,
)

DOCUMENT_VERSION = 1

__all__ = [
    "DOCUMENT_VERSION",
    "Admission",
    "AdmissionLabel",
    "ApiServerSeen",
    "Batch",
    "BatchReport",
    "BatchState",
    "CalicoApi",
    "CalicoSettings",
    "CheckResult",
    "ClusterAddress",
    "ClusterName",
    "ClusterStatus",
    "ComponentStanding",
    "ConditionSeen",
    "ControlPlane",
    "CrossFinding",
    "DaemonSetSeen",
    "Decision",
    "Evidence",
    "ExcludedNode",
    "Exclusion",
    "ExclusionCause",
    "HostFacts",
    "HostIdentity",
    "HostOutcome",
    "InstallationSeen",
    "NodeFacts",
    "NodeSeen",
    "NodeSettings",
    "NotedWaiver",
    "Observation",
    "OperatorStatus",
    "Outcome",
    "OutsideCause",
    "OutsideNode",
    "OverlaySeen",
    "Phase",
    "Plan",
    "PlannedTier",
    "PlannedWaiver",
    "PodSeen",
    "PolicyGap",
    "PrecheckOutcome",
    "PrecheckRecord",
    "PrecheckReport",
    "PrecheckResult",
    "PrecheckSettings",
    "PrecheckSummary",
    "RaisedSeen",
    "ReachFault",
    "ReachFinding",
    "ReachOutcome",
    "ReachPeer",
    "ReachPlan",
    "ReachReport",
    "Readiness",
    "ReadinessRow",
    "Report",
    "Restart",
    "RestartState",
    "RestartingNode",
    "RolloutState",
    "Scope",
    "ScopeState",
    "Severity",
    "StaleSetting",
    "StuckNode",
    "TaintSeen",
    "TierSettings",
    "UnprovenCause",
    "UnprovenNode",
    "UnreadObjects",
    "Waiver",
    "WaiverEffect",
    "WaiverState",
    "WorkloadKind",
]

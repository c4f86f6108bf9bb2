# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The documents that go from one step of a rollout to the next.

inventory + cluster nodes -> PrecheckReport -> Plan -> (decide -> actions -> Observation)* -> Report

Each is plain JSON: dicts, lists, strings, numbers, booleans and null. The JSON Schemas in docs/reference/schemas are generated from
these definitions, and every document of a real run is validated against them in the tests.
Instants are seconds since the epoch on the controller's clock; durations are seconds.
"""

from __future__ import annotations

from .control_plane import CalicoApi, ComponentStanding, ControlPlane, OperatorStatus
from .decision import (
    Action,
    AwaitOwner,
    AwaitRestart,
    BatchReport,
    Decision,
    LabelNodes,
    PredictedChanges,
    RaiseMaxUnavailable,
    Readiness,
    ReadinessRow,
    RefusedWrite,
    Report,
    RestartState,
    RestoreMaxUnavailable,
    RolloutState,
    ScopeInstallation,
    Wait,
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
    Plan,
    PlannedTier,
    PlannedWaiver,
    Restart,
    RestartingNode,
    StuckNode,
    TierSettings,
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
    PrecheckRecord,
    PrecheckReport,
    PrecheckResult,
    PrecheckSettings,
    PrecheckSummary,
    UnreadObjects,
    Waiver,
)
from .reach import ReachFinding, ReachOutcome, ReachPeer, ReachPlan, ReachReport
from .status import Admission, ClusterStatus, NotedWaiver, OutsideNode, PolicyGap, Scope, StaleSetting

DOCUMENT_VERSION = 1

__all__ = [
    "DOCUMENT_VERSION",
    "Action",
    "Admission",
    "AdmissionLabel",
    "ApiServerSeen",
    "AwaitOwner",
    "AwaitRestart",
    "Batch",
    "BatchReport",
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
    "HostFacts",
    "HostIdentity",
    "HostOutcome",
    "InstallationSeen",
    "LabelNodes",
    "NodeFacts",
    "NodeSeen",
    "NodeSettings",
    "NotedWaiver",
    "Observation",
    "OperatorStatus",
    "OutsideNode",
    "OverlaySeen",
    "Plan",
    "PlannedTier",
    "PlannedWaiver",
    "PodSeen",
    "PolicyGap",
    "PrecheckRecord",
    "PrecheckReport",
    "PrecheckResult",
    "PrecheckSettings",
    "PrecheckSummary",
    "PredictedChanges",
    "RaiseMaxUnavailable",
    "RaisedSeen",
    "ReachFinding",
    "ReachOutcome",
    "ReachPeer",
    "ReachPlan",
    "ReachReport",
    "Readiness",
    "ReadinessRow",
    "RefusedWrite",
    "Report",
    "Restart",
    "RestartState",
    "RestartingNode",
    "RestoreMaxUnavailable",
    "RolloutState",
    "Scope",
    "ScopeInstallation",
    "StaleSetting",
    "StuckNode",
    "TaintSeen",
    "TierSettings",
    "UnprovenNode",
    "UnreadObjects",
    "Wait",
    "Waiver",
]

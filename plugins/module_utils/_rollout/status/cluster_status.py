# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where a cluster stands, for the person on call: what was read, put in the words of a rollout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..calico_node.network_left import network_left_text
from ..calico_node.readiness import judge, labelled
from ..documents import (
    DOCUMENT_VERSION,
    Admission,
    AdmissionLabel,
    CalicoSettings,
    ClusterName,
    ClusterStatus,
    ControlPlane,
    LockSeen,
    NodeFacts,
    NodeSeen,
    Observation,
    OperatorStatus,
    OutsideCause,
    OutsideNode,
    PolicyGap,
    Readiness,
    Scope,
    ScopeState,
)
from ..evidence.admission_annotations import admission
from ..kubernetes.names import DOMAIN
from ..kubernetes.scheduling import taint_text
from ..operator import overlay
from ..operator.installation import in_force, scoped
from ..plan.exclusion import kept_out
from ..text.instant import seconds_between
from ..text.order import natural
from ..text.terminal import count, listed
from .admission_record import Record, registered_anew, taken_off

NAMES_SHOWN = 5


def cluster_status(
    nodes: Sequence[NodeFacts],
    observation: Observation,
    operator: Sequence[OperatorStatus],
    gaps: list[PolicyGap] | None,
    label: AdmissionLabel,
    now: float,
    cluster: ClusterName | None = None,
    control_plane: ControlPlane | None = None,
    record: Record | None = None,
    not_recorded: str = "",
    calico: CalicoSettings | None = None,
    policies_not_read: str | None = None,
    lock: LockSeen | None = None,
    lock_not_read: str | None = None,
) -> ClusterStatus:
    """`record` is that of the admitted nodes, None where there is none (`not_recorded` says why)."""
    names = sorted(labelled(observation, label), key=natural)
    admitted = [admission(name, observation["nodes"][name]["annotations"], now, calico) for name in names]
    readiness = judge(names, observation, label)
    undone = overlay.defeats(observation, label)
    # Once for all: a large cluster has thousands of nodes in the record, and may have as many outside.
    renewed = registered_anew(record or {}, observation, label)
    outside = [
        _outside(node, label, observation, record or {}, renewed)
        for node in sorted(nodes, key=lambda node: natural(node["name"]))
        if node["name"] not in set(names)
    ]
    lost = [node for node in outside if node["cause"] == "registered_anew"]
    return ClusterStatus(
        kind="ClusterStatus",
        version=DOCUMENT_VERSION,
        cluster=cluster,
        read_at=now,
        admission_label=label,
        ready=readiness["ready"] and undone is None and not lost,
        reason=(f"{_sentence(undone)} " if undone else "") + _reason(readiness, gaps or [], admitted) + _lost(lost),
        admitted=admitted,
        readiness=readiness,
        outside=outside,
        not_recorded=None if record is not None else not_recorded or "it was not read",
        policy_gaps=gaps,
        policies_not_read=policies_not_read,
        operator=sorted(operator, key=lambda status: status["name"]),
        control_plane=control_plane,
        scope=_scope(observation, label),
        lock=lock,
        lock_not_read=lock_not_read if lock is None else None,
    )


def quarantine_taints(node: NodeFacts) -> list[dict[str, Any]]:
    """Taints of the rollout's own domain."""
    return [taint for taint in taints_of(node) if taint["key"].startswith(DOMAIN + "/")]


def taints_of(node: NodeFacts) -> list[dict[str, Any]]:
    return list(node["object"]["spec"].get("taints") or [])


def _reason(readiness: Readiness, gaps: Sequence[PolicyGap], admitted: Sequence[Admission]) -> str:
    waiting = [row["node"] for row in readiness["nodes"] if not row["ready"]]
    if not readiness["expected"]:
        told = "No node is admitted."
    elif waiting:
        told = (
            f"{readiness['ready_count']} of {count(readiness['expected'], 'admitted node')} ready, "
            f"not ready: {listed(waiting, NAMES_SHOWN)}."
        )
    elif readiness["blockers"]:
        told = f"calico-node is not as it should be: {'; '.join(readiness['blockers'])}."
    elif readiness["expected"] == 1:
        told = "The one admitted node is ready."
    else:
        told = f"All {readiness['expected']} admitted nodes are ready."
    told += _gaps_told(gaps)
    expired = [one["node"] for one in admitted if any(waiver["expired"] for waiver in one["waivers"])]
    if expired:
        told += f" The waiver that it was admitted by has expired on {listed(expired, NAMES_SHOWN)}."
    stale = [one for one in admitted if one["stale"]]
    if stale:
        settings = listed(sorted({gap["setting"] for one in stale for gap in one["stale"]}), NAMES_SHOWN)
        told += f" Checked for another Calico ({settings}): {listed([one['node'] for one in stale], NAMES_SHOWN)}."
    return told


def _gaps_told(gaps: Sequence[PolicyGap]) -> str:
    without = [gap["node"] for gap in gaps if gap["cause"] == "calico_not_ready"]
    doubted = [f"{gap['node']} ({gap['cause']})" for gap in gaps if gap["cause"] != "calico_not_ready"]
    selected = sum(gap["selected"] or 0 for gap in gaps)
    told = ""
    if without:
        told += (
            f" Workloads run without network policy on {count(len(without), 'node')}: {listed(without, NAMES_SHOWN)}."
        )
    if doubted:
        told += (
            f" Workloads run on {count(len(doubted), 'node')} on which a probe did not find network policy in force: "
            f"{listed(doubted, NAMES_SHOWN)}."
        )
    if selected:
        told += f" NetworkPolicies select {selected} of these workloads."
    return told


def _lost(nodes: Sequence[OutsideNode]) -> str:
    told = "".join(f" {node['node']} {node['reason']}." for node in nodes[:NAMES_SHOWN])
    more = len(nodes) - NAMES_SHOWN
    return told + (f" So did {count(more, 'more node')}." if more > 0 else "")


def _outside(
    node: NodeFacts, label: AdmissionLabel, observation: Observation, record: Record, renewed: Record
) -> OutsideNode:
    cause, reason = _why_outside(node, label, observation, record, renewed)
    return OutsideNode(
        node=node["name"],
        cause=cause,
        reason=reason,
        calico_ready=node["calico_ready"],
        unschedulable=node["unschedulable"],
        taints=[taint_text(taint) for taint in taints_of(node) if taint.get("effect") != "PreferNoSchedule"],
    )


def _why_outside(
    node: NodeFacts, label: AdmissionLabel, observation: Observation, record: Record, renewed: Record
) -> tuple[OutsideCause, str]:
    unsupported = kept_out(node, None, ())
    if unsupported is not None:
        return "unsupported", unsupported["reason"]
    seen = observation["nodes"].get(node["name"])
    left = network_left_text(seen) if seen is not None else ""
    if node["quarantined"] is not None:
        return "quarantined", node["quarantined"] + left
    quarantine = quarantine_taints(node)
    if quarantine:
        return "quarantined", f"closed to workloads by {', '.join(taint_text(taint) for taint in quarantine)}{left}"
    text = f"it does not carry {label['key']}={label['value']}"
    then = renewed.get(node["name"])
    if seen is not None and then is not None:
        return "registered_anew", (
            f"registered anew at {seen['created']}; {then.text()}, and lost its label, and calico-node, with its Node of before: "
            "run the rollout again to admit it"
        )
    before = None if seen is None else taken_off(record, node["name"], seen)
    if before is not None:
        text += f"; {before.text()}, and the label was taken off since"
    elif seen is not None:
        text += _joined_late(seen, observation)
    if node["calico_ready"]:
        return "not_admitted", f"{text}, though calico-node is Ready on it: once the selector is in force it loses it"
    return "not_admitted", text + left


def _joined_late(node: NodeSeen, observation: Observation) -> str:
    """Only a record distinguishes a new node from one that registered anew. So the text names both, and it is no fault."""
    installation = observation["installation"]
    since = installation["selector_since"] if installation else None
    after = seconds_between(since, node["created"])
    if after is None or after <= 0:
        return ""
    return f"; it joined, or was registered anew, at {node['created']}, after the selector was set ({since})"


def _scope(observation: Observation, label: AdmissionLabel) -> Scope:
    installation = observation["installation"]
    state, reason = _scope_state(observation, label)
    return Scope(
        state=state,
        reason=reason,
        calico_node_selector=installation["calico_node_selector"] if installation else {},
        csi_node_driver_selector=installation["csi_node_driver_selector"] if installation else {},
        control_plane_selector=installation["control_plane_selector"] if installation else {},
        managed_by=installation["managed_by"] if installation else [],
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _scope_state(observation: Observation, label: AdmissionLabel) -> tuple[ScopeState, str]:
    undone = overlay.defeats(observation, label)
    if undone is not None:
        return "overlaid", f"{undone}. {overlay.remedy(label)}"
    state, reason = _own_state(observation, label)
    if observation["overlay"] is not None:
        reason += ". An Installation named overlay exists too; its fields do not touch where Calico runs"
    return state, reason


def _own_state(observation: Observation, label: AdmissionLabel) -> tuple[ScopeState, str]:
    text = f"{label['key']}={label['value']}"
    if observation["installation"] is None:
        found = observation["manifest_install"]
        return (
            "absent",
            f"Calico was installed from manifests ({listed(found)})" if found else "there is none in this cluster",
        )
    if not scoped(observation["installation"], label):
        return "unscoped", f"not every selector has {text}, so nodes get calico-node that nobody admitted"
    if not in_force(observation, label):
        return "pending", f"the selectors have {text}, but tigera-operator has not put them into its DaemonSets yet"
    return "in_force", f"calico-node, csi-node-driver and the control plane run only on nodes with {text}"

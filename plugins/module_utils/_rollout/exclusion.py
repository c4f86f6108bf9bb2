# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Why a node, or a host that is no node, stays outside: one entry each, with its cause, reason and remedy."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .documents import AdmissionLabel, ExcludedNode, HostOutcome, NodeFacts, PrecheckReport
from .order import natural
from .precheck_report import failed_checks
from .readiness import carries
from .settings import Rule

# What calls itself a node and cannot run a DaemonSet's pod: the operator's own affinity keeps these out by the same labels.
_UNSUPPORTED = (
    ("eks.amazonaws.com/compute-type", "fargate", "an AWS Fargate node runs no DaemonSets"),
    ("type", "virtual-kubelet", "a virtual-kubelet node runs no DaemonSets"),
)


def kept_out(node: NodeFacts, host: str | None, rules: Sequence[Rule]) -> ExcludedNode | None:
    """The entry of a node that is outside by its kind or by the user's word; not a fault, so no budget pays for it."""
    labels = node["labels"]
    if node["os"] != "linux":
        return _entry(
            node["name"],
            host,
            "unsupported",
            f"calico-node runs on Linux, this node runs {node['os'] or 'an unknown system'}",
        )
    for key, value, reason in _UNSUPPORTED:
        if labels.get(key) == value:
            return _entry(node["name"], host, "unsupported", reason)
    for rule in rules:
        if rule.selection.matches(node):
            return _entry(node["name"], host, "declared", rule.reason)
    return None


def excluded_node(
    node: NodeFacts, host: str | None, outcome: HostOutcome | None, tier: str | None, label: AdmissionLabel
) -> ExcludedNode | None:
    """The entry of a node that no tier selects, or that has no evidence; None when it may be admitted."""
    if tier is None:
        return _entry(node["name"], host, "no_tier", "no tier's selector matches it")
    entry = without_evidence(node, host, outcome, tier)
    if entry and carries(node["labels"], label):
        entry["reason"] += "; it already carries the admission label and keeps it, no node is removed by a rollout"
    return entry


def without_evidence(
    node: NodeFacts, host: str | None, outcome: HostOutcome | None, tier: str | None
) -> ExcludedNode | None:
    """Why a node has no passing precheck of its own host; None when it has."""
    if outcome is None:
        return _fault(
            node["name"],
            host,
            tier,
            "no_host",
            "no host of the play was found to be this node",
            "Add its host to the inventory; set node_name for it when machine-id, system UUID and addresses do not tell",
        )
    if outcome["outcome"] == "passed":
        return None
    if outcome["outcome"] == "failed":
        failed = failed_checks(outcome)
        remedy = next((check["remedy"] for check in failed if check["remedy"]), None)
        return _fault(node["name"], host, tier, "precheck_failed", outcome["reason"] or "its precheck failed", remedy)
    return _fault(node["name"], host, tier, *_silence(outcome))


def excluded_hosts(report: PrecheckReport, matched: Collection[str]) -> list[ExcludedNode]:
    """Hosts of the play that are no node of this cluster, or cannot be told to be one. No tier's budget pays for them."""
    return [
        _no_node(host, report["hosts"][host]) for host in sorted(report["hosts"], key=natural) if host not in matched
    ]


def _no_node(host: str, outcome: HostOutcome) -> ExcludedNode:
    if outcome["node_name"] is not None:
        reason = f"the cluster has no Node {outcome['node_name']}, which is its node_name"
        return _entry(None, host, "no_node", reason, "Correct node_name, or join the host to the cluster")
    if outcome["result"] is None:
        cause, reason, remedy = _silence(outcome)
        return _entry(None, host, cause, f"{reason}; which Node it is cannot be told", remedy)
    reason = "no Node of the cluster has its machine-id, its system UUID or one of its addresses"
    if outcome["outcome"] == "failed":
        reason += f"; its precheck failed as well: {outcome['reason']}"
    return _entry(None, host, "no_node", reason, "Join the host to the cluster, or set node_name for it")


def _silence(outcome: HostOutcome) -> tuple[str, str, str]:
    """Cause, reason and remedy for a host that gave no usable answer."""
    if outcome["outcome"] == "unreachable":
        return (
            "unreachable",
            outcome["reason"] or "it could not be reached",
            "Make the host reachable over SSH and run again",
        )
    return "no_result", outcome["reason"] or "it gave no result", "Run the precheck on the host and see what it prints"


def _fault(node: str, host: str | None, tier: str | None, cause: str, reason: str, remedy: str | None) -> ExcludedNode:
    entry = _entry(node, host, cause, reason, remedy)
    entry["tier"] = tier
    entry["counts"] = True
    return entry


def _entry(node: str | None, host: str | None, cause: str, reason: str, remedy: str | None = None) -> ExcludedNode:
    return ExcludedNode(
        node=node,
        host=host,
        tier=None,
        cause=cause,  # type: ignore[typeddict-item]
        reason=reason,
        remedy=remedy,
        counts=False,
    )

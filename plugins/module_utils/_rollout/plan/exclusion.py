# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Why a node, or a host that is no node, stays outside: one entry each, with its cause, reason and remedy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from ..calico_node.readiness import carries
from ..documents import (
    AdmissionLabel,
    CrossFinding,
    ExcludedNode,
    ExclusionCause,
    HostOutcome,
    NodeFacts,
    PrecheckReport,
)
from ..evidence.precheck_report import failed_checks
from ..text.order import natural
from .tiers import Rule

NOT_IN_RUN: Literal["not_in_run"] = "not_in_run"
"""The cause of a node whose host the run was limited to leave out: neither admitted nor blamed."""

NOT_CHECKED: Literal["not_checked"] = "not_checked"
"""The cause of a node that only a Job can check, in check mode: nothing is known of it, so no budget pays for it."""

QUARANTINED: Literal["quarantined"] = "quarantined"
"""The cause of a node that an earlier run, or this one, has put into quarantine."""

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


def quarantined_node(node: str, host: str | None, tier: str | None, reason: str) -> ExcludedNode:
    """The entry of a node that failed in a rollout and was not released since. Its tier's budget pays for it until then."""
    return _fault(
        node,
        host,
        tier,
        QUARANTINED,
        reason,
        f"Cure it, then release it: calico_ops.rollout.release --limit {host or node}",
    )


def excluded_node(
    node: NodeFacts,
    host: str | None,
    tier: str | None,
    report: PrecheckReport,
    contradicted: Mapping[str, CrossFinding],
    label: AdmissionLabel,
) -> ExcludedNode | None:
    """The entry of a node that no tier selects, or that has no evidence; None when it may be admitted."""
    if tier is None:
        return _entry(node["name"], host, "no_tier", "no tier's selector matches it")
    entry = without_evidence(node, host, tier, report, contradicted)
    if entry and carries(node["labels"], label):
        entry["reason"] += (
            "; it carries the admission label already and is expected to stay ready"
            if entry["cause"] == NOT_IN_RUN
            else "; it already carries the admission label and keeps it, no node is removed by a rollout"
        )
    return entry


def without_evidence(
    node: NodeFacts,
    host: str | None,
    tier: str | None,
    report: PrecheckReport,
    contradicted: Mapping[str, CrossFinding],
) -> ExcludedNode | None:
    """Why a node has no passing precheck of its own host; None when it has."""
    if host is None:
        return _not_in_run(node["name"], tier, report["not_in_run"]) or _fault(
            node["name"],
            host,
            tier,
            "no_host",
            "no host of the play was found to be this node",
            "Add its host to the inventory; set node_name for it when machine-id, system UUID and addresses do not tell",
        )
    outcome, finding = report["hosts"][host], contradicted.get(host)
    if finding and not failed_checks(outcome):
        reason = f"{finding['id']}: {finding['message']}"
        return _fault(node["name"], host, tier, "contradiction", reason, finding["remedy"])
    if outcome["outcome"] == "passed":
        return None
    if outcome["outcome"] == "failed":
        failed = failed_checks(outcome)
        remedy = next((check["remedy"] for check in failed if check["remedy"]), None)
        return _fault(node["name"], host, tier, "precheck_failed", outcome["reason"] or "its precheck failed", remedy)
    if outcome["outcome"] == NOT_CHECKED:
        entry = _entry(node["name"], host, *_silence(outcome))
        entry["tier"] = tier
        return entry
    return _fault(node["name"], host, tier, *_silence(outcome))


def _not_in_run(node: str, tier: str | None, left_out: Mapping[str, str | None]) -> ExcludedNode | None:
    """The entry of a node whose host, or probable host, is not in this run. It is no fault, so no budget pays for it."""
    named = next((host for host, node_name in sorted(left_out.items()) if node_name == node), None)
    if named is None and None not in left_out.values():
        return None
    reason = (
        "its host is not in this run" if named else "no host of this run is this node, and not all hosts are in the run"
    )
    entry = _entry(node, named, NOT_IN_RUN, reason, "Run again without --limit, or with its host in it")
    entry["tier"] = tier
    return entry


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


def _silence(outcome: HostOutcome) -> tuple[ExclusionCause, str, str]:
    """Cause, reason and remedy for a host that gave no usable answer."""
    if outcome["outcome"] == "unreachable":
        return (
            "unreachable",
            outcome["reason"] or "it could not be reached",
            _sentence(outcome["remedy"]) or "Make the host reachable over SSH and run again",
        )
    if outcome["outcome"] == NOT_CHECKED:
        return NOT_CHECKED, outcome["reason"] or "it has not been checked", "Run without check mode"
    remedy = _sentence(outcome["remedy"]) or "Run the precheck on the host and see what it prints"
    return "no_result", outcome["reason"] or "it gave no result", remedy


def _sentence(text: str | None) -> str | None:
    return text and text[:1].upper() + text[1:]


def _fault(
    node: str, host: str | None, tier: str | None, cause: ExclusionCause, reason: str, remedy: str | None
) -> ExcludedNode:
    entry = _entry(node, host, cause, reason, remedy)
    entry["tier"] = tier
    entry["counts"] = True
    return entry


def _entry(
    node: str | None, host: str | None, cause: ExclusionCause, reason: str, remedy: str | None = None
) -> ExcludedNode:
    return ExcludedNode(
        node=node,
        host=host,
        tier=None,
        cause=cause,
        reason=reason,
        remedy=remedy,
        counts=False,
    )

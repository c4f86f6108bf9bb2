# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Nodes that run workloads and do not enforce network policy, and the NetworkPolicies that are not in force there.

Calico's policy never covers a pod in the host's network. A pod of a DaemonSet of the cluster's own (a proxy, a storage driver) is no
workload. Everything else that runs counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, cast

from ..calico_node.readiness import carries
from ..documents import AdmissionLabel, GapCause, NodeFacts, PolicyGap, PolicyProbeReport, UnenforcedWorkload
from ..documents.validate import flaw_of
from ..errors import RolloutError
from ..kubernetes.names import OS_LABEL
from ..text.order import natural
from .network_policy import Policies, pod_of, selecting

SYSTEM_NAMESPACES = ("kube-system", "calico-system")
EXAMPLES = 3
POLICIES_SHOWN = 5


class Workload(NamedTuple):
    node: str
    name: str
    """namespace/name"""
    since: str | None
    policies: tuple[str, ...] | None
    """The NetworkPolicies of its namespace that select it, by name; None where they were not read."""


class Doubt(NamedTuple):
    """Why a node is not taken to enforce network policy."""

    cause: GapCause
    reason: str


def given_report(value: Mapping[str, Any] | None) -> PolicyProbeReport | None:
    """What a user handed over as what probes showed; RolloutError where it is something else."""
    if not value:
        return None
    flaw = flaw_of(value, PolicyProbeReport)
    if flaw is not None:
        raise RolloutError(f"{flaw.told('policy_probe')}. Hand over the PolicyProbeReport of a probe.")
    return cast(PolicyProbeReport, value)


def workload(raw_pod: Mapping[str, Any], policies: Policies | None) -> Workload | None:
    """A pod that network policy is for, where it runs; None for every other one."""
    metadata, spec, status = raw_pod["metadata"], raw_pod.get("spec") or {}, raw_pod.get("status") or {}
    if status.get("phase") != "Running" or metadata.get("deletionTimestamp") or not spec.get("nodeName"):
        return None
    if spec.get("hostNetwork"):
        return None
    owners = {owner.get("kind") for owner in metadata.get("ownerReferences") or []}
    if metadata["namespace"] in SYSTEM_NAMESPACES and "DaemonSet" in owners:
        return None
    selected = None
    if policies is not None:
        selected = tuple(sorted(policy.name for policy in selecting(policies, pod_of(raw_pod))))
    name = f"{metadata['namespace']}/{metadata['name']}"
    return Workload(spec["nodeName"], name, status.get("startTime"), selected)


def not_enforcing(nodes: Iterable[NodeFacts], probe: PolicyProbeReport | None) -> dict[str, Doubt]:
    """The nodes on which to look for workloads, by name: Linux nodes without a Ready calico-node, and those of which a probe says so.

    What runs on Windows nodes is not known here.
    """
    proofs = {proof["node"]: proof for proof in probe["nodes"]} if probe else {}
    found = {}
    for node in nodes:
        if "linux" not in (node["os"], node["labels"].get(OS_LABEL)):
            continue
        proof = proofs.get(node["name"])
        if not node["calico_ready"]:
            found[node["name"]] = Doubt("calico_not_ready", "no calico-node is Ready on it")
        elif probe is not None and proof is not None and proof["verdict"] != "enforced":
            found[node["name"]] = Doubt(
                proof["verdict"], f"a probe at {probe['began']} found it {proof['verdict']}: {proof['reason']}"
            )
    return found


def policy_gaps(
    nodes: Collection[NodeFacts], doubts: Mapping[str, Doubt], workloads: Iterable[Workload], label: AdmissionLabel
) -> list[PolicyGap]:
    """One entry a node; the workloads of nodes without a doubt are passed over."""
    return gaps_on(doubts, workloads, {node["name"] for node in nodes if carries(node["labels"], label)})


def gaps_on(doubts: Mapping[str, Doubt], workloads: Iterable[Workload], admitted: Collection[str]) -> list[PolicyGap]:
    found: dict[str, list[Workload]] = {name: [] for name in doubts}
    for pod in workloads:
        if pod.node in found:
            found[pod.node].append(pod)
    return [
        _gap(name, doubts[name], found[name], admitted=name in admitted)
        for name in sorted(found, key=natural)
        if found[name]
    ]


def _gap(node: str, doubt: Doubt, pods: Collection[Workload], *, admitted: bool) -> PolicyGap:
    read = all(pod.policies is not None for pod in pods)
    selected = sorted((pod for pod in pods if pod.policies), key=lambda pod: pod.name)
    return PolicyGap(
        node=node,
        cause=doubt.cause,
        reason=doubt.reason,
        pods=len(pods),
        examples=sorted(pod.name for pod in pods)[:EXAMPLES],
        selected=len(selected) if read else None,
        policies=len({_full(pod, name) for pod in selected for name in pod.policies or ()}) if read else None,
        unenforced=[
            UnenforcedWorkload(
                workload=pod.name, policies=list(pod.policies or ())[:POLICIES_SHOWN], count=len(pod.policies or ())
            )
            for pod in selected[:EXAMPLES]
        ],
        since=min((pod.since for pod in pods if pod.since), default=None),
        admitted=admitted,
    )


def _full(pod: Workload, policy: str) -> tuple[str, str]:
    return pod.name.partition("/")[0], policy

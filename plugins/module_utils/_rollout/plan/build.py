# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which node is admitted when, and which stays outside and why. The same input, in any order, gives the same plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..calico_node.max_unavailable import check_max_unavailable
from ..calico_node.readiness import carries
from ..documents import (
    DOCUMENT_VERSION,
    AdmissionLabel,
    Batch,
    ClusterName,
    ExcludedNode,
    Exclusion,
    NodeFacts,
    Observation,
    Plan,
    PlannedTier,
    PrecheckReport,
    RestartingNode,
    TierSettings,
    UnprovenNode,
)
from ..documents.canonical import digest
from ..errors import RolloutError
from ..evidence.cross_findings import fatal, with_nodes
from ..evidence.for_calico import evidence_of
from ..evidence.matching import match_hosts
from ..evidence.waivers import of_report
from ..kubernetes.names import ADMISSION_KEY, ADMISSION_VALUE, check_label
from ..text.order import natural
from ..text.terminal import listed
from . import budget, clean_install
from .adoption import ADOPTION, NAMES_SHOWN, adopted, restart, unproven
from .batches import FIRST_BATCH, in_batches, led_by_adoption
from .budget import on_failure, read_total, room
from .exclusion import (
    NOT_CHECKED,
    NOT_IN_RUN,
    excluded_hosts,
    excluded_node,
    kept_out,
    quarantined_node,
    without_evidence,
)
from .quarantine import read_quarantine
from .restarting import LEAST_PATIENCE, Trouble, unlabelled_troubles
from .tiers import Tier, read_exclusions, read_tiers, whole_number
from .verify import read_verify, unproven_warning


def build_plan(
    nodes: Sequence[NodeFacts],
    report: PrecheckReport,
    tiers: Sequence[TierSettings],
    exclusions: Sequence[Exclusion] = (),
    admission_label: AdmissionLabel | None = None,
    batch_timeout: int = 600,
    soak: int = 10,
    observation: Observation | None = None,
    adoption_max_unavailable: int | str | None = None,
    cluster: ClusterName | None = None,
    restart_patience: int = LEAST_PATIENCE,
    installation_spec: Mapping[str, Any] | None = None,
    verify: Mapping[str, Any] | None = None,
    failure_budget: int | str | None = None,
    quarantine: Mapping[str, Any] | None = None,
) -> Plan:
    """`observation` shows what the selector restarts, for how long, and which nodes restart now; no batch depends on it.

    Nor on `installation_spec`, the spec of a clean install: it is read for warnings.
    """
    label = admission_label or AdmissionLabel(key=ADMISSION_KEY, value=ADMISSION_VALUE)
    check_label(label["key"], label["value"])
    rules = read_exclusions(exclusions)
    wanted = read_tiers(tiers)
    nodes = sorted(nodes, key=lambda node: natural(node["name"]))
    matches = match_hosts(nodes, report)
    hosts = matches.hosts
    across = [*report["cross_findings"], *with_nodes(nodes, matches, report)]
    contradicted = fatal(across)

    excluded: list[ExcludedNode] = []
    eligible: list[NodeFacts] = []
    for node in nodes:
        outside = kept_out(node, hosts.get(node["name"]), rules)
        if outside:
            excluded.append(outside)
        else:
            eligible.append(node)

    members = _members(wanted, eligible)
    tier_of = {node["name"]: tier for tier, found in zip(wanted, members) for node in found}
    carrying = {node["name"] for node in nodes if carries(node["labels"], label)}
    patience = whole_number(restart_patience, "restart_patience", 1)
    timeout = whole_number(batch_timeout, "batch_timeout", 1)
    troubled = unlabelled_troubles(observation, label, patience, timeout) if observation else {}
    admitted: set[str] = set()
    adoption: list[str] = []
    restarting: list[RestartingNode] = []
    doubts: list[UnprovenNode] = []
    for node in eligible:
        host = hosts.get(node["name"])
        tier = tier_of.get(node["name"])
        if node["quarantined"] is not None:
            # A calico-node that is about to go may still be Ready there. Nothing but a release ends a quarantine.
            excluded.append(quarantined_node(node["name"], host, tier and tier.name, node["quarantined"]))
            continue
        outside = excluded_node(node, host, tier and tier.name, report, contradicted, label)
        if outside and outside["cause"] == NOT_IN_RUN and node["name"] in carrying:
            excluded.append(outside)
        elif adopted(node, outside is None, label):
            adoption.append(node["name"])
            doubt = without_evidence(node, host, tier and tier.name, report, contradicted)
            if doubt and doubt["cause"] not in (NOT_IN_RUN, NOT_CHECKED):
                doubts.append(unproven(doubt))
        elif outside and not _restarts(node, troubled):
            excluded.append(outside)
        else:
            if _restarts(node, troubled):
                restarting.append(_restarting(troubled[node["name"]], tier and tier.name, outside))
            if not outside:
                admitted.add(node["name"])
    excluded.sort(key=lambda entry: natural(entry["node"] or ""))
    excluded += excluded_hosts(
        report, {host for claiming in (hosts.values(), *matches.contested.values()) for host in claiming}
    )

    total = read_total(failure_budget, sum(len(found) for found in members))
    planned = [_planned(tier, found, excluded) for tier, found in zip(wanted, members)]
    for index, (asked, one) in enumerate(zip(wanted, planned)):
        one["on_failure"] = on_failure(asked, index == 0, one, total, excluded)
    at_most = {one["name"]: max(1, room(one, total, excluded)) for one in planned if one["on_failure"] == "quarantine"}
    batches = led_by_adoption(in_batches(wanted, members, admitted, at_most), adoption)
    _refuse_useless(batches, excluded, carrying, restarting)
    raised = check_max_unavailable(adoption_max_unavailable)
    proving = read_verify(verify)
    unproven_policy = unproven_warning(verify, proving, batches)
    staying = [node["name"] for node in nodes if node["name"] in carrying.union(adoption)]
    plan = Plan(
        kind="Plan",
        version=DOCUMENT_VERSION,
        id="",
        cluster=cluster,
        admission_label=AdmissionLabel(key=label["key"], value=label["value"]),
        precheck_digest=report["digest"],
        evidence=evidence_of(report, {node: hosts[node] for node in admitted}),
        tiers=planned,
        budget=total,
        batches=batches,
        excluded=excluded,
        unproven=doubts,
        restart=restart(observation, label, staying, raised, troubled.values()) if observation else None,
        adoption_max_unavailable=raised,
        waivers=of_report(report, {host: node for node, host in hosts.items()}),
        cross_findings=across,
        kept=[entry["node"] for entry in excluded if entry["cause"] == NOT_IN_RUN and entry["node"] in carrying],
        restarting=restarting,
        quarantine=read_quarantine(quarantine),
        verify=proving,
        warnings=[
            *clean_install.warnings(installation_spec, observation, batches),
            *budget.warnings(wanted, planned, total, excluded),
            *([unproven_policy] if unproven_policy else []),
        ],
        restart_patience=patience,
        batch_timeout=timeout,
        soak=whole_number(soak, "soak", 0),
    )
    plan["id"] = plan_id(plan)
    return plan


def plan_id(plan: Plan) -> str:
    return digest({key: value for key, value in plan.items() if key != "id"})[:12]


def _restarts(node: NodeFacts, troubled: Mapping[str, Trouble]) -> bool:
    return node["name"] in troubled and troubled[node["name"]].kind != "stuck"


def _restarting(trouble: Trouble, tier: str | None, otherwise: ExcludedNode | None) -> RestartingNode:
    return RestartingNode(node=trouble.node, tier=tier, since=trouble.since, reason=trouble.reason, otherwise=otherwise)


def planned_nodes(plan: Plan) -> list[str]:
    """Every node that the plan admits, in the order of admission."""
    return [node for batch in plan["batches"] for node in batch["nodes"]]


def _members(tiers: Sequence[Tier], nodes: Sequence[NodeFacts]) -> list[list[NodeFacts]]:
    """Each tier's nodes. A node in two tiers would have two places in the order: an error."""
    taken: dict[str, Tier] = {}
    members = []
    for tier in tiers:
        found = [node for node in nodes if tier.selection.matches(node)]
        for node in found:
            other = taken.setdefault(node["name"], tier)
            if other is not tier:
                raise RolloutError(
                    f'Node {node["name"]} belongs to two tiers: {other.name} ("{other.selection.text}") and {tier.name} '
                    f'("{tier.selection.text}"). Narrow one of the two, a selector for instance with !KEY.'
                )
        if not found:
            raise RolloutError(
                f'Tier {tier.name}: its {"match" if tier.selection.expression else "selector"} "{tier.selection.text}" matches no node '
                "that may run calico-node. Correct it, or take the tier out."
            )
        members.append(found)
    return members


def _planned(tier: Tier, found: Sequence[NodeFacts], excluded: Sequence[ExcludedNode]) -> PlannedTier:
    return PlannedTier(
        name=tier.name,
        selector=None if tier.selection.expression else tier.selection.text,
        match=tier.selection.text if tier.selection.expression else None,
        nodes=len(found),
        budget=tier.budget(len(found)),
        left_out=sum(entry["counts"] and entry["tier"] == tier.name for entry in excluded),
        on_failure="halt",
    )


def _refuse_useless(
    batches: Sequence[Batch],
    excluded: Sequence[ExcludedNode],
    carrying: set[str],
    restarting: Sequence[RestartingNode],
) -> None:
    if not batches and restarting:
        told = listed([f"{each['node']} ({each['reason']})" for each in restarting], NAMES_SHOWN)
        raise RolloutError(
            f"No node can be admitted yet: calico-node is about to restart on {told}. Run again once it is ready there."
        )
    if not batches:
        raise RolloutError(f"No node can be admitted: {_why_outside(excluded)}.")
    first = batches[0]
    if first["name"] == ADOPTION:
        return  # Where Calico runs, its control plane does.
    more = sum(len(batch["nodes"]) for batch in batches) > 1 or any(entry["cause"] == NOT_IN_RUN for entry in excluded)
    if more and len(carrying.union(first["nodes"])) < FIRST_BATCH:
        raise RolloutError(
            f"The first batch, {first['name']}, has only node {first['nodes'][0]}. Calico's control-plane pods run on the first batch "
            "until the next one is ready, so it needs two nodes or more: raise batch_size of the first tier, let it halt on_failure or "
            "give it a failure_budget with room for two, cure the nodes of that "
            f"tier that are left out ({_why_outside([entry for entry in excluded if entry['tier'] == first['tier']])}), take more "
            "hosts into --limit, or put a larger tier first."
        )


def _why_outside(excluded: Sequence[Any], most: int = 10) -> str:
    told = [f"{entry['node'] or entry['host']} ({entry['cause']}: {entry['reason']})" for entry in excluded[:most]]
    if len(excluded) > most:
        told.append(f"and {len(excluded) - most} more")
    return ", ".join(told) or "none"

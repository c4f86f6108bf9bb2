# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Adoption: nodes that run a Ready calico-node get the label before the selector is set, and what that restarts.

The pod is the evidence, never the precheck: a node that loses a working calico-node is worse off than one whose host looks unfit.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from ..calico_node.max_unavailable import at_a_time, raises, surges
from ..calico_node.readiness import carries
from ..documents import (
    AdmissionLabel,
    ExcludedNode,
    NodeFacts,
    Observation,
    Restart,
    StuckNode,
    UnprovenCause,
    UnprovenNode,
)
from ..kubernetes.names import ANNOTATION_BATCH, ANNOTATION_PLAN
from ..operator.installation import scoped
from ..text.terminal import count, listed
from .restarting import ASSUMED_SECONDS, Trouble, readiness_seconds, why_stuck

ADOPTION = "adoption"
"""Name of the batch. Those of a tier end in a number, so none of them is called so."""


NAMES_SHOWN = 10
"""In a sentence, each with its reason; the plan has them all."""


def adopted(node: NodeFacts, passed: bool, label: AdmissionLabel) -> bool:
    """Whether the node belongs to the adoption. One that carries the label and passes has its place in its tier's batches."""
    if carries(node["labels"], label) and node["batch"] == ADOPTION:
        return True
    return node["calico_ready"] and not (passed and carries(node["labels"], label))


def adopted_since(observation: Observation, plan_id: str, label: AdmissionLabel, planned: Collection[str]) -> list[str]:
    """Nodes that were adopted under this plan without being in it: they became ready after it was made."""
    return [
        name
        for name, node in sorted(observation["nodes"].items())
        if name not in planned
        and carries(node["labels"], label)
        and node["annotations"].get(ANNOTATION_BATCH) == ADOPTION
        and node["annotations"].get(ANNOTATION_PLAN) == plan_id
    ]


def unproven(outside: ExcludedNode) -> UnprovenNode:
    """What would keep the node outside, if calico-node did not run there. `outside` is a fault: no other cause is a doubt."""
    return UnprovenNode(
        node=outside["node"] or "",
        host=outside["host"],
        tier=outside["tier"],
        cause=cast(UnprovenCause, outside["cause"]),
        reason=outside["reason"],
        remedy=outside["remedy"],
    )


def restart(
    observation: Observation,
    label: AdmissionLabel,
    staying: Collection[str],
    wanted: str | None,
    troubled: Collection[Trouble] = (),
) -> Restart | None:
    """What setting the selector restarts: calico-node on the nodes where it stays. None where nothing does.

    `troubled` are the nodes without the label on which no calico-node is ready.
    """
    daemonset = observation["daemonset"]
    if daemonset is None or scoped(observation["installation"], label):
        return None
    having = {pod["node"] for pod in observation["pods"] if pod["node"]}
    nodes = len(having & set(staying))
    if not nodes:
        return None
    present, surge = daemonset["max_unavailable"], daemonset["max_surge"]
    installation = observation["installation"]
    ours = installation is not None and not installation["owned_by"]
    raised = wanted if ours and not surges(surge) and raises(wanted, present, nodes) else None
    each = readiness_seconds(observation)
    together = at_a_time(raised or present, surge, nodes)
    return Restart(
        nodes=nodes,
        max_unavailable=present,
        max_surge=surge,
        raised_to=raised,
        at_once=together,
        seconds_each=each or ASSUMED_SECONDS,
        observed=each is not None,
        seconds=-(-nodes // together) * (each or ASSUMED_SECONDS),
        taken_from=[
            StuckNode(node=each.node, since=each.since, reason=why_stuck(each))
            for each in troubled
            if each.kind == "stuck" and each.node in having and each.node not in staying
        ],
    )


def restart_text(told: Restart) -> str:
    """For the person who decides when to do it."""
    limit = f"maxUnavailable {told['max_unavailable']}"
    if surges(told["max_surge"]):
        limit = f"maxSurge {told['max_surge']}"
    if told["raised_to"]:
        limit += f", raised to {told['raised_to']} for that time"
    source = "as its pods took when they started" if told["observed"] else "assumed"
    taken = [f"{each['node']} ({each['reason']})" for each in told["taken_from"]]
    rid = f". It takes calico-node, which is not ready there, from {listed(taken, NAMES_SHOWN)}" if taken else ""
    return (
        f"Setting the selector restarts calico-node once on {count(told['nodes'], 'node')}, {told['at_once']} at a time "
        f"({limit}), about {duration(told['seconds'])} at {told['seconds_each']} s a node ({source}){rid}"
    )


def duration(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    minutes = -(-seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"

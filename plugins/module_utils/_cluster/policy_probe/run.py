# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. One proof of network policy, from the first pod to the last: what `policy_probe` and a rollout call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from ..._kube.client import ApiError, Cluster
from ..._rollout.documents.policy import PolicyProbeReport
from ..._rollout.errors import RolloutError
from ..._rollout.policy.design import Design, design
from ..._rollout.policy.graph import drawn
from ..._rollout.policy.looks import Look, seen, wants_another
from ..._rollout.policy.timelines import Run, Timelines
from ..._rollout.text.terminal import printable
from . import namespace
from .client import client_report, targets_text
from .clocks import Clocks, LeaseWatches
from .cluster_dns import ClusterDns, read_cluster_dns
from .fleet import Fleet
from .foreign import foreign_policies, refuse_foreign
from .lease import Lease, held
from .phases import Phases
from .pods import PURPOSES, Owner
from .report import Evidence, report
from .request import REFUSE, ProbeRequest
from .targets import Place, Tried, tried_by_client

OTHERS_DECIDE = (
    "DNS egress was not tried, because policies of others apply to the probe's pods, and such often allow DNS."
)
Tell = Callable[[str], object]
SPARE = 60.0
"""Seconds that the pods outlive the longest that a run may take."""
LONGEST_PHASE = 20.0
"""Seconds that a phase may take beside its deadline."""


def prove(
    cluster: Cluster,
    request: ProbeRequest,
    nodes: Sequence[str],
    offered: Sequence[str],
    *,
    tell: Tell = lambda _text: None,
) -> PolicyProbeReport:
    """What packets between pods show of network policy on these nodes.

    :param offered: nodes on which policy was proven before; a sample of them takes part
    :param tell: gets what somebody should know and what does not end the run, a sentence each
    """
    if not nodes:
        raise RolloutError("nodes: no node is named, and nothing is not a proof.")
    began, requests = time.time(), cluster.requests
    found = namespace.ensure(cluster, request.namespace)
    foreign = foreign_policies(cluster, found)
    if request.foreign_policies == REFUSE:
        refuse_foreign(foreign)
    # Where policies of others are to be ignored, one of them may well allow DNS to all pods.
    dns = OTHERS_DECIDE if foreign.policies else read_cluster_dns(cluster, request.dns_service)
    with held(cluster, request.namespace) as lease:
        for name in namespace.sweep(cluster, request.namespace):
            tell(
                f"A run that did not end by itself had left {request.namespace}/{name} and its pods: they are removed."
            )
        asked = None if isinstance(dns, str) else dns
        probe = partial(_evidence, cluster, request, lease, nodes, offered, tell, asked)
        first = probe(None)
        looked = [first]
        if wants_another(seen(first.design.rows, first.look, request.deadline)):
            looked.append(probe(first.design))
    seconds = {part: sum(each.seconds[part] for each in looked) for part in first.seconds}
    looks = [each.look for each in looked]
    unread = [*([dns] if isinstance(dns, str) else []), *foreign.unread]
    return report(request, first.design, looks, seconds, foreign.policies, unread, began, cluster.requests - requests)


def _evidence(
    cluster: Cluster,
    request: ProbeRequest,
    lease: Lease,
    nodes: Sequence[str],
    offered: Sequence[str],
    tell: Tell,
    dns: ClusterDns | None,
    known: Design | None,
) -> Evidence:
    """What pods of their own see, which are gone afterwards.

    :param known: the design of an earlier look, whose rows are to be tried again
    """
    owner = namespace.own(cluster, request, os.urandom(4).hex())
    try:
        evidence = _gathered(cluster, request, owner, lease, nodes, offered, dns, known)
    finally:
        cleaning = time.monotonic()
        _clean(cluster, owner, request, tell)
    return evidence._replace(seconds={**evidence.seconds, "cleanup": time.monotonic() - cleaning})


def _gathered(
    cluster: Cluster,
    request: ProbeRequest,
    owner: Owner,
    lease: Lease,
    nodes: Sequence[str],
    offered: Sequence[str],
    dns: ClusterDns | None,
    known: Design | None,
) -> Evidence:
    members = _members(request, nodes, offered)
    longest = request.timeout + 4 * (request.deadline + LONGEST_PHASE) + SPARE
    clocks = Clocks()
    with ExitStack() as stack:
        started = time.monotonic()
        stack.enter_context(LeaseWatches(cluster, clocks, members, started + longest))
        fleet = stack.enter_context(Fleet(cluster, request, owner, members, clocks, int(longest)))
        fleet.start()
        fleet.await_running(started + request.timeout)
        families = fleet.families()
        drawn = known or design(
            nodes, offered, families, request.strength, request.seed, None if dns is None else dns.families
        )
        running = time.monotonic()
        tried = tried_by_client(drawn.rows, fleet.addresses(), dns)
        phases = Phases(cluster, request, owner, lease, fleet, dns)
        fleet.give_targets({place: targets_text([one.target for one in ones]) for place, ones in tried.items()})
        phases.go_through(tried)
        seconds = {"pods": running - started, "phases": time.monotonic() - running}
        look = Look(_timelines(fleet, tried), phases.writes, fleet.trouble)
        return Evidence(drawn, look, seconds)


def rehearse(
    cluster: Cluster, request: ProbeRequest, nodes: Sequence[str], offered: Sequence[str]
) -> list[dict[str, Any]]:
    """The pods that a run would make, judged by the API server if the namespace exists. Nothing is made."""
    found = cluster.get_or_none(f"{namespace.NAMESPACES}/{request.namespace}")
    foreign = foreign_policies(cluster, found or namespace.namespace_object(request.namespace))
    if request.foreign_policies == REFUSE:
        refuse_foreign(foreign)
    pods = Fleet.bodies(request, Owner("rehearsal", request.namespace, "none"), _members(request, nodes, offered))
    if found is not None:
        for body in pods:
            where = namespace.path(request.namespace, "pods")
            cluster.request("POST", where, query={"dryRun": "All"}, body=body)
    return pods


def _members(request: ProbeRequest, nodes: Sequence[str], offered: Sequence[str]) -> list[str]:
    """The nodes that take part. Which they are does not depend on what addresses pods have there."""
    batch = dict.fromkeys(nodes)
    return [*batch, *drawn(offered, batch, request.seed)]


def _timelines(fleet: Fleet, tried: Mapping[Place, Sequence[Tried]]) -> dict[str, Timelines]:
    """By node what its clients report; a client without a report is the trouble of its node."""
    rows: dict[str, dict[str, Sequence[Run]]] = {}
    for place, ones in tried.items():
        said = fleet.pods[place].report
        try:
            heard = client_report(said or "")
        except (ValueError, KeyError, IndexError):
            words = printable(said) if said else "it ended without a word"
            fleet.trouble.setdefault(place.node, f"its client gave no report: {words}")
            continue
        fleet.begun(place, heard.began)
        if heard.cut:
            fleet.trouble.setdefault(
                place.node, "connections changed their fate more often than can be told: packets get lost at random"
            )
        own = rows.setdefault(place.node, {})
        own.update({one.row: heard.runs.get(number, ()) for number, one in enumerate(ones) if one.row is not None})
    return {node: Timelines(runs, *(fleet.clocks.clock(node) or (None, 0.0))) for node, runs in rows.items()}


def _clean(cluster: Cluster, owner: Owner, request: ProbeRequest, tell: Tell) -> None:
    try:
        namespace.remove(cluster, owner, request.calico_policy)
    except ApiError as error:
        tell(
            f"What the probe made in the namespace {owner.namespace} could not all be removed: {error.said}. Its pods end "
            "by themselves, and the next run removes the rest."
        )


def remove_all(cluster: Cluster, name: str) -> list[str]:
    """Remove what runs left in the namespace, and the namespace where a probe made it; what was removed, by kind and name."""
    if cluster.get_or_none(f"{namespace.NAMESPACES}/{name}") is None:
        return []
    with held(cluster, name):
        removed = [f"ConfigMap {one}" for purpose in PURPOSES for one in namespace.sweep(cluster, name, purpose)]
        if namespace.remove_namespace(cluster, name):
            removed.append(f"Namespace {name}")
    return removed


def foresee_removal(cluster: Cluster, name: str) -> list[str]:
    """What `remove_all` would remove."""
    found = cluster.get_or_none(f"{namespace.NAMESPACES}/{name}")
    if found is None:
        return []
    removed = [
        f"ConfigMap {metadata['name']}" for purpose in PURPOSES for metadata in namespace.left(cluster, name, purpose)
    ]
    return [*removed, *([f"Namespace {name}"] if namespace.is_ours(found) else [])]

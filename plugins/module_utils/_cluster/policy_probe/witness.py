# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Witnesses of what happens to nodes: connections between pods, from `start` to `finish`, which may be in two processes.

What there is to know lies in the cluster, in the annotations of the pods: between the two, a run's name is all there is to remember, and
`take_over` finds it again for who was killed.
"""

from __future__ import annotations

import functools
import hashlib
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

from ..._kube.client import ApiError, Cluster
from ..._kube.mirror import Kind, Mirror
from ..._rollout.documents.policy import Direction, FlowWitness
from ..._rollout.policy.witness import Heard, Pair, pairs, witnessed
from ..._rollout.text.terminal import printable
from . import namespace
from .fleet import LOOK_AGAIN
from .pod_writes import make_pods, patch_pods
from .pods import CLIENT_NAME, ROLE, ROLES, RUN, TARGETS, WITNESS, Owner, Role
from .request import ProbeRequest
from .seen import PodSeen, pod_seen
from .witness_client import heard, targets_text
from .witness_objects import NODE, PEER, ended, over, standing_policy, witness_pod

HEARS = 6.0
"""Seconds in which the clients hear that all is over, and report."""
ENDS = 20.0
"""Seconds in which the kubelets end the pods of the others, and tell what those saw."""
_DIRECTIONS: Mapping[Role, Direction] = {"subject": "egress", "peer": "ingress"}
"""By the role of the client."""


class Wanted(NamedTuple):
    """What is to be witnessed."""

    nodes: Sequence[str]
    offered: Sequence[str]
    """Nodes that nothing happens to."""
    lifetime: int
    """Seconds after which the clients end by themselves."""
    without_network: Collection[str] = ()
    """Pods do not run there yet: nobody waits for them, and they begin once they have an address."""
    unguarded: Collection[str] = ()
    """Nothing enforces policy there yet: nobody waits until denied connections are dropped."""


class Started(NamedTuple):
    run: str
    trouble: Mapping[str, str]
    """By node why it has no witness, or none that is as policy wants."""
    untold: Sequence[str]
    """Nodes of the run for which `tend` has something to do yet."""


class TakenOver(NamedTuple):
    run: str
    nodes: Sequence[str]
    untold: Sequence[str]
    """As Started has them."""


class Party(NamedTuple):
    """A pod of a witness."""

    pair: Pair
    role: Role
    seen: PodSeen
    told: bool
    """It has been told where to connect to."""
    begun: bool
    """An allowed connection of its client came through, and the denied ones are dropped."""


class Witnesses:
    """Those of one run. `trouble` has by node why it has none yet. It watches as long as its context lasts."""

    def __init__(self, cluster: Cluster, request: ProbeRequest, run: str):
        self.trouble: dict[str, str] = {}
        self._cluster = cluster
        self._request = request
        self._told: set[str] = set()
        self._path = namespace.path(request.namespace, "pods")
        query = {"labelSelector": f"{RUN}={run}"}
        self._mirror = Mirror(
            cluster, {"pods": Kind(self._path, query, _party)}, time.monotonic() + request.timeout + 60
        )

    def __enter__(self) -> Witnesses:
        return self

    def __exit__(self, *exception: object) -> None:
        self._mirror.close()

    def start(self, owner: Owner, wanted: Wanted) -> None:
        deadline = time.monotonic() + self._request.timeout
        these = pairs(wanted.nodes, wanted.offered)
        networked = [pair for pair in these if pair.peer not in wanted.without_network]
        unguarded = {*wanted.without_network, *wanted.unguarded}
        guarded = [pair for pair in networked if pair.node not in unguarded]
        self._make(owner, these, "peer", wanted.lifetime)
        self._await(lambda: not self._behind(networked, _peer_has_address), deadline)
        self._make(owner, these, "subject", wanted.lifetime)
        self._await(lambda: self._tended() and not self._behind(guarded, _have_begun), deadline)
        by_node = self._by_node()
        for node in self._behind(guarded, _have_begun):
            self.trouble[node] = self._why_not(by_node.get(node, []))

    def tend(self) -> None:
        """Tell each client its targets, if their pod runs by now."""
        parties = self._parties()
        servers = {
            (each.pair.node, each.role): each.seen for each in parties if each.seen.running and each.seen.addresses
        }
        texts = {
            each.seen.name: targets_text(servers[each.pair.node, other].addresses)
            for each in parties
            for other in ROLES
            if other != each.role and (each.pair.node, other) in servers
            if not each.told and each.seen.name not in self._told
        }
        self._told.update(texts)
        self._patch({name: {"metadata": {"annotations": {TARGETS: text}}} for name, text in texts.items()})

    def untold(self) -> list[str]:
        """Nodes with a client that knows no target yet, and that may still get one."""
        waiting = (
            each.pair.node
            for each in self._parties()
            if not each.told and each.seen.name not in self._told and each.seen.report is None and not each.seen.final
        )
        return [node for node in dict.fromkeys(waiting) if node not in self.trouble]

    def watched(self) -> set[str]:
        """Nodes with a client that goes on."""
        return {each.pair.node for each in self._silent() if not each.seen.final}

    def end(self) -> None:
        """Have all clients report."""
        for patch, seconds in ((over(), HEARS), (ended(), ENDS)):
            silent = [each.seen for each in self._silent()]
            self._patch({seen.name: patch for seen in silent})
            begun = {seen.name for seen in silent if seen.running}
            self._await(functools.partial(self._have_reported, begun), time.monotonic() + seconds)

    def report(self, nodes: Sequence[str]) -> list[FlowWitness]:
        by_node = self._by_node()
        return [_judged(node, by_node.get(node, [])) for node in nodes]

    def _make(self, owner: Owner, these: Sequence[Pair], role: Role, lifetime: int) -> None:
        """A pod that is there already stays."""
        parties = self._parties()
        servers = {each.pair.node: each.seen.addresses for each in parties if each.role != role}
        there = {each.pair.node for each in parties if each.role == role}
        missing = {_name(owner, pair, role): pair for pair in these if pair.node not in there}
        bodies = [
            witness_pod(owner, self._request, name, pair, role, lifetime, servers.get(pair.node))
            for name, pair in missing.items()
        ]
        for name, why in make_pods(self._cluster, self._path, bodies).items():
            self.trouble.setdefault(missing[name].node, why)

    def _tended(self) -> bool:
        self.tend()
        return True

    def _patch(self, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        """A pod that is gone is not patched, and its node has no witness."""
        patch_pods(self._cluster, self._path, bodies)

    def _parties(self) -> list[Party]:
        found: list[Party] = self._mirror.objects("pods")
        return found

    def _silent(self) -> list[Party]:
        return [each for each in self._parties() if each.seen.report is None]

    def _have_reported(self, names: Collection[str]) -> bool:
        return not {each.seen.name for each in self._silent()}.intersection(names)

    def _by_node(self) -> dict[str, list[Party]]:
        found: dict[str, list[Party]] = {}
        for each in self._parties():
            found.setdefault(each.pair.node, []).append(each)
        return found

    def _behind(self, these: Sequence[Pair], reached: Callable[[Sequence[Party]], bool]) -> list[str]:
        """Nodes of these that are not in trouble, and whose pods are not that far."""
        by_node = self._by_node()
        nodes = (pair.node for pair in these if pair.node not in self.trouble)
        return [node for node in nodes if not reached(by_node.get(node, []))]

    def _why_not(self, parties: Sequence[Party]) -> str:
        trouble = [each.seen.trouble for each in parties if each.seen.trouble]
        return trouble[0] if trouble else f"its connections were not as policy wants within {self._request.timeout:g} s"

    def _await(self, reached: Callable[[], bool], deadline: float) -> None:
        while not reached() and time.monotonic() < deadline:
            self._mirror.wait_for_change(max(0.0, min(LOOK_AGAIN, deadline - time.monotonic())))


def _peer_has_address(parties: Sequence[Party]) -> bool:
    return any(each.role == "peer" and each.seen.addresses for each in parties)


def _have_begun(parties: Sequence[Party]) -> bool:
    return len(parties) == len(ROLES) and all(each.begun for each in parties)


def take_over(cluster: Cluster, request: ProbeRequest, nodes: Collection[str]) -> TakenOver | None:
    """What somebody left who was killed, if some of its clients still watch one of these nodes; what others left is removed."""
    kept = None
    for metadata in namespace.left(cluster, request.namespace, WITNESS):
        owner = _owner(request, metadata)
        if kept is None:
            with Witnesses(cluster, request, owner.run) as witnesses:
                watched = sorted(witnesses.watched().intersection(nodes))
                if watched:
                    kept = TakenOver(owner.run, watched, witnesses.untold())
                    continue
        namespace.remove(cluster, owner, with_global=False)
    return kept


def start(cluster: Cluster, request: ProbeRequest, wanted: Wanted, run: str | None = None) -> Started:
    """Returns when allowed connections come through and denied ones do not where both can be, or at the request's timeout.

    :param run: to which these nodes are added; a new one without it, or where it is gone
    """
    namespace.ensure(cluster, request.namespace)
    with ExitStack() as unless_it_began:
        owner = _joined(cluster, request, run)
        if owner is None:
            owner = namespace.own(cluster, request, os.urandom(4).hex(), WITNESS)
            unless_it_began.callback(_take_back, cluster, owner)
            policies = namespace.path(request.namespace, "networkpolicies")
            cluster.request("POST", policies, body=standing_policy(owner))
        with Witnesses(cluster, request, owner.run) as witnesses:
            witnesses.start(owner, wanted)
            started = Started(owner.run, witnesses.trouble, witnesses.untold())
        unless_it_began.pop_all()
    return started


def tend(cluster: Cluster, request: ProbeRequest, run: str) -> list[str]:
    """Pods that had no network at the start have begun: both learn where the other one is. The nodes of which that is yet to come."""
    with Witnesses(cluster, request, run) as witnesses:
        witnesses.tend()
        return witnesses.untold()


def finish(cluster: Cluster, request: ProbeRequest, nodes: Sequence[str], run: str) -> list[FlowWitness]:
    """End the connections, and say what they saw on these nodes. Nothing is left of them."""
    with Witnesses(cluster, request, run) as witnesses:
        witnesses.end()
        found = witnesses.report(nodes)
    sweep(cluster, request)
    return found


def sweep(cluster: Cluster, request: ProbeRequest) -> list[str]:
    """Remove what witnesses left, those of a run that was killed too."""
    return namespace.sweep(cluster, request.namespace, WITNESS)


def _joined(cluster: Cluster, request: ProbeRequest, run: str | None) -> Owner | None:
    left = namespace.left(cluster, request.namespace, WITNESS) if run else []
    return next((_owner(request, one) for one in left if one["labels"].get(RUN) == run), None)


def _owner(request: ProbeRequest, metadata: Mapping[str, Any]) -> Owner:
    return Owner(metadata["labels"].get(RUN, ""), request.namespace, metadata["uid"], WITNESS)


def _name(owner: Owner, pair: Pair, role: Role) -> str:
    """The same for the same node; a node's name may be longer than a pod's may be."""
    return f"{owner.name}-{hashlib.sha256(pair.node.encode()).hexdigest()[:12]}-{role}"


def _take_back(cluster: Cluster, owner: Owner) -> None:
    with suppress(ApiError):  # What ended the start is worse than what is left, which ends by itself.
        namespace.remove(cluster, owner, with_global=False)


def _party(raw: Mapping[str, Any]) -> Party:
    metadata = raw["metadata"]
    annotations = metadata.get("annotations") or {}
    statuses = (raw.get("status") or {}).get("containerStatuses") or ()
    role: Role = "subject" if metadata["labels"][ROLE] == "subject" else "peer"
    return Party(
        Pair(annotations.get(NODE, ""), annotations.get(PEER, "")),
        role,
        pod_seen(raw),
        TARGETS in annotations,
        any(one["name"] == CLIENT_NAME and one.get("started") for one in statuses),
    )


def _judged(node: str, parties: Sequence[Party]) -> FlowWitness:
    reports: dict[Direction, Heard] = {}
    trouble = [] if parties else ["it had no witness"]
    for each in parties:
        direction = _DIRECTIONS[each.role]
        try:
            reports[direction] = heard(each.seen.report or "")
        except ValueError:
            said = printable(each.seen.report or "") or each.seen.trouble or "its client did not say what it saw"
            trouble.append(f"{said} ({direction})")
    return witnessed(parties[0].pair if parties else Pair(node, ""), reports, trouble)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Witnesses of what happens to nodes: connections between pods, from `start` to `finish`, which may be in two processes.

What there is to know lies in the cluster, in the annotations of the pods: nothing is to be remembered between the two.
"""

from __future__ import annotations

import functools
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
    """`trouble` has by node why it has no witness yet. It watches as long as its context lasts."""

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

    def start(self, owner: Owner, these: Sequence[Pair], lifetime: int, without_network: Collection[str]) -> None:
        deadline = time.monotonic() + self._request.timeout
        networked = [pair for pair in these if not {*pair} & set(without_network)]
        self._make(owner, these, "peer", lifetime)
        self._await(lambda: all(self._has_address(pair, "peer") for pair in networked), deadline)
        self._make(owner, these, "subject", lifetime)
        self._await(lambda: self._tended() and all(map(self._has_begun, networked)), deadline)
        for pair in networked:
            if not self._has_begun(pair):
                self.trouble.setdefault(pair.node, self._why_not(pair))

    def tend(self) -> None:
        """Tell each client its targets, if their pod runs by now."""
        parties = self._parties()
        servers = {(each.pair, each.role): each.seen for each in parties if each.seen.running and each.seen.addresses}
        texts = {
            each.seen.name: targets_text(servers[each.pair, other].addresses)
            for each in parties
            for other in ROLES
            if other != each.role and (each.pair, other) in servers
            if not each.told and each.seen.name not in self._told
        }
        self._told.update(texts)
        self._patch({name: {"metadata": {"annotations": {TARGETS: text}}} for name, text in texts.items()})

    def end(self) -> None:
        """Have all clients report."""
        for patch, seconds in ((over(), HEARS), (ended(), ENDS)):
            silent = [each.seen for each in self._silent()]
            self._patch({seen.name: patch for seen in silent})
            begun = {seen.name for seen in silent if seen.running}
            self._await(functools.partial(self._have_reported, begun), time.monotonic() + seconds)

    def report(self, nodes: Sequence[str]) -> list[FlowWitness]:
        by_node: dict[str, list[Party]] = {}
        for each in self._parties():
            by_node.setdefault(each.pair.node, []).append(each)
        return [_judged(node, by_node.get(node, [])) for node in nodes]

    def _make(self, owner: Owner, these: Sequence[Pair], role: Role, lifetime: int) -> None:
        servers = {each.pair: each.seen.addresses for each in self._parties() if each.role != role}
        bodies = [
            witness_pod(owner, self._request, f"{owner.name}-{place}-{role}", pair, role, lifetime, servers.get(pair))
            for place, pair in enumerate(these)
        ]
        refused = make_pods(self._cluster, self._path, bodies)
        for pair, body in zip(these, bodies):
            name = body["metadata"]["name"]
            if name in refused:
                self.trouble.setdefault(pair.node, refused[name])

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

    def _of(self, pair: Pair) -> list[Party]:
        return [each for each in self._parties() if each.pair == pair]

    def _has_address(self, pair: Pair, role: Role) -> bool:
        return pair.node in self.trouble or any(each.role == role and each.seen.addresses for each in self._of(pair))

    def _has_begun(self, pair: Pair) -> bool:
        parties = self._of(pair)
        return pair.node in self.trouble or (len(parties) == len(ROLES) and all(each.begun for each in parties))

    def _why_not(self, pair: Pair) -> str:
        trouble = [each.seen.trouble for each in self._of(pair) if each.seen.trouble]
        return trouble[0] if trouble else f"its connections were not as policy wants within {self._request.timeout:g} s"

    def _await(self, reached: Callable[[], bool], deadline: float) -> None:
        while not reached() and time.monotonic() < deadline:
            self._mirror.wait_for_change(max(0.0, min(LOOK_AGAIN, deadline - time.monotonic())))


def start(
    cluster: Cluster,
    request: ProbeRequest,
    nodes: Sequence[str],
    offered: Sequence[str],
    lifetime: int,
    without_network: Collection[str] = (),
) -> dict[str, str]:
    """By node why it has no witness. Returns when allowed connections come through and denied ones do not, or at the request's timeout.

    :param offered: nodes that nothing happens to
    :param lifetime: seconds after which the clients end by themselves
    :param without_network: nodes without a CNI plugin: nobody waits for their pods, which begin once they have an address
    """
    namespace.ensure(cluster, request.namespace)
    sweep(cluster, request)
    owner = namespace.own(cluster, request, os.urandom(4).hex(), WITNESS)
    with ExitStack() as unless_it_began:
        unless_it_began.callback(_take_back, cluster, owner)
        policies = namespace.path(request.namespace, "networkpolicies")
        cluster.request("POST", policies, body=standing_policy(owner))
        with Witnesses(cluster, request, owner.run) as witnesses:
            witnesses.start(owner, pairs(nodes, offered), lifetime, without_network)
        unless_it_began.pop_all()
    return witnesses.trouble


def _take_back(cluster: Cluster, owner: Owner) -> None:
    with suppress(ApiError):  # What ended the start is worse than what is left, which ends by itself.
        namespace.remove(cluster, owner, with_global=False)


def tend(cluster: Cluster, request: ProbeRequest) -> None:
    """Pods that had no network at the start have begun: both learn where the other one is."""
    for run in _runs(cluster, request):
        with Witnesses(cluster, request, run) as witnesses:
            witnesses.tend()


def finish(cluster: Cluster, request: ProbeRequest, nodes: Sequence[str]) -> list[FlowWitness]:
    """End the connections, and say what they saw on these nodes."""
    found = [_judged(node, []) for node in nodes]
    for run in _runs(cluster, request):
        with Witnesses(cluster, request, run) as witnesses:
            witnesses.end()
            found = witnesses.report(nodes)
    sweep(cluster, request)
    return found


def _runs(cluster: Cluster, request: ProbeRequest) -> list[str]:
    """One, or none where a start did not come to its end: it removes those before it."""
    return [metadata["labels"][RUN] for metadata in namespace.left(cluster, request.namespace, WITNESS)][-1:]


def sweep(cluster: Cluster, request: ProbeRequest) -> list[str]:
    """Remove what witnesses left, those of a run that was killed too."""
    return namespace.sweep(cluster, request.namespace, WITNESS)


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

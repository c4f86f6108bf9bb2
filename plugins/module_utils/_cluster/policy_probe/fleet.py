# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The pods of one run: made, watched, told what to try, heard."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..._kube.client import ApiError, Cluster
from ..._kube.mirror import Kind, Mirror
from ..._rollout.documents.policy import Family
from ..._rollout.text.terminal import printable
from .clocks import Clocks
from .namespace import path
from .pod_writes import make_pods, patch_pods
from .pods import OVER, ROLES, RUN, TARGETS, Owner, pod
from .request import ProbeRequest
from .seen import PodSeen, pod_seen
from .targets import Place

TROUBLE_MAY_PASS = 10.0
"""Seconds for which a pod may be in trouble before its node is given up: an image is pulled again, a taint goes."""
LOOK_AGAIN = 1.0


class Fleet:
    """`trouble` has by node why it gives no evidence. It watches as long as its context lasts."""

    def __init__(
        self, cluster: Cluster, request: ProbeRequest, owner: Owner, nodes: Sequence[str], clocks: Clocks, lifetime: int
    ):
        self.trouble: dict[str, str] = {}
        self.clocks = clocks
        self._cluster = cluster
        self._request = request
        self._owner = owner
        self._nodes = nodes
        self._lifetime = lifetime
        self._names = _names(owner, nodes)
        self._path = path(owner.namespace, "pods")
        kind = Kind(self._path, {"labelSelector": f"{RUN}={owner.run}"}, pod_seen)
        self._mirror = Mirror(cluster, {"pods": kind}, time.monotonic() + lifetime)
        self._in_trouble_since: dict[str, float] = {}
        self._told: dict[Place, float] = {}
        self._heard: set[tuple[Place, str]] = set()
        self.pods: dict[Place, PodSeen] = {}

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *exception: object) -> None:
        self._mirror.close()

    @staticmethod
    def bodies(request: ProbeRequest, owner: Owner, nodes: Sequence[str], lifetime: int = 60) -> list[dict[str, Any]]:
        """The pods that would be made."""
        named = _names(owner, nodes).items()
        return [pod(owner, request, name, place.node, place.role, lifetime) for place, name in named]

    def start(self) -> None:
        """Make the pods; those that the API server refuses are the trouble of their nodes."""
        bodies = self.bodies(self._request, self._owner, self._nodes, self._lifetime)
        refused = make_pods(self._cluster, self._path, bodies)
        for place, name in self._names.items():
            if name in refused:
                self._give_up(place.node, refused[name])

    def await_running(self, deadline: float) -> None:
        """Until each pod runs, or its node is given up."""
        while True:
            self.look()
            late = [place for place in self._places() if not self._runs(place)]
            if not late:
                return
            if time.monotonic() >= deadline:
                for place in late:
                    self._give_up(place.node, self._why_not(place))
                return
            self.wait(deadline)

    def addresses(self) -> dict[Place, Mapping[Family, str]]:
        return {place: self.pods[place].addresses for place in self._places() if place in self.pods}

    def families(self) -> dict[str, list[Family]]:
        """By node those that both of its pods have."""
        found: dict[str, list[Family]] = {}
        for place, addresses in self.addresses().items():
            has = found.setdefault(place.node, list(addresses))
            found[place.node] = [family for family in has if family in addresses]
        return found

    def give_targets(self, texts: Mapping[Place, str]) -> None:
        self._annotate(texts, TARGETS)

    def end_phase(self, places: Iterable[Place], number: int) -> None:
        """Tell clients that so many phases are over, whatever they have seen."""
        self._annotate(dict.fromkeys(places, str(number)), OVER)

    def look(self) -> None:
        by_name = {seen.name: seen for seen in self._mirror.objects("pods")}
        heard, now = time.time(), time.monotonic()
        for place, name in self._names.items():
            seen = by_name.get(name)
            if seen is None:
                if place in self.pods:
                    self._give_up(place.node, "its pod is gone: somebody deleted it")
                continue
            self.pods[place] = seen
            self._listen(place, seen, heard)
            if not seen.trouble:
                self._in_trouble_since.pop(name, None)
            elif seen.final or now - self._in_trouble_since.setdefault(name, now) >= TROUBLE_MAY_PASS:
                self._give_up(place.node, seen.trouble)

    def wait(self, deadline: float) -> None:
        self._mirror.wait_for_change(max(0.0, min(LOOK_AGAIN, deadline - time.monotonic())))

    def _places(self) -> list[Place]:
        return [place for place in self._names if place.node not in self.trouble]

    def _runs(self, place: Place) -> bool:
        seen = self.pods.get(place)
        return seen is not None and seen.running and bool(seen.addresses)

    def _give_up(self, node: str, why: str) -> None:
        self.trouble.setdefault(node, why)

    def _why_not(self, place: Place) -> str:
        seen = self.pods.get(place)
        if seen is not None and seen.trouble:
            return seen.trouble
        query = {"fieldSelector": f"involvedObject.name={self._names[place]},type=Warning"}
        try:
            events = self._cluster.list_all(path(self._owner.namespace, "events"), query=query)[0]
        except ApiError:  # They only explain.
            events = []
        said = printable(str(events[-1].get("message", ""))) if events else "its kubelet says nothing"
        return f"its pod did not run within {self._request.timeout:g} s: {said}"

    def _listen(self, place: Place, seen: PodSeen, heard: float) -> None:
        for phase, said in seen.settled.items():
            if (place, phase) not in self._heard:
                self._heard.add((place, phase))
                if said.isdigit():
                    self.clocks.heard(place.node, int(said) / 1e6, heard)

    def _annotate(self, texts: Mapping[Place, str], annotation: str) -> None:
        patches = {}
        for place, text in texts.items():
            patches[self._names[place]] = {"metadata": {"annotations": {annotation: text}}}
            self._told.setdefault(place, time.time())
        outcomes = patch_pods(self._cluster, self._path, patches)
        for place in texts:
            error = outcomes[self._names[place]].error
            if error is not None:
                self._give_up(place.node, f"its pod cannot be told what to try: {printable(error.said)}")

    def begun(self, place: Place, seen: float) -> None:
        """The client of that pod began at that time of its node's: it had been told before."""
        if place in self._told:
            self.clocks.sent(place.node, self._told[place], seen)


def _names(owner: Owner, nodes: Sequence[str]) -> dict[Place, str]:
    """A node's name may be longer than a pod's may be."""
    return {Place(node, role): f"{owner.name}-{number}-{role}" for number, node in enumerate(nodes) for role in ROLES}

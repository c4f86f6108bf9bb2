# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The cluster as a rollout sees it: one Observation, from lists alone or kept up to date by watches."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Callable, NamedTuple, Protocol

from .._kube.client import NODES, ApiError, Cluster
from .._kube.mirror import Kind, Mirror
from .._rollout.calico_node.readiness import running
from .._rollout.documents import ControlPlane, NodeFacts, Observation, OperatorStatus
from .._rollout.kubernetes.node_facts import node_facts
from .._rollout.observation import snapshot
from .._rollout.operator.overlay import overlay_seen
from .control_plane import read_control_plane, v3_crds

APPS = "/apis/apps/v1/namespaces/"
OPERATOR = "/apis/operator.tigera.io/v1/"

MANIFEST_DAEMONSETS = ("calico-node", "canal")
"""Names that Calico's and Canal's manifests give their DaemonSet in kube-system."""

SETTLE_SECONDS = 5.0
BUNCH_SECONDS = (0.01, 0.1)
"""Changes come in bunches: a pod that becomes ready is several events, and each look at the whole costs. So a look waits for twice as
long as the last one took, within these limits. Looking takes a third of the time at most, and news arrive soon."""


def _node(raw: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": _identity(raw), "seen": snapshot.node_seen(raw)}


def _node_with_facts(raw: dict[str, Any]) -> dict[str, Any]:
    return {**_node(raw), "facts": node_facts(raw)}


def _pod(raw: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": _identity(raw), "seen": snapshot.pod_seen(raw)}


def _revision(raw: dict[str, Any]) -> dict[str, Any]:
    """Without `data`: that is the whole pod template, once for each revision."""
    return {"metadata": raw["metadata"], "revision": raw["revision"]}


def _identity(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: raw["metadata"].get(key) for key in ("name", "resourceVersion")}


KINDS: dict[str, Kind] = {
    "nodes": Kind(NODES, trim=_node),
    "pods": Kind("/api/v1/namespaces/calico-system/pods", {"labelSelector": "k8s-app=calico-node"}, trim=_pod),
    "daemonsets": Kind(APPS + "calico-system/daemonsets"),
    "revisions": Kind(APPS + "calico-system/controllerrevisions", trim=_revision),
    "installations": Kind(OPERATOR + "installations", optional=True),
    "apiservers": Kind(OPERATOR + "apiservers", optional=True),
    "statuses": Kind(OPERATOR + "tigerastatuses", optional=True),
}


def observe_once(cluster: Cluster) -> Observation:
    """From one list of each kind. For what judges once: check mode, a refusal before a single write."""
    return _assembled(lambda name: listed(cluster, KINDS[name]), _background(cluster), cluster.now)


class Survey(NamedTuple):
    """The cluster from one list of each kind: Nodes are the largest objects of a cluster."""

    nodes: list[NodeFacts]
    """As a plan needs them."""
    observation: Observation
    operator: list[OperatorStatus]
    """Every TigeraStatus; the observation has that of calico alone."""
    control_plane: ControlPlane


def survey(cluster: Cluster) -> Survey:
    kinds = {**KINDS, "nodes": replace(KINDS["nodes"], trim=_node_with_facts)}
    found: dict[str, list[Any]] = {}

    def objects(name: str) -> list[Any]:
        found[name] = listed(cluster, kinds[name])
        return found[name]

    observation = _assembled(objects, _background(cluster), cluster.now)
    facts: list[NodeFacts] = [node["facts"] for node in found["nodes"]]
    ready = running(observation)
    for node in facts:
        node["calico_ready"] = node["name"] in ready
    operator, control_plane = read_control_plane(cluster, lambda kind: found[kind])
    return Survey(facts, observation, operator, control_plane)


def listed(cluster: Cluster, kind: Kind) -> list[Any]:
    try:
        return cluster.list_all(kind.path, query=kind.query, trim=kind.trim)[0]
    except ApiError as error:
        if error.status == 404 and kind.optional:
            return []
        raise


class Background(NamedTuple):
    """Read once a call: it does not change in the middle of a rollout by itself."""

    manifest_install: list[str]
    v3_crds: bool


class Eyes(Protocol):
    """What a wait needs: to look, and to sleep until there is something new to see."""

    def observe(self) -> Observation:
        """The cluster as it is known now."""

    def wait_for_change(self, timeout: float) -> bool:
        """Until something changed that was not yet there at the last return, or `timeout` seconds are over."""


def bunch(looked_for: float) -> float:
    """How long to wait for the rest of a bunch when the last look took so long (seconds)."""
    least, most = BUNCH_SECONDS
    return min(most, max(least, 2 * looked_for))


class Observer:
    """Observations kept up to date by one list and one watch of each kind."""

    def __init__(self, cluster: Cluster, deadline: float) -> None:
        """`deadline` (monotonic) ends the watches."""
        self._cluster = cluster
        self._background = _background(cluster)
        self._mirror = Mirror(cluster, KINDS, deadline)
        self._awake_since = time.monotonic()

    def observe(self) -> Observation:
        return _assembled(self._mirror.objects, self._background, self._cluster.now)

    def objects(self, kind: str) -> list[Any]:
        """The present objects of one of KINDS, as they are trimmed there."""
        return self._mirror.objects(kind)

    def wait_for_change(self, timeout: float) -> bool:
        """Until something changed that was not yet there at the last return, or `timeout` seconds are over."""
        looked_for = time.monotonic() - self._awake_since
        changed = self._mirror.wait_for_change(timeout)
        if changed:
            time.sleep(bunch(looked_for))
        self._awake_since = time.monotonic()
        return changed

    def wake(self) -> None:
        """End a wait that is under way in another thread."""
        self._mirror.wake()

    def settle(self, kind: str, written: Iterable[Mapping[str, Any]]) -> bool:
        """Wait until the watch has brought our own writes, so that nothing is decided on the state before them.

        False when it has not within a few seconds: an object that was deleted right after the write never comes. Deciding on
        the older state is harmless then, for a write that is repeated finds nothing to change.
        """
        missing = {str(raw["metadata"]["name"]): raw["metadata"]["resourceVersion"] for raw in written}
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            present = {
                raw["metadata"]["name"]: raw["metadata"]["resourceVersion"] for raw in self._mirror.objects(kind)
            }
            missing = {name: version for name, version in missing.items() if not _at_least(present.get(name), version)}
            left = deadline - time.monotonic()
            if not missing or left <= 0:
                return not missing
            self._mirror.wait_for_change(left)

    def close(self) -> None:
        self._mirror.close()

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _assembled(objects: Callable[[str], list[Any]], background: Background, clock: Callable[[], float]) -> Observation:
    # Nodes and pods last: a DaemonSet that is older than its pods can only make the gate stricter.
    daemonsets, revisions = objects("daemonsets"), objects("revisions")
    installations, statuses = objects("installations"), objects("statuses")
    installation, overlay = (snapshot.named(installations, name) for name in ("default", "overlay"))
    apiserver = snapshot.named(objects("apiservers"), "default")
    calico_node, csi = snapshot.named(daemonsets, "calico-node"), snapshot.named(daemonsets, "csi-node-driver")
    nodes = {raw["metadata"]["name"]: raw["seen"] for raw in objects("nodes")}
    pods = sorted((raw["seen"] for raw in objects("pods")), key=lambda pod: str(pod["name"]))
    return {
        "read_at": clock(),
        "nodes": nodes,
        "pods": pods,
        "daemonset": None if calico_node is None else snapshot.daemonset_seen(calico_node, revisions),
        "csi_daemonset": None if csi is None else snapshot.daemonset_seen(csi, revisions),
        "installation": None if installation is None else snapshot.installation_seen(installation),
        "overlay": None if overlay is None else overlay_seen(overlay),
        "apiserver": None if apiserver is None else snapshot.apiserver_seen(apiserver),
        "v3_crds": background.v3_crds,
        "manifest_install": background.manifest_install,
        "calico_status": snapshot.status_conditions(snapshot.named(statuses, "calico")),
    }


def _background(cluster: Cluster) -> Background:
    return Background(_manifest_daemonsets(cluster), v3_crds(cluster))


def _manifest_daemonsets(cluster: Cluster) -> list[str]:
    found = (cluster.get_or_none(APPS + "kube-system/daemonsets/" + name) for name in MANIFEST_DAEMONSETS)
    return ["kube-system/" + snapshot.name_of(raw) for raw in found if raw is not None]


def _at_least(present: str | None, written: str) -> bool:
    """resourceVersions of one kind grow, and may be compared as numbers where they are numbers (KEP-5504)."""
    if present is None:
        return False
    if present.isdigit() and written.isdigit():
        return int(present) >= int(written)
    return present == written

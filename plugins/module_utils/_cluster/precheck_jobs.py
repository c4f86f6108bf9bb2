# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Runs the precheck's Jobs: a few at a time, each awaited, read, and removed."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._kube.client import METADATA, NODES, ApiError, Cluster
from .._kube.mirror import Kind, Mirror
from .._rollout.errors import RolloutError
from .._rollout.evidence.job import (
    CONTAINER,
    EXPIRES,
    MANAGED_BY,
    MANAGER,
    JobSettings,
    PodSeen,
    Registered,
    Target,
    config_map,
    failed,
    job,
    pod_seen,
    registered,
    silent,
    skipped,
    target,
    timed,
)
from .._rollout.kubernetes.rbac import Right, right
from .._rollout.text.terminal import listed

LOOK_AGAIN = 1.0
"""Seconds after which deadlines are looked at, whether something happened or not."""
LOG_BYTES = 1024 * 1024
LOG_SECONDS = 15.0
_BACKGROUND = {"propagationPolicy": "Background"}
_NAMES_SHOWN = 20


@dataclass
class _Running:
    node: Target
    uid: str
    until: float
    began: float
    """When its Job was created, by this machine's clock."""
    ticks: float
    """The same, by one that nobody sets."""
    pod: PodSeen | None = None


def targets(cluster: Cluster, names: Sequence[str] | None, selector: str | None) -> list[Target]:
    """The nodes meant; RolloutError when one of them does not exist."""
    found = {one.name: one for one in cluster.list_all(NODES, query={"labelSelector": selector}, trim=target)[0]}
    meant = sorted(found if names is None else set(names))
    unknown = [name for name in meant if name not in found]
    if unknown:
        raise RolloutError(
            f"{len(unknown)} of {len(meant)} nodes do not exist in this cluster, nothing was written: "
            f"{listed(unknown, _NAMES_SHOWN)}. Node names are those of `kubectl get nodes`."
        )
    return [found[name] for name in meant]


def rights(settings: JobSettings) -> list[Right]:
    """What it takes in the namespace of the Jobs. Events only explain: without them an entry says less."""
    asked = {"jobs": ("create", "delete"), "configmaps": ("list", "create", "delete"), "pods": ("list", "watch")}
    own = [right(verb, _path(settings, kind)) for kind, verbs in asked.items() for verb in verbs]
    return [*own, right("get", _path(settings, "pods"))._replace(resource="pods/log")]


def rehearse(cluster: Cluster, settings: JobSettings, nodes: Sequence[Target], archive: bytes, asked: Any) -> None:
    """Let the API server judge everything that would be made, and make nothing."""
    dry = {"dryRun": "All"}
    cluster.request("POST", _path(settings, "configmaps"), query=dry, body=config_map(settings, archive, asked))
    for node in nodes:
        cluster.request("POST", _path(settings, "jobs"), query=dry, body=job(settings, node.name))


class PrecheckJobs:
    """One run. Everything that it makes carries its label, and is gone when it ends."""

    def __init__(
        self,
        cluster: Cluster,
        settings: JobSettings,
        concurrency: int,
        deadline: float,
        examine: Callable[[Any], Mapping[str, Any]],
    ):
        self._cluster = cluster
        self._settings = settings
        self._examine = examine
        self._concurrency = concurrency
        self._deadline = deadline
        self._running: dict[str, _Running] = {}
        self._answers: dict[str, Registered] = {}
        self.left: dict[str, str] = {}
        """Paths of objects that could not be removed, and the API server's words."""

    def left_text(self) -> str:
        """What stays behind for now, and why; empty where nothing does."""
        if not self.left:
            return ""
        what = "An object" if len(self.left) == 1 else f"{len(self.left)} objects"
        return (
            f"{what} of this check could not be removed: {listed(sorted(self.left), _NAMES_SHOWN)}. The API server says: "
            f"{next(iter(self.left.values()))}. Jobs end and go by themselves; a ConfigMap is removed by a later run, or "
            "by kubectl delete."
        )

    def run(self, nodes: Sequence[Target], archive: bytes, asked: Mapping[str, Any]) -> dict[str, Registered]:
        """By node name: its result, or why there is none."""
        self._sweep()
        pods = Kind(_path(self._settings, "pods"), {"labelSelector": self._settings.selector}, pod_seen)
        body = config_map(self._settings, archive, asked)
        self._cluster.request("POST", _path(self._settings, "configmaps"), body=body)
        try:
            with Mirror(self._cluster, {"pods": pods}, self._deadline + LOG_SECONDS) as mirror:
                self._work_through(deque(nodes), mirror)
        finally:
            for one in list(self._running.values()):
                self._remove(one)
            self._delete("configmaps", self._settings.config_map)
        return self._answers

    def _work_through(self, waiting: deque[Target], mirror: Mirror) -> None:
        while waiting or self._running:
            while waiting and len(self._running) < self._concurrency and time.monotonic() < self._deadline:
                self._start(waiting.popleft())
            if waiting and time.monotonic() >= self._deadline:
                self._answers.update((node.name, failed("not tried: the time was up")) for node in waiting)
                waiting.clear()
            self._look(mirror.objects("pods"))
            if self._running:
                mirror.wait_for_change(LOOK_AGAIN)

    def _start(self, node: Target) -> None:
        began, ticks = time.time(), time.monotonic()
        try:
            made = self._cluster.request("POST", _path(self._settings, "jobs"), body=job(self._settings, node.name))
        except ApiError as error:
            if error.status == 403:
                raise  # It will be so for every node.
            self._answers[node.name] = failed(str(error))
            return
        until = min(time.monotonic() + self._settings.node_timeout, self._deadline)
        self._running[node.name] = _Running(node, made["metadata"]["uid"], until, began, ticks)

    def _look(self, pods: Sequence[PodSeen]) -> None:
        by_job = {pod.job_uid: pod for pod in pods}
        for one in list(self._running.values()):
            # A pod that is gone explains more than none.
            one.pod = by_job.get(one.uid) or one.pod
            if one.pod is not None and one.pod.phase in ("Succeeded", "Failed"):
                self._end(one, self._read(one, one.pod))
            elif time.monotonic() >= one.until:
                self._end(one, silent(one.pod, self._settings.node_timeout, self._events(one)))

    def _end(self, one: _Running, answer: Registered) -> None:
        self._answers[one.node.name] = answer
        self._remove(one)

    def _read(self, one: _Running, pod: PodSeen) -> Registered:
        node = one.node
        if pod.node != node.name:
            return failed(f"its pod ran on {pod.node}: something moved it")
        path = f"{_path(self._settings, 'pods')}/{pod.name}/log"
        query = {"container": CONTAINER, "limitBytes": LOG_BYTES}
        try:
            answer = registered(node, self._cluster.text(path, query=query, timeout=LOG_SECONDS), self._examine)
        except ApiError as error:
            return failed(f"its container's log cannot be read: {error}")
        if "precheck" in answer:
            return timed(answer, one.began, time.monotonic() - one.ticks)
        if pod.trouble:
            answer["msg"] += f" ({pod.trouble})"
        return answer

    def _events(self, one: _Running) -> list[str]:
        """What the cluster says of a Job whose pod was refused, or of a pod that does not start."""
        names = [self._settings.job(one.node.name), *([one.pod.name] if one.pod else [])]
        found: list[Any] = []
        for name in names:
            with contextlib.suppress(ApiError):  # They only explain.
                query = {"fieldSelector": f"involvedObject.name={name},type=Warning"}
                found += self._cluster.list_all(_path(self._settings, "events"), query=query)[0]
        return [event.get("message", "") for event in found]

    def _remove(self, one: _Running) -> None:
        del self._running[one.node.name]
        self._delete("jobs", self._settings.job(one.node.name))

    def _delete(self, kind: str, name: str) -> None:
        # What cannot be deleted now ends by itself (Jobs) or is swept by the next run: an answer is worth more than tidiness.
        path = f"{_path(self._settings, kind)}/{name}"
        try:
            self._cluster.request("DELETE", path, query=_BACKGROUND, accept=METADATA if kind == "configmaps" else None)
        except ApiError as error:
            if error.status != 404:
                self.left[path] = error.said

    def _sweep(self) -> None:
        """Remove what runs left that were killed and whose time is over; Jobs end and go by themselves."""
        query = {"labelSelector": f"{MANAGED_BY}={MANAGER}"}
        found = self._cluster.list_all(_path(self._settings, "configmaps"), query=query, metadata_only=True)[0]
        for metadata in (one["metadata"] for one in found):
            expires = metadata.get("annotations", {}).get(EXPIRES, "")
            if expires.isdigit() and int(expires) < time.time():
                self._delete("configmaps", metadata["name"])


def without_linux(nodes: Sequence[Target]) -> dict[str, Registered]:
    """Nodes that have no kernel to probe."""
    return {
        node.name: skipped(f"its operating system is {node.operating_system}, and only Linux is checked")
        for node in nodes
        if node.operating_system not in ("", "linux")
    }


def _path(settings: JobSettings, kind: str) -> str:
    root = "/apis/batch/v1" if kind == "jobs" else "/api/v1"
    return f"{root}/namespaces/{settings.namespace}/{kind}"

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the precheck's Jobs against an API server that is had by the sleeve."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.precheck_jobs import PrecheckJobs
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.job import (
    MARK,
    JobSettings,
    Target,
)

from tests.unit.kube.fake_api import FakeApi, Reply, Request, fake_api, status

SETTINGS = JobSettings("a1b2", "checks", "python:3", "python3", [], 30, 2_000_000_000)
NODES = [Target(f"n-{number}", "linux", "", "") for number in range(6)]

AHEAD = 100
"""Seconds that the nodes' clocks are ahead."""


class World:
    """A namespace in which each Job's pod has succeeded once it is looked for, unless its node is silent."""

    def __init__(self, silent: tuple[str, ...] = (), refuse: Reply | None = None) -> None:
        self.silent = silent
        self.refuse = refuse
        self.pods: dict[str, dict[str, Any]] = {}
        self.most_jobs = 0
        self._lock = threading.Lock()

    def answer(self, request: Request, number: int) -> Reply:
        kind = request.path.split("/namespaces/checks/")[1].split("/")[0]
        if kind == "jobs":
            return self._job(request)
        if request.path.endswith("/log"):
            return Reply(
                body=f"{MARK}{json.dumps({'identity': {}, 'facts': {'clock': time.time() + AHEAD}})}\n".encode()
            )
        if kind == "pods":
            return self._pods(request)
        return Reply(body={"metadata": {"resourceVersion": "1"}, "items": []})

    def _job(self, request: Request) -> Reply:
        with self._lock:
            if request.method == "DELETE":
                self.pods.pop(request.path.rsplit("/", 1)[1], None)
                return Reply()
            if self.refuse:
                return self.refuse
            name, node = request.body["metadata"]["name"], request.body["spec"]["template"]["spec"]["nodeName"]
            phase = "Running" if node in self.silent else "Succeeded"
            owner = {"kind": "Job", "uid": "uid-" + name}
            self.pods[name] = {
                "metadata": {"name": name, "ownerReferences": [owner]},
                "spec": {"nodeName": node},
                "status": {"phase": phase},
            }
            self.most_jobs = max(self.most_jobs, len(self.pods))
            return Reply(201, {"metadata": {"uid": "uid-" + name}})

    def _pods(self, request: Request) -> Reply:
        if "watch" not in request.query:
            return Reply(body={"metadata": {"resourceVersion": "1"}, "items": list(self.pods.values())})

        def events() -> Iterator[Any]:
            told: dict[str, Any] = {}
            for turn in range(200):
                with self._lock:
                    now = dict(self.pods)
                for name in now.keys() - told.keys():
                    item = {**now[name], "metadata": {**now[name]["metadata"], "resourceVersion": str(turn + 2)}}
                    yield {"type": "ADDED", "object": item}
                told = now
                time.sleep(0.02)

        return Reply(lines=events)


@contextmanager
def jobs(world: World, concurrency: int = 2, seconds: float = 20, settings: JobSettings = SETTINGS) -> Iterator[Any]:
    with fake_api(world.answer) as api:
        yield PrecheckJobs(api.cluster(), settings, concurrency, time.monotonic() + seconds, lambda answer: answer), api


def deleted(api: FakeApi) -> list[str]:
    return [request.path.rsplit("/", 1)[1] for request in api.requests if request.method == "DELETE"]


def test_every_node_gives_its_result_and_never_more_jobs_are_there_than_allowed() -> None:
    world = World()
    with jobs(world) as (run, api):
        answers = run.run(NODES, b"code", {})
    assert {name: answer["precheck"]["node_name"] for name, answer in answers.items()} == {
        n.name: n.name for n in NODES
    }
    assert world.most_jobs == 2
    assert len(deleted(api)) == len(NODES) + 1
    assert deleted(api)[-1] == SETTINGS.config_map


def test_a_clock_is_compared_with_the_time_at_which_the_job_was_asked_for() -> None:
    began = time.time()
    with jobs(World()) as (run, _api):
        answer = run.run(NODES[:1], b"code", {})["n-0"]
    took, offset = answer["call_seconds"], answer["precheck"]["facts"]["clock_offset"]
    assert began - 0.001 <= answer["checked_at"] <= time.time()
    assert AHEAD - 0.01 <= offset <= AHEAD + took + 0.01


def test_a_silent_node_is_given_up_at_its_own_deadline_and_its_job_removed() -> None:
    world = World(silent=("n-0",))
    impatient = JobSettings("a1b2", "checks", "python:3", "python3", [], 1, 2_000_000_000)
    with jobs(world, settings=impatient) as (run, api):
        answers = run.run(NODES, b"code", {})
    assert answers["n-0"]["msg"] == "no answer within 1 s: its container is still running"
    assert sum("precheck" in answer for answer in answers.values()) == 5
    assert impatient.job("n-0") in deleted(api)


def test_when_the_time_is_up_the_nodes_that_were_not_tried_are_told() -> None:
    world = World(silent=tuple(node.name for node in NODES))
    with jobs(world, seconds=1) as (run, api):
        answers = run.run(NODES, b"code", {})
    told = [answer["msg"] for answer in answers.values()]
    assert told.count("not tried: the time was up") == 4
    assert len([name for name in deleted(api) if name != SETTINGS.config_map]) == 2


def test_jobs_that_are_refused_though_the_account_has_the_right_are_told_at_once_and_the_configmap_goes() -> None:
    world = World(refuse=status(403, "Forbidden", "jobs.batch is forbidden"))
    with jobs(world) as (run, api):
        with pytest.raises(ApiError, match=r"jobs\.batch is forbidden"):
            run.run(NODES, b"code", {})
        assert deleted(api) == [SETTINGS.config_map]


def test_what_the_api_server_says_of_one_job_is_that_nodes_answer() -> None:
    world = World(refuse=status(422, "Invalid", "spec is invalid"))
    with jobs(world) as (run, _api):
        answers = run.run(NODES[:1], b"code", {})
    assert "spec is invalid" in answers["n-0"]["msg"]


def test_what_cannot_be_removed_is_named_with_the_api_servers_words(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    removing = world.answer

    def answer(request: Request, number: int) -> Reply:
        if request.method == "DELETE" and "/configmaps/" in request.path:
            return status(403, "Forbidden", 'admission webhook "keep.example.com" denied the request')
        return removing(request, number)

    monkeypatch.setattr(world, "answer", answer)
    with jobs(world) as (run, _api):
        answers = run.run(NODES[:1], b"", {})
    assert "precheck" in answers["n-0"]
    assert run.left_text().startswith(
        "An object of this check could not be removed: /api/v1/namespaces/checks/configmaps/"
    )
    assert 'admission webhook "keep.example.com" denied the request' in run.left_text()


def test_what_is_gone_already_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    removing = world.answer

    def answer(request: Request, number: int) -> Reply:
        return status(404, "NotFound") if request.method == "DELETE" else removing(request, number)

    monkeypatch.setattr(world, "answer", answer)
    with jobs(world) as (run, _api):
        run.run(NODES[:1], b"", {})
    assert run.left_text() == ""

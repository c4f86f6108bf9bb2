# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A passing result of a Job counts again while the Node and its boot are the same, and no Job is made for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.lab.claims import claimed_lab
from tests.lab.kubelet import kubelet
from tests.lab.lab import Lab
from tests.lab.modules import Modules, Outcome, eventually
from tests.lab.player import Played, Player
from tests.lab_tests.modules.test_node_precheck import CALICO, HOSTS

pytestmark = [pytest.mark.ansible, pytest.mark.oldest_core]

NODES = [host.name for host in HOSTS]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with claimed_lab("-again") as lab, ExitStack() as stack:
        lab.up(HOSTS, operator=False)
        stack.callback(lab.down)
        folder = tmp_path_factory.mktemp("kubelets")
        for host in lab.hosts:
            stack.enter_context(kubelet(lab, host, folder))
        yield lab


@pytest.fixture(scope="module")
def modules(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Modules:
    return Modules(lab, tmp_path_factory.mktemp("modules"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache") / "results"


def run(modules: Modules, cache: Path, check: bool = False, **options: Any) -> Outcome:
    options = {"nodes": NODES, "settings": CALICO, "max_age": 3600, "cache_dir": str(cache), **options}
    # Its action plugin keeps the results.
    outcome = modules.run(
        "node_precheck", check=check, through_ansible=True, image="python:3", node_timeout=60, **options
    )
    assert not outcome.failed, outcome["msg"]
    return outcome


@pytest.fixture(scope="module")
def first(modules: Modules, cache: Path) -> Outcome:
    return run(modules, cache)


@pytest.fixture(scope="module")
def second(modules: Modules, cache: Path, first: Outcome) -> Outcome:
    return run(modules, cache)


def jobs(outcome: Outcome) -> int:
    return sum((write.verb, write.resource) == ("create", "jobs") for write in outcome.writes)


def why(outcome: Outcome, node: str = "immutable") -> Any:
    return outcome["prechecks"][node].get("checked_anew")


def ready(lab: Lab, node: str) -> str:
    conditions = lab.admin.get(f"/api/v1/nodes/{node}")["status"]["conditions"]
    return next(str(one["status"]) for one in conditions if one["type"] == "Ready")


def uid(lab: Lab, node: str) -> str:
    found: str = lab.admin.get(f"/api/v1/nodes/{node}")["metadata"]["uid"]
    return found


def test_a_pass_is_kept_for_its_node_and_used_again_without_a_job(
    lab: Lab, cache: Path, first: Outcome, second: Outcome
) -> None:
    assert [path.name for path in cache.iterdir()] == [f"node%2F{uid(lab, 'immutable')}.json"]
    assert (jobs(first), jobs(second)) == (2, 1)
    before, after = (outcome["prechecks"]["immutable"] for outcome in (first, second))
    assert (before["reused"], after["reused"]) == (False, True)
    assert {key: after[key] for key in ("precheck", "checked_at", "call_seconds")} == {
        key: before[key] for key in ("precheck", "checked_at", "call_seconds")
    }
    assert second["prechecks"]["foreign"]["reused"] is False


def test_nothing_at_all_is_written_and_no_right_for_it_needed_where_all_is_known(
    lab: Lab, modules: Modules, cache: Path, second: Outcome
) -> None:
    role = "/apis/rbac.authorization.k8s.io/v1/namespaces/calico-ops-precheck/roles/calico-ops-node-precheck"
    rules = lab.admin.get(role)["rules"]
    lab.admin.patch(role, {"rules": []})
    try:
        for check in (True, False):
            outcome = run(modules, cache, check, nodes=["immutable"])
            assert outcome["prechecks"]["immutable"]["precheck"]["verdict"] == "pass"
            assert outcome.writes == []
    finally:
        lab.admin.patch(role, {"rules": rules})


def test_another_setting_or_an_old_result_asks_anew(modules: Modules, cache: Path, second: Outcome) -> None:
    outcome = run(modules, cache, True, settings={**CALICO, "wireguard": True})
    assert outcome["prechecks"]["immutable"]["not_in_check_mode"]
    assert run(modules, cache, True, max_age=0.001)["prechecks"]["immutable"]["not_in_check_mode"]


def test_the_playbook_hands_on_how_long_a_result_counts_and_tells_which_do(lab: Lab, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory"
    inventory.write_text(f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    player = Player(lab, tmp_path)
    variables = {
        "precheck_hosts": "nobody",
        "precheck_nodes": ["immutable"],
        "precheck_nodes_image": "python:3",
        "precheck_max_age": 3600,
        "precheck_cache_dir": str(tmp_path / "cache"),
    }
    first, second = (player.play(name, "precheck", inventory=inventory, **variables) for name in ("first", "second"))
    assert (first.code, second.code, len(first.writes) > 0, second.writes) == (0, 0, True, [])
    before, after = (entry(played, "immutable") for played in (first, second))
    assert (before["reused"], after["reused"]) == (False, True)
    assert (after["outcome"], after["checked_at"]) == ("passed", before["checked_at"])
    text = " ".join(second.results("Show which hosts may join")[0]["msg"].split())
    assert "On immutable a result of an earlier run counts, the oldest from " in text


def entry(played: Played, host: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((played.reports / "precheck.json").read_text())["hosts"][host]
    return found


def test_a_node_that_was_booted_since_or_made_anew_or_is_silent_is_asked_anew(
    lab: Lab, modules: Modules, cache: Path, second: Outcome
) -> None:
    path = "/api/v1/nodes/immutable/status"
    info = lab.admin.get("/api/v1/nodes/immutable")["status"]["nodeInfo"]

    def told(status: dict[str, Any]) -> Any:
        lab.admin.patch(path, {"status": status})
        return why(run(modules, cache, True, nodes=["immutable"]))

    assert told({"nodeInfo": {**info, "bootID": "another"}}) == "the host was booted since"
    assert told({"nodeInfo": {**info, "machineID": "another"}}) == "the machine is another one"
    lab.admin.patch(path, {"status": {"nodeInfo": info}})
    lab.set_fault("immutable", "kubelet-gone")
    try:
        eventually(lambda: ready(lab, "immutable") == "Unknown", "its kubelet is silent")
        assert why(run(modules, cache, True, nodes=["immutable"])) == "its kubelet does not report"
    finally:
        lab.set_fault("immutable", None)
    record = next(cache.iterdir())
    moved = record.with_name("node%2Fanother.json")
    record.rename(moved)
    try:
        assert run(modules, cache, True, nodes=["immutable"])["prechecks"]["immutable"]["not_in_check_mode"]
    finally:
        moved.rename(record)

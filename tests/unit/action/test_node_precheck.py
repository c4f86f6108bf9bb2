# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of node_precheck: what is kept, what is used again, and what the module is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

pytest.importorskip("ansible")

from ansible.errors import AnsibleActionFail
from ansible_collections.calico_ops.rollout.plugins.action import node_precheck

from tests.unit.rollout.builders import answer, failing

SYSTEM = {"boot_id": "boot-1", "machine_id": "machine-1"}


class Cluster:
    """What the module answers, and what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
        self.directory = directory
        self.calls: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {"a": answer("a", **SYSTEM), "b": failing("b")}
        self.failure: dict[str, Any] | None = None
        monkeypatch.setattr(node_precheck.ActionBase, "run", lambda action, tmp, task_vars: {})

    def task(self, check_mode: bool = False, **args: Any) -> dict[str, Any]:
        args = {"image": "python:3", "max_age": 60, "cache_dir": str(self.directory), **args}
        task = Mock(args=args, async_val=0, check_mode=check_mode)
        action = node_precheck.ActionModule(task, Mock(_shell=Mock(tmpdir=None)), Mock(), Mock(), Mock(), Mock())
        # The loader of plugins gives the name.
        action._load_name = node_precheck.MODULE
        action._execute_module = self._module
        return action.run(None, {})

    def _module(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        self.calls.append(module_args)
        if self.failure:
            return self.failure
        entries: dict[str, Any] = {}
        for name, registered in self.answers.items():
            reused = f"node/uid-{name}" in module_args["_earlier"]
            timed = {"checked_at": 1.0, "call_seconds": 0.5}
            entries[name] = {"uid": f"uid-{name}", "reused": reused, **({} if reused else {**registered, **timed})}
        return {"changed": False, "prechecks": entries}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cluster:
    monkeypatch.setattr(node_precheck.time, "time", lambda: 30.0)
    return Cluster(monkeypatch, tmp_path)


def test_a_pass_is_used_again_and_a_failure_is_not(cluster: Cluster) -> None:
    first, second = cluster.task(), cluster.task()
    assert cluster.calls[0]["_earlier"] == {}
    assert list(cluster.calls[1]["_earlier"]) == ["node/uid-a"]
    assert {key: cluster.calls[1]["_earlier"]["node/uid-a"][key] for key in SYSTEM} == SYSTEM
    before, after = (result["prechecks"]["a"] for result in (first, second))
    assert (before["reused"], before["checked_anew"]) == (False, "there is no result of an earlier check")
    assert after == {key: before[key] for key in ("uid", "precheck", "checked_at", "call_seconds")} | {"reused": True}
    assert second["prechecks"]["b"]["reused"] is False


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"settings": {"dataplane": "bpf"}}, "the settings of the check, or the checks themselves, have changed since"),
        ({"max_age": 28}, "the earlier result is 29 s old"),
    ],
)
def test_the_module_is_not_told_of_what_does_not_count(cluster: Cluster, args: Any, why: str) -> None:
    cluster.task()
    again = cluster.task(**args)
    assert cluster.calls[1]["_earlier"] == {}
    assert again["prechecks"]["a"]["checked_anew"] == why


def test_a_node_that_does_not_pass_any_more_has_no_earlier_pass(cluster: Cluster, tmp_path: Path) -> None:
    cluster.task()
    cluster.answers = {"a": {"failed": True, "msg": "no answer within 180 s"}}
    cluster.task(max_age=1)
    assert list(tmp_path.iterdir()) == []


def test_check_mode_keeps_and_forgets_nothing(cluster: Cluster, tmp_path: Path) -> None:
    cluster.task(check_mode=True)
    assert list(tmp_path.iterdir()) == []


def test_without_a_maximal_age_nothing_is_kept(cluster: Cluster, tmp_path: Path) -> None:
    cluster.task(max_age=0)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_module_is_told_as_it_failed(cluster: Cluster, tmp_path: Path) -> None:
    cluster.failure = {"failed": True, "msg": "no such node"}
    assert cluster.task() == cluster.failure


def test_what_nobody_but_this_plugin_may_say_is_not_handed_on(cluster: Cluster) -> None:
    cluster.task(max_age=0, _earlier={"node/uid-a": SYSTEM})
    assert cluster.calls[0]["_earlier"] == {}


def test_what_cannot_be_kept_is_a_warning(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (warning,) = cluster.task(cache_dir=str(tmp_path / "file"))["warnings"]
    assert warning.startswith("Results could not be kept for later runs: ")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"cache_dir": None}, "max_age needs cache_dir"),
        ({"max_age": -1}, "max_age is a number of seconds, .* not -1"),
        ({"max_age": "soon"}, "node_precheck: .*max_age"),
        ({"settings": 3}, "node_precheck: .*settings"),
    ],
)
def test_options_that_make_no_sense_are_refused(cluster: Cluster, args: Any, message: str) -> None:
    with pytest.raises(AnsibleActionFail, match=message):
        cluster.task(**args)
    assert cluster.calls == []

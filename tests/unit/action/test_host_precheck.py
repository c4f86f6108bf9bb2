# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of host_precheck, with a host of paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

pytest.importorskip("ansible")

from ansible.errors import AnsibleActionFail
from ansible_collections.calico_ops.rollout.plugins.action import host_precheck

from tests.unit.rollout.builders import answer, failing


class Host:
    """What a host answers, and how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.registered: dict[str, Any] = answer("edge-1", boot_id="boot-1", machine_id="machine-1")
        self.boot = "boot-1\nmachine-1\n"
        self.checks: list[dict[str, Any]] = []
        monkeypatch.setattr(host_precheck.ActionBase, "run", lambda action, tmp, task_vars: {})

    def task(self, check_mode: bool = False, **args: Any) -> dict[str, Any]:
        task = Mock(args=args, async_val=0, check_mode=check_mode)
        connection = Mock(_shell=Mock(tmpdir=None))
        action = host_precheck.ActionModule(task, connection, Mock(), Mock(), Mock(), Mock())
        action._execute_module = self._check
        action._low_level_execute_command = lambda command, sudoable: {"stdout": self.boot, "sudoable": sudoable}
        return action.run(None, {"inventory_hostname": "h"})

    def _check(self, module_args: dict[str, Any], **_how: Any) -> dict[str, Any]:
        self.checks.append(module_args)
        return self.registered


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def test_the_module_gets_the_controllers_clock_and_none_of_the_controllers_options(host: Host, tmp_path: Path) -> None:
    result = host.task(dataplane="bpf", max_age=60, cache_dir=str(tmp_path))
    (asked,) = host.checks
    assert set(asked) == {"dataplane", "controller_clock"}
    assert abs(asked["controller_clock"] - result["checked_at"]) < 0.01
    assert (result["reused"], result["call_seconds"] >= 0) == (False, True)


def test_a_pass_is_used_again_and_the_host_is_checked_once(host: Host, tmp_path: Path) -> None:
    first, second = (host.task(max_age="60", cache_dir=str(tmp_path)) for _time in range(2))
    assert len(host.checks) == 1
    assert (second["reused"], second["checked_at"], second["precheck"]) == (
        True,
        first["checked_at"],
        first["precheck"],
    )


def test_a_host_that_was_booted_since_is_checked_anew(host: Host, tmp_path: Path) -> None:
    host.task(max_age=60, cache_dir=str(tmp_path))
    host.boot = "boot-2\nmachine-1\n"
    assert host.task(max_age=60, cache_dir=str(tmp_path))["checked_anew"] == "the host was booted since"
    assert len(host.checks) == 2


def test_a_host_that_tells_nothing_of_its_boot_is_checked_anew(host: Host, tmp_path: Path) -> None:
    host.task(max_age=60, cache_dir=str(tmp_path))
    host.boot = ""
    assert not host.task(max_age=60, cache_dir=str(tmp_path))["reused"]


def test_a_failure_makes_the_earlier_pass_forgotten(host: Host, tmp_path: Path) -> None:
    host.task(max_age=60, cache_dir=str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1
    host.registered = failing("edge-1")
    host.task(max_age=60, cache_dir=str(tmp_path), dataplane="bpf")
    assert list(tmp_path.iterdir()) == []


def test_a_pass_with_which_the_task_fails_is_not_kept(host: Host, tmp_path: Path) -> None:
    """`fail_on: warn`, and there is a warning."""
    host.registered = {**host.registered, "failed": True}
    host.task(max_age=60, cache_dir=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_check_mode_keeps_nothing(host: Host, tmp_path: Path) -> None:
    host.task(check_mode=True, max_age=60, cache_dir=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_kept_is_a_warning(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = host.task(max_age=60, cache_dir=str(tmp_path / "file"))
    assert result["precheck"]["verdict"] == "pass"
    assert "could not be kept for later runs" in result["warnings"][0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"max_age": 60}, "max_age needs cache_dir"),
        ({"max_age": -1}, "max_age is a number of seconds, .* not -1"),
        ({"max_age": "soon"}, "not 'soon'"),
    ],
)
def test_options_that_make_no_sense_are_refused(host: Host, args: Any, message: str) -> None:
    with pytest.raises(AnsibleActionFail, match=message):
        host.task(**args)
    assert host.checks == []

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of host_precheck, with a host of paper."""

from __future__ import annotations

import base64
import json
import time
import zlib
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

pytest.importorskip("ansible")

from ansible.errors import AnsibleActionFail
from ansible_collections.calico_ops.rollout.plugins.action import host_precheck
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.questions import asked_of

from tests.unit.precheck.kernels import healthy, knowing, want

MACHINE = "0123456789abcdef0123456789abcdef"


class Host:
    """What a host answers, and how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        own = {"boot_id": "boot-1", "machine_id": MACHINE, "clock": time.time()}
        self.facts = knowing(healthy(), **own)
        self.boot = f"boot-1\n{MACHINE}\n"
        self.checks: list[dict[str, Any]] = []
        self.loaded: list[str] = []
        monkeypatch.setattr(host_precheck.ActionBase, "run", lambda action, tmp, task_vars: {})

    def task(self, check_mode: bool = False, **args: Any) -> dict[str, Any]:
        task = Mock(args=args, async_val=0, check_mode=check_mode)
        connection = Mock(_shell=Mock(tmpdir=None))
        action = host_precheck.ActionModule(task, connection, Mock(), Mock(), Mock(), Mock())
        # The loader of plugins gives the name.
        action._load_name = host_precheck.MODULE
        action._execute_module = self._check
        action._low_level_execute_command = lambda command, sudoable: {"stdout": self.boot, "sudoable": sudoable}
        return action.run(None, {"inventory_hostname": "h"})

    def _check(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        assert module_args["sources"] == host_precheck.SOURCES
        self.checks.append(json.loads(zlib.decompress(base64.b64decode(module_args["asked"]))))
        return {"changed": False, "facts": json.dumps(self.facts), "modules_loaded": self.loaded, "duration": 0.1}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def test_the_host_is_asked_for_what_the_checks_need_and_compared_with_the_controllers_clock(
    host: Host, tmp_path: Path
) -> None:
    result = host.task(dataplane="bpf", max_age=60, cache_dir=str(tmp_path))
    (asked,) = host.checks
    assert asked == json.loads(json.dumps(asked_of(want(dataplane="bpf"))))
    offset = host.facts["clock"]["value"] - result["checked_at"]
    assert abs(result["precheck"]["facts"]["clock_offset"] - offset) < 0.01
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
    host.boot = "boot-2\n" + MACHINE
    assert host.task(max_age=60, cache_dir=str(tmp_path))["checked_anew"] == "the host was booted since"
    assert len(host.checks) == 2


def test_a_host_that_tells_nothing_of_its_boot_is_checked_anew(host: Host, tmp_path: Path) -> None:
    host.task(max_age=60, cache_dir=str(tmp_path))
    host.boot = ""
    assert not host.task(max_age=60, cache_dir=str(tmp_path))["reused"]


def test_a_failure_makes_the_earlier_pass_forgotten(host: Host, tmp_path: Path) -> None:
    host.task(max_age=60, cache_dir=str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1
    host.facts["ipset.protocol"] = {"errno": 22, "text": "protocol"}
    result = host.task(max_age=60, cache_dir=str(tmp_path), dataplane="nftables")
    assert result["failed"]
    assert result["msg"].startswith("This host cannot be let into the rollout with these settings. ipset_functional: ")
    assert list(tmp_path.iterdir()) == []


def test_a_pass_with_which_the_task_fails_is_not_kept(host: Host, tmp_path: Path) -> None:
    host.facts["machine_id"] = {"value": "short"}
    host.boot = "boot-1\nshort\n"
    assert host.task(max_age=60, cache_dir=str(tmp_path), fail_on="warn")["precheck"]["verdict"] == "pass"
    assert list(tmp_path.iterdir()) == []


def test_check_mode_keeps_nothing(host: Host, tmp_path: Path) -> None:
    host.task(check_mode=True, max_age=60, cache_dir=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_check_mode_loads_no_modules(host: Host) -> None:
    for check_mode in (False, True):
        host.task(check_mode=check_mode, allow_module_load=True)
    assert [asked["allow_module_load"] for asked in host.checks] == [True, False]


@pytest.mark.parametrize("loaded", [[], ["ip_set"]])
def test_modules_that_were_loaded_are_a_change(host: Host, loaded: list[str]) -> None:
    host.loaded = loaded
    result = host.task(allow_module_load=True)
    assert (result["changed"], result["precheck"]["modules_loaded"]) == (bool(loaded), loaded)


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
        ({"max_age": "soon"}, "max_age"),
        ({"dataplane": "ebpf"}, "value of dataplane must be one of: iptables, nftables, bpf, got: ebpf"),
        ({"checks": ["nonsense"]}, "value of checks must be one or more of"),
        ({"colour": "red"}, "Unsupported parameters for .*colour"),
        ({"ip_autodetection": "nonsense"}, "ip_autodetection: nonsense is no method"),
        ({"deadline": 0}, "deadline must be at least 1 second, not 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(host: Host, args: Any, message: str) -> None:
    with pytest.raises(AnsibleActionFail, match=message):
        host.task(**args)
    assert host.checks == []


def test_what_a_host_says_that_no_host_can_say_is_a_failure_of_its_own(host: Host) -> None:
    host.facts = {"links": [1, 2]}  # type: ignore[dict-item]
    result = host.task()
    assert result["failed"]
    assert result["msg"].startswith("host_precheck: the host answered something else than was asked: ")
    assert "precheck" not in result


def test_a_host_that_could_not_be_asked_is_told_as_ansible_tells_it(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"failed": True, "msg": "MODULE FAILURE", "rc": 127}
    monkeypatch.setattr(host, "_check", lambda **_how: said)
    result = host.task()
    assert {key: result[key] for key in said} == said

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The precheck of a fleet in which every second host is out of order: each has its reason, and none ends the play."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab.hosts import HostSet, HostSpec

pytestmark = pytest.mark.ansible

TIMEOUT = 20
"""precheck_timeout; Ansible itself waits 10 s for a connection."""
STARTING = 100
"""Seconds for ansible-playbook to start and to print its report; this machine may be busy."""
_MAY = "root ALL=(ALL:ALL) ALL\nops ALL=(ALL:ALL) NOPASSWD: ALL\n"
SPECS = [
    HostSpec("plain"),
    HostSpec("late", ssh_delay=2.0),
    HostSpec("silent", ssh_silent=True),
    HostSpec("stranger", ssh_key_mistaken=True),
    HostSpec("locked-out", ssh_settings="DenyUsers ops"),
    HostSpec("hangs", ssh_settings="ForceCommand sleep 600"),
    HostSpec("no-python", python=False),
    HostSpec("asks", sudo_password=True),
    HostSpec("wants-terminal", files={"/etc/sudoers": f"Defaults requiretty\n{_MAY}"}),
    HostSpec("no-rights", files={"/etc/sudoers": "root ALL=(ALL:ALL) ALL\n"}),
    HostSpec("full", full=["/tmp", "/var/tmp", "/home/ops"]),
]
OUTCOMES = {
    "plain": ("passed", None),
    "late": ("passed", None),
    "silent": ("unreachable", r"it could not be reached: Connection timed out during banner exchange"),
    "stranger": ("unreachable", r"it could not be reached: its SSH host key is not the one that is known for it .*"),
    "locked-out": ("unreachable", r"it could not be reached: ops@\S+: Permission denied \(publickey\)\."),
    "hangs": ("(unreachable|no_result)", r".*: it (did not|let Ansible in, but .* did not) answer within \d+ s"),
    "no-python": ("no_result", r".*: no Python interpreter was found on it \(.*/usr/bin/python3: not found\)"),
    "asks": ("no_result", r".*: sudo asks for a password there, and none was given \(ansible_become_password\)"),
    # Ansible gives a terminal where it copies the module.
    "wants-terminal": ("passed", None),
    "no-rights": ("no_result", r".*: (its login ops has no sudo rights|sudo asks for a password .*)"),
    "full": ("(unreachable|no_result)", r".*(, is its disk full\? \(.*\)|: No space left on device)"),
}
"""Where it depends on pipelining how far Ansible comes, either outcome is as good: neither is a pass."""
PIPELINED = {
    **OUTCOMES,
    "full": ("passed", None),
    "wants-terminal": ("no_result", r".*: its sudo wants a terminal \(requiretty\), and with pipelining there is none"),
}
"""Nothing is written to the host then, so a full disk does not matter."""


@dataclass(frozen=True)
class Played:
    expected: dict[str, tuple[str, str | None]]
    code: int
    seconds: float
    report: dict[str, Any]
    output: str


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    started = HostSet(tmp_path_factory.mktemp("lab"), SPECS)
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module", params=["true", "false"], ids=["pipelined", "copied"])
def played(request: pytest.FixtureRequest, hosts: HostSet, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The playbook as users run it, once with Ansible's pipelining and once with modules copied to the hosts."""
    directory: Path = tmp_path_factory.mktemp("played")
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps(hosts.inventory()))
    variables = {"precheck_timeout": TIMEOUT, "precheck_report_dir": str(directory), "precheck_encapsulation": "vxlan"}
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_PIPELINING": request.param,
        "ANSIBLE_FORKS": str(len(SPECS)),
    }
    begun = time.monotonic()
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), "calico_ops.rollout.precheck", "-e", json.dumps(variables)],
        env=environment,
        cwd=directory,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    report = json.loads((directory / "precheck.json").read_text())
    expected = PIPELINED if request.param == "true" else OUTCOMES
    return Played(expected, done.returncode, time.monotonic() - begun, report, done.stdout + done.stderr)


@pytest.mark.parametrize("host", OUTCOMES)
def test_each_host_has_its_outcome_and_a_reason_that_one_understands(played: Played, host: str) -> None:
    outcome, reason = played.expected[host]
    entry = played.report["hosts"][host]
    assert re.fullmatch(outcome, entry["outcome"])
    assert entry["reason"] == reason or re.fullmatch(reason or "", entry["reason"]), entry["reason"]


REMEDIES = {
    "silent": "ansible_port",
    "stranger": "ssh-keygen -R",
    "locked-out": "DenyUsers",
    "hangs": "(precheck_timeout|/etc/hosts)",
    "no-python": "ansible_python_interpreter",
    "asks": "NOPASSWD",
    "wants-terminal": "ansible_pipelining=false",
    "no-rights": "sudoers",
    "full": "free some space",
}


@pytest.mark.parametrize("host", REMEDIES)
def test_what_to_do_is_told_with_each_reason_on_the_terminal_too(played: Played, host: str) -> None:
    remedy = played.report["hosts"][host]["remedy"]
    if played.expected[host][0] == "passed":
        assert remedy is None
    else:
        assert re.search(REMEDIES[host], remedy), remedy
        # Ansible prints the lines of the report as a list of JSON.
        on_the_terminal = re.sub(r'[",\s]+', " ", played.output)
        assert re.sub(r'[",\s]+', " ", remedy) in on_the_terminal


def test_no_host_ends_the_play_and_the_report_names_those_that_must_stay_outside(played: Played) -> None:
    assert set(played.report["hosts"]) == set(OUTCOMES)
    outside = sorted(host for host, (outcome, _reason) in played.expected.items() if outcome != "passed")
    assert played.code != 0
    assert f"{len(outside)} of {len(SPECS)} hosts must stay outside: {', '.join(outside)}" in " ".join(
        played.output.split()
    )


def test_no_host_is_waited_for_longer_than_the_timeout_allows(played: Played) -> None:
    assert played.seconds < TIMEOUT + STARTING

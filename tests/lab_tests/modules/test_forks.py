# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""--forks is how many hosts are checked at a time."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.hosts import HostSet, HostSpec

pytestmark = [pytest.mark.ansible, pytest.mark.skipif(os.geteuid() != 0, reason="lab hosts are made by root")]

# Long enough for Ansible to begin with four hosts, on a busy machine too, before the first of them has said a word.
DELAY = 4.0


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    specs = [HostSpec(f"slow-{number}", ssh_delay=DELAY) for number in range(1, 5)]
    made = HostSet(tmp_path_factory.mktemp("forks"), specs)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def checked(hosts: HostSet, directory: Path, forks: int) -> list[dict[str, Any]]:
    """What each host answered to the precheck playbook; no connection is used again."""
    inventory = directory / "inventory.yml"
    inventory.write_text(yaml.safe_dump(hosts.inventory()))
    variables = {"precheck_report_dir": str(directory), "precheck_fail_on": "never"}
    ended = subprocess.run(
        [
            *("ansible-playbook", "-i", str(inventory), "calico_ops.rollout.precheck", f"--forks={forks}"),
            *("-e", json.dumps(variables)),
        ],
        env={
            **os.environ,
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ControlPersist=no",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = json.loads((directory / "precheck.json").read_text())
    found: list[dict[str, Any]] = list(report["hosts"].values())
    assert all(host["result"] and host["call_seconds"] >= DELAY for host in found), "each call has waited for its sshd"
    return found


def most_at_once(calls: list[dict[str, Any]]) -> int:
    """Of the calls as the controller saw them."""
    spans: list[tuple[float, float]] = [
        (call["checked_at"], call["checked_at"] + call["call_seconds"]) for call in calls
    ]
    return max(sum(begun <= instant < ended for begun, ended in spans) for instant, _ended in spans)


@pytest.mark.parametrize("forks", [1, 4])
def test_as_many_hosts_are_asked_at_a_time_as_there_are_forks(hosts: HostSet, tmp_path: Path, forks: int) -> None:
    assert most_at_once(checked(hosts, tmp_path, forks)) == forks

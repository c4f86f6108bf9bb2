# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_precheck over SSH on a host with Python 3.6, which ansible-core itself no longer reaches: nothing of Ansible travels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.hosts import HostSet, HostSpec
from tests.pythons import python

pytestmark = [pytest.mark.ansible, pytest.mark.oldest_core]

BIN = Path(sys.executable).parent
CHECK = "calico_ops.rollout.host_precheck"
OLDEST = "3.6"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    started = HostSet(tmp_path_factory.mktemp("lab"), [HostSpec("old")])
    started.start()
    yield started
    started.stop()


def ansible(host: HostSet, command: str, *arguments: str) -> str:
    inventory = host.state_dir / "inventory.json"
    known: Any = host.inventory()
    # Of this host alone: the controller's Python is another.
    known["all"]["hosts"]["old"]["ansible_python_interpreter"] = python(OLDEST)
    inventory.write_text(json.dumps(known))
    done = subprocess.run(
        [str(BIN / command), "-i", str(inventory), *arguments],
        env={**os.environ, "ANSIBLE_HOME": str(host.state_dir / "home"), "ANSIBLE_LOAD_CALLBACK_PLUGINS": "0"},
        cwd=host.state_dir,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_host_with_the_oldest_python_is_checked(host: HostSet) -> None:
    said = ansible(host, "ansible", "all", "--become", "--one-line", "-m", CHECK, "-a", "encapsulation=vxlan bgp=false")
    answer = json.loads(said.partition(" => ")[2])
    assert answer["precheck"]["verdict"] == "pass"
    assert answer["precheck"]["identity"]["machine_id"] == host.hosts[0].machine_id


def test_the_playbook_takes_nothing_to_the_host_that_needs_a_newer_python(host: HostSet) -> None:
    settings = {"precheck_encapsulation": "vxlan", "precheck_bgp": False, "precheck_report_dir": str(host.state_dir)}
    ansible(host, "ansible-playbook", "calico_ops.rollout.precheck", "-e", json.dumps(settings))
    report = json.loads((host.state_dir / "precheck.json").read_text())
    assert [one["outcome"] for one in report["hosts"].values()] == ["passed"]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible works with lab hosts by the inventory they give, as with any other machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.eventually import eventually
from tests.lab.hosts import HostSet, HostSpec

pytestmark = pytest.mark.ansible

ANSIBLE = Path(sys.executable).with_name("ansible")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[HostSet]:
    specs = [HostSpec("core-1", ["core"]), HostSpec("edge-1", ["edge"], netfilter_refused=True)]
    started = HostSet(tmp_path / "a lab: with, odd = names", specs)
    started.start()
    yield started
    started.stop()


def ansible(hosts: HostSet, pattern: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    inventory = hosts.state_dir / "inventory.json"
    inventory.write_text(json.dumps(hosts.inventory()))
    home = hosts.state_dir / "home"
    environment = {**os.environ, "ANSIBLE_HOME": str(home)}
    command = [str(ANSIBLE), "-i", str(inventory), pattern, *arguments]
    return subprocess.run(command, env=environment, cwd=hosts.state_dir, capture_output=True, text=True, check=False)


def test_ansible_becomes_root_on_every_host(hosts: HostSet) -> None:
    done = ansible(hosts, "all", "--become", "-m", "ansible.builtin.command", "-a", "id -u")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("rc=0 >>\n0\n") == len(hosts.hosts)


def test_groups_of_the_specs_are_groups_of_the_inventory(hosts: HostSet) -> None:
    done = ansible(hosts, "edge", "--list-hosts")
    assert done.stdout.split() == ["hosts", "(1):", "edge-1"]


def test_connections_that_ansible_left_open_end_with_the_hosts(hosts: HostSet) -> None:
    ansible(hosts, "core", "-m", "ansible.builtin.ping")
    bridge = hosts.bridge
    assert bridge is not None
    assert masters(bridge.name) != []
    hosts.stop()
    eventually(lambda: not masters(bridge.name))


def masters(bridge: str) -> list[str]:
    """Processes that hold a connection of this lab open; they show the path of their control socket as their name."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):  # ended between the listing and the reading
            continue
        if command.startswith("ssh: ") and f"/run/{bridge}/" in command:
            found.append(process.name)
    return found

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_precheck over SSH on a host with the oldest Python that the running ansible-core reaches: 3.6 by ansible-core 2.16."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.release import __version__ as core

from tests.lab.hosts import HostSet, HostSpec
from tests.pythons import OLDEST_REACHED, python

ANSIBLE = Path(sys.executable).with_name("ansible")
OLDEST = OLDEST_REACHED[".".join(core.split(".")[:2])]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    started = HostSet(tmp_path_factory.mktemp("lab"), [HostSpec("old")])
    started.start()
    yield started
    started.stop()


def over_ssh(host: HostSet, interpreter: str, module: str, *arguments: str) -> dict[str, Any]:
    inventory = host.state_dir / "inventory.json"
    inventory.write_text(json.dumps(host.inventory()))
    done = subprocess.run(
        [
            *(str(ANSIBLE), "-i", str(inventory), "all", "--become", "--one-line"),
            *("-e", json.dumps({"ansible_python_interpreter": interpreter}), "-m", module, *arguments),
        ],
        env={**os.environ, "ANSIBLE_HOME": str(host.state_dir / "home"), "ANSIBLE_LOAD_CALLBACK_PLUGINS": "0"},
        cwd=host.state_dir,
        capture_output=True,
        text=True,
        check=False,
    )
    _head, arrow, answer = done.stdout.partition(" => ")
    assert arrow, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(answer)
    return result


def test_a_host_with_the_oldest_python_is_checked(host: HostSet) -> None:
    interpreter = python(OLDEST)
    facts = over_ssh(host, interpreter, "ansible.builtin.setup", "-a", "gather_subset=!all,!min,python")
    version = facts["ansible_facts"]["ansible_python"]["version"]
    assert f"{version['major']}.{version['minor']}" == OLDEST
    answer = over_ssh(host, interpreter, "calico_ops.rollout.host_precheck", "-a", "encapsulation=vxlan bgp=false")
    assert not answer.get("failed"), answer
    assert answer["precheck"]["verdict"] == "pass"
    assert answer["precheck"]["identity"]["machine_id"] == host.hosts[0].machine_id

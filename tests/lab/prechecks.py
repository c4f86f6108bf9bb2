# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_precheck on the hosts of a lab, over SSH, by the installed collection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.environment import collection
from tests.lab.hosts import HostSet

Answers = dict[str, dict[str, Any]]


def over_ssh(
    hosts: HostSet, *arguments: str, settings: str = "encapsulation=vxlan", only: Iterable[str] = ()
) -> Answers:
    """What host_precheck answered on every host, or on some."""
    inventory = hosts.state_dir / "inventory.json"
    inventory.write_text(json.dumps(hosts.inventory()))
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(hosts.state_dir / "home"),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "0",
        "ANSIBLE_COLLECTIONS_PATH": str(collection.linked()),
    }
    asked = list(only) or [host.name for host in hosts.hosts]
    command = [str(Path(sys.executable).with_name("ansible")), "-i", str(inventory), ",".join(asked), "--one-line"]
    command += ["-m", "calico_ops.rollout.host_precheck", "-a", f"fail_on=never {settings}", *arguments]
    done = subprocess.run(command, env=environment, cwd=hosts.state_dir, capture_output=True, text=True, check=False)
    lines = [line.partition(" => ") for line in done.stdout.splitlines() if " => " in line]
    assert len(lines) == len(asked), done.stdout + done.stderr
    return {head.split()[0]: json.loads(answer) for head, _arrow, answer in lines}


def statuses(document: dict[str, Any]) -> dict[str, str]:
    """Every check that was made, by id."""
    return {**dict.fromkeys(document["ok"], "ok"), **{one["id"]: one["status"] for one in document["findings"]}}

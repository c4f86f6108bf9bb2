# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the role prepare on lab hosts, over SSH with become."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.environment import collection
from tests.lab.hosts import HostSet

Results = dict[str, dict[str, Any]]
"""By host."""


@dataclass(frozen=True)
class Played:
    code: int
    changed: int
    tasks: dict[str, Results]

    @property
    def results(self) -> Results:
        """host_prepare's first result by host."""
        return self.of("or take it away again")

    def of(self, ending: str) -> Results:
        """What the hosts answered to the task whose name ends so; those that it was skipped on are left out."""
        (found,) = (results for name, results in self.tasks.items() if name.endswith(ending))
        return {host: result for host, result in found.items() if not result.get("skipped")}


class Player:
    def __init__(self, hosts: HostSet) -> None:
        self.hosts = hosts
        self._home = hosts.state_dir
        self._inventory = self._home / "inventory.json"
        self._inventory.write_text(json.dumps(hosts.inventory()))

    def play(self, *arguments: str, **variables: Any) -> Played:
        done = subprocess.run(
            [
                *(
                    str(Path(sys.executable).with_name("ansible-playbook")),
                    "-i",
                    str(self._inventory),
                    "calico_ops.rollout.prepare",
                ),
                *("-e", json.dumps(variables), "--diff", *arguments),
            ],
            env={
                **os.environ,
                "ANSIBLE_HOME": str(self._home / "home"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
                "ANSIBLE_PIPELINING": "true",
                "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(collection.linked())),
            },
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "{" in done.stdout, done.stdout + done.stderr
        document = json.loads(done.stdout[done.stdout.index("{") :])
        tasks = [task for play in document["plays"] for task in play["tasks"]]
        results: dict[str, Results] = {}
        for task in tasks:  # Hosts that come to a task one after another have it in the document as often.
            results.setdefault(task["task"]["name"], {}).update(task["hosts"])
        return Played(done.returncode, sum(host["changed"] for host in document["stats"].values()), results)

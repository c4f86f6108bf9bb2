# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection, alone or through Ansible, with the collection's own account in the lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import module_process
from tests.lab.audit import AuditEvent
from tests.lab.eventually import PATIENCE
from tests.lab.lab import Lab

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
Raw = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What one call of a module returned, and what it asked of the API server."""

    failed: bool
    result: Raw
    writes: list[AuditEvent]

    def __getitem__(self, key: str) -> Any:
        return self.result[key]


class Modules:
    def __init__(self, lab: Lab, directory: Path) -> None:
        self._lab = lab
        self._directory = directory

    def run(
        self,
        module: str,
        *,
        check: bool = False,
        diff: bool = False,
        through_ansible: bool = False,
        **options: Any,
    ) -> Outcome:
        """The module alone, or with its action plugin and all that Ansible does to its options and its result."""
        since = self._lab.audit.position()
        if through_ansible:
            result = self.play({module: options}, check, diff)[module]
        else:
            options["kubeconfig"] = str(self._lab.kubeconfig)
            result = module_process.run(module, options, self._environment, check, diff)
        writes = self._lab.audit.writes(since, user=self._lab.collection_user)
        return Outcome(bool(result.get("failed")), result, writes)

    def play(self, calls: Mapping[str, Raw], check: bool = False, diff: bool = False) -> dict[str, Raw]:
        """What these modules return as tasks of one playbook."""
        command = self._command(calls, *(["--check"] if check else []), *(["--diff"] if diff else []))
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert "{" in done.stdout, done.stdout + done.stderr
        (play,) = json.loads(done.stdout[done.stdout.index("{") :])["plays"]
        return dict(zip(calls, (task["hosts"]["localhost"] for task in play["tasks"])))

    def start(self, module: str, **options: Any) -> subprocess.Popen[bytes]:
        """In the background, to be killed."""
        return subprocess.Popen(
            self._command({module: options}),
            env=self._environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _command(self, calls: Mapping[str, Raw], *arguments: str) -> list[str]:
        playbook = self._directory / "playbook.yml"
        tasks = [
            {
                "ignore_errors": True,
                f"calico_ops.rollout.{module}": {**options, "kubeconfig": str(self._lab.kubeconfig)},
            }
            for module, options in calls.items()
        ]
        play: Raw = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        play["vars"] = {"ansible_python_interpreter": sys.executable}
        playbook.write_text(json.dumps([play]))
        return [str(PLAYBOOK), "--inventory=localhost,", *arguments, str(playbook)]

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "ANSIBLE_HOME": str(self._directory / "home"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_PIPELINING": "true",
        }


def eventually(question: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The first answer that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:g} s: {what}")

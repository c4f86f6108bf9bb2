# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the collection's playbooks on a lab as users run them, and keeps what they did."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.audit import AuditEvent
from tests.lab.lab import Lab
from tests.lab.places import REPOSITORY

VARS = REPOSITORY / "molecule" / "default" / "vars.yml"


@dataclass(frozen=True)
class Played:
    """One run of a playbook: what it ended with, returned, wrote into the report directory and asked of the API server."""

    code: int
    tasks: list[tuple[str, str, dict[str, Any]]]
    """Task name, host and result, in order."""
    changed: int
    reports: Path
    writes: list[AuditEvent]

    def results(self, task: str) -> list[dict[str, Any]]:
        return [result for name, _host, result in self.tasks if name.endswith(task)]

    @property
    def steps(self) -> list[dict[str, Any]]:
        return self.results("Admit one batch after the other")

    @property
    def plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = self.results("Freeze the plan")[0]["ansible_facts"]["rollout_plan"]
        return plan

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = self.steps[-1]["report"]
        return report

    @property
    def actions(self) -> list[tuple[str, list[str]]]:
        """Every write that was, or would be, made: what and on which nodes."""
        actions = [action for step in self.steps for action in step["actions"] if action["do"] != "wait"]
        return [(action["do"], action.get("nodes", [])) for action in actions]

    @property
    def diffs(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What is shown before and after, by object, over all steps: a check takes one step where a real run takes several."""
        merged: dict[str, dict[str, dict[str, Any]]] = {}
        for step in self.steps:
            for diff in step["diff"]:
                sides = merged.setdefault(diff["after_header"], {"before": {}, "after": {}})
                for side, content in sides.items():
                    content.update(diff[side])
        return merged


class Player:
    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab = lab
        self.directory = directory

    def play(
        self, name: str, playbook: str, *arguments: str, inventory: Path | None = None, **variables: Any
    ) -> Played:
        reports = self._reports(name)
        position = self.lab.audit.position()
        outcome = subprocess.run(
            self._command(reports, playbook, *arguments, inventory=inventory, **variables),
            env=self._environment,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        (reports / "stdout").write_text(outcome.stdout)
        (reports / "stderr").write_text(outcome.stderr)
        document = json.loads(outcome.stdout[outcome.stdout.index("{") :])
        tasks = [
            (task["task"]["name"], host, result)
            for play in document["plays"]
            for task in play["tasks"]
            for host, result in task["hosts"].items()
        ]
        return Played(
            code=outcome.returncode,
            tasks=tasks,
            changed=sum(host["changed"] for host in document["stats"].values()),
            reports=reports,
            writes=self.lab.audit.writes(position, user=self.lab.collection_user),
        )

    def start(self, name: str, playbook: str, **variables: Any) -> subprocess.Popen[bytes]:
        """In the background, to be killed."""
        reports = self._reports(name)
        with (reports / "stdout").open("w") as output:
            return subprocess.Popen(
                self._command(reports, playbook, **variables),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _reports(self, name: str) -> Path:
        reports = self.directory / name
        reports.mkdir()
        return reports

    def _command(
        self, reports: Path, playbook: str, *arguments: str, inventory: Path | None = None, **variables: Any
    ) -> list[str]:
        variables = {"rollout_report_dir": str(reports), "precheck_report_dir": str(reports), **variables}
        return [
            *("ansible-playbook", "-i", str(inventory or self.lab.inventory), f"calico_ops.rollout.{playbook}"),
            *("-e", f"@{VARS}", "-e", json.dumps(variables), *arguments),
        ]

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "K8S_AUTH_KUBECONFIG": str(self.lab.kubeconfig),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_HOME": str(self.directory / "home"),
        }

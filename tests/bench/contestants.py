# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks, and the three ways to label nodes, each run as it really runs and timed from outside."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.bench import bare_client
from tests.bench.figures import BenchError

LABEL = "bench.calico-ops.dev/value"


@dataclass(frozen=True)
class Played:
    """What ansible-playbook took as a whole, each module process in it, and what each task said."""

    seconds: float
    processes: list[float]
    tasks: list[dict[str, Any]]


@dataclass(frozen=True)
class Playbook:
    """ansible-playbook. The interpreter is a wrapper, so that a module's own process is timed where Ansible starts it."""

    directory: Path
    kubeconfig: Path
    pipelining: bool = False

    def run(self, task: dict[str, Any]) -> tuple[float, list[float]]:
        """Seconds of ansible-playbook as a whole, and of each module process in it."""
        played = self.play_task(task)
        return played.seconds, played.processes

    def play_task(self, task: dict[str, Any]) -> Played:
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
        playbook = self.directory / "playbook.yml"
        playbook.write_text(yaml.safe_dump([play]))
        return self.play(playbook)

    def play(self, playbook: Path, **variables: Any) -> Played:
        times = self.directory / "times"
        times.write_text("")
        variables["ansible_python_interpreter"] = str(self._interpreter(times))
        command = ["ansible-playbook", "-i", "localhost,", str(playbook), "-e", json.dumps(variables)]
        began = time.monotonic()
        ended = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if "{" not in ended.stdout:
            raise BenchError((ended.stdout + ended.stderr)[-3000:])
        (play,) = json.loads(ended.stdout[ended.stdout.index("{") :])["plays"]
        if ended.returncode != 0:
            raise BenchError("; ".join(_complaints(play["tasks"])) or ended.stderr[-3000:])
        return Played(seconds, [float(line) for line in times.read_text().split()], play["tasks"])

    def _interpreter(self, times: Path) -> Path:
        wrapper = self.directory / "python"
        wrapper.write_text(
            "#!/bin/sh\n"
            "began=$(date +%s%N)\n"
            f'{sys.executable} "$@"\n'
            "code=$?\n"
            "ended=$(date +%s%N)\n"
            f'echo "$began $ended" | awk \'{{ printf "%.3f\\n", ($2 - $1) / 1e9 }}\' >> {times}\n'
            "exit $code\n"
        )
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        return wrapper

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {
            **kept,
            "K8S_AUTH_KUBECONFIG": str(self.kubeconfig),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_PIPELINING": str(self.pipelining),
        }


def _complaints(tasks: list[dict[str, Any]]) -> list[str]:
    results = [(task["task"]["name"], result) for task in tasks for result in task["hosts"].values()]
    return [f"{name}: {result.get('msg')}" for name, result in results if result.get("failed")]


def label_module(playbook: Playbook, nodes: list[str], value: str, concurrency: int) -> float:
    """Seconds of the module's own process, for all nodes."""
    options = {"nodes": nodes, "labels": {LABEL: value}, "rate": 0, "concurrency": concurrency}
    _whole, processes = playbook.run({"name": "Label", "calico_ops.rollout.node_labels": options})
    (seconds,) = processes
    return seconds


def bare_patches(kubeconfig: Path, nodes: list[str], value: str, concurrency: int) -> tuple[float, float]:
    """Seconds of the bare client's process, and of its main alone."""
    command = [sys.executable, bare_client.__file__, str(kubeconfig), LABEL, value, str(concurrency)]
    began = time.monotonic()
    ended = subprocess.run(command, input="\n".join(nodes), capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if ended.returncode != 0:
        raise BenchError(ended.stdout + ended.stderr)
    return seconds, float(ended.stdout)


def k8s_loop(playbook: Playbook, nodes: list[str], value: str) -> float:
    """Seconds of a loop of kubernetes.core.k8s over the nodes, Ansible's own start not counted."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "{{ item }}", "labels": {LABEL: value}}}
    task = {"name": "Label", "kubernetes.core.k8s": {"state": "patched", "definition": node}, "loop": nodes}
    start, _none = playbook.run({**task, "loop": []})
    whole, processes = playbook.run(task)
    if len(processes) != len(nodes):
        raise BenchError(f"{len(nodes)} items ran {len(processes)} modules")
    return whole - start

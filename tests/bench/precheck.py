# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What checking 20 hosts over SSH costs: next to Ansible's ping and setup, and next to the same checks as one task each."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import OPTIONS, wanted
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE

from tests.bench import measured_python
from tests.bench.figures import BenchError, Figure, load
from tests.lab.hosts import HostSet, HostSpec
from tests.lab.hosts.machine import INTERPRETER

HOSTS = 20
FORKS = 10
TASKS = 10
"""Checks made as a task each; what all would take is worked out from these."""
MIB = 1024

PING = {"name": "Ping", "ansible.builtin.ping": {}}
SETUP = {"name": "Gather facts", "ansible.builtin.setup": {}}
MORE = {
    "encapsulation": "vxlan",
    "pod_cidrs": ["10.0.0.0/16"],
    "service_cidrs": ["10.1.0.0/16"],
    **dict.fromkeys(["ipv6", "wireguard", "sctp", "host_endpoints", "flow_offload"], True),
}
"""With these the kernel is asked most questions; the other data planes have more checks, but ask less."""


def run(repetitions: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        hosts = HostSet(Path(directory, "lab"), [a_host(number) for number in range(HOSTS)])
        hosts.start()
        try:
            return bench(Ansible(hosts, Path(directory)), repetitions)
        finally:
            hosts.stop()


def a_host(number: int) -> HostSpec:
    program = Path(measured_python.__file__).read_text()
    return HostSpec(f"host-{number:02d}", files={measured_python.PLACE: f"#!{INTERPRETER}\n{program}"})


def bench(ansible: Ansible, repetitions: int) -> list[Figure]:
    one_by_one = [a_check(checks=[check]) for check in spread(applying(), TASKS)]
    kinds: dict[str, list[dict[str, Any]]] = {
        "empty": [],
        "ping": [PING],
        "precheck": [a_check()],
        "with more": [a_check(**MORE)],
        "setup": [SETUP],
        "one by one": one_by_one,
    }
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    # The first of each opens the connections and compiles the modules.
    for repetition in range(-1, repetitions):
        took = {}
        # Whoever comes second finds the machine as the first left it: they take turns.
        for kind in reversed(kinds) if repetition % 2 else kinds:
            took[kind] = ansible.play(kinds[kind])
        what = f"run {repetition + 1}" if repetition >= 0 else "warm-up"
        print(f"{what:8} " + "   ".join(f"{kind} {took[kind]:6.2f} s" for kind in kinds) + f"   {load()}", flush=True)
        if repetition >= 0:
            for kind in kinds:
                seconds[kind].append(took[kind])
    return [*times(seconds), *footprint(ansible, repetitions)]


def times(seconds: dict[str, list[float]]) -> list[Figure]:
    middle = {kind: statistics.median(runs) for kind, runs in seconds.items()}
    empty, ping, precheck = middle["empty"], middle["ping"], middle["precheck"]
    as_tasks = empty + (middle["one by one"] - empty) / TASKS * len(applying())
    return [
        Figure(f"ping on {HOSTS} hosts, median", ping, "s"),
        Figure(f"host_precheck ({len(applying())} of {len(CATALOGUE)} checks apply), median", precheck, "s"),
        Figure(f"host_precheck with more settings ({len(applying(**MORE))} apply), median", middle["with more"], "s"),
        Figure(f"one task a check (from {TASKS} tasks), median", as_tasks, "s"),
        Figure("host_precheck / ping", precheck / ping, at_most=1.15),
        Figure("host_precheck with more settings / ping", middle["with more"] / ping, at_most=1.15),
        Figure("host_precheck / ping, without Ansible's own start", (precheck - empty) / (ping - empty)),
        Figure("host_precheck / setup, which gathers Ansible's facts", precheck / middle["setup"]),
        Figure("one task a check / host_precheck", as_tasks / precheck, at_least=20),
    ]


def footprint(ansible: Ansible, repetitions: int) -> list[Figure]:
    """What the module's process and its children take on a host, next to ping's."""
    more: dict[str, list[float]] = {"cpu": [], "memory": []}
    for _repetition in range(repetitions):
        ping, precheck = ansible.measured(PING), ansible.measured(a_check(**MORE))
        more["cpu"].append(1000 * (precheck["cpu"] - ping["cpu"]))
        more["memory"].append((precheck["memory"] - ping["memory"]) / MIB)
    return [
        Figure("CPU on a host above ping's, median", statistics.median(more["cpu"]), "ms", at_most=100),
        Figure("memory on a host above ping's, median", statistics.median(more["memory"]), "MiB", at_most=12),
    ]


class Ansible:
    """ansible-playbook over SSH: become, pipelining, ten hosts at a time."""

    def __init__(self, hosts: HostSet, directory: Path) -> None:
        self._hosts = hosts
        self._directory = directory
        self._inventory = directory / "inventory.json"
        self._inventory.write_text(json.dumps(hosts.inventory()))
        for host in hosts.hosts:
            host.run(["chmod", "755", measured_python.PLACE])

    def play(self, tasks: Sequence[dict[str, Any]], *arguments: str) -> float:
        playbook = self._directory / "playbook.json"
        playbook.write_text(json.dumps([{"hosts": "all", "become": True, "gather_facts": False, "tasks": list(tasks)}]))
        command = ["ansible-playbook", "-i", str(self._inventory), "--forks", str(FORKS), *arguments, str(playbook)]
        env = {**os.environ, "ANSIBLE_HOME": str(self._directory / "home"), "ANSIBLE_PIPELINING": "true"}
        began = time.monotonic()
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if ended.returncode != 0:
            raise BenchError((ended.stdout + ended.stderr)[-3000:])
        return seconds

    def measured(self, task: dict[str, Any]) -> dict[str, float]:
        """Median over the hosts of what the module took there."""
        self.play([task], "-e", json.dumps({"ansible_python_interpreter": measured_python.PLACE}))
        found = [json.loads(host.run(["cat", measured_python.RESULT]).stdout) for host in self._hosts.hosts]
        return {key: statistics.median(one[key] for one in found) for key in ("cpu", "memory")}


def a_check(**options: Any) -> dict[str, Any]:
    return {"name": "Check", "calico_ops.rollout.host_precheck": {"fail_on": "never", **options}}


def applying(**options: Any) -> list[str]:
    """The checks that these options ask for, by id."""
    want = wanted({**{name: how.get("default") for name, how in OPTIONS.items()}, "controller_clock": 0.0, **options})
    return [check.id for check in CATALOGUE if check.applies.holds(want)]


def spread(items: Sequence[Any], count: int) -> list[Any]:
    """This many of them, from first to last."""
    return [items[index * len(items) // count] for index in range(count)]

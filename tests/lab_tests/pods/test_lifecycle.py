# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab with real pods is taken down whole, also when a host did not end by itself."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.lab.calico import Calico
from tests.lab.claims import claimed_lab
from tests.lab.eventually import eventually
from tests.lab.hosts.process import Process
from tests.lab.node_judgement import UP
from tests.lab.pods import kubelet_host
from tests.lab.pods.bed import Bed
from tests.lab.pods.names import QUEUE_TABLE
from tests.lab.pods.traffic import SERVE, run_pods

pytestmark = [pytest.mark.pods, pytest.mark.soak]


def processes_of(namespace: str) -> list[Process]:
    """All that run in this namespace of process ids, or in one that was made in it."""
    found: list[Process] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and namespace in _namespaces(int(entry.name)):
            with suppress(ProcessLookupError):  # it has just ended
                found.append(Process.of(int(entry.name)))
    return found


def _namespaces(pid: int) -> list[str]:
    """Of the process and its ancestors."""
    seen: list[str] = []
    while pid > 1:
        try:
            seen.append(os.readlink(f"/proc/{pid}/ns/pid"))
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            break
    return seen


def firewall() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


@pytest.mark.stand_in("it has calico-node be what a real kubelet of the lab can run")
def test_a_reset_lab_has_its_real_nodes_as_they_began() -> None:
    node = "/api/v1/nodes/w-1"
    with claimed_lab("-reset") as lab:
        lab.up([kubelet_host("w-1", labels={"tier": "core"})])
        try:
            began = lab.admin.get(node)
            for _time in range(2):
                Calico(lab).install()
                eventually(lambda: calico_is_up(lab.admin.get(node)), 60)
                lab.admin.patch(node, {"metadata": {"labels": {"added": "true"}}, "spec": {"unschedulable": True}})
                lab.reset()
                found = lab.admin.get(node)
                assert found["metadata"]["labels"] == began["metadata"]["labels"]
                assert found["metadata"]["uid"] == began["metadata"]["uid"]
                assert (found["spec"].get("taints"), found["spec"].get("unschedulable")) == (None, None)
                assert lab.admin.list("/api/v1/pods") == []
                assert QUEUE_TABLE not in lab.hosts[0].run(["nft", "list", "tables"]).stdout
        finally:
            lab.down()


def calico_is_up(node: dict[str, Any]) -> bool:
    return any(one.get("reason") == UP for one in node["status"]["conditions"])


@pytest.mark.parametrize("killed", [False, True], ids=["in order", "a host was killed"])
def test_a_lab_with_real_pods_leaves_nothing(killed: bool) -> None:
    with claimed_lab("-down") as lab:
        before = firewall()
        lab.up([kubelet_host("w-1")], operator=False)
        (host,) = lab.hosts
        run_pods(lab.admin, {"server": host}, {}, SERVE)
        processes = processes_of(os.readlink(f"/proc/{host.pid}/ns/pid"))
        cgroups = list(Path("/sys/fs/cgroup").rglob(Bed(lab.directory).cgroup))
        if killed:
            os.kill(host.pid, signal.SIGKILL)
        lab.down()
        assert len(processes) > 5
        assert cgroups
        assert [process for process in processes if process.alive] == []
        assert [path for path in cgroups if path.exists()] == []
        assert not lab.directory.exists()
        assert str(lab.directory) not in Path("/proc/self/mountinfo").read_text()
        assert firewall() == before

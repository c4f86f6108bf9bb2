# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a lab that run a real kubelet: what they are given, how their daemons start, and what is removed after them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.api import STRATEGIC, Api
from tests.lab.binaries import Say, binaries, pod_tools
from tests.lab.errors import LabError
from tests.lab.hosts import Host, HostSet, HostSpec
from tests.lab.hosts.links import Bridge
from tests.lab.node_judgement import DOWN
from tests.lab.pods import debian, images
from tests.lab.pods.names import QUEUE_TABLE
from tests.lab.pods.spec import KUBERNETES, LOGS, ORDERS, POD_NETWORK, PROGRAM, equipped, is_real, node_orders, routes

_CGROUPS = Path("/sys/fs/cgroup")
# Without a terminal and without us: it goes on when the login ends, and has the host's refusals as whoever logs in has.
_START = f"setsid --fork /usr/bin/python3 -I -S {PROGRAM} {ORDERS} >{LOGS}/node.log 2>&1 </dev/null"


@dataclass(frozen=True)
class Bed:
    """The real kubelets of the lab in this directory."""

    directory: Path

    @property
    def _folder(self) -> Path:
        return self.directory / "pods"

    @property
    def _registered(self) -> Path:
        """What labels and annotations the nodes began with."""
        return self._folder / "registered.json"

    @property
    def cgroup(self) -> str:
        """In each hierarchy of the machine's, what holds the cgroups of these hosts."""
        return f"calico-ops-lab-{hashlib.sha256(str(self.directory).encode()).hexdigest()[:12]}"

    def equipped(self, specs: Sequence[HostSpec], say: Say) -> list[HostSpec]:
        """These hosts, those with a real kubelet with all that it needs; built and fetched first where it is not there yet."""
        positions = {spec.name: position for position, spec in enumerate(filter(is_real, specs))}
        if not positions:
            return list(specs)
        programs = {**binaries(say, pod_tools()), "runc": debian.runc(), "bash": debian.bash()}
        archives = images.made(programs)
        return [
            equipped(spec, positions[spec.name], programs, archives, self._folder / spec.name)
            if spec.name in positions
            else spec
            for spec in specs
        ]

    def start(self, hosts: Sequence[Host], ca: Path, kubeconfig: Path) -> None:
        """Start the daemons of those hosts that have a kubelet; returns at once."""
        real = list(filter(_has_kubelet, hosts))
        addresses = [host.address for host in real]
        _keep_in_the_lab(HostSet.load(self.directory).bridge)
        for position, host in enumerate(real):
            kubernetes = self._folder / host.name / Path(KUBERNETES).name
            shutil.copy(ca, kubernetes / "ca.crt")
            shutil.copy(kubeconfig, kubernetes / "kubelet.conf")
            own = [address for address in (host.address, host.address_v6) if address]
            orders = node_orders(host.name, own, f"{self.cgroup}/{host.name}")
            (kubernetes / Path(ORDERS).name).write_text(json.dumps(orders))
            for command in routes(addresses, position, host.spec.dual_stack):
                _said(host.run(command), host)
            _said(host.ssh(["sudo", "-n", "sh", "-c", _START]), host)

    def wait_until_ready(self, admin: Api, hosts: Sequence[Host], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        registered: dict[str, Any] = {}
        for host in filter(_has_kubelet, hosts):
            while not _kubelet_ready(node := admin.get(f"/api/v1/nodes/{host.name}")):
                if time.monotonic() > deadline or not host.alive:
                    raise LabError(f"the kubelet of {host.name} is not ready; the end of its logs:\n{self._logs(host)}")
                time.sleep(0.2)
            registered[host.name] = {field: node["metadata"].get(field, {}) for field in ("labels", "annotations")}
        self._registered.write_text(json.dumps(registered))

    def reset(self, admin: Api, hosts: Sequence[Host], seconds: float = 30) -> None:
        """Nodes and firewalls as they were before a calico-node ran; its pods are gone already."""
        deadline = time.monotonic() + seconds
        for host in filter(_has_kubelet, hosts):
            # As Felix, the engine leaves its rules behind.
            for family in ("ip", "ip6"):
                _said(host.run(["nft", f"add table {family} {QUEUE_TABLE}; delete table {family} {QUEUE_TABLE}"]), host)
            while not _as_registered(admin, host.name, json.loads(self._registered.read_text())[host.name]):
                if time.monotonic() > deadline:
                    raise LabError(f"the node {host.name} cannot be reset")
                time.sleep(0.2)

    def keep_logs(self, target: Path) -> None:
        """Copy the hosts' logs to where those of the lab's daemons are."""
        for logs in self._folder.glob("*/logs"):
            for log in logs.iterdir():
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(log, target / f"{logs.parent.name}-{log.name}")

    def remove(self) -> None:
        """What is left once the hosts have ended: their cgroups."""
        deadline = time.monotonic() + 10
        for hierarchy in (_CGROUPS, *_CGROUPS.glob("*/")):
            for cgroup in _inmost_first(hierarchy / self.cgroup):
                while not _removed(cgroup):
                    if time.monotonic() > deadline:
                        raise LabError(f"{cgroup} cannot be removed: processes are left in it")
                    time.sleep(0.05)

    def _logs(self, host: Host) -> str:
        logs = sorted((self._folder / host.name / "logs").glob("*.log"))
        return "\n".join(f"{log}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:]) for log in logs)


def _has_kubelet(host: Host) -> bool:
    return is_real(host.spec)


def _keep_in_the_lab(bridge: Bridge | None) -> None:
    """What this machine sends to a pod, as an API server that is asked for a pod's proxy, goes to the lab's bridge and no further.

    The metric is the lab's own, so that each lab has its route; it goes with the bridge.
    """
    if bridge is not None:
        route = ["ip", "route", "add", str(POD_NETWORK), "dev", bridge.name, "metric", str(1000 + bridge.number)]
        subprocess.run(route, check=True, stdin=subprocess.DEVNULL)


def _as_registered(admin: Api, name: str, registered: dict[str, dict[str, str]]) -> bool:
    """Take away what others added to the Node; False while somebody still adds to it."""
    path = f"/api/v1/nodes/{name}"
    node = admin.get(path)
    metadata = {
        field: {**dict.fromkeys(node["metadata"].get(field, {})), **wanted} for field, wanted in registered.items()
    }
    admin.patch(path, {"metadata": metadata, "spec": {"taints": None, "unschedulable": None}})
    network = [one["reason"] for one in node["status"]["conditions"] if one["type"] == "NetworkUnavailable"]
    if network == [DOWN]:
        removed = {"status": {"conditions": [{"type": "NetworkUnavailable", "$patch": "delete"}]}}
        admin.patch(f"{path}/status", removed, STRATEGIC)
    return not network and not node["spec"].get("taints")


def _kubelet_ready(node: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])


def _said(done: subprocess.CompletedProcess[str], host: Host) -> None:
    if done.returncode != 0:
        raise LabError(f"{host.name}: {done.stderr.strip()}")


def _inmost_first(cgroup: Path) -> list[Path]:
    return [*sorted(cgroup.rglob("*/"), reverse=True), cgroup] if cgroup.is_dir() else []


def _removed(cgroup: Path) -> bool:
    if not cgroup.is_dir():
        return True
    try:
        cgroup.rmdir()
    except OSError:
        return False
    return True

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab: brought up, asked, filled with nodes, emptied, taken down."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.lab import ready_operator
from tests.lab.access import (
    KUBELET,
    KWOK,
    NODE_AGENT,
    OPERATOR,
    REAL_PODS,
    Account,
    apply_manifests,
    collection_account,
    collection_namespaces,
    write_account_kubeconfig,
)
from tests.lab.api import Api
from tests.lab.audit import AuditLog
from tests.lab.binaries import Say, binaries
from tests.lab.control_plane import PORTS, ControlPlane
from tests.lab.errors import LabError
from tests.lab.faults import FAULT, KUBELET_GONE, NO_FAULT, Fault
from tests.lab.hosts import Host, HostError, HostSet, HostSpec
from tests.lab.nodes import NodeSpec, go_architecture, node_object
from tests.lab.pki import Pki, write_kubeconfig
from tests.lab.places import REPOSITORY, lab_directory, labs_root
from tests.lab.pods import relay
from tests.lab.pods.bed import Bed
from tests.lab.pods.names import KUBELET_PORT
from tests.lab.pods.spec import is_real
from tests.lab.ports import free_ports, port_lock
from tests.lab.processes import Daemons
from tests.lab.reset import reset
from tests.lab.stages import Readiness

# etcd goes last and the API server before it: without its etcd it does not heed SIGTERM.
_STOP_ORDER = (
    ("recorder", "operator", "node-agent", "kwok", "relay", "kube-controller-manager", "kube-scheduler"),
    ("kube-apiserver",),
    ("etcd",),
)


class Lab:
    """The lab of that name on this machine, whether it runs or not."""

    def __init__(self, name: str = "default", say: Say = print) -> None:
        self.name = name
        self.directory = lab_directory(name)
        self.admin_kubeconfig = self.directory / "admin.kubeconfig"
        self.kubeconfig = self.directory / "collection.kubeconfig"
        self.operator_kubeconfig = self.directory / "operator.kubeconfig"
        self.inventory = self.directory / "inventory.yml"
        self.audit_log = self.directory / "audit.log"
        self.pod_record = self.directory / "pods.jsonl"
        self.daemons = Daemons(self.directory)
        self._record_file = self.directory / "lab.json"
        self._say = say

    # -- up and down

    def up(self, hosts: Sequence[HostSpec] = (), operator: bool = True, readiness: Readiness | None = None) -> None:
        """Start everything; each host becomes a node, of a real kubelet where it is made for one. Leaves nothing when it fails."""
        _require_root_on_linux()
        with self._exclusive():
            if self.record().get("ready") and self.daemons.alive():
                raise LabError(f"the lab {self.name!r} is up already: take it down first")
            self._take_down(keep_logs=False)
            begun = time.monotonic()
            try:
                self._bring_up(hosts, operator, readiness or Readiness())
            except BaseException:
                self._take_down(keep_logs=True)
                raise
            self._say(f"lab {self.name!r} is up after {time.monotonic() - begun:.1f} s")

    def down(self, keep_logs: bool = False) -> None:
        """End and remove everything of this lab, also what a crash left of it."""
        _require_root_on_linux()
        with self._exclusive():
            self._take_down(keep_logs)

    def record(self) -> dict[str, Any]:
        """What lab.json holds; empty where there is no lab."""
        if not self._record_file.exists():
            return {}
        record: dict[str, Any] = json.loads(self._record_file.read_text())
        return record

    # -- what it offers

    @cached_property
    def admin(self) -> Api:
        """The API as system:masters: for arranging and asserting, never for what is tested."""
        return Api(self.admin_kubeconfig)

    @property
    def audit(self) -> AuditLog:
        return AuditLog(self.audit_log, self.admin)

    @property
    def collection_user(self) -> str:
        return collection_account().user

    @property
    def hosts(self) -> list[Host]:
        return HostSet.load(self.directory).hosts

    # -- nodes

    def add_node(self, name: str, labels: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """Register a node; the other fields are NodeSpec's."""
        return self.add_nodes([NodeSpec(name, labels or {}, **more)])[0]

    def add_nodes(self, specs: Iterable[NodeSpec]) -> list[dict[str, Any]]:
        version = self.record()["kubernetes"]

        def register(spec: NodeSpec) -> dict[str, Any]:
            node: dict[str, Any] = self.admin.create("/api/v1/nodes", node_object(spec, f"v{version}"))
            return node

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(register, specs))

    def set_fault(self, node: str, fault: str | None) -> None:
        """From now on the node has this fault and no other one (faults.FAULTS, its argument after a colon), or none."""
        kind = (Fault.parse(fault) if fault else NO_FAULT).kind
        if any(host.name == node and is_real(host.spec) for host in self.hosts):
            raise LabError(f"a real kubelet serves {node}: its faults are in tests/lab/pods/faults.py")
        labels = {KUBELET_GONE: "" if kind == "kubelet-gone" else None}
        self.admin.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": labels, "annotations": {FAULT: fault}}})

    def reset(self) -> None:
        """Remove all nodes, Calico's resources and what was made beside them; nodes with a real kubelet are as at the start."""
        reset(self.admin, collection_namespaces())
        Bed(self.directory).reset(self.admin, self.hosts)

    # -- the stand-in for tigera-operator, or the operator itself

    def start_operator(self, *arguments: str) -> None:
        """The arguments are the stand-in's; the operator itself has none of them."""
        program = ready_operator.program()
        arguments = (*arguments, *(["--real-pods"] if any(is_real(host.spec) for host in self.hosts) else []))
        if program is None:
            self._start_module("operator", "tests.lab.operator", self.operator_kubeconfig, *arguments)
        elif arguments:
            raise LabError(f"only the stand-in takes {' '.join(arguments)}: unset {ready_operator.VARIABLE}")
        else:
            command = ready_operator.command(program, self.directory)
            self.daemons.start("operator", command, ready_operator.environment(self.operator_kubeconfig))

    def stop_operator(self) -> None:
        self.daemons.stop("operator")

    # -- a witness

    def record_pods(self) -> None:
        """From now on everything that becomes of calico-node's pods goes into pod_record."""
        self._start_module("recorder", "tests.lab.recorder", self.admin_kubeconfig, str(self.pod_record))

    # -- inside

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One at a time brings this lab up or takes it down; the lock goes when the lab is gone."""
        labs_root().mkdir(parents=True, exist_ok=True)
        path = labs_root() / f".{self.name}.lock"
        while True:
            with open(path, "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not path.exists() or not os.path.samestat(path.stat(), os.fstat(lock.fileno())):
                    continue  # the one we waited for removed it
                try:
                    yield
                finally:
                    if not self.directory.exists():
                        path.unlink()
                return

    def _bring_up(self, hosts: Sequence[HostSpec], operator: bool, readiness: Readiness) -> None:
        programs = binaries(self._say)
        self.directory.mkdir(mode=0o700, parents=True)
        bed = Bed(self.directory)
        hosts = bed.equipped(hosts, self._say)
        real = any(map(is_real, hosts))
        version = _version_of(programs["kube-apiserver"])
        with port_lock():
            ports = free_ports(PORTS)
            self._write_record(ready=False, ports=ports, kubernetes=version)
        pki = Pki(self.directory / "pki")
        pki.create()
        plane = ControlPlane(self.directory, ports, programs, pki, self.daemons)
        plane.start_api(self.collection_user)
        started_hosts = self._start_hosts(hosts)  # while the API server makes itself ready
        write_kubeconfig(self.admin_kubeconfig, plane.server, pki.ca, "lab-admin", pki.admin)
        plane.wait_for_api(self.admin)
        plane.start_controllers()
        more = [REAL_PODS] if real else []
        apply_manifests(programs["kubectl"], self.admin_kubeconfig, self.directory, self.admin, more)
        files: dict[Account, Path] = {
            KWOK: self.directory / "kwok.kubeconfig",
            NODE_AGENT: self.directory / "node-agent.kubeconfig",
            OPERATOR: self.operator_kubeconfig,
            collection_account(): self.kubeconfig,
        }
        for account, file in files.items():
            write_account_kubeconfig(file, account, plane.server, pki, self.admin)
        plane.start_kwok(files[KWOK], readiness)
        self._start_module("node-agent", "tests.lab.node_agent", files[NODE_AGENT])
        if operator:
            self.start_operator()
        self.add_nodes(_node_of(host) for host in started_hosts)
        if real:
            self._start_kubelets(bed, started_hosts, ports["apiserver"], pki)
        for daemon in self.daemons.names():
            self.daemons.require_alive(daemon)
        self._write_record(
            ready=True,
            ports=ports,
            kubernetes=version,
            kubeconfig=str(self.kubeconfig),
            admin_kubeconfig=str(self.admin_kubeconfig),
            inventory=str(self.inventory),
            hosts=[host.name for host in started_hosts],
        )

    def _take_down(self, keep_logs: bool) -> None:
        for names in _STOP_ORDER:
            self.daemons.stop(*names)
        self.daemons.stop_strays()
        bed = Bed(self.directory)
        HostSet.load(self.directory).stop()
        bed.remove()
        self.__dict__.pop("admin", None)
        if not self.directory.exists():
            return
        if keep_logs:
            bed.keep_logs(self.directory / "logs")
        for entry in self.directory.iterdir():
            if keep_logs and entry.name in ("logs", "audit.log"):
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if not keep_logs:
            self.directory.rmdir()

    def _start_hosts(self, specs: Sequence[HostSpec]) -> list[Host]:
        inventory: dict[str, Any] = {"all": {"hosts": {}}}
        started: list[Host] = []
        if specs:
            hosts = HostSet(self.directory, specs)
            try:
                hosts.start()
            except HostError as error:
                raise LabError(str(error)) from error
            inventory, started = hosts.inventory(), hosts.hosts
        self.inventory.write_text(yaml.safe_dump(inventory, sort_keys=False))
        return started

    def _start_kubelets(self, bed: Bed, hosts: Sequence[Host], apiserver: int, pki: Pki) -> None:
        orders = {
            "control": str(relay.control_socket(self.directory)),
            "apiserver": apiserver,
            "hosts": {host.name: host.pid for host in hosts if is_real(host.spec)},
        }
        self._start_module("relay", "tests.lab.pods.relay", self.admin_kubeconfig, json.dumps(orders))
        kubeconfig = self.directory / "kubelet.kubeconfig"
        write_account_kubeconfig(kubeconfig, KUBELET, f"https://127.0.0.1:{KUBELET_PORT}", pki, self.admin)
        bed.start(hosts, pki.ca, kubeconfig)
        bed.wait_until_ready(self.admin, hosts)

    def _start_module(self, daemon: str, module: str, kubeconfig: Path, *arguments: str) -> None:
        self.daemons.start(
            daemon,
            [sys.executable, "-m", module, *arguments],
            env={"KUBECONFIG": str(kubeconfig), "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(REPOSITORY)},
            cwd=REPOSITORY,
        )

    def _write_record(self, **content: Any) -> None:
        draft = self._record_file.with_suffix(".new")
        draft.write_text(json.dumps({"name": self.name, **content}, indent=2) + "\n")
        draft.replace(self._record_file)


def _node_of(host: Host) -> NodeSpec:
    return NodeSpec(
        host.name,
        host.spec.labels,
        address=host.address,
        machine_id=host.machine_id,
        system_uuid=host.system_uuid,
        boot_id=host.boot_id,
        kernel_version=os.uname().release,
        architecture=go_architecture(),
    )


def _version_of(apiserver: Path) -> str:
    outcome = subprocess.run([apiserver, "--version"], capture_output=True, text=True, check=True)
    return outcome.stdout.split()[-1].removeprefix("v")


def _require_root_on_linux() -> None:
    if not sys.platform.startswith("linux"):
        raise LabError("the lab runs on Linux only: its hosts are network, mount and PID namespaces")
    if os.geteuid() != 0:
        raise LabError("the lab must run as root: its hosts are network, mount and PID namespaces")

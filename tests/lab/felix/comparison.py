# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Runs precheck, Felix and packets on hosts with a fault, a set of hosts at a time."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.lab import ready_felix
from tests.lab.binaries import binaries
from tests.lab.errors import LabError
from tests.lab.faults import KUBELET_GONE
from tests.lab.faulty_hosts import FAULTY
from tests.lab.felix.outcomes import Outcome
from tests.lab.felix.packets import ALLOWED, DENIED, NAMESPACE, SERVER, Pods
from tests.lab.hosts import Host, HostSet
from tests.lab.hosts.machine import INTERPRETER
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec
from tests.lab.ports import free_ports
from tests.lab.prechecks import api_server_on, over_ssh, statuses

CALICO = "/apis/crd.projectcalico.org/v1"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
AT_ONCE = 16
"""Hosts of a set."""
WORKERS = 4
"""Felixes that start at once."""
SECONDS_TO_BE_READY = 30.0
POOL = "10.244.0.0/16"
_GRAVE = ("[PANIC]", "[FATAL]", "[ERROR]", "panic: ")
_ASK = "import sys, urllib.request as u; sys.exit(u.urlopen(sys.argv[1], timeout=2).status != 200)"


def compare(names: Sequence[str], binary: Path, lab: Lab, say: Callable[[str], object]) -> list[Outcome]:
    """Every host by the settings that it is declared with. The lab is up, with Calico's CRDs."""
    _prepare(lab)
    found: list[Outcome] = []
    sets = [(way, [name for name in names if FAULTY[name].settings == way]) for way in _ways(names)]
    for settings, hosts in sets:
        for start in range(0, len(hosts), AT_ONCE):
            found += _one_set(hosts[start : start + AT_ONCE], settings, ready_felix.command(binary), lab)
            say(f"{len(found)} of {len(names)} hosts")
    return found


def _ways(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(FAULTY[name].settings for name in names))


def _prepare(lab: Lab) -> None:
    """What Felix waits for, and the policy."""
    info = {"calicoVersion": "v3.33.0", "datastoreReady": True}
    pool = {"cidr": POOL, "vxlanMode": "Never", "ipipMode": "Never", "natOutgoing": True}
    for kind, plural, name, spec in (
        ("ClusterInformation", "clusterinformations", "default", info),
        ("IPPool", "ippools", "pods", pool),
    ):
        body = {"apiVersion": "crd.projectcalico.org/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        if lab.admin.get_or_none(f"{CALICO}/{plural}/{name}") is None:
            lab.admin.create(f"{CALICO}/{plural}", body)
    only_clients = {
        "podSelector": {"matchLabels": {"app": SERVER}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": ALLOWED}}}]}],
    }
    lab.admin.create(
        f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies",
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "only-clients"},
            "spec": only_clients,
        },
    )


def _one_set(names: Sequence[str], settings: str, command: Sequence[str], lab: Lab) -> list[Outcome]:
    hosts = HostSet(lab.directory / "felix", [FAULTY[name].spec for name in names])
    hosts.state_dir.mkdir(exist_ok=True)
    hosts.start()
    try:
        checked = f"{settings} apiserver={api_server_on(hosts.hosts[0])} controller_clock={time.time()}"
        documents = {name: answer["precheck"] for name, answer in over_ssh(hosts, "--become", settings=checked).items()}
        with _api_for(hosts, lab) as server, ThreadPoolExecutor(WORKERS) as pool:

            def judged(position: int) -> Outcome:
                host = hosts.hosts[position]
                return _judged(host, f"10.244.{100 + position}", settings, command, server, lab, documents[host.name])

            return list(pool.map(judged, range(len(hosts.hosts))))
    finally:
        hosts.stop()


@contextmanager
def _api_for(hosts: HostSet, lab: Lab) -> Iterator[str]:
    """The lab's API server, on loopback, for the hosts of this set: at the machine's end of their bridge, and nowhere else."""
    assert hosts.bridge is not None
    address, (port,) = str(hosts.bridge.network[1]), free_ports(["proxy"]).values()
    command: list[str | Path] = [
        binaries(print)["kubectl"],
        f"--kubeconfig={lab.admin_kubeconfig}",
        "proxy",
        f"--address={address}",
    ]
    with open(lab.directory / "logs" / "proxy.log", "ab") as log:
        proxy = subprocess.Popen(
            [*command, f"--port={port}", "--disable-filter"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield f"http://{address}:{port}"
    finally:
        proxy.kill()
        proxy.wait()


def _judged(
    host: Host, network: str, settings: str, command: Sequence[str], server: str, lab: Lab, document: dict[str, object]
) -> Outcome:
    node = f"felix-{host.name}"
    apps = {SERVER: f"{network}.10", ALLOWED: f"{network}.11", DENIED: f"{network}.12"}
    _register(lab, node, host, apps)
    told = dict(word.split("=", 1) for word in settings.split())
    log = lab.directory / "logs" / f"{node}.log"
    server_pod, client, stranger = (f"{app}-{node}" for app in (SERVER, ALLOWED, DENIED))
    with (
        _felix(host, command, ready_felix.environment(node, server, told), log) as felix,
        Pods(host, {f"{app}-{node}": address for app, address in apps.items()}) as pods,
    ):
        pods.serve(server_pod)
        ready = _becomes_ready(host, felix)
        # The first packets may come while an address is still resolved.
        allowed = any(pods.connects(client, server_pod) for _time in range(3))
        denied = not pods.connects(stranger, server_pod)
    failed = sorted(check for check, status in statuses(document).items() if status in ("fail", "skipped"))
    last = "" if ready else _last_line(log)
    verdict = str(document["verdict"])
    return Outcome(host.name, settings, ready, allowed, denied, verdict, failed, last)


def _register(lab: Lab, node: str, host: Host, apps: dict[str, str]) -> None:
    addressed = {"projectcalico.org/IPv4Address": f"{host.address}/24"}
    # kwok leaves nodes without a kubelet alone, and their pods.
    lab.add_nodes([NodeSpec(node, {KUBELET_GONE: ""}, annotations=addressed, address=host.address, ready=True)])
    for app, address in apps.items():
        name = f"{app}-{node}"
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": app}},
            "spec": {"nodeName": node, "containers": [{"name": "one", "image": "none"}]},
        }
        lab.admin.create(PODS, pod)
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        lab.admin.patch(f"{PODS}/{name}/status", {"status": status})


@contextmanager
def _felix(
    host: Host, command: Sequence[str], environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Over SSH, where the host's refusals are in force. Felix itself ends with its host."""
    words = ["sudo", "-n", "env", *(f"{name}={value}" for name, value in environment.items()), *command]
    ssh = ["ssh", *host.ssh_options(), "-o", "BatchMode=yes", "-i", str(host.ssh_private_key)]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*ssh, f"{host.user}@{host.address}", shlex.join(words)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _becomes_ready(host: Host, felix: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + SECONDS_TO_BE_READY
    while felix.poll() is None and time.monotonic() < deadline:
        if host.run([INTERPRETER, "-c", _ASK, ready_felix.READY]).returncode == 0:
            return felix.poll() is None
        time.sleep(0.5)
    return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    told = [line for line in lines if any(word in line for word in _GRAVE)] or lines
    return told[-1][:160].strip() if told else ""


def require_crds(lab: Lab) -> None:
    if lab.admin.get_or_none(f"{CALICO}/clusterinformations") is None:
        raise LabError("the lab has no CRDs of Calico, which Felix reads: name a folder with them in LAB_CRDS")

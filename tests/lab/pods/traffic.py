# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real pods of agnhost's, and packets between them: connections by agnhost's own `connect`, and a witness of every few ms."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.api import Api
from tests.lab.errors import LabError
from tests.lab.eventually import eventually
from tests.lab.hosts import Host
from tests.lab.hosts.machine import INTERPRETER
from tests.lab.pods.names import AGNHOST
from tests.lab.pods.spec import BINARIES

TCP_PORT, UDP_PORT = 8080, 8081
SERVE = ("netexec", f"--http-port={TCP_PORT}", f"--udp-port={UDP_PORT}")
PORTS = {"tcp": TCP_PORT, "udp": UDP_PORT}
PORT_NAMES = {"tcp": "http", "udp": "echo"}
ALLOWED, DENIED = "", "TIMEOUT"
"""What agnhost says of a connection that was made, and of one whose packets were dropped."""
_WITNESS = Path(__file__).with_name("witness.py")
_ECHO = """
import sys, urllib.request
address, port, size = sys.argv[1:]
answer = urllib.request.urlopen("http://%s:%s/echo?msg=%s" % (address, port, "x" * int(size)), timeout=2).read()
print(len(answer))
"""


@dataclass(frozen=True)
class Pod:
    """A running pod of the lab's hosts."""

    name: str
    host: Host = field(repr=False)
    addresses: Sequence[str]
    network: str
    """The name of its network namespace on its host."""

    def address(self, family: str = "ip") -> str:
        """For a URL or with a port behind it: an IPv6 address is in brackets."""
        found = next(one for one in self.addresses if (":" in one) == (family == "ip6"))
        return f"[{found}]" if family == "ip6" else found

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """On its network, with the host's programs."""
        return self.host.run(self._inside(command))

    def start(self, *command: str) -> subprocess.Popen[str]:
        """The same, in the background: with pipes to its standard input and from its output."""
        command_inside = self.host.inside(self._inside(command))
        return subprocess.Popen(command_inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def connect(self, server: Pod, family: str = "ip", protocol: str = "tcp", seconds: float = 1.0) -> str:
        """ALLOWED, DENIED, or what else agnhost says."""
        return connect(lambda command: self.run(*command), server, family, protocol, seconds)

    def echoes(self, server: Pod, size: int) -> bool:
        """Do so many bytes come to the server and back within two seconds?"""
        arguments = (server.address(), str(TCP_PORT), str(size))
        return self.run(INTERPRETER, "-I", "-S", "-c", _ECHO, *arguments).stdout.strip() == str(size)

    def _inside(self, command: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.network}", "--", *command]

    @contextmanager
    def witness(self, server: Pod, family: str = "ip") -> Iterator[Witness]:
        """A SYN every few ms, each from a port of its own, for as long as the context lasts."""
        found = Witness()
        program = (
            INTERPRETER,
            "-I",
            "-S",
            "-c",
            _WITNESS.read_text(),
            server.address(family).strip("[]"),
            str(TCP_PORT),
        )
        process = self.start(*program)
        assert process.stdin
        assert process.stdout
        with process:
            process.stdout.readline()  # it has begun, and seen its first SYN answered or lost
            try:
                yield found
            finally:
                process.stdin.close()
                found.seen.extend((at, bool(made)) for at, made in json.loads(process.stdout.read() or "[]"))


@dataclass
class Witness:
    """When each SYN was sent, in seconds of time.time(), and whether it was answered; filled when the context has ended."""

    seen: list[tuple[float, bool]] = field(default_factory=list)

    def allowed(self, since: float = 0.0, until: float = float("inf")) -> list[float]:
        return [at for at, made in self.seen if made and since <= at < until]

    def denied(self, since: float = 0.0, until: float = float("inf")) -> list[float]:
        return [at for at, made in self.seen if not made and since <= at < until]


def connect(
    run: Callable[[list[str]], subprocess.CompletedProcess[str]],
    server: Pod,
    family: str = "ip",
    protocol: str = "tcp",
    seconds: float = 1.0,
) -> str:
    """As Pod.connect, from where `run` runs a program: a host's own network, or a pod's."""
    target = f"{server.address(family)}:{PORTS[protocol]}"
    agnhost = f"{BINARIES}/kubelet/agnhost"
    done = run([agnhost, "connect", target, f"--protocol={protocol}", f"--timeout={seconds}s"])
    return (done.stderr.split(":")[0].strip() or f"exit {done.returncode}") if done.returncode else ALLOWED


def run_pods(
    admin: Api,
    wanted: Mapping[str, Host],
    labels: Mapping[str, str],
    command: Sequence[str],
    namespace: str = "default",
) -> list[Pod]:
    """Pods of agnhost's, by name and host; returns when all of them run and serve. Servers name their ports."""
    for name, host in wanted.items():
        # As Pod Security "restricted" has it.
        context = {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        container: dict[str, Any] = {
            "name": "agnhost",
            "image": AGNHOST,
            "args": list(command),
            "securityContext": context,
        }
        if tuple(command) == SERVE:
            container["readinessProbe"] = {"httpGet": {"path": "/", "port": TCP_PORT}, "periodSeconds": 1}
            container["ports"] = [
                {"name": name, "containerPort": PORTS[protocol], "protocol": protocol.upper()}
                for protocol, name in PORT_NAMES.items()
            ]
        body = {
            "metadata": {"name": name, "labels": dict(labels)},
            "spec": {
                "nodeName": host.name,
                "containers": [container],
                "terminationGracePeriodSeconds": 0,
                "tolerations": [{"operator": "Exists"}],
            },
        }
        admin.create(f"/api/v1/namespaces/{namespace}/pods", body)
    return [_running(admin, f"/api/v1/namespaces/{namespace}/pods/{name}", name, host) for name, host in wanted.items()]


def _running(admin: Api, path: str, name: str, host: Host) -> Pod:
    def ready() -> dict[str, Any] | None:
        pod: dict[str, Any] = admin.get(path)
        conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
        return pod if conditions.get("Ready") == "True" else None

    pod = eventually(ready, 60)
    assert pod
    addresses = [one["ip"] for one in pod["status"]["podIPs"]]
    return Pod(name, host, addresses, _network(host, addresses[0]))


def _network(host: Host, address: str) -> str:
    for name in host.run(["ls", "/run/netns"]).stdout.split():
        links = json.loads(host.run(["ip", "-json", "-netns", name, "address"]).stdout or "[]")
        if any(one.get("local") == address for link in links for one in link.get("addr_info", ())):
            return name
    raise LabError(f"no network namespace of {host.name} has the address {address}")

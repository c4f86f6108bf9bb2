# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_precheck on the hosts of a lab, over SSH, by the installed collection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import trustme

from tests.environment import collection
from tests.lab.hosts import Host, HostSet
from tests.lab.hosts.machine import INTERPRETER

_TLS_PORT = 6443
# On a host: agrees on TLS with whoever connects, and ends with the host.
_SERVES_TLS = """
import os, socket, ssl, sys
port, pair = sys.argv[1:]
open("/run/server.pem", "w").write(pair)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/run/server.pem")
server = socket.create_server(("", int(port)))
if os.fork():
    os._exit(0)
os.setsid()
for stream in (0, 1, 2):
    os.close(stream)
while True:
    try:
        context.wrap_socket(server.accept()[0], server_side=True).close()
    except OSError:
        pass
"""

Answers = dict[str, dict[str, Any]]


def over_ssh(
    hosts: HostSet, *arguments: str, settings: str = "encapsulation=vxlan", only: Iterable[str] = ()
) -> Answers:
    """What host_precheck answered on every host, or on some."""
    inventory = hosts.state_dir / "inventory.json"
    inventory.write_text(json.dumps(hosts.inventory()))
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(hosts.state_dir / "home"),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "0",
        "ANSIBLE_COLLECTIONS_PATH": str(collection.linked()),
    }
    asked = list(only) or [host.name for host in hosts.hosts]
    command = [str(Path(sys.executable).with_name("ansible")), "-i", str(inventory), ",".join(asked), "--one-line"]
    command += ["-m", "calico_ops.rollout.host_precheck", "-a", f"fail_on=never {settings}", *arguments]
    done = subprocess.run(command, env=environment, cwd=hosts.state_dir, capture_output=True, text=True, check=False)
    lines = [line.partition(" => ") for line in done.stdout.splitlines() if " => " in line]
    assert len(lines) == len(asked), done.stdout + done.stderr
    return {head.split()[0]: json.loads(answer) for head, _arrow, answer in lines}


def api_server_on(host: Host) -> str:
    """Has the host answer as an API server does, by TLS; where it does."""
    pair = trustme.CA().issue_cert(host.address).private_key_and_cert_chain_pem.bytes().decode()
    assert host.run([INTERPRETER, "-c", _SERVES_TLS, str(_TLS_PORT), pair]).returncode == 0
    return f"{host.address}:{_TLS_PORT}"


def statuses(document: dict[str, Any]) -> dict[str, str]:
    """Every check that was made, by id."""
    return {**dict.fromkeys(document["ok"], "ok"), **{one["id"]: one["status"] for one in document["findings"]}}

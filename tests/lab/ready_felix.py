# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ready Felix on the hosts of the lab: LAB_FELIX names its program, or the multi-call program `calico`.

It runs as root on a host, logged in to over SSH, so that a system call which is refused there is refused to it too. It finds
iptables and ipset on PATH. Its datastore is the lab's API server, which needs Calico's CRDs: name them in LAB_CRDS.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.lab.ready_program import named_by

VARIABLE = "LAB_FELIX"
READY = "http://localhost:9099/readiness"


def program() -> Path | None:
    """The program that LAB_FELIX names; None where none is named. LabError when it cannot be run."""
    return named_by(VARIABLE, "Felix or calico")


def command(binary: Path) -> list[str]:
    """`calico component felix` since Calico 3.33, where Felix is a part of one program."""
    part = ["component", "felix"]
    asked = subprocess.run([binary, *part, "--help"], check=False, capture_output=True, stdin=subprocess.DEVNULL)
    return [str(binary), *part] if asked.returncode == 0 else [str(binary)]


def environment(node: str, server: str, settings: Mapping[str, str]) -> dict[str, str]:
    """What Felix is told of a host that is checked by these settings. It reports to nobody and logs to its output alone."""
    dataplane = settings.get("dataplane", "iptables")
    encapsulation = settings.get("encapsulation", "none")
    return {
        "FELIX_DATASTORETYPE": "kubernetes",
        "DATASTORE_TYPE": "kubernetes",
        "K8S_API_ENDPOINT": server,
        "FELIX_FELIXHOSTNAME": node,
        "FELIX_HEALTHENABLED": "true",
        "FELIX_USAGEREPORTINGENABLED": "false",
        "FELIX_LOGFILEPATH": "none",
        "FELIX_LOGSEVERITYFILE": "none",
        "FELIX_LOGSEVERITYSYS": "none",
        "FELIX_LOGSEVERITYSCREEN": "warning",
        "FELIX_IPV6SUPPORT": settings.get("ipv6", "false"),
        "FELIX_BPFENABLED": _flag(dataplane == "bpf"),
        "FELIX_NFTABLESMODE": "Enabled" if dataplane == "nftables" else "Disabled",
        "FELIX_IPTABLESBACKEND": settings.get("iptables_backend", "auto"),
        "FELIX_VXLANENABLED": _flag("vxlan" in encapsulation),
        "FELIX_IPINIPENABLED": _flag("ipip" in encapsulation),
        "FELIX_WIREGUARDENABLED": settings.get("wireguard", "false"),
    }


def _flag(on: bool) -> str:
    return "true" if on else "false"

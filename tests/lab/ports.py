# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback ports for a lab, chosen so that labs that start at the same time do not take each other's."""

from __future__ import annotations

import fcntl
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.errors import LabError
from tests.lab.places import lab_names, labs_root

# Below the kernel's usual range of ephemeral ports, so that no outgoing connection sits on one of them by chance.
_RANGE = range(21000, 32000)


@contextmanager
def port_lock() -> Iterator[None]:
    """Hold this from choosing ports until they are written into the lab's lab.json."""
    labs_root().mkdir(parents=True, exist_ok=True)
    with open(labs_root() / ".ports.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_ports(names: list[str]) -> dict[str, int]:
    taken = _ports_of_other_labs()
    chosen: dict[str, int] = {}
    candidates = (port for port in _RANGE if port not in taken and _is_free(port))
    for name in names:
        port = next(candidates, None)
        if port is None:
            raise LabError(f"no free loopback port between {_RANGE.start} and {_RANGE.stop}")
        chosen[name] = port
    return chosen


def _ports_of_other_labs() -> set[int]:
    ports: set[int] = set()
    for name in lab_names():
        record = labs_root() / name / "lab.json"
        if record.exists():
            ports.update(json.loads(record.read_text())["ports"].values())
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

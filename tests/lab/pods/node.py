# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. The daemons of a lab host that is a node: containerd with the lab's images, then the kubelet.

Run as root on the host, by its own Python; nothing imports it. It goes into cgroups of the host's own, and shows the host
these as all there are, so that what the two make there is found and removed when the host is gone. It ends when one of
them ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CLONE_NEWCGROUP = 0x02000000
CGROUPS = "/sys/fs/cgroup"
MACHINES = "/run/machine-cgroups"
SECONDS_TO_START = 30.0


def enter_cgroups(own: str) -> None:
    """In each hierarchy of version 1, and in that of version 2 where it is the only one."""
    hierarchies = [line.split(":", 2)[1] for line in Path("/proc/self/cgroup").read_text().splitlines()]
    if any(hierarchies):
        mounts = [(name.removeprefix("name="), "cgroup", options(name)) for name in hierarchies if name]
    else:
        mounts = [("", "cgroup2", "rw")]
    for folder, kind, chosen in mounts:
        place = Path(MACHINES, folder)
        place.mkdir(parents=True, exist_ok=True)
        mount(kind, chosen, place)
        enter(place, own, kind)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWCGROUP) != 0:
        sys.exit(f"no cgroup namespace: {os.strerror(ctypes.get_errno())}")
    if any(hierarchies):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "cgroups", CGROUPS], check=True)
    for folder, kind, chosen in mounts:
        Path(CGROUPS, folder).mkdir(exist_ok=True)
        mount(kind, chosen, Path(CGROUPS, folder))
    for folder, _kind, _chosen in mounts:
        subprocess.run(["umount", str(Path(MACHINES, folder))], check=True)


def options(hierarchy: str) -> str:
    return f"none,{hierarchy}" if hierarchy.startswith("name=") else hierarchy


def mount(kind: str, chosen: str, place: Path) -> None:
    subprocess.run(["mount", "-t", kind, "-o", chosen, "lab", str(place)], check=True)


def enter(hierarchy: Path, own: str, kind: str) -> None:
    """Make the cgroup and go there; a cpuset takes nobody in before it says what they may use."""
    place = hierarchy
    for part in own.split("/"):
        place = place / part
        place.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if kind == "cgroup" and (place / name).exists():
                (place / name).write_text((place.parent / name).read_text())
    if kind == "cgroup2":
        # A cgroup of version 2 with controllers for its children holds no process itself.
        (place / "daemons").mkdir(exist_ok=True)
        (place / "daemons" / "cgroup.procs").write_text("0")
        offered = (place / "cgroup.controllers").read_text().split()
        (place / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in offered))
    else:
        (place / "cgroup.procs").write_text("0")


def started(orders: dict[str, Any], name: str) -> subprocess.Popen[bytes]:
    environment = {"PATH": orders["path"], "HOME": "/root"}
    with open(Path(orders["logs"], f"{name}.log"), "ab") as log:
        return subprocess.Popen(orders[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)


def import_images(orders: dict[str, Any], containerd: subprocess.Popen[bytes]) -> None:
    control = ["ctr", "--namespace=k8s.io"]
    environment = {"PATH": orders["path"]}
    deadline = time.monotonic() + SECONDS_TO_START
    while subprocess.run([*control, "version"], env=environment, capture_output=True, check=False).returncode != 0:
        if containerd.poll() is not None or time.monotonic() > deadline:
            sys.exit("containerd did not start")
        time.sleep(0.1)
    for archive in sorted(Path(orders["images"]).glob("*.tar")):
        subprocess.run([*control, "images", "import", str(archive)], env=environment, check=True)


def main() -> None:
    orders = json.loads(Path(sys.argv[1]).read_text())
    enter_cgroups(orders["cgroup"])
    containerd = started(orders, "containerd")
    import_images(orders, containerd)
    kubelet = started(orders, "kubelet")
    names = {containerd.pid: "containerd", kubelet.pid: "kubelet"}
    pid, status = os.wait()
    sys.exit(f"{names.get(pid, pid)} ended with wait status {status}")


if __name__ == "__main__":
    main()

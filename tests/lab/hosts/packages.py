# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system packages that lab hosts are made with: `python3 -m tests.lab.hosts.packages` installs what is missing.

Standard library only: the set-up runs this before it has an environment of its own. Where there is no apt or no root,
it names everything that is missing in one line and ends with 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .machine import INTERPRETER, faketime_library

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGE_OF_COMMAND = {
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "sudo": "sudo",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "python3": "python3",
    "nft": "nftables",
}
SECCOMP_BINDING = "python3-seccomp"
FAKETIME = "libfaketime"
# Debian's own switch: with this file the sshd it installs is started neither now nor at the next boot (README.Debian).
NO_SERVICE = Path("/etc/ssh/sshd_not_to_be_run")


def missing() -> list[str]:
    """Debian's names of the packages that this machine lacks."""
    absent = [package for command, package in PACKAGE_OF_COMMAND.items() if not shutil.which(command, path=SEARCH_PATH)]
    if not _has_seccomp_binding():
        absent.append(SECCOMP_BINDING)
    return absent if faketime_library() else [*absent, FAKETIME]


def can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get", path=SEARCH_PATH) is not None


def install(packages: list[str]) -> None:
    """Install without a question and without starting a service; package lists are renewed only when too old."""
    if "openssh-server" in packages:
        NO_SERVICE.parent.mkdir(parents=True, exist_ok=True)
        NO_SERVICE.touch()
    if _apt("install", "--yes", "--no-install-recommends", *packages) != 0:
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *packages)


def main() -> int:
    absent = missing()
    if absent and can_install():
        print(f"Installing system packages for the lab's hosts: {' '.join(absent)}", flush=True)
        install(absent)
        absent = missing()
    if absent:
        print(f"Please install what the lab's hosts are made with: {' '.join(absent)}", file=sys.stderr)
    return 1 if absent else 0


def _has_seccomp_binding() -> bool:
    try:
        return subprocess.run([INTERPRETER, "-c", "import seccomp"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _apt(*arguments: str) -> int:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", *arguments]
    quiet = subprocess.DEVNULL
    return subprocess.run(command, env=environment, stdin=quiet, stdout=quiet, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

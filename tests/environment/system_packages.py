# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages that the set-up needs and this machine lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .places import CHECKOUT
from .steps import SetupError, say, step

UPDATE_TIMEOUT = 300.0
INSTALL_TIMEOUT = 600.0


def install(packages: Sequence[str], purpose: str, log: Path) -> None:
    """Install packages with apt, or say in one line which are missing."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupError(f"{purpose}: please install {' '.join(packages)} (apt-get as root would have done it here)")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    step("package lists (apt-get update)", ["apt-get", "update"], log=log, timeout=UPDATE_TIMEOUT, env=env)
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    step(f"system packages {' '.join(packages)}", command, log=log, timeout=INSTALL_TIMEOUT, env=env)


def for_lab_hosts(python: Path) -> None:
    """The lab knows what its hosts need; it says so itself, and does nothing when all is there."""
    if not (CHECKOUT / "tests" / "lab" / "hosts" / "packages.py").is_file():
        return
    done = subprocess.run(
        [str(python), "-m", "tests.lab.hosts.packages"], cwd=CHECKOUT, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        say("not every system package of the lab is installed: lab hosts will say so")

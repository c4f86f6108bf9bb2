# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the checkout that belong to the project: tracked ones, and new ones that git does not ignore."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .places import CHECKOUT
from .steps import SetupError


def files() -> list[str]:
    """Paths relative to the checkout, sorted; deleted ones left out."""
    # A checkout may belong to another user than the one who runs the tests, which git refuses unless told.
    command = [
        "git",
        "-c",
        f"safe.directory={CHECKOUT}",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    try:
        listed = subprocess.run(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise SetupError("git is not installed") from None
    except subprocess.CalledProcessError as error:
        raise SetupError(f"{CHECKOUT} is not a git checkout: {error.stderr.strip()}") from None
    names = {name for name in listed.stdout.split("\0") if name}
    return sorted(name for name in names if os.path.lexists(CHECKOUT / name))


def digest(names: Iterable[str]) -> str:
    """One hash over names, modes and contents."""
    total = hashlib.sha256()
    for name in names:
        path = CHECKOUT / name
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        executable = os.access(path, os.X_OK)
        total.update(f"{name}\0{executable:d}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()[:16]


def copy(names: Iterable[str], target: Path) -> None:
    """The named files below `target`, links kept as links."""
    for name in names:
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, destination, follow_symlinks=False)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the newest Python on this machine that an ansible-core runs on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from .steps import SetupError

# What ansible-core 2.21 runs on; 3.11 last, for machines that have nothing newer: it gets ansible-core 2.19.
VERSIONS = ((3, 14), (3, 13), (3, 12), (3, 11))
CURRENT_CORE_FROM = (3, 12)
# What ansible-core 2.16 runs on.
OLD_VERSIONS = ((3, 12), (3, 11), (3, 10))
Version = tuple[int, int]

_PROBE = "import sys, venv; print('%d.%d' % sys.version_info[:2])"


def candidates(version: Version) -> Iterator[str]:
    """Paths that may be this Python, unverified."""
    name = "python{}.{}".format(*version)
    roots = [Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser() / "versions"]
    for root in roots:
        found = root.glob("{}.{}.*/bin/{}".format(*version, name))
        yield from (str(path) for path in sorted(found, key=_patch, reverse=True))
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), "/usr/local/bin", "/usr/bin"]:
        on_path = shutil.which(name, path=folder) if folder else None
        if on_path:
            yield on_path


def _patch(path: Path) -> int:
    last = path.parts[-3].rsplit(".", 1)[-1]
    return int(last) if last.isdigit() else -1


def works(python: str, version: Version) -> bool:
    """True if `python` runs and is what its name says (a pyenv shim may be there and not run)."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == "{}.{}".format(*version)


def forced() -> tuple[str, Version] | None:
    """The interpreter named by CALICO_OPS_PYTHON."""
    python = os.environ.get("CALICO_OPS_PYTHON")
    if not python:
        return None
    for version in VERSIONS:
        if works(python, version):
            return python, version
    raise SetupError(f"CALICO_OPS_PYTHON={python} is not a working Python of {named(VERSIONS)}")


def none_found(versions: Sequence[Version]) -> SetupError:
    return SetupError(
        f"found no Python of {named(versions)}: on PATH, in ~/.pyenv/versions or in /usr/bin; install one of them"
    )


def named(versions: Sequence[Version]) -> str:
    return ", ".join("{}.{}".format(*version) for version in versions)

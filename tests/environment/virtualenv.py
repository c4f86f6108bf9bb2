# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environment in the cache, one for each Python and each state of the requirements."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from . import interpreters, system_packages
from .places import CHECKOUT, cache, locked
from .steps import SetupError, say, step

REQUIREMENTS = CHECKOUT / "tests" / "requirements.txt"
INSTALL_TIMEOUT = 900.0


def ready() -> Path:
    """The environment's folder; made when there is none for the newest Python here."""
    chosen = interpreters.forced()
    if chosen:
        python, version = chosen
        return _home(version) if _complete(version) else _make(python, version)
    for version in interpreters.VERSIONS:
        paths = list(interpreters.candidates(version))
        if paths and _complete(version):
            return _home(version)
        for python in paths:
            if interpreters.works(python, version):
                return _make(python, version)
    raise interpreters.none_found()


def _home(version: interpreters.Version) -> Path:
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    return cache() / "venvs" / "python{}.{}-{}".format(*version, digest)


def _complete(version: interpreters.Version) -> bool:
    home = _home(version)
    # The link to the interpreter dangles when that Python was removed since.
    return (home / "complete").is_file() and os.access(home / "bin" / "python", os.X_OK)


def _make(python: str, version: interpreters.Version) -> Path:
    home = _home(version)
    with locked("venv"):
        if _complete(version):
            return home
        if version < interpreters.CURRENT_CORE_FROM:
            say("Python {}.{}: ansible-core 2.19 is used; 2.21 needs Python 3.12 or newer".format(*version))
        shutil.rmtree(home, ignore_errors=True)
        log = cache() / "logs" / "environment.log"
        if not _has_pip(python):
            system_packages.install(["python{}.{}-venv".format(*version)], "pip for the virtual environment", log)
        title = "virtual environment with Python {}.{}".format(*version)
        step(title, [python, "-m", "venv", str(home)], log=log, timeout=120)
        step(
            "packages of tests/requirements.txt (a minute or two)",
            # Compiling all collections of the ansible wheel would take longer than everything else; Python does it as needed.
            [
                *(str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"),
                *("--disable-pip-version-check", "--requirement", str(REQUIREMENTS)),
            ],
            log=log,
            timeout=INSTALL_TIMEOUT,
        )
        (home / "complete").touch()
    return home


def _has_pip(python: str) -> bool:
    return subprocess.run([python, "-I", "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def remove_others(keep: Path) -> None:
    """Forget environments of earlier requirements, as `make clean` does."""
    for home in sorted((cache() / "venvs").glob("*")):
        if home != keep:
            shutil.rmtree(home)


__all__ = ["SetupError", "ready", "remove_others"]

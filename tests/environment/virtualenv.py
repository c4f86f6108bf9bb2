# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environments in the cache, one for each ansible-core, Python and state of the requirements."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import interpreters, system_packages
from .places import CHECKOUT, cache, locked
from .steps import SetupError, say, step

INSTALL_TIMEOUT = 900.0


@dataclass(frozen=True)
class Core:
    """An ansible-core to test with."""

    requirements: Path
    pythons: Sequence[interpreters.Version]
    """Those that it runs on, the first choice first."""


NEWEST = Core(CHECKOUT / "tests" / "requirements.txt", interpreters.VERSIONS)
CORES = {
    "newest": NEWEST,
    "2.16": Core(CHECKOUT / "tests" / "requirements-2.16.txt", interpreters.OLD_VERSIONS),
}


def ready(core: Core = NEWEST) -> Path:
    """The environment's folder; made when there is none for the newest Python here."""
    chosen = interpreters.forced() if core is NEWEST else None
    if chosen:
        python, version = chosen
        return _home(core, version) if _complete(core, version) else _make(core, python, version)
    for version in core.pythons:
        paths = list(interpreters.candidates(version))
        if paths and _complete(core, version):
            return _home(core, version)
        for python in paths:
            if interpreters.works(python, version):
                return _make(core, python, version)
    raise interpreters.none_found(core.pythons)


def possible(core: Core) -> bool:
    """Whether this machine has a Python for it."""
    return any(
        interpreters.works(python, version) for version in core.pythons for python in interpreters.candidates(version)
    )


def _home(core: Core, version: interpreters.Version) -> Path:
    digest = hashlib.sha256(core.requirements.read_bytes()).hexdigest()[:12]
    return cache() / "venvs" / "python{}.{}-{}".format(*version, digest)


def _complete(core: Core, version: interpreters.Version) -> bool:
    home = _home(core, version)
    # The link to the interpreter dangles when that Python was removed since.
    return (home / "complete").is_file() and os.access(home / "bin" / "python", os.X_OK)


def _make(core: Core, python: str, version: interpreters.Version) -> Path:
    home = _home(core, version)
    with locked("venv"):
        if _complete(core, version):
            return home
        if core is NEWEST and version < interpreters.CURRENT_CORE_FROM:
            say("Python {}.{}: ansible-core 2.19 is used; 2.21 needs Python 3.12 or newer".format(*version))
        shutil.rmtree(home, ignore_errors=True)
        log = cache() / "logs" / "environment.log"
        if not _has_pip(python):
            system_packages.install(["python{}.{}-venv".format(*version)], "pip for the virtual environment", log)
        title = "virtual environment with Python {}.{}".format(*version)
        step(title, [python, "-m", "venv", str(home)], log=log, timeout=120)
        step(
            f"packages of tests/{core.requirements.name} (a minute or two)",
            # Compiling all collections of the ansible wheel would take longer than everything else; Python does it as needed.
            [
                *(str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"),
                *("--disable-pip-version-check", "--requirement", str(core.requirements)),
            ],
            log=log,
            timeout=INSTALL_TIMEOUT,
        )
        (home / "complete").touch()
    return home


def _has_pip(python: str) -> bool:
    return subprocess.run([python, "-I", "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


__all__ = ["CORES", "NEWEST", "Core", "SetupError", "possible", "ready"]

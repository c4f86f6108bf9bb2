# /// script
# dependencies = ["nox>=2025.2.9", "antsibull-nox>=1.10"]
# ///
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of the project by name: `nox --list` shows them, `nox -s check` is the inner loop.

Sessions of ours run the gates, in the pinned environment that tests/environment makes; the Makefile calls the same. Sessions of
antsibull-nox come from antsibull-nox.toml, and make environments of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import antsibull_nox
import nox

# nox does not have the checkout on its path.
sys.path.insert(0, str(Path(__file__).parent))
from tests.environment import collection
from tests.environment.__main__ import variables

antsibull_nox.load_antsibull_nox_toml()

SESSIONS = {
    "check": ("Lint, unit tests and structure: the inner loop.", ["--workers", "2", "lint", "unit"]),
    "lint": ("Lint of code, changelog, commits, roles and playbooks.", ["lint", "ansible-lint"]),
    "unit": ("Unit tests.", ["--workers", "2", "unit"]),
    "sanity": ("ansible-test sanity, with the newest ansible-core and with 2.16.", ["sanity", "sanity-2.16"]),
    "lab": ("What runs on a real API server and real hosts. Needs root.", ["lab", "lab-ansible", "lab-2.16"]),
    "test": ("Every gate; `-- STAGE ...` for some. Needs root.", []),
}
PYTHONS = {
    "2.16": ["3.10", "3.11", "3.12"],
    "2.17": ["3.10", "3.11", "3.12"],
    "2.18": ["3.11", "3.12", "3.13"],
    "2.19": ["3.11", "3.12", "3.13"],
    "2.20": ["3.12", "3.13", "3.14"],
    "2.21": ["3.12", "3.13", "3.14"],
}
"""Those that each supported ansible-core runs on as a controller."""

# What unit tests need beside ansible-core; the oldest supported client among it.
REQUIREMENTS = Path(__file__).with_name("tests") / "requirements-2.16.txt"
OF_A_CORE = ("ansible==", "ansible-core==", "resolvelib==")
WITH_ANSIBLE = ("action", "kube", "cluster", "inventory", "filter")


def in_environment(session: nox.Session, *command: str) -> None:
    """In the pinned environment, with the collection as users install it."""
    environment = [sys.executable, "-m", "tests.environment", "--collection", "run", "--", "python", "-m"]
    session.run(*environment, *command, external=True)


def gates(stages: list[str]) -> Callable[[nox.Session], None]:
    return lambda session: in_environment(session, "tests.gates", *stages, *session.posargs)


for name, (promise, stages) in SESSIONS.items():
    nox.session(gates(stages), python=False, name=name, default=name == "check").__doc__ = promise


@nox.session(python=False, default=False)
def changelog(session: nox.Session) -> None:
    """Take the fragments of changelogs/fragments into CHANGELOG.md."""
    in_environment(session, "tests.gates.changelog")


@nox.session(default=False)
@nox.parametrize(("python", "core"), [(python, core) for core, pythons in PYTHONS.items() for python in pythons])
def core(session: nox.Session, core: str) -> None:
    """What depends on ansible-core, with one of those that are supported: ansible-test sanity, and the tests of plugins."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    session.install(
        f"ansible-core~={core}.0", *(line for line in lines if "==" in line and not line.startswith(OF_A_CORE))
    )
    env = variables(Path(session.virtualenv.location), collection.linked())
    session.run("python", "-m", "pytest", "-q", *(f"tests/unit/{part}" for part in WITH_ANSIBLE), env=env)
    session.run("python", "-m", "tests.gates.sanity", env=env)


# `pipx run noxfile.py` and `uv run noxfile.py` work too.
if __name__ == "__main__":
    nox.main()

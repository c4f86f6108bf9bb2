# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages, in the order in which they run, and what each needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.environment.places import CHECKOUT, NAME, NAMESPACE

CODE = f"ansible_collections.{NAMESPACE}.{NAME}.plugins"

# Real CRDs of the operator in a folder beside the checkout, if there is one: what reads them is tested with both.
REAL_CRDS = CHECKOUT.parent / "shared" / "crds"


SCENARIOS = {
    "default": "a whole rollout, twice",
    "stuck": "a cluster that one node keeps stuck is rescued",
    "brownfield": "a cluster with labels and settings of its own is taken over",
}


@dataclass(frozen=True)
class Stage:
    """One gate: commands run one after the other until one fails."""

    name: str
    promise: str
    commands: Sequence[Sequence[str]]
    timeout: float
    pytest: bool = False
    """Its tests are counted."""
    tarball: bool = False
    """Runs what users install, not the checkout."""
    background: bool = False
    """Runs beside the following stages, until one that needs it."""
    after: tuple[str, ...] = ()
    """Stages in the background that must have passed before."""
    env: dict[str, str] = field(default_factory=dict)


def _pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "--quiet", "--durations=10", *arguments]


def all_stages() -> list[Stage]:
    """Every stage that this checkout and this machine call for."""
    python = sys.executable
    stages = [
        Stage("build", "the cluster's programs compile", [[python, "-m", "tests.lab", "build"]], 1500, background=True),
        Stage(
            "lint",
            "ruff and mypy have nothing to say",
            # Without mypy's memory of earlier runs: it goes wrong over packages that lie in several places.
            [
                ["ruff", "check", "--no-cache", "."],
                ["mypy", "--no-incremental", "--package", CODE, "--package", "tests"],
            ],
            300,
        ),
        Stage("unit", "the decisions, without a cluster", [_pytest("tests/unit")], 900, pytest=True),
        Stage("browser", "pages, looked at in Chromium", [_pytest("tests/browser")], 900, pytest=True),
        Stage("ansible-lint", "roles and playbooks, production profile", [[python, "-m", "tests.gates.content"]], 300),
        Stage("sanity", "ansible-test on the newest ansible-core", [[python, "-m", "tests.gates.sanity"]], 900),
        Stage(
            "lab",
            "the collection against a real API server",
            [_pytest("tests/lab")],
            1500,
            pytest=True,
            tarball=True,
            after=("build",),
        ),
    ]
    if REAL_CRDS.is_dir():
        stages.append(
            Stage(
                "lab-crds",
                "the same with the operator's own CRDs",
                [_pytest("tests/lab", "-k", "operator or crds or installation_scope")],
                900,
                pytest=True,
                tarball=True,
                after=("build",),
                env={"LAB_CRDS": str(REAL_CRDS)},
            )
        )
    for scenario, promise in SCENARIOS.items():
        name = "molecule" if scenario == "default" else f"molecule-{scenario}"
        command = ["molecule", "test", "--scenario-name", scenario]
        stages.append(Stage(name, promise, [command], 900, tarball=True, after=("build",)))
    return stages


def chosen(names: Sequence[str], stages: Sequence[Stage]) -> list[Stage]:
    """The named stages with what they need, in order; all when none is named. KeyError for a name that is none."""
    if not names:
        return list(stages)
    known = {stage.name: stage for stage in stages}
    wanted = set(names)
    for name in names:
        wanted.update(known[name].after)
    return [stage for stage in stages if stage.name in wanted]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages, in the order in which they run, and what each needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.environment import interpreters, virtualenv
from tests.environment.places import CHECKOUT, NAME, NAMESPACE
from tests.soak import SOAK

CODE = f"ansible_collections.{NAMESPACE}.{NAME}.plugins"

# Real CRDs of the operator in a folder beside the checkout, if there is one: what reads them is tested with both.
REAL_CRDS = CHECKOUT.parent / "shared" / "crds"

# Names a ready tigera-operator, which one stage runs in the lab instead of the stand-in. The others keep the stand-in.
OPERATOR = "LAB_OPERATOR"

STATIC, BUILD, LAB = "static", "build", "lab"
# How many stages of a lane run at once. Much of what a stage does in the lab is waiting, so there are two of these; more would make
# each other late. A stage takes the place of the first that ends, so the longest come first and none is idle for long.
SIDE_BY_SIDE = {STATIC: 1, BUILD: 1, LAB: 2}

# Seconds. No machine is so slow: it ends what would never end. A test that hangs has a limit of its own, and is named.
LAST_GUARD = 6 * 3600.0

SCENARIOS = {
    "default": "a whole rollout, twice",
    "stuck": "a cluster that one node keeps stuck is rescued",
    "brownfield": "a cluster with labels and settings of its own is taken over",
    "policy": "a node that is ready and does not enforce network policy ends a rollout by name",
}


# They read what is printed for people, so that a sentence which is worded anew shows.
DEMOS = {
    "demo": "the main job as it is told, and every sentence of it holds",
    "demo-stuck": "the rescue as it is told, and every sentence of it holds",
    "demo-policy": "the proof of network policy as it is told, and every sentence of it holds",
}

REAL_PODS = ("policy", "demo-policy")
"""The scenario and the demo whose hosts have real kubelets."""


@dataclass(frozen=True)
class Stage:
    """One gate: commands run one after the other until one fails."""

    name: str
    promise: str
    commands: Sequence[Sequence[str]]
    lane: str = STATIC
    """Lanes run side by side, and of each as many stages as SIDE_BY_SIDE says."""
    pytest: bool = False
    """Its tests are counted."""
    tarball: bool = False
    """Runs what users install, not the checkout."""
    after: tuple[str, ...] = ()
    """Stages that must have passed before."""
    missing: str = ""
    """What this machine lacks for it: it is skipped, and says why."""
    env: dict[str, str] = field(default_factory=dict)
    operator: bool = False
    """Runs with the tigera-operator that LAB_OPERATOR names."""
    spread: bool = False
    """Its tests may be spread over as many processes as the caller says."""
    processes: int = 1
    """How many share its tests, whole files each, and each with a lab of its own."""
    alone: bool = False
    """Runs in the end, with nothing beside it: it measures what a busy machine blurs."""
    soak: bool = False
    """Runs when it is named, as `make soak` does: too long for every run."""
    last_guard: float = LAST_GUARD


def _pytest(*arguments: str, python: Sequence[str] = (sys.executable,)) -> list[str]:
    return [*python, "-m", "pytest", "--quiet", "--durations=10", *arguments]


def _lab_tests(marks: str, python: Sequence[str] = (sys.executable,)) -> list[str]:
    """Those whose marks fit; pyproject.toml says what each mark means."""
    return _pytest("tests/lab_tests", "-m", marks, python=python)


def _on_core(core: str, *, tarball: bool = False) -> list[str]:
    """A Python with another ansible-core; its environment is made when there is none."""
    what = ["--collection"] if tarball else []
    return [sys.executable, "-m", "tests.environment", "--core", core, *what, "run", "--", "python"]


def all_stages() -> list[Stage]:
    """Every stage that this checkout and this machine call for; those of a lane run in this order."""
    return [*_static(), *_in_the_lab(), *_on_the_oldest(), *_real_pods(), *_demos(), *_scenarios()]


def _static() -> list[Stage]:
    python = sys.executable
    return [
        Stage("build", "the cluster's programs compile", [[python, "-m", "tests.lab", "build"]], BUILD),
        # In the lane of the build, which is short: beside the unit tests it costs the inner loop no time of its own.
        Stage(
            "lint",
            "code, changelog and subjects of commits are in order",
            # Without mypy's memory of earlier runs: it goes wrong over packages that lie in several places.
            [
                ["ruff", "check", "--no-cache", "."],
                ["antsibull-changelog", "lint"],
                ["antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml"],
                [python, "-m", "tests.gates.commits"],
                ["mypy", "--no-incremental", "--package", CODE, "--package", "tests"],
            ],
            BUILD,
        ),
        # Most stages of the lab do not wait for these.
        Stage(
            "build-pods",
            "what real pods need compiles",
            [[python, "-m", "tests.lab", "build", "--pods"]],
            BUILD,
            after=("build",),
        ),
        Stage("unit", "the decisions, without a cluster", [_pytest("tests/unit")], pytest=True, spread=True),
        Stage("browser", "pages, looked at in Chromium", [_pytest("tests/browser")], pytest=True),
        Stage("ansible-lint", "roles and playbooks, production profile", [[python, "-m", "tests.gates.content"]]),
        Stage("sanity", "ansible-test on the newest ansible-core", [[python, "-m", "tests.gates.sanity"]]),
    ]


def _in_the_lab() -> list[Stage]:
    stages = [
        Stage(
            "lab-ansible",
            "modules and playbooks on a real API server and real hosts",
            [_lab_tests("ansible and not pods")],
            LAB,
            pytest=True,
            processes=2,
            tarball=True,
            after=("build",),
        ),
        Stage(
            "lab",
            "a real API server and real hosts, asked directly",
            [_lab_tests("not ansible and not pods")],
            LAB,
            pytest=True,
            processes=2,
            tarball=True,
            after=("build",),
        ),
    ]
    if REAL_CRDS.is_dir():
        stages.append(
            Stage(
                "lab-crds",
                "the same with the operator's own CRDs",
                [_lab_tests("crds")],
                LAB,
                pytest=True,
                processes=2,
                tarball=True,
                after=("build",),
                env={"LAB_CRDS": str(REAL_CRDS)},
            )
        )
    stages.append(
        Stage(
            "lab-operator",
            f"what meets the operator, with the tigera-operator that {OPERATOR} names",
            [_lab_tests("operator")],
            LAB,
            pytest=True,
            tarball=True,
            after=("build",),
            missing="" if os.environ.get(OPERATOR) else f"{OPERATOR} names no tigera-operator",
            operator=True,
        )
    )
    return stages


def _on_the_oldest() -> list[Stage]:
    """ansible-core 2.16 and the oldest client, in an environment of their own."""
    core = "2.16"
    pythons = virtualenv.CORES[core].pythons
    missing = "" if virtualenv.possible(virtualenv.CORES[core]) else f"no Python of {interpreters.named(pythons)}"
    return [
        Stage(
            "sanity-2.16",
            "ansible-test on ansible-core 2.16",
            [[*_on_core(core), "-m", "tests.gates.sanity"]],
            missing=missing,
        ),
        Stage(
            "unit-2.16",
            "the same decisions with ansible-core 2.16 and the oldest client",
            [
                _pytest(
                    "tests/unit/action",
                    "tests/unit/kube",
                    "tests/unit/cluster",
                    "tests/unit/inventory",
                    "tests/unit/filter",
                    python=_on_core(core),
                )
            ],
            pytest=True,
            missing=missing,
        ),
        Stage(
            "lab-2.16",
            "modules and playbooks with ansible-core 2.16 and the oldest client",
            [_lab_tests("oldest_core", python=_on_core(core, tarball=True))],
            LAB,
            pytest=True,
            processes=2,
            after=("build",),
            missing=missing,
        ),
    ]


def _real_pods() -> list[Stage]:
    """They measure milliseconds, and beside other stages two processors are too few for that."""
    return [
        Stage(
            "lab-pods",
            "a rollout over real kubelets proves policy by packets, and real faults are found",
            [_lab_tests("pods and not soak")],
            LAB,
            pytest=True,
            tarball=True,
            after=("build-pods",),
            alone=True,
        ),
        Stage(
            "soak-pods",
            "each fault of policy between real pods, and many policies drawn at random",
            [_pytest("--timeout=3600", "tests/lab_tests", "-m", "pods")],
            LAB,
            pytest=True,
            tarball=True,
            after=("build-pods",),
            env={SOAK: "20"},
            alone=True,
            soak=True,
        ),
    ]


def _demos() -> list[Stage]:
    return [
        Stage(
            name,
            promise,
            [[sys.executable, "-m", f"tests.{name.replace('-', '_')}", "--apart"]],
            LAB,
            tarball=True,
            after=("build-pods",) if name in REAL_PODS else ("build",),
            soak=name in REAL_PODS,
        )
        for name, promise in DEMOS.items()
    ]


def _scenarios() -> list[Stage]:
    return [
        Stage(
            "molecule" if scenario == "default" else f"molecule-{scenario}",
            promise,
            [["molecule", "test", "--scenario-name", scenario]],
            LAB,
            tarball=True,
            after=("build-pods",) if scenario in REAL_PODS else ("build",),
            soak=scenario in REAL_PODS,
        )
        for scenario, promise in SCENARIOS.items()
    ]


def chosen(names: Sequence[str], stages: Sequence[Stage]) -> list[Stage]:
    """The named stages with what they need, in order; all but those of the soak when none is named. KeyError for a name that is none."""
    if not names:
        return [stage for stage in stages if not stage.soak]
    known = {stage.name: stage for stage in stages}
    wanted: set[str] = set()
    further = list(names)
    while further:
        name = further.pop()
        wanted.add(name)
        further.extend(known[name].after)
    return [stage for stage in stages if stage.name in wanted]

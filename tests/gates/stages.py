# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages, in the order in which they run, and what each needs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.environment import interpreters, virtualenv
from tests.environment.places import CHECKOUT, NAME, NAMESPACE

CODE = f"ansible_collections.{NAMESPACE}.{NAME}.plugins"

# Real CRDs of the operator in a folder beside the checkout, if there is one: what reads them is tested with both.
REAL_CRDS = CHECKOUT.parent / "shared" / "crds"

# How a lab test that runs Ansible is told from one that does not: it names the program, or what runs it.
RUNS_ANSIBLE = re.compile(r"\"ansible(-playbook)?\"|\btests\.lab\.(modules|player|preparing)\b")

# Names a ready tigera-operator, which one stage runs in the lab instead of the stand-in. The others keep the stand-in.
OPERATOR = "LAB_OPERATOR"
MEET_THE_OPERATOR = (
    "operator/test_*",
    "modules/test_installation_*",
    "modules/test_adoption",
    "modules/test_rollout_*",
    "playbooks/test_rollout_role",
)

# Much of what a stage does in the lab is waiting, so two of these run side by side; more would make each other late.
STATIC, LAB, ANSIBLE = "static", "lab", "ansible"

SCENARIOS = {
    "default": "a whole rollout, twice",
    "stuck": "a cluster that one node keeps stuck is rescued",
    "brownfield": "a cluster with labels and settings of its own is taken over",
}


# They read what is printed for people, so that a sentence which is worded anew shows.
DEMOS = {
    "demo": "the main job as it is told, and every sentence of it holds",
    "demo-stuck": "the rescue as it is told, and every sentence of it holds",
}


# Each kind of plugin once, the playbooks, and what rests on hostvars and templating: what depends on ansible-core shows in them. The
# faults of nodes, hosts and clusters do not.
ON_THE_OLDEST = tuple(
    f"tests/lab_tests/{name}.py"
    for name in (
        *(
            "modules/test_host_precheck_old_python",
            "modules/test_host_prepare",
            "modules/test_host_reach",
            "modules/test_installation_scope",
            "modules/test_inventory_nodes",
            "modules/test_node_labels",
            "modules/test_node_precheck",
            "modules/test_node_precheck_reused",
            "modules/test_node_readiness",
            "modules/test_node_taints",
            "modules/test_rollout_info",
            "modules/test_rollout_step",
        ),
        *(
            "playbooks/test_evidence",
            "playbooks/test_limits",
            "playbooks/test_playbooks",
            "playbooks/test_rbac_playbooks",
            "playbooks/test_status",
        ),
    )
)


@dataclass(frozen=True)
class Stage:
    """One gate: commands run one after the other until one fails."""

    name: str
    promise: str
    commands: Sequence[Sequence[str]]
    timeout: float
    """Seconds. The last guard only, far above what a slow machine needs: a test that hangs has a limit of its own."""
    lane: str = STATIC
    """Stages of one lane run one after the other, lanes side by side."""
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


def _pytest(*arguments: str, python: Sequence[str] = (sys.executable,)) -> list[str]:
    return [*python, "-m", "pytest", "--quiet", "--durations=10", *arguments]


def _on_core(core: str, *, tarball: bool = False) -> list[str]:
    """A Python with another ansible-core; its environment is made when there is none."""
    what = ["--collection"] if tarball else []
    return [sys.executable, "-m", "tests.environment", "--core", core, *what, "run", "--", "python"]


def all_stages() -> list[Stage]:
    """Every stage that this checkout and this machine call for; those of a lane run in this order."""
    return [*_static(), *_in_the_lab(), *_on_the_oldest(), *_demos(), *_scenarios()]


def _static() -> list[Stage]:
    python = sys.executable
    return [
        Stage("build", "the cluster's programs compile", [[python, "-m", "tests.lab", "build"]], 1800, "build"),
        Stage(
            "lint",
            "ruff and mypy have nothing to say",
            # Without mypy's memory of earlier runs: it goes wrong over packages that lie in several places.
            [
                ["ruff", "check", "--no-cache", "."],
                ["mypy", "--no-incremental", "--package", CODE, "--package", "tests"],
            ],
            900,
        ),
        Stage("unit", "the decisions, without a cluster", [_pytest("tests/unit")], 1800, pytest=True),
        Stage("browser", "pages, looked at in Chromium", [_pytest("tests/browser")], 1800, pytest=True),
        Stage("ansible-lint", "roles and playbooks, production profile", [[python, "-m", "tests.gates.content"]], 300),
        Stage("sanity", "ansible-test on the newest ansible-core", [[python, "-m", "tests.gates.sanity"]], 1800),
    ]


def _in_the_lab() -> list[Stage]:
    through_ansible = _tests_through_ansible()
    others = [f"--ignore={path}" for path in through_ansible]
    stages = [
        Stage(
            "lab",
            "a real API server and real hosts, asked directly",
            [_pytest("tests/lab_tests", *others)],
            4500,
            LAB,
            pytest=True,
            tarball=True,
            after=("build",),
        ),
        Stage(
            "lab-ansible",
            "modules and playbooks on a real API server and real hosts",
            [_pytest(*through_ansible)],
            4500,
            ANSIBLE,
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
                [_pytest("tests/lab_tests", "-k", "operator or crds or installation")],
                3600,
                LAB,
                pytest=True,
                tarball=True,
                after=("build",),
                env={"LAB_CRDS": str(REAL_CRDS)},
            )
        )
    stages.append(
        Stage(
            "lab-operator",
            f"what meets the operator, with the tigera-operator that {OPERATOR} names",
            [_pytest(*_meeting_the_operator())],
            3600,
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
            2400,
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
            1800,
            pytest=True,
            missing=missing,
        ),
        Stage(
            "lab-2.16",
            "modules and playbooks with ansible-core 2.16 and the oldest client",
            [_pytest(*ON_THE_OLDEST, python=_on_core(core, tarball=True))],
            3600,
            LAB,
            pytest=True,
            after=("build",),
            missing=missing,
        ),
    ]


def _demos() -> list[Stage]:
    return [
        Stage(
            name,
            promise,
            [[sys.executable, "-m", f"tests.{name.replace('-', '_')}", "--apart"]],
            1200,
            LAB,
            tarball=True,
            after=("build",),
        )
        for name, promise in DEMOS.items()
    ]


def _scenarios() -> list[Stage]:
    return [
        Stage(
            "molecule" if scenario == "default" else f"molecule-{scenario}",
            promise,
            [["molecule", "test", "--scenario-name", scenario]],
            1800,
            ANSIBLE,
            tarball=True,
            after=("build",),
        )
        for scenario, promise in SCENARIOS.items()
    ]


def _tests_through_ansible() -> list[str]:
    files = sorted((CHECKOUT / "tests" / "lab_tests").rglob("test_*.py"))
    return [_relative(file) for file in files if RUNS_ANSIBLE.search(file.read_text(encoding="utf-8"))]


def _meeting_the_operator() -> list[str]:
    folder = CHECKOUT / "tests" / "lab_tests"
    return [_relative(file) for name in MEET_THE_OPERATOR for file in sorted(folder.glob(f"{name}.py"))]


def _relative(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def chosen(names: Sequence[str], stages: Sequence[Stage]) -> list[Stage]:
    """The named stages with what they need, in order; all when none is named. KeyError for a name that is none."""
    if not names:
        return list(stages)
    known = {stage.name: stage for stage in stages}
    wanted = set(names)
    for name in names:
        wanted.update(known[name].after)
    return [stage for stage in stages if stage.name in wanted]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the manual is run by a test, or has its reason why not."""

from __future__ import annotations

import ast

import pytest

from tests import manual
from tests.environment.places import CHECKOUT

COMMANDS = {command.text for page in manual.pages() for command in manual.commands(page)}


def test_every_command_of_the_manual_is_run_or_has_a_reason() -> None:
    run = {command.text for command in manual.played()} | set(manual.RUN_BY)
    assert COMMANDS - run - set(manual.NOT_RUN) == set()


def test_only_commands_of_the_manual_are_excused() -> None:
    assert (set(manual.NOT_RUN) | set(manual.RUN_BY)) - COMMANDS == set()
    assert set(manual.NOT_RUN) & set(manual.RUN_BY) == set()


@pytest.mark.parametrize(("file", "test"), manual.RUN_BY.values())
def test_the_test_that_runs_a_command_is_there(file: str, test: str) -> None:
    parsed = ast.parse((CHECKOUT / file).read_text(encoding="utf-8"))
    assert test in {node.name for node in parsed.body if isinstance(node, ast.FunctionDef)}


def test_the_readme_is_short_and_names_the_tutorial_first() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 150
    links = [readme.index(name) for name in ("docs/first-rollout.md", "make demo", "CONTRIBUTING.md")]
    assert links == sorted(links)

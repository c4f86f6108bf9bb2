# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual names only things that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.environment import checkout
from tests.environment.places import CHECKOUT

PAGES = [CHECKOUT / name for name in checkout.files() if name.endswith(".md")]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGET = re.compile(r"\bmake ([a-z][a-z-]+)\b")
CONTENT = re.compile(r"\bcalico_ops\.rollout\.([a-z_]+)\b")
VARIABLE = re.compile(r"(?<![\w./-])((?:rollout|precheck|prepare)_[a-z0-9_]+)\b(?![./(])")
ALIKE = {"rollout_info", "rollout_step", "precheck_report", "precheck_complaint", "precheck_failed"}
"""Modules, filters and a cause whose names begin like variables."""
OF_PLAYBOOKS = {"precheck_reach"}
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def names_of_content() -> set[str]:
    plugins = CHECKOUT / "plugins"
    found = {path.stem for kind in ("modules", "inventory", "callback") for path in (plugins / kind).glob("*")}
    # A file may hold several filters; each has a manual.
    found |= {path.stem for path in (plugins / "filter").glob("*.yml")}
    found |= {path.name for path in (CHECKOUT / "roles").glob("*")}
    found |= {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")}
    return found | {"kube"}


def code(page: Path) -> Iterator[str]:
    yield from FENCE.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    targets = [link.split("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
    relative = [target for target in targets if target and "://" not in target and not target.startswith("mailto:")]
    assert [target for target in relative if not (page.parent / target).exists()] == []


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_a_link_into_a_page_names_a_heading_of_it(page: Path) -> None:
    links = [link.partition("#") for link in LINK.findall(page.read_text(encoding="utf-8"))]
    into = [
        (page.parent / path if path else page, heading) for path, _mark, heading in links if heading and "://" not in path
    ]
    assert [heading for target, heading in into if heading not in anchors(target)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_a_page_names_only_make_targets_that_are_there(page: Path) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert {target for text in code(page) for target in TARGET.findall(text)} <= known


def variables(specs: object) -> set[str]:
    """Every option of a role's entry points, at any depth."""
    if isinstance(specs, list):
        return {name for each in specs for name in variables(each)}
    if not isinstance(specs, dict):
        return set()
    options = specs.get("options")
    own = set(options) if isinstance(options, dict) else set()
    return own | {name for each in specs.values() for name in variables(each)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_a_page_names_only_variables_that_a_role_has(page: Path) -> None:
    specs = (CHECKOUT / "roles").glob("*/meta/argument_specs.yml")
    known = {name for spec in specs for name in variables(yaml.safe_load(spec.read_text(encoding="utf-8")))}
    named = {name for text in code(page) for name in VARIABLE.findall(text)}
    assert named - known - ALIKE - OF_PLAYBOOKS == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_a_page_names_only_content_of_the_collection_that_is_there(page: Path) -> None:
    assert set(CONTENT.findall(page.read_text(encoding="utf-8"))) <= names_of_content()


def test_the_map_of_the_architecture_has_every_package() -> None:
    library = CHECKOUT / "plugins" / "module_utils"
    rows = re.findall(r"^\| `(_[\w/]+)`", (CHECKOUT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    packages = {
        str(path.parent.relative_to(library)) for path in library.glob("*/**/*.py") if path.name != "__init__.py"
    }
    # What travels to a host is one package to a reader: its parts are named in its row.
    assert set(rows) == {package for package in packages if "host/" not in package} - {"_rollout"}

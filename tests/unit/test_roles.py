# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the roles and playbooks as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, nodes

from tests.environment.places import CHECKOUT

ROLES = sorted(path for path in (CHECKOUT / "roles").iterdir())
PLAYBOOKS = sorted((CHECKOUT / "playbooks").glob("*.yml"))
EXPRESSIONS = ("changed_when", "failed_when", "that", "until", "when")
OF_ANSIBLE = {"hostvars", "inventory_hostname", "item", "omit", "playbook_dir"}
FUNCTIONS = {"lookup", "now", "query"}
OF_THE_HOST = {"node_name"}
"""A variable of a host, and of no role: the manual names it."""
BUILDS_ON = {"prepare": ("precheck_",)}
"""It runs that role's entry point `settings`. Among the packages the same arrow goes from _prepare to _precheck."""


def templates(value: Any, key: str = "") -> Iterator[str]:
    """Every template in a file of YAML; expressions that stand without braces get them."""
    if isinstance(value, dict):
        for name, content in value.items():
            yield from templates(content, str(name))
    elif isinstance(value, list):
        for content in value:
            yield from templates(content, key)
    elif isinstance(value, str):
        yield f"{{{{ {value} }}}}" if key in EXPRESSIONS and "{{" not in value else value


def read(path: Path) -> set[str]:
    """Names of the variables that a file reads."""
    environment = Environment(autoescape=True)
    found = set()
    for template in templates(yaml.safe_load(path.read_text(encoding="utf-8"))):
        found |= {name.name for name in environment.parse(template).find_all(nodes.Name)}
    return found


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_reads_its_own_variables_only(role: Path) -> None:
    files = [path for folder in ("defaults", "handlers", "tasks", "vars") for path in (role / folder).glob("*.yml")]
    names = {name for path in files for name in read(path)} - OF_ANSIBLE - FUNCTIONS - OF_THE_HOST
    own = (f"{role.name}_", "ansible_", *BUILDS_ON.get(role.name, ()))
    assert {name for name in names if not name.startswith(own)} == set()


@pytest.mark.parametrize("path", [*PLAYBOOKS, *(CHECKOUT / "roles").glob("*/*/*.yml")], ids=lambda path: path.stem)
def test_nothing_is_done_or_left_for_the_tags_of_a_run(path: Path) -> None:
    assert read(path) & {"ansible_run_tags", "ansible_skip_tags"} == set()


def test_each_entry_point_of_a_role_that_a_playbook_uses_has_a_manual() -> None:
    used = set()
    for path in PLAYBOOKS:
        for task in tasks(yaml.safe_load(path.read_text(encoding="utf-8"))):
            for how in ("ansible.builtin.include_role", "ansible.builtin.import_role"):
                if how in task:
                    used.add((task[how]["name"].rpartition(".")[2], task[how].get("tasks_from", "main")))
    told = {
        (role.name, entry)
        for role in ROLES
        for entry in yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))[
            "argument_specs"
        ]
    }
    assert used - told == set()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_has_a_page_that_names_its_entry_points(role: Path) -> None:
    """Galaxy does not import a role without one."""
    page = (role / "README.md").read_text(encoding="utf-8")
    entries = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(entries)


def tasks(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for content in value:
            yield from tasks(content)
    elif isinstance(value, dict):
        yield value
        for content in value.values():
            yield from tasks(content)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of the data from the playbook to the report: which files it passes, and to which it comes back.

It is walked as a reader walks it, task by task and include by include, whatever the conditions say: a file of tasks, the filters that its
templates use, the module that it calls. A file that calls another one and goes on after it is passed once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, nodes

from tests.environment.places import CHECKOUT

COLLECTION = "calico_ops.rollout."
INCLUDES = ("ansible.builtin.include_tasks", "ansible.builtin.import_tasks")
ROLES = ("ansible.builtin.include_role", "ansible.builtin.import_role")
SERVE_MANY = {
    "plugins/filter/documents.py": "it makes both documents, the report of the prechecks and the plan",
    "plugins/filter/pages.py": "each document leaves the way there, as a page",
    "plugins/action/show.py": "it shows the page of each document",
    "plugins/modules/calico_settings.py": "as the file of tasks that calls it",
    "plugins/modules/show.py": "it has the manual of the action",
    "roles/precheck/tasks/settings.yml": "hosts and nodes ask for the settings; whoever comes first reads them",
    "roles/rollout/tasks/keep.yml": "it keeps the plan, and then the report",
}
"""Files to which the way comes back, and why."""


def filters() -> dict[str, str]:
    """Where each filter is made: the keys of what `filters()` returns."""
    found = {}
    for source in (CHECKOUT / "plugins" / "filter").glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
                for key in filter(None, node.value.keys):
                    found[f"{COLLECTION}{ast.literal_eval(key)}"] = str(source.relative_to(CHECKOUT))
    return found


FILTERS = filters()


def used(value: Any) -> Iterator[str]:
    """The files of the filters in the templates of a task, in their order."""
    if isinstance(value, dict):
        for content in value.values():
            yield from used(content)
    elif isinstance(value, list):
        for content in value:
            yield from used(content)
    elif isinstance(value, str):
        for each in Environment(autoescape=True).parse(value).find_all(nodes.Filter):
            if each.name in FILTERS:
                yield FILTERS[each.name]


def passed(tasks: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    """The files that these tasks pass. What runs with a tag of its own only (`never`) is not on the way."""
    for task in tasks:
        if "never" in task.get("tags", ()):
            continue
        for block in ("block", "rescue", "always"):
            yield from passed(task.get(block, []), folder)
        yield from used({key: value for key, value in task.items() if key not in ("block", "rescue", "always")})
        for key, value in task.items():
            if key in INCLUDES:
                yield from entered(folder / (value if isinstance(value, str) else value["file"]))
            elif key in ROLES:
                yield from entered(of_role(value["name"], value.get("tasks_from", "main")))
            elif key.startswith(COLLECTION):
                yield from called(key.removeprefix(COLLECTION))


def called(name: str) -> Iterator[str]:
    """A module, and the action plugin that calls it on the controller."""
    for kind in ("action", "modules"):
        if (CHECKOUT / "plugins" / kind / f"{name}.py").exists():
            yield f"plugins/{kind}/{name}.py"


def entered(path: Path) -> Iterator[str]:
    yield str(path.relative_to(CHECKOUT))
    yield from passed(yaml.safe_load(path.read_text(encoding="utf-8")), path.parent)


def of_role(name: str, tasks_from: str = "main") -> Path:
    return CHECKOUT / "roles" / name.removeprefix(COLLECTION) / "tasks" / f"{tasks_from}.yml"


def way(playbook: str) -> list[str]:
    """The files in their order; one that serves several times in a row is passed once."""
    found = []
    for play in yaml.safe_load((CHECKOUT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")):
        for role in play.get("roles", []):
            found += entered(of_role(role["role"]))
        found += passed(play.get("tasks", []), CHECKOUT)
    return [path for path, _again in groupby(found)]


def test_the_way_from_the_playbook_to_the_report_passes_no_file_twice() -> None:
    walked = way("rollout")
    assert {path for path in walked if walked.count(path) > 1} == set(SERVE_MANY)
    assert [path for path in walked if path.startswith("plugins/modules/") and path not in SERVE_MANY] == [
        f"plugins/modules/{name}.py" for name in ("host_precheck", "node_precheck", "rollout_info", "rollout_step")
    ]


@pytest.mark.parametrize("playbook", ["plan", "precheck", "prepare", "status"])
def test_the_way_of_every_other_playbook_passes_no_file_of_tasks_twice(playbook: str) -> None:
    walked = [path for path in way(playbook) if path.startswith("roles/")]
    assert {path for path in walked if walked.count(path) > 1} <= {*SERVE_MANY, "roles/precheck/tasks/keep.yml"}

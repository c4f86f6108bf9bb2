# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the manual gives a reader to run: the commands of its console blocks, with the files and the output that it shows.

A lab test plays the pages in PLAYED. A command of another page is run by the test that RUN_BY names, or has its reason in NOT_RUN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.environment import checkout
from tests.environment.places import CHECKOUT

PLAYED = (
    "docs/first-rollout.md",
    "README.md",
    "docs/how-to/rescue.md",
    "docs/how-to/waivers.md",
    "docs/how-to/part-of-a-fleet.md",
    "docs/how-to/gitops.md",
    "docs/how-to/prepare-hosts.md",
    "docs/reference/settings.md",
)
"""In this order, on one cluster. A command that an earlier page has already is not run again, except within the first page."""

RUN_BY = {
    "ansible-playbook -i inventory.yml calico_ops.rollout.precheck -e precheck_nodes_selector=example.com/os=talos "
    "-e precheck_nodes_image=python:3-slim": (
        "tests/lab_tests/modules/test_node_precheck.py",
        "test_the_precheck_playbook_reports_nodes_beside_hosts",
    ),
    "ansible-playbook calico_ops.rollout.verify -e @verify-vars.yml -e rollout_report_dir=reports": (
        "tests/lab_tests/pods/test_rollout.py",
        "test_the_playbook_verify_keeps_what_it_proved_for_people_and_for_ci",
    ),
    "ansible-playbook -i inventory.yml calico_ops.rollout.verify -e @verify-vars.yml -e rollout_verify_hosts=kubernetes": (
        "tests/lab_tests/pods/test_rollout.py",
        "test_the_playbook_verify_shows_what_the_host_of_a_proven_node_says_of_its_rules",
    ),
    "ansible-playbook -i inventory.yml calico_ops.rollout.release --limit edge-3": (
        "tests/lab_tests/playbooks/test_playbooks.py",
        "test_the_release_playbook_lets_out_whose_host_passes_and_no_other",
    ),
    "python3 -m tests.environment run -- python -m tests.unit.precheck.catalogue_page": (
        "tests/unit/precheck/test_catalogue.py",
        "test_the_page_is_what_the_declarations_say",
    ),
    "python3 -m tests.environment run -- python -m tests.schemas": (
        "tests/unit/rollout/documents/test_documents.py",
        "test_the_schemas_are_those_of_the_definitions",
    ),
}
"""The file of the test, and its name."""

THE_TESTS = "it is how tests are run"
A_STAGE = "a stage of make test runs the same"
NOT_RUN = {
    "ansible-galaxy collection install calico_ops.rollout": "needs Ansible Galaxy",
    "git clone https://github.com/calico-ops/calico_ops.rollout": "needs GitHub",
    "make demo": A_STAGE,
    "make demo-stuck": A_STAGE,
    "make demo-policy": A_STAGE,
    "make test": THE_TESTS,
    "make check": THE_TESTS,
    "python3 -m tests.environment run -- python -m pytest -q tests/unit/rollout/plan": THE_TESTS,
    "python3 -m tests.environment --collection run -- python -m pytest -q "
    "tests/lab_tests/modules/test_node_labels.py": THE_TESTS,
}

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w.-]+\.ya?ml)\b")
_COMMENT = re.compile(r"\s{2,}# .*")


@dataclass(frozen=True)
class Command:
    page: str
    text: str
    output: tuple[str, ...] = ()
    """What the page shows of its output, line by line."""


def pages() -> list[str]:
    return [name for name in checkout.files() if name.endswith(".md")]


def commands(page: str) -> Iterator[Command]:
    blocks = _blocks(page)
    for number, (language, text) in enumerate(blocks):
        if language != "console":
            continue
        lines = [_COMMENT.sub("", line[2:]) for line in text.splitlines() if line.startswith("$ ")]
        following, shown = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
        output = tuple(shown.splitlines()) if following == "text" else ()
        for line in lines:
            yield Command(page, line, output if line == lines[-1] else ())


def files(page: str) -> dict[str, str]:
    """The files that a page shows: YAML whose first line names it."""
    named = [(_FILE.match(text), text) for language, text in _blocks(page) if language == "yaml"]
    return {name.group(1): text for name, text in named if name}


def played() -> list[Command]:
    """The commands of the pages in PLAYED, in order."""
    first, *others = PLAYED
    found = list(commands(first))
    for page in others:
        seen = {command.text for command in found}
        found += [command for command in commands(page) if command.text not in seen]
    return [command for command in found if command.text not in NOT_RUN]


def _blocks(page: str) -> list[tuple[str, str]]:
    return _BLOCK.findall((CHECKOUT / page).read_text(encoding="utf-8"))

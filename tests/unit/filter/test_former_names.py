# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks that were written for 0.1.0 show the same pages, and say by which name to ask for them from now on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("ansible")

import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.clean_install import restart_warning

from tests.environment.places import CHECKOUT
from tests.unit.filter.test_pages import KINDS, document_of
from tests.unit.rollout.builders import bare, plan, tier

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
WIDE = [f"edge-{number}" for number in range(10)]
BY_FORMER_NAME = {
    "plan_text": "Plan | calico_ops.rollout.{}",
    "precheck_html": "PrecheckReport | calico_ops.rollout.{}",
    "precheck_junit": "PrecheckReport | calico_ops.rollout.{}",
    "precheck_markdown": "PrecheckReport | calico_ops.rollout.{}",
    "precheck_text": "PrecheckReport | calico_ops.rollout.{}",
    "reach_junit": "ReachReport | calico_ops.rollout.{}",
    "reach_text": "ReachReport | calico_ops.rollout.{}",
    "report_markdown": "Report | calico_ops.rollout.{}(Plan)",
    "report_text": "Report | calico_ops.rollout.{}(plan=Plan)",
    "status_markdown": "ClusterStatus | calico_ops.rollout.{}",
    "status_text": "ClusterStatus | calico_ops.rollout.{}",
}


# Without the spec of the Installation a plan cannot warn; its former text was told both there.
WARNED = {
    "by place": "wide | calico_ops.rollout.plan_text(spec, seen)",
    "by name": "wide | calico_ops.rollout.plan_text(installation_spec=spec, observation=seen)",
}


class Played(NamedTuple):
    pages: dict[str, str]
    said: str
    """All that Ansible printed; some of its versions break their warnings into lines."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All pages in one play: a start of Ansible takes longer than they do."""
    folder = tmp_path_factory.mktemp("played")
    pages = dict(WARNED)
    for former, expression in BY_FORMER_NAME.items():
        pages[former] = expression.format(former)
        pages[now(former)] = expression.partition("|")[0] + f"| calico_ops.rollout.{present(former)}"
    keep = {
        "content": f"{{{{ dict(names | zip([{', '.join(pages.values())}])) | ansible.builtin.to_json }}}}",
        "dest": str(folder / "pages.json"),
        "mode": "0600",
    }
    variables = {
        **{kind: document_of(kind) for kind in KINDS},
        "wide": plan(WIDE, [tier("edge", batch_size=10)], observation=bare(WIDE)),
        "seen": bare(WIDE),
        "spec": {},
        "names": list(pages),
    }
    (folder / "given.json").write_text(json.dumps(variables))
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        # What Ansible would find first may be a shim that runs no Python, as pyenv's are.
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": [{"name": "Keep the pages", "ansible.builtin.copy": keep}],
    }
    (folder / "playbook.yml").write_text(json.dumps([play]))
    done = subprocess.run(
        [PLAYBOOK, "-i", "localhost,", "-e", f"@{folder / 'given.json'}", folder / "playbook.yml"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "true", "ANSIBLE_NOCOLOR": "true"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    made = json.loads((folder / "pages.json").read_text())
    return Played(made, " ".join((done.stdout + done.stderr).split()))


def present(former: str) -> str:
    return former.rpartition("_")[2]


def now(former: str) -> str:
    return f"{former} now"


@pytest.mark.parametrize("former", BY_FORMER_NAME)
def test_a_former_name_gives_the_same_page_and_names_its_successor(played: Played, former: str) -> None:
    assert played.pages[former] == played.pages[now(former)] != ""
    assert f"Use calico_ops.rollout.{present(former)} in place of calico_ops.rollout.{former}" in played.said


def test_each_former_name_says_when_it_goes(played: Played) -> None:
    assert played.said.count("version 0.3.0") == len(BY_FORMER_NAME)


@pytest.mark.parametrize("how", WARNED)
def test_a_plans_former_text_warns_of_what_the_plan_was_not_told(played: Played, how: str) -> None:
    assert f"Warning: {restart_warning({}, WIDE)}." in " ".join(played.pages[how].split())


def test_every_deprecated_name_is_tried_here() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert set(runtime["plugin_routing"]["filter"]) == set(BY_FORMER_NAME)

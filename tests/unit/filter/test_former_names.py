# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks that were written for 0.1.0 show the same pages, and say by which name to ask for them from now on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def played(folder: Path, pages: dict[str, str], **variables: Any) -> tuple[dict[str, str], str]:
    """The value of each expression, and what Ansible said beside it."""
    documents = {kind: document_of(kind) for kind in KINDS}
    target = folder / "pages.json"
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Keep the pages",
                "ansible.builtin.copy": {
                    "content": "{{ dict(names | zip([" + ", ".join(pages.values()) + "])) | ansible.builtin.to_json }}",
                    "dest": str(target),
                    "mode": "0600",
                },
                "vars": {"names": list(pages)},
            }
        ],
    }
    given = folder / "given.json"
    given.write_text(json.dumps({**documents, **variables}))
    playbook = folder / "playbook.yml"
    playbook.write_text(json.dumps([play]))
    env = {**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "true", "ANSIBLE_NOCOLOR": "true"}
    done = subprocess.run(
        [PLAYBOOK, "-i", "localhost,", "-e", f"@{given}", playbook],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Some versions of Ansible break their warnings into lines.
    return json.loads(target.read_text()), " ".join((done.stdout + done.stderr).split())


def test_a_former_name_gives_the_same_page_and_names_its_successor(tmp_path: Path) -> None:
    pages = {}
    for former, expression in BY_FORMER_NAME.items():
        present = former.rpartition("_")[2]
        pages[former] = expression.format(former)
        pages[f"{former} now"] = expression.partition("|")[0] + f" | calico_ops.rollout.{present}"
    made, said = played(tmp_path, pages)
    for former in BY_FORMER_NAME:
        assert made[former] == made[f"{former} now"] != ""
        present = former.rpartition("_")[2]
        assert f"Use calico_ops.rollout.{present} in place of calico_ops.rollout.{former}" in said
    assert said.count("version 0.3.0") == len(BY_FORMER_NAME)


@pytest.mark.parametrize("arguments", ["(spec, seen)", "(installation_spec=spec, observation=seen)"])
def test_a_plans_former_text_warns_of_what_the_plan_was_not_told(tmp_path: Path, arguments: str) -> None:
    wide = plan(WIDE, [tier("edge", batch_size=10)], observation=bare(WIDE))
    text = f"wide | calico_ops.rollout.plan_text{arguments}"
    made, _said = played(tmp_path, {"text": text}, wide=wide, seen=bare(WIDE), spec={})
    assert f"Warning: {restart_warning({}, WIDE)}." in " ".join(made["text"].split())


def test_every_deprecated_name_is_tried_here() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert set(runtime["plugin_routing"]["filter"]) == set(BY_FORMER_NAME)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a role's options or host variables is the first sentence that Ansible shows, on each ansible-core."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.environment.places import CHECKOUT
from tests.unit.rollout.builders import evidence, facts

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
NODES = ["core-1", "core-2"]
REPORTING = {"precheck_hosts": "localhost", "precheck_fail_on": "never"}


def failure(
    tmp_path: Path, tasks: str, variables: dict[str, Any], of_host: dict[str, Any] | None = None
) -> tuple[str, str]:
    """What the task that failed says, and all that was shown."""
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": of_host or {}}}}))
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": variables,
        "tasks": [{"ansible.builtin.include_tasks": str(CHECKOUT / "roles" / tasks)}],
    }
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(json.dumps([play]))
    command = [str(PLAYBOOK), "-i", str(inventory), str(playbook)]
    env = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    shown = done.stdout + done.stderr
    assert done.returncode != 0, shown
    (result,) = re.findall(r"fatal: \[localhost\]: FAILED! => (.*)", done.stdout)
    return str(json.loads(result)["msg"]), shown


def planning(**changed: Any) -> dict[str, Any]:
    return {
        "rollout_precheck_report": evidence(NODES),
        "rollout_cluster": {"nodes": [facts(name) for name in NODES], "observation": None, "cluster": None},
        "rollout_tiers": [{"name": "core", "selector": ""}],
        "rollout_exclude": [],
        "rollout_admission_label": {"key": "rollout.calico-ops.dev/admitted", "value": "true"},
        "rollout_batch_timeout": 600,
        "rollout_failure_budget": None,
        "rollout_soak": 10,
        "rollout_adoption_max_unavailable": None,
        "rollout_restart_patience": 60,
        "rollout_quarantine": {},
        "rollout_verify": {},
        **changed,
    }


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"rollout_tiers": [{"name": "core", "selector": "", "batch_sise": 2}]}, "tiers"),
        ({"rollout_tiers": [{"name": "core", "match": "labels.["}]}, "tier core, match: 'labels.[' is not a JMESPath"),
        ({"rollout_exclude": [{"node": "core-1"}]}, "exclusions"),
        ({"rollout_admission_label": {"key": "not a key", "value": "true"}}, 'The label key "not a key" is not valid'),
        ({"rollout_precheck_report": {}}, "a PrecheckReport document is needed"),
    ],
    ids=["tier", "expression", "exclusion", "label", "report"],
)
def test_a_plan_that_cannot_be_made_says_why_before_anything_else(
    changed: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    said, shown = failure(tmp_path, "rollout/tasks/make_plan.yml", planning(**changed))
    assert said.startswith(sentence), said
    assert "Finalization" not in shown
    assert "Error while resolving" not in shown


@pytest.mark.parametrize(
    ("waivers", "sentence"),
    [
        ([{"check": "ipset_functionall"}], "there is no check 'ipset_functionall'; is it ipset_functional?"),
        ("all of them", "a list is needed, not 'all of them'"),
    ],
    ids=["unknown check", "no list"],
)
def test_a_waiver_that_cannot_be_read_says_why_before_anything_else(
    waivers: Any, sentence: str, tmp_path: Path
) -> None:
    said, shown = failure(tmp_path, "precheck/tasks/report.yml", REPORTING, {"precheck_waivers": waivers})
    assert said.split(": ", 1)[1].startswith(sentence), said
    assert "Finalization" not in shown


def test_a_complaint_that_repeats_what_somebody_wrote_is_text_and_no_template(tmp_path: Path) -> None:
    """As facts of a host do, the tiers come to be while the play runs: nobody has vouched for them."""
    tiers = json.dumps([{"name": "core", "match": "{{ 6 * 7 }} ["}]).replace("{{", "\\u007b\\u007b")
    made = f"{{{{ '{tiers}' | from_json }}}}"
    said, _shown = failure(tmp_path, "rollout/tasks/make_plan.yml", planning(rollout_tiers=made))
    assert "'{{ 6 * 7 }} [' is not a JMESPath expression" in said

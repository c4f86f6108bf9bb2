# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook verify asks hosts for their rules before it proves, ends for none of them, and ends as it would without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.environment.places import CHECKOUT
from tests.unit.rollout.builders import UNREACHABLE, facts, machine_id
from tests.unit.rollout.probes import probe_of

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
ASK, PROVE = yaml.safe_load((CHECKOUT / "playbooks" / "verify.yml").read_text(encoding="utf-8"))
HOSTS = {
    "here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
    "without-python": {"ansible_connection": "local", "ansible_python_interpreter": "/no/such/python"},
    "down": {"ansible_host": "127.0.0.9", "ansible_port": 9, "ansible_ssh_common_args": "-o ConnectTimeout=1"},
}
KEPT = {
    "name": "Keep what was registered",
    "ansible.builtin.copy":
    # Of each host, in place of the proof.
    {
        "dest": "{{ kept }}",
        "content": "{{ dict(hosts | zip(hosts | map('extract', hostvars, 'rollout_host_rules'))) | to_json }}",
    },
    "vars": {"hosts": "{{ groups['all'] | select('in', asked) }}"},
    "run_once": True,
    "delegate_to": "localhost",
}


def registered(tmp_path: Path, *arguments: str, asked: list[str]) -> dict[str, Any]:
    """What `asked` registered in a run of the playbook whose proof is left out."""
    inventory, playbook, kept = (tmp_path / name for name in ("inventory.json", "playbook.json", "kept.json"))
    inventory.write_text(json.dumps({"all": {"hosts": HOSTS}}))
    # On the controller as the playbook has it: hosts, connection and so on.
    playbook.write_text(json.dumps([ASK, {**PROVE, "tasks": [KEPT]}]))
    given = {"kept": str(kept), "asked": asked, "rollout_verify_become": False}
    command = [str(PLAYBOOK), "-i", str(inventory), str(playbook), "-e", json.dumps(given), *arguments]
    env = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def test_hosts_that_cannot_be_asked_do_not_end_the_run(tmp_path: Path) -> None:
    found = registered(tmp_path, "-e", "rollout_verify_hosts=all", asked=[*HOSTS])
    assert found["here"]["verdict"] in ("present", "missing", "unreadable")
    assert found["down"]["unreachable"]
    assert found["without-python"]["failed"]


@pytest.mark.parametrize("arguments", [(), ("-e", "rollout_verify_hosts=")], ids=["default", "empty"])
def test_without_a_pattern_nobody_is_asked_and_the_proof_is_made(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert registered(tmp_path, *arguments, asked=[]) == {}


def test_a_limit_that_names_no_localhost_leaves_the_proof_in_the_run(tmp_path: Path) -> None:
    found = registered(tmp_path, "-e", "rollout_verify_hosts=all", "--limit", "down", asked=["down"])
    assert found["down"]["unreachable"]


def told(tmp_path: Path, verdict: str, rules: str) -> tuple[int, dict[str, str]]:
    """How the proof of a node ends whose host said this of its rules, and the files that are kept."""
    identity = {"machine_id": machine_id("w-1"), "system_uuid": None, "addresses": []}
    said = {"verdict": rules, "sentence": "as it is", "identity": identity}
    hosts = {"h-1": {"rollout_host_rules": said}, "h-2": {"rollout_host_rules": UNREACHABLE}}
    inventory, playbook, reports = (tmp_path / name for name in ("inventory.json", "playbook.json", "reports"))
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    tell = {"ansible.builtin.import_tasks": str(CHECKOUT / "roles" / "rollout" / "tasks" / "verify.yml")}
    playbook.write_text(json.dumps([{**PROVE, "tasks": [{**PROVE["tasks"][0], "block": [tell]}]}]))
    given = {
        "rollout_proof": {"probe": probe_of({"w-1": verdict})},
        "rollout_cluster": {"nodes": [facts("w-1")]},
        "rollout_verify_hosts": "all",
        "rollout_report_dir": str(reports),
    }
    command = [str(PLAYBOOK), "-i", str(inventory), str(playbook), "-e", json.dumps(given)]
    command += ["--start-at-task", "Put beside the proof what the hosts say of their rules"]
    env = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    # On the controller, and once for all hosts.
    assert done.stdout.count("(item=policy.json)") == 1, done.stdout + done.stderr
    return done.returncode, {path.suffix: path.read_text() for path in reports.iterdir()}


@pytest.mark.parametrize("rules", ["present", "missing"])
@pytest.mark.parametrize(("verdict", "fails"), [("enforced", False), ("open", True)])
def test_rules_are_kept_in_each_page_and_decide_nothing(tmp_path: Path, verdict: str, fails: bool, rules: str) -> None:
    code, files = told(tmp_path, verdict, rules)
    assert (code != 0) == fails
    (entry,) = json.loads(files[".json"])["host_rules"]
    assert (entry["host"], entry["verdict"]) == ("h-1", rules)
    assert set(files) == {".json", ".xml", ".md", ".html"}
    assert all("as it is" in files[ending] for ending in (".xml", ".md", ".html"))

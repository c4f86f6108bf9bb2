# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout role on an Installation that Argo CD applies: it shows what to commit, waits, and goes on after the commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.audit import AuditEvent
from tests.lab.calico import Calico
from tests.lab.lab import Lab
from tests.lab.modules import PLAYBOOK, eventually
from tests.lab.nodes import NodeSpec
from tests.lab_tests.modules.test_installation_ownership import commit, owned_by_argocd
from tests.unit.rollout.builders import evidence, machine_id

KEY = "rollout.calico-ops.dev/admitted"
NAMES = ["core-1", "core-2", "core-3"]
STEP = "Admit one batch after the other"
EVERYTHING = [{"operator": "Exists"}]

pytestmark = [pytest.mark.ansible, pytest.mark.operator]


@dataclass(frozen=True)
class Played:
    code: int
    tasks: list[tuple[str, dict[str, Any]]]
    writes: list[AuditEvent]
    shown: str
    """What came on the screen beside the document that the callback makes."""

    def result(self, task: str) -> dict[str, Any]:
        (result,) = [result for name, result in self.tasks if name.endswith(task)]
        return result


def play(lab: Lab, directory: Path, **variables: Any) -> Played:
    own = {
        "ansible_python_interpreter": sys.executable,
        "rollout_precheck_report": evidence(NAMES),
        "rollout_kubeconfig": str(lab.kubeconfig),
        "rollout_soak": 1,
        **variables,
    }
    roles = [{"role": "calico_ops.rollout.rollout"}]
    book = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": own, "roles": roles}]
    (directory / "play.yml").write_text(json.dumps(book))
    since = lab.audit.position()
    done = subprocess.run(
        [str(PLAYBOOK), "--inventory=localhost,", str(directory / "play.yml")],
        env={**os.environ, "ANSIBLE_HOME": str(directory / "home"), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "{" in done.stdout, done.stdout + done.stderr
    (only,) = json.loads(done.stdout[done.stdout.index("{") :])["plays"]
    tasks = [(task["task"]["name"], task["hosts"]["localhost"]) for task in only["tasks"] if task["hosts"]]
    return Played(done.returncode, tasks, lab.audit.writes(since, user=lab.collection_user), done.stderr)


def test_what_is_to_be_committed_is_shown_once_waited_for_and_then_gone_on_with(cluster: Lab, tmp_path: Path) -> None:
    cluster.add_nodes(NodeSpec(name, {"tier": "core"}, machine_id=machine_id(name)) for name in NAMES)
    calico = Calico(cluster)
    calico.install({})
    eventually(lambda: calico.nodes_with(ready=True) == set(NAMES), "calico-node is ready everywhere")
    owned_by_argocd(calico)
    asked: dict[str, Any] = {
        "rollout_tolerations": EVERYTHING,
        "rollout_typha_label": {"key": "tier", "value": "core"},
        "rollout_kube_controllers": {"node_selector": {"tier": "core"}},
    }
    waited = play(cluster, tmp_path, **asked, rollout_owner_timeout=25)
    assert waited.code != 0
    shown = waited.result(STEP)["to_commit"]
    lines = waited.shown.splitlines()
    assert lines.count("To be committed by the owner of the Installation:") == 1
    assert "\n".join(shown.splitlines()) in waited.shown
    waits = [line for line in lines if "waiting for a commit, for at most" in line]
    (stops,) = [line for line in lines if line.startswith("stopped: not committed after ")]
    assert lines.index("To be committed by the owner of the Installation:") < lines.index(waits[0]) < lines.index(stops)
    report = waited.result("Show the report")["msg"]
    assert report in waited.shown
    assert "To commit:" in report
    assert "Result: stopped. not committed after " in " ".join(report.split())
    assert {event.resource for event in waited.writes} == {"nodes"}

    commit(calico, yaml.safe_load(shown))
    gone_on = play(cluster, tmp_path, **asked)
    assert gone_on.code == 0, gone_on.shown
    assert "to_commit" not in gone_on.result(STEP)
    assert "To be committed" not in gone_on.shown
    assert gone_on.writes == []
    assert calico.pod_template()["tolerations"] == EVERYTHING
    assert calico.pod_template("calico-typha")["nodeSelector"]["tier"] == "core"

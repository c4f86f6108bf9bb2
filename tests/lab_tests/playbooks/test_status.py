# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook `status` as the person on call runs it: without an inventory, on a cluster with something of everything."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents

from tests.lab import mixed_cluster
from tests.lab.audit import AuditEvent
from tests.lab.lab import Lab
from tests.lab.modules import PLAYBOOK
from tests.probe_reports import probe_report
from tests.schemas import schema

pytestmark = [pytest.mark.ansible, pytest.mark.oldest_core]


class Told:
    """One run: what it ended with, printed, and asked of the API server to change."""

    def __init__(self, lab: Lab, home: Path, *arguments: str, playbook: str = "status", **variables: object) -> None:
        since = lab.audit.position()
        command = [str(PLAYBOOK), f"calico_ops.rollout.{playbook}", "-e", json.dumps(variables), *arguments]
        environment = {**os.environ, "K8S_AUTH_KUBECONFIG": str(lab.kubeconfig), "ANSIBLE_HOME": str(home)}
        done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
        self.code = done.returncode
        self.text = " ".join((done.stdout + done.stderr).split())
        self.writes: list[AuditEvent] = lab.audit.writes(since, user=lab.collection_user)


@pytest.fixture(scope="module")
def mixed(lab: Lab) -> Lab:
    lab.reset()
    mixed_cluster.bring_up(lab)
    return lab


def test_the_person_on_call_reads_who_is_not_ready_who_is_outside_and_why(mixed: Lab, tmp_path: Path) -> None:
    told = Told(mixed, tmp_path)
    assert "core-1 0123456789ab 2/2 core-1, core-2" in told.text
    assert "edge-1 0123456789ab 0/1 edge-1" in told.text
    assert "edge-1 not ready" in told.text
    assert "edge-2 2 " in told.text
    assert "default/shop, default/web" in told.text
    assert "edge-3 quarantined cordoned, tainted" in told.text
    assert "calico-node rollout.calico-ops.dev/admitted=true" in told.text
    assert told.writes == []


def test_it_says_which_cluster_it_tells_of(mixed: Lab, tmp_path: Path) -> None:
    assert f"On context lab, cluster lab, {mixed.admin.server}" in Told(mixed, tmp_path).text


def test_the_rollout_playbook_tells_the_same_with_its_tag_and_only_then(mixed: Lab, tmp_path: Path) -> None:
    told = Told(mixed, tmp_path, "--tags", "report", playbook="rollout", rollout_report_dir=str(tmp_path))
    assert told.code != 0
    assert told.writes == []
    assert "edge-3 quarantined cordoned, tainted" in told.text
    assert "2 of 3 admitted nodes ready, not ready: edge-1." in told.text
    assert {path.name for path in tmp_path.glob("*.*")} == {"status.json", "status.md"}
    listed = Told(mixed, tmp_path, "--list-tasks", playbook="rollout").text
    assert "Freeze the plan" in listed
    assert "Tell where the cluster stands" not in listed


def test_it_ends_with_what_is_wrong_and_not_with_zero(mixed: Lab, tmp_path: Path) -> None:
    told = Told(mixed, tmp_path)
    assert told.code != 0
    assert "2 of 3 admitted nodes ready, not ready: edge-1." in told.text


def test_whoever_only_wants_to_read_says_so(mixed: Lab, tmp_path: Path) -> None:
    assert Told(mixed, tmp_path, rollout_status_fail_on="never").code == 0


def test_a_word_that_it_does_not_know_is_refused(mixed: Lab, tmp_path: Path) -> None:
    told = Told(mixed, tmp_path, rollout_status_fail_on="sometimes")
    assert told.code != 0
    assert "value of rollout_status_fail_on must be one of" in told.text


@pytest.mark.parametrize("mode", [(), ("--check",)])
def test_the_document_and_a_page_are_kept_when_a_directory_is_named(
    mixed: Lab, tmp_path: Path, mode: tuple[str, ...]
) -> None:
    Told(mixed, tmp_path, *mode, rollout_report_dir=str(tmp_path))
    document = json.loads((tmp_path / "status.json").read_text())
    jsonschema.validate(document, schema(documents.ClusterStatus))
    assert [gap["node"] for gap in document["policy_gaps"]] == ["edge-2"]
    page = (tmp_path / "status.md").read_text()
    assert "| edge-3 | quarantined | cordoned, tainted |" in page


def test_a_node_that_a_probe_found_open_is_told_though_calico_node_is_ready(mixed: Lab, tmp_path: Path) -> None:
    told = Told(mixed, tmp_path, rollout_status_policy_probe=probe_report({"core-1": "open", "core-2": "enforced"}))
    assert "on which a probe did not find network policy in force: core-1 (open)." in told.text
    refused = Told(mixed, tmp_path, rollout_status_policy_probe={"kind": "PolicyProbeReport"})
    assert refused.code != 0
    assert "Hand over the PolicyProbeReport of a probe." in refused.text


def test_all_ready_is_zero_and_a_policy_gap_is_a_fault_only_when_asked(mixed: Lab, tmp_path: Path) -> None:
    """Last: it heals the cluster."""
    mixed.set_fault(mixed_cluster.STUCK, None)
    calico = mixed_cluster.Calico(mixed)
    mixed_cluster.wait_for(lambda: mixed_cluster.STUCK in calico.nodes_with(ready=True), lambda: f"{calico.pods()[:1]}")
    (told,) = mixed_cluster.wait_for(lambda: _well(mixed, tmp_path), lambda: Told(mixed, tmp_path).text[-900:])
    assert "All 3 admitted nodes are ready." in told.text
    strict = Told(mixed, tmp_path, rollout_status_fail_on="policy_gap", rollout_status_policy_gaps=False)
    assert strict.code != 0, "a gap that is asked for is looked for"
    assert "Workloads run without network policy on 1 node: edge-2." in strict.text


def _well(lab: Lab, home: Path) -> list[Told]:
    told = Told(lab, home)
    return [told] if told.code == 0 else []

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_precheck on a real API server and Job controller, with containers that run on lab hosts which have neither SSH nor Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.precheck_jobs import rights
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PrecheckResult
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.job import JobSettings
from pydantic import TypeAdapter

from tests.lab.claims import claimed_lab
from tests.lab.hosts import Host, HostSpec
from tests.lab.kubelet import Kubelet, kubelet
from tests.lab.lab import Lab
from tests.lab.modules import PLAYBOOK, Modules, Outcome, eventually

pytestmark = pytest.mark.ansible

NAMESPACE = "calico-ops-precheck"
HOSTS = [
    HostSpec("immutable", python=False, ssh_settings="DenyUsers *"),
    HostSpec(
        "foreign", python=False, files={"/etc/cni/net.d/05-other.conflist": '{"plugins": [{"type": "bridge"}]}\n'}
    ),
]
SETTINGS = JobSettings("run", NAMESPACE, "python:3", "python3", [], 1, 0)
CALICO = {"encapsulation": "vxlan", "dataplane": "nftables"}


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, dict[str, Kubelet]]]:
    with claimed_lab("-jobs") as lab, ExitStack() as stack:
        lab.up(HOSTS, operator=False)
        stack.callback(lab.down)
        folder = tmp_path_factory.mktemp("kubelets")
        kubelets = {host.name: stack.enter_context(kubelet(lab, host, folder)) for host in lab.hosts}
        lab.add_node("without-kubelet")
        lab.add_node("windows", operating_system="windows")
        yield lab, kubelets


@pytest.fixture(scope="module")
def lab(bed: tuple[Lab, dict[str, Kubelet]]) -> Lab:
    return bed[0]


@pytest.fixture
def modules(lab: Lab, tmp_path: Path) -> Modules:
    return Modules(lab, tmp_path)


def left_behind(lab: Lab) -> list[str]:
    kinds = ("/apis/batch/v1/namespaces/{}/jobs", "/api/v1/namespaces/{}/pods", "/api/v1/namespaces/{}/configmaps")
    found = [one["metadata"]["name"] for kind in kinds for one in lab.admin.list(kind.format(NAMESPACE))]
    return [name for name in found if name != "kube-root-ca.crt"]


def traces(host: Host) -> dict[str, list[str]]:
    """Files by name, mounts, links, sets and tables of a host."""
    asked = {
        # Not all of it: what others do on the machine meanwhile shines through below.
        "files": ["sh", "-c", "ls -A /; find /etc /opt /srv /mnt /run /tmp /var/lib/cni /var/lib/calico"],
        "mounts": ["cat", "/proc/1/mounts"],
        "links": ["ip", "link"],
        "processes": ["sh", "-c", "cat /proc/[0-9]*/comm"],
    }
    found = {what: sorted(host.run(argv).stdout.splitlines()) for what, argv in asked.items()}
    return {**found, "processes": [name for name in found["processes"] if name not in ("cat", "sh")]}


@pytest.fixture(scope="module")
def before(lab: Lab) -> dict[str, dict[str, list[str]]]:
    return {host.name: traces(host) for host in lab.hosts}


@pytest.fixture(scope="module")
def checked(before: dict[str, dict[str, list[str]]], lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    modules = Modules(lab, tmp_path_factory.mktemp("checked"))
    nodes = ["immutable", "foreign", "without-kubelet", "windows"]
    return modules.run("node_precheck", nodes=nodes, image="python:3", settings=CALICO, node_timeout=25, concurrency=2)


def document(checked: Outcome, node: str) -> dict[str, Any]:
    answer = checked["prechecks"][node]
    assert "precheck" in answer, answer
    found: dict[str, Any] = answer["precheck"]
    return found


def findings(checked: Outcome, node: str) -> dict[str, str]:
    return {one["id"]: one["status"] for one in document(checked, node)["findings"]}


def test_a_host_without_ssh_and_python_passes_on_the_evidence_of_its_kernel(checked: Outcome, lab: Lab) -> None:
    found = document(checked, "immutable")
    TypeAdapter(PrecheckResult).validate_python(found, strict=True)
    assert [one for one in found["findings"] if one["status"] in ("fail", "skipped")] == []
    assert found["verdict"] == "pass"
    assert 0 <= found["facts"]["clock_offset"] <= checked["prechecks"]["immutable"]["call_seconds"]
    assert found["summary"]["exercised"] > 5
    assert {name: found["settings"][name] for name in CALICO} == CALICO


def test_a_result_is_bound_to_its_node_and_has_seen_that_host(checked: Outcome, lab: Lab) -> None:
    for host in lab.hosts:
        found = document(checked, host.name)
        assert found["node_name"] == host.name
        identity = found["identity"]
        assert (identity["machine_id"], identity["boot_id"]) == (host.machine_id, host.boot_id)
        assert identity["hostname"] == host.name
        assert host.address in identity["addresses"]


def test_the_hosts_own_files_are_judged_and_not_the_containers(checked: Outcome) -> None:
    assert findings(checked, "foreign")["cni_conflist_foreign"] == "fail"
    assert "cni_conflist_foreign" not in findings(checked, "immutable")


def test_nothing_is_left_in_the_cluster_or_on_the_hosts(
    checked: Outcome, lab: Lab, before: dict[str, dict[str, list[str]]]
) -> None:
    eventually(lambda: not left_behind(lab), "Jobs, pods and ConfigMap are gone")
    for host in lab.hosts:
        was, now = before[host.name], traces(host)
        assert {what: set(now[what]) ^ set(was[what]) for what in was} == {what: set() for what in was}
    assert not checked["changed"]


def test_each_node_has_one_job_and_the_code_one_configmap(checked: Outcome) -> None:
    created = [write.resource for write in checked.writes if write.verb == "create"]
    assert sorted(created) == ["configmaps", "jobs", "jobs", "jobs"]
    assert {write.namespace for write in checked.writes} == {NAMESPACE}


def test_a_node_that_does_not_answer_is_told_and_costs_the_others_nothing(checked: Outcome) -> None:
    assert checked["prechecks"]["without-kubelet"]["msg"] == "no answer within 25 s: its container is still running"
    assert "precheck" in checked["prechecks"]["immutable"]


def test_a_windows_node_gets_no_job_and_its_reason(checked: Outcome) -> None:
    assert (
        checked["prechecks"]["windows"]["skip_reason"] == "its operating system is windows, and only Linux is checked"
    )


def test_the_jobs_take_the_rights_that_are_asked_for_and_no_others(checked: Outcome, lab: Lab) -> None:
    asked = {(right.verb, right.resource) for right in rights(SETTINGS)}
    events = lab.audit.events(user=lab.collection_user)
    # Events only explain, and the audit log leaves them out.
    used = {
        (event.verb, "/".join(filter(None, (event.resource, event.subresource))))
        for event in events
        if event.namespace == NAMESPACE and event.group != "authorization.k8s.io"
    }
    assert used == asked


def test_check_mode_lets_the_api_server_judge_and_makes_nothing(modules: Modules, lab: Lab) -> None:
    outcome = modules.run("node_precheck", check=True, nodes=["immutable"], image="python:3", settings=CALICO)
    assert not outcome.failed
    assert outcome.writes == []
    assert [one["kind"] for one in outcome["manifests"]] == ["ConfigMap", "Job"]
    assert outcome["prechecks"]["immutable"]["not_in_check_mode"]


def test_check_mode_shows_what_the_api_server_would_refuse(modules: Modules) -> None:
    outcome = modules.run("node_precheck", check=True, nodes=["immutable"], image="", settings=CALICO)
    assert outcome.failed
    assert "image: Required value" in outcome["msg"]


def test_a_node_that_does_not_exist_is_refused_before_the_first_write(modules: Modules) -> None:
    outcome = modules.run("node_precheck", nodes=["immutable", "nobody"], image="python:3")
    assert "1 of 2 nodes do not exist in this cluster, nothing was written: nobody" in outcome["msg"]
    assert outcome.writes == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"dataplane": "ebpf"}, "value of dataplane must be one of: iptables, nftables, bpf, got: ebpf"),
        ({"node_name": "x"}, "node_name"),
        ({"ip_autodetection": "nonsense"}, "ip_autodetection: nonsense is no method"),
    ],
)
def test_settings_are_checked_as_host_precheck_checks_its_own(modules: Modules, settings: Any, problem: str) -> None:
    outcome = modules.run("node_precheck", nodes=["immutable"], image="python:3", settings=settings)
    assert outcome.failed
    assert outcome["msg"].startswith("node_precheck: settings: ")
    assert problem in outcome["msg"]


def test_a_namespace_that_allows_no_privileged_pods_is_told_by_its_own_words(modules: Modules, lab: Lab) -> None:
    level = "pod-security.kubernetes.io/enforce"
    path = f"/api/v1/namespaces/{NAMESPACE}"
    lab.admin.patch(path, {"metadata": {"labels": {level: "baseline"}}})
    try:
        outcome = modules.run("node_precheck", nodes=["immutable"], image="python:3", node_timeout=8)
    finally:
        lab.admin.patch(path, {"metadata": {"labels": {level: "privileged"}}})
    assert "no pod was made for it" in outcome["prechecks"]["immutable"]["msg"]
    assert "violates PodSecurity" in outcome["prechecks"]["immutable"]["msg"]


def test_an_image_without_such_a_python_is_told_by_what_its_container_said(modules: Modules) -> None:
    outcome = modules.run("node_precheck", nodes=["immutable"], image="busybox", interpreter="true", node_timeout=60)
    assert outcome["prechecks"]["immutable"]["msg"].startswith("its container gave no answer and said: nothing")


def test_a_log_that_cannot_be_read_is_no_result(modules: Modules, bed: tuple[Lab, dict[str, Kubelet]]) -> None:
    bed[1]["immutable"].serves_logs = False
    try:
        outcome = modules.run("node_precheck", nodes=["immutable"], image="python:3", node_timeout=60)
    finally:
        bed[1]["immutable"].serves_logs = True
    assert "its container's log cannot be read" in outcome["prechecks"]["immutable"]["msg"]


def test_what_a_killed_run_left_is_swept_when_its_time_is_over(modules: Modules, lab: Lab) -> None:
    metadata = {
        "name": "precheck-killed",
        "labels": {"app.kubernetes.io/managed-by": "calico-ops-rollout"},
        "annotations": {"rollout.calico-ops.dev/expires": "1000000000"},
    }
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    for name, expires in (("precheck-killed", "1000000000"), ("precheck-running", "9000000000")):
        annotations = {"rollout.calico-ops.dev/expires": expires}
        lab.admin.create(path, {"metadata": {**metadata, "name": name, "annotations": annotations}})
    modules.run("node_precheck", nodes=["foreign"], image="python:3", node_timeout=60)
    names = [one["metadata"]["name"] for one in lab.admin.list(path)]
    assert "precheck-killed" not in names
    assert "precheck-running" in names
    lab.admin.delete(f"{path}/precheck-running")


def test_the_precheck_playbook_reports_nodes_beside_hosts(lab: Lab, tmp_path: Path) -> None:
    variables = {
        "precheck_hosts": "nobody",
        "precheck_nodes": ["immutable", "foreign"],
        "precheck_nodes_image": "python:3",
        "precheck_encapsulation": "vxlan",
        "precheck_report_dir": str(tmp_path),
        "ansible_python_interpreter": sys.executable,
    }
    done = subprocess.run(
        [str(PLAYBOOK), "--inventory=localhost,", "calico_ops.rollout.precheck", "-e", json.dumps(variables)],
        env={**os.environ, "K8S_AUTH_KUBECONFIG": str(lab.kubeconfig), "ANSIBLE_HOME": str(tmp_path / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads((tmp_path / "precheck.json").read_text())
    entries = {name: (entry["outcome"], entry["node_name"]) for name, entry in report["hosts"].items()}
    assert entries == {"immutable": ("passed", "immutable"), "foreign": ("failed", "foreign")}
    assert done.returncode != 0
    assert "cni_conflist_foreign" in done.stdout

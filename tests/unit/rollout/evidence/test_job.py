# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The precheck's Job: what it asks of the cluster, and what its pod and its log mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.job import (
    MARK,
    JobSettings,
    Target,
    config_map,
    job,
    pod_seen,
    registered,
    silent,
    target,
)

SETTINGS = JobSettings("a1b2", "checks", "python:3", "python3", ["registry"], 120, 2_000_000_000)
NODE = Target("talos-1", "linux", "0123456789abcdef0123456789abcdef", "66666666-7777-8888-9999-000000000000")


def log(**identity: Any) -> str:
    own = {"machine_id": NODE.machine_id, "boot_id": NODE.boot_id, **identity}
    return "a warning\n" + MARK + json.dumps(own) + "\n"


def examine(answer: Any) -> dict[str, Any]:
    if not answer:
        raise ValueError(f"something else than a host says: {answer}")
    return {"kind": "PrecheckResult", "node_name": "liar", "identity": answer}


def pod(**status: Any) -> dict[str, Any]:
    owner = {"kind": "Job", "uid": "u-1"}
    return {"metadata": {"name": "p", "ownerReferences": [owner]}, "spec": {"nodeName": "talos-1"}, "status": status}


def test_a_job_is_pinned_to_its_node_whatever_keeps_others_off_it() -> None:
    spec = job(SETTINGS, "talos-1")["spec"]["template"]["spec"]
    assert spec["nodeName"] == "talos-1"
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["hostNetwork"]
    assert spec["hostPID"]


def test_a_job_is_tried_once_and_ends_by_itself() -> None:
    spec = job(SETTINGS, "talos-1")["spec"]
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert spec["activeDeadlineSeconds"] > SETTINGS.node_timeout
    assert spec["ttlSecondsAfterFinished"] > 0


def test_a_container_gets_no_credentials_of_the_cluster() -> None:
    spec = job(SETTINGS, "talos-1")["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False


def test_a_pod_mounts_nothing_but_the_code() -> None:
    spec = job(SETTINGS, "talos-1")["spec"]["template"]["spec"]
    assert [sorted(volume) for volume in spec["volumes"]] == [["configMap", "name"]]


def test_names_are_short_enough_whatever_the_node_is_called() -> None:
    long = "ip-10-0-0-1.eu-central-1.compute.internal." + "x" * 200
    names = {job(SETTINGS, node)["metadata"]["name"] for node in (long, long + "y")}
    assert len(names) == 2
    assert all(len(name) <= 57 for name in names)


def test_code_and_settings_travel_in_one_configmap() -> None:
    made = config_map(SETTINGS, b"code", {"deadline": 30})
    assert made["binaryData"] == {"precheck.pyz": "Y29kZQ=="}
    assert json.loads(made["data"]["asked.json"]) == {"deadline": 30}
    assert made["immutable"]


def test_the_container_is_given_the_mark_that_its_answer_is_known_by() -> None:
    (container,) = job(SETTINGS, "talos-1")["spec"]["template"]["spec"]["containers"]
    assert container["command"][-2:] == ["/precheck/asked.json", MARK]


def test_the_result_is_bound_to_the_node_whatever_it_says_itself() -> None:
    assert registered(NODE, log(), examine)["precheck"]["node_name"] == "talos-1"


def test_an_identifier_written_otherwise_is_the_same() -> None:
    assert "precheck" in registered(NODE, log(machine_id="01234567-89AB-CDEF-0123-456789ABCDEF"), examine)


@pytest.mark.parametrize("identity", [{"machine_id": "f" * 32}, {"boot_id": "11111111-7777-8888-9999-000000000000"}])
def test_a_result_that_saw_another_machine_is_no_evidence(identity: dict[str, str]) -> None:
    answer = registered(NODE, log(**identity), examine)
    assert "precheck" not in answer
    assert "it is not this host's answer" in answer["msg"]
    assert next(iter(identity.values())) in answer["msg"]


def test_the_last_of_several_results_counts() -> None:
    assert "precheck" in registered(NODE, log(machine_id="f" * 32) + log(), examine)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "said: nothing"),
        ("exec: \x1b[31mpython3 not found\n", "said: exec: ?[31mpython3 not found"),
        (log()[:80], "was cut off"),
        (MARK + "[]\n", "something else than a host says: []"),
    ],
)
def test_a_log_without_a_result_is_told_and_its_control_characters_are_not(text: str, said: str) -> None:
    answer = registered(NODE, text, examine)
    assert answer["failed"]
    assert said in answer["msg"]


def test_why_a_pod_does_not_start_is_told() -> None:
    waiting = {"reason": "ErrImagePull", "message": "not found"}
    seen = pod_seen(pod(phase="Pending", containerStatuses=[{"state": {"waiting": waiting}}]))
    assert silent(seen, 60, [])["msg"] == "no answer within 60 s: its pod did not start: ErrImagePull, not found"


def test_a_kubelet_that_refused_the_pod_is_told() -> None:
    assert pod_seen(pod(phase="Failed", reason="OutOfpods", message="Node didn't have enough")).trouble == (
        "OutOfpods: Node didn't have enough"
    )


def test_how_a_container_ended_is_told() -> None:
    ended = {"exitCode": 1, "reason": "Error"}
    assert (
        pod_seen(pod(phase="Failed", containerStatuses=[{"state": {"terminated": ended}}])).trouble
        == "exit code 1, Error"
    )


def test_a_job_without_a_pod_is_explained_by_the_clusters_events() -> None:
    assert silent(None, 60, ["old", "violates PodSecurity"])["msg"] == (
        "no answer within 60 s: no pod was made for it (violates PodSecurity)"
    )


def test_a_node_that_says_little_of_itself_is_still_a_node() -> None:
    assert target({"metadata": {"name": "x"}}) == Target("x", "", "", "")
    assert "precheck" in registered(Target("x", "", "", ""), log(), examine)


@pytest.mark.parametrize(("status", "silent_now"), [("True", False), ("False", False), ("Unknown", True)])
def test_a_node_whose_kubelet_reports_that_it_is_not_ready_is_not_silent(status: str, silent_now: bool) -> None:
    conditions = [{"type": "MemoryPressure", "status": "Unknown"}, {"type": "Ready", "status": status}]
    node = {"metadata": {"name": "x", "uid": "u-1"}, "status": {"conditions": conditions}}
    assert (target(node).uid, target(node).silent) == ("u-1", silent_now)

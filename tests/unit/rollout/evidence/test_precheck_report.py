# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.job import not_in_check_mode
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import (
    assemble,
    with_nodes,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_text import precheck_text

from tests.unit.rollout.builders import UNREACHABLE, answer, check, failing


def outcome_of(registered: Any, node_name: str | None = None) -> Any:
    return assemble({"h": registered}, {"h": node_name})["hosts"]["h"]


def test_a_host_that_passed_has_passed() -> None:
    host = outcome_of(answer("edge-1", node_name="edge-1"))
    assert (host["outcome"], host["reason"], host["node_name"]) == ("passed", None, "edge-1")


def test_a_host_that_failed_is_told_with_the_check_and_its_message() -> None:
    host = outcome_of(failing("edge-1"))
    assert (host["outcome"], host["reason"]) == (
        "failed",
        "ipset_functional failed: the kernel has no ip_set subsystem",
    )


def test_of_several_failed_checks_all_are_named_and_the_worst_is_told() -> None:
    host = outcome_of(
        answer("edge-1", [check("later", "fail", 9, message="less"), check("first", "fail", 2, message="more")])
    )
    assert host["reason"] == "first, later failed; the first: more"


def test_a_failing_result_counts_though_ansible_calls_the_task_failed() -> None:
    assert outcome_of({**failing("edge-1"), "failed": True, "msg": "must stay outside"})["outcome"] == "failed"


def test_a_verdict_that_contradicts_its_checks_is_no_pass() -> None:
    result = failing("edge-1")
    result["precheck"]["verdict"] = "pass"
    assert outcome_of(result)["outcome"] == "failed"


def test_a_check_that_could_not_judge_is_named_with_what_would_let_it() -> None:
    result = answer("edge-1")
    unprivileged = check(status="skipped", message="needs become", remedy="run with become: true")
    result["precheck"].update(verdict="fail", findings=[unprivileged, check("other", "warn", 2)])
    assert outcome_of(result)["reason"] == "ipset_functional could not judge: needs become"


def test_a_part_of_the_checks_is_no_evidence_for_the_whole() -> None:
    result = answer("edge-1")
    result["precheck"].update(verdict="fail", not_asked=["kernel_min", "veth_create"])
    assert outcome_of(result)["reason"] == "2 checks that it needs were not made"


def test_a_failing_verdict_without_a_failed_check_is_no_pass() -> None:
    result = answer("edge-1")
    result["precheck"]["verdict"] = "fail"
    assert outcome_of(result)["outcome"] == "failed"


@pytest.mark.parametrize(
    ("registered", "outcome", "reason"),
    [
        (None, "no_result", "the precheck did not run on it"),
        ({}, "no_result", "the precheck did not run on it"),
        ("text", "no_result", "the precheck did not run on it"),
        (
            UNREACHABLE,
            "unreachable",
            "it could not be reached: No route to host",
        ),
        ({"unreachable": True}, "unreachable", "it could not be reached: no message was given"),
        ({"skipped": True}, "no_result", "the precheck was skipped on it: its condition was false"),
        (
            not_in_check_mode(),
            "not_checked",
            "it has not been checked: in check mode no Job is made, and a real run checks it",
        ),
        ({"failed": True, "msg": "\n\nTimed out\nmore"}, "no_result", "the precheck could not run on it: Timed out"),
        (
            {"failed": True, "msg": "Task failed: Action failed: No start of json", "module_stderr": "boom\n"},
            "no_result",
            "the precheck could not run on it: No start of json (boom)",
        ),
        (
            {"failed": True, "rc": 127, "msg": "MODULE FAILURE", "module_stderr": "/bin/sh: python3: not found\n"},
            "no_result",
            "the precheck could not run on it: no Python interpreter was found on it (/bin/sh: python3: not found)",
        ),
        ({"changed": False}, "no_result", "what was registered for it is no result of host_precheck"),
        ({"precheck": {"kind": "Else"}}, "no_result", "its precheck result cannot be used: it is not a PrecheckResult"),
    ],
)
def test_without_a_usable_answer_a_host_has_not_passed(registered: Any, outcome: str, reason: str) -> None:
    host = outcome_of(registered)
    assert (host["outcome"], host["reason"], host["result"]) == (outcome, reason, None)


@pytest.mark.parametrize(
    ("key", "value", "flaw"),
    [
        ("version", 2, "its version is 2"),
        ("verdict", "great", "result.verdict: one of 'pass' or 'fail' belongs here, not 'great'"),
        ("ok", [], "it holds no check"),
        (
            "findings",
            [{"id": "x", "rank": 1, "status": "fail", "message": "m"}],
            "result.findings[0].category is missing",
        ),
        ("findings", ["x"], "result.findings[0]: a mapping belongs here, not 'x'"),
        ("findings", [check(status="odd")], "'skipped' belongs here, not 'odd'"),
        ("findings", [check(status="ok")], "'skipped' belongs here, not 'ok'"),
        ("ok", [{"id": "x"}], "result.ok[0]: a text belongs here, not a mapping"),
        ("not_applicable", None, "result.not_applicable: a list (each item: a text) belongs here, not null"),
        ("not_asked", ["kernel_min"], "checks that it needs were not made"),
        ("identity", None, "result.identity: a mapping belongs here, not null"),
        ("settings", None, "result.settings: a mapping belongs here, not null"),
        ("settings", {"dataplane": "iptables"}, "result.settings.encapsulation is missing"),
        ("findings", "ok", "result.findings: a list (each item: a mapping) belongs here, not 'ok'"),
    ],
)
def test_a_result_with_a_flaw_is_no_evidence(key: str, value: Any, flaw: str) -> None:
    result = answer("edge-1")
    result["precheck"][key] = value
    host = outcome_of(result)
    assert (host["outcome"], host["result"]) == ("no_result", None)
    assert flaw in host["reason"]


def test_an_unreachable_host_keeps_the_node_name_of_the_inventory() -> None:
    assert outcome_of(UNREACHABLE, "edge-7")["node_name"] == "edge-7"


def test_a_result_for_another_node_than_the_inventory_says_is_no_evidence() -> None:
    host = outcome_of(answer("edge-1", node_name="edge-1"), "edge-2")
    assert (host["outcome"], host["node_name"]) == ("no_result", "edge-2")


def test_the_digest_names_the_evidence() -> None:
    same = [answer("edge-1"), answer("edge-1")]
    same[1]["precheck"]["duration"] = 9.0
    assert assemble({"h": same[0]})["digest"] == assemble({"h": same[1]})["digest"]
    assert assemble({"h": same[0]})["digest"] != assemble({"h": failing("edge-1")})["digest"]
    other = answer("edge-1")
    other["precheck"]["settings"]["dataplane"] = "bpf"
    assert assemble({"h": same[0]})["digest"] != assemble({"h": other})["digest"]


def test_no_control_character_of_a_host_reaches_the_terminal() -> None:
    text = precheck_text(assemble({"h": answer("edge-1", [check(status="fail", message="\x1b[2Jgone")])}))
    assert "\x1b" not in text


def joined(registered: dict[str, Any], node_names: dict[str, str | None], nodes: dict[str, Any]) -> Any:
    found = with_nodes(registered, node_names, nodes)
    return assemble(found.registered, found.node_names)["hosts"]


def test_a_node_that_was_asked_in_the_cluster_has_an_entry_of_its_own() -> None:
    hosts = joined({"edge-1": answer("edge-1")}, {}, {"talos-1": answer("talos-1", node_name="talos-1")})
    assert (hosts["talos-1"]["outcome"], hosts["talos-1"]["node_name"]) == ("passed", "talos-1")
    assert hosts["edge-1"]["outcome"] == "passed"


def test_a_host_that_is_the_node_by_its_variable_has_the_nodes_answer() -> None:
    hosts = joined({"t1": UNREACHABLE}, {"t1": "talos-1"}, {"talos-1": answer("talos-1", node_name="talos-1")})
    assert list(hosts) == ["t1"]
    assert (hosts["t1"]["outcome"], hosts["t1"]["node_name"]) == ("passed", "talos-1")


def test_the_same_name_alone_makes_a_host_and_a_node_not_the_same() -> None:
    hosts = joined({"talos-1": UNREACHABLE}, {"talos-1": None}, {"talos-1": answer("talos-1", node_name="talos-1")})
    assert (hosts["talos-1"]["outcome"], hosts["talos-1"]["node_name"]) == ("unreachable", None)
    assert (hosts["node/talos-1"]["outcome"], hosts["node/talos-1"]["node_name"]) == ("passed", "talos-1")


def test_a_host_that_answered_in_both_ways_is_an_error() -> None:
    with pytest.raises(RolloutError, match="t1 gave a result over SSH, and its Node talos-1 one in the cluster"):
        joined({"t1": answer("t1")}, {"t1": "talos-1"}, {"talos-1": answer("talos-1", node_name="talos-1")})


def test_a_node_that_gave_none_takes_no_result_away() -> None:
    hosts = joined(
        {"t1": answer("t1")}, {"t1": "talos-1"}, {"talos-1": {"failed": True, "msg": "no pod was made for it"}}
    )
    assert hosts["t1"]["outcome"] == "passed"


def test_a_node_without_an_answer_has_no_result_and_its_reason() -> None:
    hosts = joined({}, {}, {"talos-1": {"failed": True, "msg": "no pod was made for it"}})
    assert (hosts["talos-1"]["outcome"], hosts["talos-1"]["node_name"]) == ("no_result", "talos-1")
    assert "no pod was made for it" in hosts["talos-1"]["reason"]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts say of their rules stands beside what packets proved, and changes none of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import HostRules, PolicyProbeReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.validate import flaw_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.host_rules import (
    RULES_DO_NOT_HELP,
    RULES_NOT_FOUND,
    with_host_rules,
)

from tests.unit.rollout.builders import UNREACHABLE, address, facts, machine_id
from tests.unit.rollout.probes import probe_of

NODES = [facts(name) for name in ("w-1", "w-2", "w-3")]


def rules(node: str, verdict: str = "present", sentence: str = "all there", **identity: Any) -> dict[str, Any]:
    """What the host that is this Node registers."""
    own = {"machine_id": machine_id(node), "system_uuid": None, "addresses": [address(node)], **identity}
    return {"changed": False, "verdict": verdict, "sentence": sentence, "interfaces": {}, "identity": own}


def told(
    verdicts: Mapping[str, str], answers: Mapping[str, Any], node_names: Mapping[str, str | None] | None = None
) -> dict[str, HostRules]:
    report = with_host_rules(probe_of(verdicts), NODES, answers, node_names or {})
    assert flaw_of(report, PolicyProbeReport) is None
    return {one["node"]: one for one in report["host_rules"]}


@pytest.mark.parametrize("rule", ["present", "missing", "unreadable"])
@pytest.mark.parametrize("proof", ["enforced", "open", "closed", "late", "unproven"])
def test_nothing_that_packets_proved_changes(proof: str, rule: str) -> None:
    report = probe_of({"w-1": proof})
    found = with_host_rules(report, NODES, {"h": rules("w-1", rule)}, {})
    assert {**found, "host_rules": []} == report


@pytest.mark.parametrize(
    ("proof", "rule", "words"),
    [
        ("enforced", "missing", RULES_NOT_FOUND),
        ("open", "present", RULES_DO_NOT_HELP),
        ("enforced", "present", None),
        ("open", "missing", None),
        ("enforced", "unreadable", None),
        ("open", "unreadable", None),
        ("closed", "present", None),
        ("closed", "missing", None),
        ("late", "present", None),
        ("unproven", "missing", None),
    ],
)
def test_where_packets_and_rules_disagree_the_report_says_what_to_look_at(
    proof: str, rule: str, words: str | None
) -> None:
    assert told({"w-1": proof}, {"h": rules("w-1", rule)})["w-1"]["disagreement"] == words


def test_each_node_of_the_report_has_what_its_own_host_said() -> None:
    answers = {"a": rules("w-2", "missing", "no chain"), "b": rules("w-1"), "c": rules("w-3")}
    found = told({"w-1": "enforced", "w-2": "open"}, answers)
    assert {node: (one["host"], one["verdict"], one["sentence"]) for node, one in found.items()} == {
        "w-1": ("b", "present", "all there"),
        "w-2": ("a", "missing", "no chain"),
    }


def test_a_host_of_the_same_name_is_not_therefore_the_node() -> None:
    stranger = rules("w-9", addresses=[])
    assert told({"w-1": "enforced"}, {"w-1": stranger})["w-1"]["host"] is None


def test_the_inventory_says_which_node_a_silent_host_is() -> None:
    found = told({"w-1": "enforced"}, {"h": UNREACHABLE}, {"h": "w-1"})["w-1"]
    assert (found["host"], found["verdict"]) == ("h", "unreadable")
    assert found["sentence"] == "not known, because it could not be reached: No route to host"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "it was not asked in this run"),
        ({}, "it was not asked in this run"),
        ({"failed": True, "msg": "no Python"}, "it gave no answer: no Python"),
        ({"verdict": "present"}, "what it answered cannot be used"),
        (rules("w-1", "fine"), "what it answered cannot be used"),
        (rules("w-1", machine_id=["x"]), "what it answered cannot be used"),
    ],
)
def test_a_host_without_an_answer_is_not_known_and_says_why(answer: Any, reason: str) -> None:
    found = told({"w-1": "enforced"}, {"h": answer}, {"h": "w-1"})["w-1"]
    assert (found["verdict"], found["sentence"]) == ("unreadable", f"not known, because {reason}")


def test_a_node_without_a_host_names_those_that_may_be_its() -> None:
    clone = rules("w-1", addresses=[address("w-2")])
    answers = {"h-10": UNREACHABLE, "h-9": None, "clone": clone, "known": rules("w-3")}
    sentence = told({"w-1": "enforced"}, answers)["w-1"]["sentence"]
    assert sentence.startswith(
        "not known, because no host that answered is this node; h-9, h-10 gave no answer; Host clone "
    )
    assert "cannot be told from several Nodes" in sentence
    assert "known" not in sentence.removeprefix("not known")


def test_a_node_that_two_hosts_are_taken_for_has_the_word_of_neither() -> None:
    found = told({"w-1": "enforced"}, {"a": rules("w-1"), "b": rules("w-1", addresses=[])})["w-1"]
    assert (found["host"], found["sentence"]) == (None, "not known, because a, b are all taken for this node")

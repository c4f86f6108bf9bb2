# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the result of an earlier precheck may stand for a new one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.job import Target
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.reuse import (
    asked_for,
    not_of_node,
    of_another_boot,
    of_node,
    record_of,
    stale,
)

from tests.unit.rollout.builders import answer, failing

OPTIONS = {"dataplane": "iptables", "node_name": "edge-1", "controller_clock": 1.0, "deadline": 30}
ASKED = asked_for(OPTIONS, "code")
NOW = 1700000000.0


def record(**fields: Any) -> Any:
    precheck = answer("edge-1", boot_id="boot-1", machine_id="machine-1")["precheck"]
    made = record_of("h", ASKED, NOW - 60, 0.5, precheck)
    assert made is not None
    return {**made, **fields}


def test_a_young_result_of_the_same_question_is_used_again() -> None:
    assert stale(record(), "h", ASKED, NOW, 3600) is None
    assert of_another_boot(record(), "boot-1", "machine-1") is None


def test_what_says_when_and_how_the_check_is_made_is_no_part_of_the_question() -> None:
    assert asked_for({**OPTIONS, "controller_clock": 2.0, "deadline": 60}, "code") == ASKED


@pytest.mark.parametrize(
    ("options", "code"),
    [({**OPTIONS, "dataplane": "bpf"}, "code"), ({**OPTIONS, "node_name": "x"}, "code"), (OPTIONS, "new")],
)
def test_another_setting_or_other_checks_are_another_question(options: Any, code: str) -> None:
    assert stale(record(), "h", asked_for(options, code), NOW, 3600) == (
        "the settings of the check, or the checks themselves, have changed since"
    )


@pytest.mark.parametrize(
    ("kept", "now", "why"),
    [
        (None, NOW, "there is no result of an earlier check"),
        ({"kind": "PrecheckRecord"}, NOW, "the earlier result is not one of this host and version"),
        ({**record(), "precheck": {}}, NOW, "the earlier result is not one of this host and version"),
        (record(host="other"), NOW, "the earlier result is not one of this host and version"),
        (record(version=2), NOW, "the earlier result is not one of this host and version"),
        (record(), NOW + 3541, "the earlier result is 3601 s old"),
        (record(), NOW - 61, "the earlier result is -1 s old"),
    ],
)
def test_a_record_of_no_use_is_told_why(kept: Any, now: float, why: str) -> None:
    assert stale(kept, "h", ASKED, now, 3600) == why


def test_an_age_up_to_the_limit_is_young_enough() -> None:
    assert stale(record(), "h", ASKED, NOW + 3540, 3600) is None


@pytest.mark.parametrize(
    ("boot_id", "machine_id", "why"),
    [
        ("boot-2", "machine-1", "the host was booted since"),
        ("", "machine-1", "the host was booted since"),
        ("boot-1", "machine-2", "the machine is another one"),
        ("", "", "the machine is another one"),
    ],
)
def test_a_result_of_another_boot_or_machine_is_not_used(boot_id: str, machine_id: str, why: str) -> None:
    assert of_another_boot(record(), boot_id, machine_id) == why


def test_only_a_pass_that_is_bound_to_a_boot_is_kept() -> None:
    assert record_of("h", ASKED, NOW, 0.5, failing("edge-1")["precheck"]) is None
    assert record_of("h", ASKED, NOW, 0.5, answer("edge-1")["precheck"]) is None


@pytest.mark.parametrize(
    ("node", "why"),
    [
        (Target("n", "linux", "MACHINE1", "boot-1", "u"), None),
        (Target("n", "linux", "machine-2", "boot-1", "u"), "the machine is another one"),
        (Target("n", "linux", "machine-1", "boot-2", "u"), "the host was booted since"),
        (Target("n", "linux", "machine-1", "", "u"), "the host was booted since"),
        (Target("n", "linux", "machine-1", "boot-1", "u", silent=True), "its kubelet does not report"),
    ],
)
def test_a_result_counts_for_a_node_whose_kubelet_reports_the_same_system(node: Target, why: str | None) -> None:
    assert not_of_node({"machine_id": "machine-1", "boot_id": "boot-1"}, node) == why


def test_the_result_of_a_node_is_kept_for_its_uid() -> None:
    assert of_node("0-1") == "node/0-1"

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A quarantine ends on evidence only, and on that on which a plan then admits the node."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan, planned_nodes
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.release import (
    given_precheck_report,
    release,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rollout.builders import UNREACHABLE, answer, evidence, facts, failing, tier

NAMES = [f"edge-{number}" for number in range(1, 7)]


def nodes(*quarantined: str) -> list[Any]:
    return [facts(name, quarantined="not_ready: felix" if name in quarantined else None) for name in NAMES]


def kept(outcome: Any) -> dict[str, str]:
    return {entry["node"]: entry["cause"] for entry in outcome.kept}


def test_a_node_in_quarantine_whose_host_passes_is_released_and_no_other() -> None:
    outcome = release(nodes("edge-2", "edge-10", "edge-3"), evidence(NAMES, ["edge-3"]))
    assert outcome.released == ["edge-2"]
    assert kept(outcome) == {"edge-3": "precheck_failed"}
    assert outcome.text() == (
        "Released: edge-2.\nedge-3 stays in quarantine: precheck_failed: ipset_functional failed: the kernel has no ip_set subsystem. "
        "install kernel-modules-extra."
    )


@pytest.mark.parametrize(
    ("given", "cause"), [(failing("edge-2"), "precheck_failed"), (UNREACHABLE, "no_host"), (None, "no_host")]
)
def test_no_evidence_is_never_a_pass(given: Any, cause: str) -> None:
    report = assemble({"h-1": answer("edge-1"), "h-2": given})
    outcome = release(nodes("edge-2"), report)
    assert (outcome.released, kept(outcome)) == ([], {"edge-2": cause})
    assert outcome.refused == outcome.kept


def test_a_node_whose_host_is_not_in_the_run_stays_and_is_no_fault_of_the_run() -> None:
    answers: Any = {"h-1": answer("edge-1"), "h-2": None}
    report = assemble(answers, {"h-2": "edge-2"}, in_run=["h-1"])
    outcome = release(nodes("edge-1", "edge-2"), report)
    assert (outcome.released, kept(outcome), outcome.refused) == (["edge-1"], {"edge-2": "not_in_run"}, [])
    assert outcome.text() == "Released: edge-1.\nIn quarantine, and not in this run: edge-2."


def test_only_the_named_nodes_are_meant_and_an_unknown_name_is_refused() -> None:
    outcome = release(nodes("edge-2", "edge-3"), evidence(NAMES), ["edge-3", "edge-1"])
    assert (outcome.released, outcome.kept) == (["edge-3"], [])
    with pytest.raises(RolloutError, match="edge-9"):
        release(nodes("edge-2"), evidence(NAMES), ["edge-9"])


def test_nobody_in_quarantine_is_told() -> None:
    assert release(nodes(), evidence(NAMES)).text() == "No node was released."


@settings(max_examples=25)
@given(st.sets(st.sampled_from(NAMES), max_size=4), st.sets(st.sampled_from(NAMES), max_size=4))
def test_whom_a_release_lets_out_the_next_plan_admits_and_nobody_else(bad: set[str], quarantined: set[str]) -> None:
    report = evidence(NAMES, bad)
    released = release(nodes(*quarantined), report).released
    after = (
        build_plan(nodes(*(quarantined - set(released))), report, [tier("edge", selector="")])
        if len(set(NAMES) - bad - quarantined) > 1
        else None
    )
    if after is not None:
        assert set(planned_nodes(after)) == (set(NAMES) - bad - quarantined) | set(released)


@pytest.mark.parametrize("value", [{}, {"kind": "Plan", "version": 1}, {"kind": "PrecheckReport", "version": 0}])
def test_another_document_is_refused(value: Any) -> None:
    with pytest.raises(RolloutError, match="precheck_report: a PrecheckReport of version 1 is needed"):
        given_precheck_report(value)


def test_an_altered_report_is_refused() -> None:
    with pytest.raises(RolloutError, match="Hand over what the filter precheck_report returned"):
        given_precheck_report({**evidence(NAMES), "hosts": None})
    assert given_precheck_report(evidence(NAMES)) == evidence(NAMES)

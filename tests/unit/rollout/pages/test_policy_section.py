# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of a rollout tell of network policy."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import markdown, terminal
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import decide
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.policy_proof import with_probe
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import plan, rolled_out
from tests.unit.rollout.probes import IMAGE, gap_on, probe_of

NAMES = ["core-1", "core-2", "edge-1"]
PLAN = plan(NAMES, verify={"image": IMAGE, "witness": "none"}, soak=0)


def report(verdict: str = "enforced", name: str = "core-2", **fields: Any) -> Any:
    probe = probe_of({"core-1": "enforced", name: verdict}, **fields)
    gaps = [gap_on(name)] if verdict == "open" else []
    state = with_probe(new_state(PLAN), "core-1", probe, gaps, 1000.0)
    return decide(PLAN, state, rolled_out(NAMES, ["core-1", "core-2"]), 1001.0)["report"]


def flat(page: str) -> str:
    return " ".join(page.split())


def test_a_batch_that_is_proven_has_the_longest_time_that_policy_took() -> None:
    assert "core-1 done 2/2 2/2, 21 ms core-1 core-2" in flat(terminal({**report(), "outcome": "done"}))
    assert "| core-1 | core | " in markdown(report())
    assert "2/2, 21 ms" in markdown(report())


def test_a_batch_that_this_run_has_not_proven_says_nothing_of_policy() -> None:
    assert "edge-1 in progress 0/1 edge-1" in flat(terminal(report()))


def test_a_node_that_fails_has_its_rows_and_its_workloads() -> None:
    told = flat(terminal(report("open")))
    assert "core-2: open: a denied connection came through. Remedy: Look at calico-node's log." in told
    assert "core-2/1 core-2 to core-2, IPv4 TCP, ingress default deny: answered, not dropped" in told
    assert "core-2 2 shop/web-1, shop/web-2 shop/web-1: deny" in told
    page = markdown(report("open"))
    assert "## Network policy is not proven" in page
    assert "| core-2/1 |" in page
    assert "## Workloads on nodes that do not enforce network policy" in page


def test_a_question_to_dns_is_told_as_one() -> None:
    told = report("open")
    told["policy"]["unproven"]["rows"][0].update(kind="dns", protocol="UDP", direction="egress")
    assert "core-2/1 core-2 to the cluster's DNS, IPv4 UDP, egress default deny" in flat(terminal(told))


def test_what_came_late_is_told_with_its_time() -> None:
    told = report("late")
    fate = told["policy"]["unproven"]["rows"][0]["fates"][1]
    fate.update(seen="dropped", settled_ms=7012.4)
    assert "ingress default deny: dropped after 7012 ms" in flat(terminal(told))
    fate.update(hole_ms=204.0)
    assert "ingress default deny: for 204 ms not dropped" in flat(terminal(told))


def test_a_probe_that_blames_no_node_tells_its_own_reason() -> None:
    told = report(outcome="not_proven", reason="The API server went away.")
    assert "Network policy is not proven: The API server went away." in flat(terminal(told))


def test_what_was_not_tried_is_told() -> None:
    limit = "No other node took part, so connections between nodes were not tried."
    assert f"Not proven of network policy: {limit}" in flat(terminal(report(limits=[limit])))
    assert "No other node took part" in markdown(report(limits=[limit]))


def test_a_rollout_that_proves_nothing_has_no_word_of_it() -> None:
    bare_plan = plan(NAMES, soak=0)
    told = decide(bare_plan, new_state(bare_plan), rolled_out(NAMES, NAMES), 1001.0)["report"]
    assert "policy" not in terminal(told)
    assert "olicy" not in markdown(told)


@pytest.mark.parametrize("page", [terminal, markdown])
def test_names_and_reasons_are_no_markup(page: Any) -> None:
    told = report("open")
    told["policy"]["unproven"]["nodes"][0]["reason"] = "<b>\x1b[31m|bad|"
    assert "<b>\x1b" not in page(told)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import (
    markdown,
    progress_line,
    terminal,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.instant import seconds_since

from tests.unit.rollout.builders import UNREACHABLE, bare, evidence, facts, plan, rolled_out, tier

CORE = ["core-1", "core-2"]
EDGE = ["edge-1", "edge-2"]
PLAN = plan([*CORE, *EDGE, "edge-3"], bad=["edge-3"])
NOW = 1767225612.0  # 2026-01-01T00:00:12Z, twelve seconds after the pods of the builders changed


def report(admitted: list[str], unready: Any = (), the_plan: Any = PLAN, **state: Any) -> Any:
    seen = rolled_out([*CORE, *EDGE, "edge-3"], admitted)
    for pod in seen["pods"]:
        if pod["node"] in unready:
            pod.update({"ready": False, "reason": "felix is not live"})
    # A copy: some tests write into their report, and its list of who is outside is the plan's own.
    return copy.deepcopy(decide(the_plan, {**new_state(the_plan), **state}, seen, NOW)["report"])  # type: ignore[typeddict-item]


def test_the_progress_line_tells_batch_count_and_what_is_waited_for() -> None:
    line = progress_line(report(CORE + EDGE, ["edge-2"]))
    assert line == "batch 2/2 edge-1: 1 of 2 ready, waiting for edge-2 (not_ready: felix is not live)"


def test_the_progress_line_tells_for_how_long_where_the_time_is_given() -> None:
    assert progress_line(report(CORE + EDGE, ["edge-2"]), NOW).endswith("felix is not live), for 12 s")


def test_the_progress_line_of_a_ready_batch_tells_no_age() -> None:
    assert progress_line(report(CORE), NOW) == "batch 1/2 core-1: 2 of 2 ready, watched for 10 s to stay so"


def test_the_progress_line_between_two_batches_tells_what_is_through_and_what_is_next() -> None:
    assert progress_line(report(CORE, ready_since=0.0)) == (
        "batch 1/2 core-1 is through, 2 of 4 nodes ready; next 2/2 edge-1, 2 nodes"
    )


def test_the_progress_line_at_the_end_is_the_result() -> None:
    assert (
        progress_line(report(CORE + EDGE, ready_since=0.0))
        == "done: calico-node is ready on all 4 planned nodes; 1 outside"
    )
    assert progress_line(report(CORE, plan_id="x")).startswith("stopped: the state given belongs to plan x")


def test_the_progress_line_before_any_batch_is_what_happens_now() -> None:
    made = report([])
    made["batches"][0]["state"] = "pending"
    made["reason"] = "reading the cluster"
    assert progress_line(made) == "reading the cluster"


@pytest.mark.parametrize(
    ("since", "seconds"),
    [
        ("2026-01-01T00:00:00Z", 12),
        ("2026-01-01T01:00:00+01:00", 12),
        ("2026-01-01T00:00:00", 12),
        ("2026-01-01T00:00:30Z", 0),
        ("yesterday", None),
        (None, None),
    ],
)
def test_an_age_is_told_in_whole_seconds_and_never_negative(since: Any, seconds: Any) -> None:
    assert seconds_since(since, NOW) == seconds


def test_the_terminal_report_tells_batches_who_is_outside_and_the_result_last() -> None:
    assert terminal(report(CORE + EDGE, ready_since=0.0)).splitlines() == [
        f"Rollout of plan {PLAN['id']}",
        "",
        "  batch   state  ready  nodes",
        "  core-1  done   2/2    core-1 core-2",
        "  edge-1  done   2/2    edge-1 edge-2",
        "",
        "Outside, without Calico (1):",
        "  edge-3 (host h-edge-3): precheck_failed: ipset_functional failed: the",
        "    kernel has no ip_set subsystem",
        "      remedy: install kernel-modules-extra",
        "",
        "Result: done. calico-node is ready on all 4 planned nodes; 1 outside",
    ]


def test_the_terminal_report_tells_who_is_admitted_and_not_ready() -> None:
    text = terminal(report(CORE + EDGE, ["edge-2"]))
    assert "Admitted, but not ready:" in text
    assert "  edge-2  not_ready  2026-01-01T00:00:00Z  felix is not live" in text


def test_the_reports_tell_hosts_that_are_no_node() -> None:
    with_host = build_plan([facts(name) for name in CORE], evidence(CORE, dark=UNREACHABLE), [tier("core")])
    made = decide(with_host, new_state(with_host), bare(CORE), NOW)["report"]
    assert "  host dark: unreachable: it could not be reached" in terminal(made)
    assert "|  | dark |  | unreachable | it could not be reached" in markdown(made)


def test_the_terminal_report_says_that_check_mode_changed_nothing() -> None:
    made = report(CORE, check_mode=True)
    assert terminal(made).splitlines()[0].endswith("(check mode: nothing was changed)")
    assert "Check mode: nothing was changed." in markdown(made)


def test_the_reports_say_which_cluster_it_is() -> None:
    whole = plan(CORE, cluster={"context": "prod", "name": None, "server": "https://10.0.0.1:6443"})
    made = decide(whole, new_state(whole), bare(CORE), NOW)["report"]
    assert made["cluster"] == whole["cluster"]
    assert terminal(made).splitlines()[1] == "On context prod, https://10.0.0.1:6443"
    assert "\n\nOn context prod, https&#58;//10.0.0.1:6443\n\n**" in markdown(made)


def test_the_reports_say_when_nobody_is_outside() -> None:
    whole = plan(CORE)
    made = decide(whole, new_state(whole), bare(CORE), NOW)["report"]
    assert "No node stays outside." in terminal(made)
    assert "No node stays outside." in markdown(made)


def test_no_control_character_reaches_the_terminal() -> None:
    made = report(CORE + EDGE)
    made["excluded"][0]["reason"] = "\x1b]0;owned\x07 \x9b2J"
    made["reason"] = "line\r\x1b[A"
    text = terminal(made) + progress_line(made)
    assert not [character for character in text if character != "\n" and not character.isprintable()]


def test_the_markdown_report_tells_the_same_story() -> None:
    text = markdown(report(CORE + EDGE, ["edge-2"]))
    assert text.startswith(f"# Calico rollout, plan {PLAN['id']}\n\n**in progress**: batch edge-1: waiting for edge-2")
    assert "\n## Outside, without Calico\n" in text
    assert "| edge-1 | edge | in progress | 1/2 | edge-1, edge-2 |" in text
    assert "| edge | tier=edge | 3 | 1 | 3 |" in text
    assert r"| edge-2 | not\_ready | 2026-01-01T00:00:00Z | felix is not live |" in text
    assert (
        r"| edge-3 | h-edge-3 | edge | precheck\_failed | ipset\_functional failed: the kernel has no ip\_set" in text
    )


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a | b", r"a \| b"),
        ("a\n# b", r"a \# b"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("&lt;", "&amp;lt;"),
        ("`x`", r"\`x\`"),
        ("[x](y)", r"\[x\]\(y\)"),
        ("a \\| b", r"a \\\| b"),
        ("@all", "&#64;all"),
        ("http://x", "http&#58;//x"),
    ],
)
def test_no_markup_of_a_host_or_the_cluster_gets_into_the_markdown(hostile: str, shown: str) -> None:
    made = report(CORE + EDGE)
    made["excluded"][0]["remedy"] = hostile
    last = markdown(made).splitlines()[-1]
    assert last.endswith(f"| {shown} |")


def test_a_tier_without_a_selector_is_told_as_all() -> None:
    whole = plan(CORE, [tier("all", selector="")])
    made = decide(whole, new_state(whole), bare(CORE), NOW)["report"]
    assert r"| all | \(all\) | 2 | 0 | 2 |" in markdown(made)

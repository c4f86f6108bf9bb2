# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""--limit and --tags: the playbooks do the part that was asked for, and hold nothing against the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.claims import claimed_lab
from tests.lab.player import Played, Player
from tests.lab.topologies import DEMO

pytestmark = [pytest.mark.ansible, pytest.mark.oldest_core]

CORE = ["core-1", "core-2", "core-3"]


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with claimed_lab("-part") as lab:
        DEMO.bring_up(lab)
        try:
            yield Player(lab, tmp_path_factory.mktemp("limits"))
        finally:
            lab.down()


@pytest.fixture(scope="module")
def core_only(player: Player) -> Played:
    return player.play("core", "rollout", "--limit", "core")


@pytest.fixture(scope="module")
def one_edge(player: Player, core_only: Played) -> Played:
    return player.play("edge-1", "rollout", "--limit", "edge-1")


@pytest.fixture(scope="module")
def everybody(player: Player, one_edge: Played) -> Played:
    return player.play("everybody", "rollout")


def labelled(played: Played) -> list[str]:
    return sorted(event.name or "" for event in played.writes if event.resource == "nodes")


def causes(played: Played) -> dict[str, Any]:
    return {entry["node"]: (entry["cause"], entry["counts"]) for entry in played.plan["excluded"]}


def test_tags_precheck_checks_the_hosts_only_and_the_exit_code_tells(player: Player) -> None:
    played = player.play("tag-precheck", "rollout", "--tags", "precheck")
    assert played.code != 0
    assert played.results("Read the cluster's nodes") == []
    assert "1 of 7 hosts must stay outside: edge-4" in played.results("Fail when a host must stay outside")[-1]["msg"]
    fit = player.play("tag-precheck-fit", "rollout", "--tags", "precheck", "--limit", "all:!edge-4")
    assert fit.code == 0


def test_tags_plan_shows_the_plan_and_stops(player: Player) -> None:
    played = player.play("tag-plan", "rollout", "--tags", "plan")
    assert (played.code, played.writes, played.steps) == (0, [], [])
    assert [batch["name"] for batch in played.plan["batches"]] == ["core-1", "core-2", "edge-1", "edge-2"]
    assert json.loads((played.reports / "plan.json").read_text()) == played.plan
    text = played.results("Show the plan")[0]["msg"]
    assert f"Plan {played.plan['id']}" in text
    cluster = played.plan["cluster"]
    assert f"On context {cluster['context']}, cluster {cluster['name']}, https://127.0.0.1:" in text


def test_the_precheck_playbook_takes_a_limit_without_localhost(player: Player) -> None:
    played = player.play("precheck-limit", "precheck", "--limit", "edge-1,edge-4")
    assert played.code != 0
    report = json.loads((played.reports / "precheck.json").read_text())
    assert {host: entry["outcome"] for host, entry in report["hosts"].items()} == {
        "edge-1": "passed",
        "edge-4": "failed",
    }
    assert sorted(report["not_in_run"]) == [*CORE, "edge-2", "edge-3"]
    text = played.results("Show which hosts may join")[0]["msg"].splitlines()
    assert text[-1] == "Result: 1 of 2 hosts can run calico-node; 5 are not in this run."


def test_one_host_is_too_little_to_begin_with_though_the_others_are_not_in_the_run(player: Player) -> None:
    played = player.play("too-few", "rollout", "--limit", "core-1")
    assert (played.code != 0, played.writes) == (True, [])
    assert "take more hosts into --limit" in played.results("Fail when no plan can be made")[0]["msg"]


def test_a_limited_run_admits_its_own_hosts_and_blames_nobody_else(core_only: Played) -> None:
    assert core_only.code == 0
    assert labelled(core_only) == CORE
    assert causes(core_only) == {f"edge-{number}": ("not_in_run", False) for number in (1, 2, 3, 4)}
    assert core_only.report["reason"].endswith("none is outside, 4 not in this run")


def test_who_is_admitted_already_stays_expected_in_a_run_without_its_host(one_edge: Played) -> None:
    assert one_edge.code == 0
    assert labelled(one_edge) == ["edge-1"]
    assert one_edge.plan["kept"] == CORE
    assert sorted(row["node"] for row in one_edge.steps[-1]["readiness"]["nodes"]) == [*CORE, "edge-1"]
    assert "on all 1 planned nodes and 3 admitted before" in one_edge.report["reason"]


def test_an_unfit_host_alone_is_refused_with_its_reason(player: Player, one_edge: Played) -> None:
    played = player.play("edge-4", "rollout", "--limit", "edge-4")
    assert (played.code != 0, played.writes) == (True, [])
    assert "edge-4 (precheck_failed" in played.results("Fail when no plan can be made")[0]["msg"]


def test_a_run_without_a_limit_goes_on_where_the_limited_ones_were(everybody: Played) -> None:
    assert everybody.code == 0
    assert labelled(everybody) == ["edge-2", "edge-3"]
    assert causes(everybody) == {"edge-4": ("precheck_failed", True)}

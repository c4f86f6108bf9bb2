# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no host sees alone, through the playbooks: five hosts that are at odds with each other, with the controller or with their Node."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.claims import claimed_lab
from tests.lab.hosts import HostSpec
from tests.lab.player import Played, Player
from tests.lab.topologies import Topology

pytestmark = pytest.mark.ansible

ANOTHER = "amd64" if platform.machine() == "aarch64" else "arm64"
AT_ODDS = Topology(
    (
        *(HostSpec(name, hostname="twin") for name in ("twin-1", "twin-2")),
        HostSpec("wide", mtu=9000),
        HostSpec("late", clock_offset=-3600),
        HostSpec("mislabelled", labels={"kubernetes.io/arch": ANOTHER}),
    )
)
WARNED = {"same_hostname": ["twin-1", "twin-2"], "mtu_differs": ["wide"], "clock_skew": ["late"]}
TIERS = [{"name": "all", "match": "status.nodeInfo.operatingSystem == 'linux'", "failure_budget": "100%"}]


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with claimed_lab("-odds") as lab:
        AT_ODDS.bring_up(lab)
        try:
            yield Player(lab, tmp_path_factory.mktemp("odds"))
        finally:
            lab.down()


@pytest.fixture(scope="module")
def checked(player: Player) -> Played:
    return player.play("checked", "precheck", precheck_fail_on="warn")


@pytest.fixture(scope="module")
def planned(player: Player) -> Played:
    return player.play("planned", "rollout", "--tags", "plan", rollout_tiers=TIERS)


def findings(document: dict[str, Any], severity: str) -> dict[str, list[str]]:
    return {one["id"]: one["hosts"] for one in document["cross_findings"] if one["severity"] == severity}


def test_the_precheck_tells_names_mtus_and_clocks_that_differ_or_do_not(checked: Played) -> None:
    report = json.loads((checked.reports / "precheck.json").read_text())
    assert findings(report, "warn") == WARNED
    assert findings(report, "fail") == {}
    said = {one["id"]: one["message"] for one in report["cross_findings"]}
    assert "twin-1 and twin-2 call themselves twin" in said["same_hostname"]
    assert "9000 on wide" in said["mtu_differs"]
    assert "s behind the controller's" in said["clock_skew"]


def test_a_play_that_fails_on_warnings_fails_on_those_between_hosts(checked: Played) -> None:
    assert checked.code != 0
    said = checked.results("Fail when a host must stay outside")[0]["msg"]
    assert said == "1 of 5 hosts must stay outside: late; 3 hosts may join with warnings: twin-1, twin-2, wide"


def test_the_plan_keeps_out_the_node_that_contradicts_its_host_and_says_why(planned: Played) -> None:
    assert planned.code == 0
    assert [node for batch in planned.plan["batches"] for node in batch["nodes"]] == ["twin-1", "twin-2", "wide"]
    excluded = {entry["node"]: entry for entry in planned.plan["excluded"]}
    assert {node: entry["cause"] for node, entry in excluded.items()} == {
        "late": "precheck_failed",
        "mislabelled": "contradiction",
    }
    assert f"label kubernetes.io/arch says {ANOTHER}" in excluded["mislabelled"]["reason"]
    assert findings(planned.plan, "fail") == {"architecture_differs": ["mislabelled"]}
    assert findings(planned.plan, "warn") == WARNED
    assert planned.writes == []

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as evidence: results of an earlier run, and checks that are waived."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.lab.claims import claimed_lab
from tests.lab.places import REPOSITORY
from tests.lab.player import Played, Player
from tests.lab.topologies import DEMO

pytestmark = [pytest.mark.ansible, pytest.mark.oldest_core]

FIT = ["core-1", "core-2", "core-3", "edge-1", "edge-2", "edge-3"]
NOTED = "rollout.calico-ops.dev/waived"
LIMIT = ("--limit", "core-1,edge-1,edge-4")
TODAY = datetime.now(timezone.utc).date()
TOMORROW, YESTERDAY = TODAY + timedelta(days=1), TODAY - timedelta(days=1)


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with claimed_lab("-proof") as lab:
        DEMO.bring_up(lab)
        try:
            yield Player(lab, tmp_path_factory.mktemp("evidence"))
        finally:
            lab.down()


@pytest.fixture(scope="module")
def cache(player: Player) -> Path:
    return player.directory / "cache"


def check(player: Player, name: str, cache: Path, max_age: float = 3600, *arguments: str, **variables: Any) -> Played:
    variables = {"precheck_max_age": max_age, "precheck_cache_dir": str(cache), **variables}
    return player.play(name, "precheck", *LIMIT, *arguments, **variables)


@pytest.fixture(scope="module")
def first(player: Player, cache: Path) -> Played:
    return check(player, "first", cache)


@pytest.fixture(scope="module")
def second(player: Player, cache: Path, first: Played) -> Played:
    return check(player, "second", cache)


def answers(played: Played) -> dict[str, dict[str, Any]]:
    return {host: result for name, host, result in played.tasks if name.endswith("what calico-node will ask them")}


def reused(played: Played) -> dict[str, bool]:
    return {host: result["reused"] for host, result in answers(played).items()}


def report(played: Played) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((played.reports / "precheck.json").read_text())
    return made


def test_passing_results_are_kept_on_the_controller_and_used_again(first: Played, second: Played, cache: Path) -> None:
    assert sorted(path.stem for path in cache.iterdir()) == ["core-1", "edge-1"]
    assert reused(first) == {"core-1": False, "edge-1": False, "edge-4": False}
    assert reused(second) == {"core-1": True, "edge-1": True, "edge-4": False}


def test_what_is_used_again_says_when_it_was_checked(first: Played, second: Played) -> None:
    before, after = report(first)["hosts"]["core-1"], report(second)["hosts"]["core-1"]
    assert (after["checked_at"], after["reused"]) == (before["checked_at"], True)
    assert after["result"] == before["result"]
    text = " ".join(second.results("Show which hosts may join")[0]["msg"].split())
    assert "On 2 hosts (core-1, edge-1) a result of an earlier run counts, the oldest from 20" in text


def test_a_changed_setting_makes_earlier_results_void(player: Player, cache: Path, second: Played) -> None:
    played = check(player, "setting", cache, 3600, "--check", precheck_wireguard=True)
    assert not any(reused(played).values())
    assert "settings of the check" in answers(played)["core-1"]["checked_anew"]


def test_an_old_result_is_not_used(player: Player, cache: Path, second: Played) -> None:
    played = check(player, "old", cache, 0.001, "--check")
    assert not any(reused(played).values())
    assert "s old" in answers(played)["core-1"]["checked_anew"]


def test_a_result_of_an_earlier_boot_is_not_used(player: Player, cache: Path, second: Played) -> None:
    for host, field, value in (("core-1", "boot_id", "another"), ("edge-1", "machine_id", "other")):
        file = cache / f"{host}.json"
        record = json.loads(file.read_text())
        record["precheck"]["identity"][field] = value
        file.write_text(json.dumps(record))
    played = answers(check(player, "boot", cache))
    assert played["core-1"]["checked_anew"] == "the host was booted since"
    assert played["edge-1"]["checked_anew"] == "the machine is another one"


def test_without_a_maximal_age_every_check_is_made_anew_and_nothing_is_kept(player: Player, second: Played) -> None:
    cache = player.directory / "unused"
    played = check(player, "anew", cache, 0)
    assert not any(reused(played).values())
    assert not cache.exists()


def test_the_clock_of_the_controller_is_compared_within_the_calls_duration(first: Played) -> None:
    for host in report(first)["hosts"].values():
        assert 0 <= host["result"]["facts"]["clock_offset"] <= host["call_seconds"]
    assert "clock_skew" not in {finding["id"] for finding in report(first)["cross_findings"]}


def inventory_with(player: Player, name: str, waivers: Any) -> Path:
    inventory = yaml.safe_load(player.lab.inventory.read_text())
    inventory["all"]["hosts"]["edge-4"]["precheck_waivers"] = waivers
    file = player.directory / f"{name}.yml"
    file.write_text(yaml.safe_dump(inventory))
    return file


def waivers_for(played: Played, until: date, **more: Any) -> list[dict[str, Any]]:
    """A waiver of each check that keeps edge-4 out; the day is a date in the inventory, not a text."""
    findings = report(played)["hosts"]["edge-4"]["result"]["findings"]
    grave = [finding["id"] for finding in findings if finding["status"] != "warn"]
    return [{"check": check_id, "reason": "replaced in spring", "until": until, **more} for check_id in grave]


def test_a_waived_host_may_join_and_every_document_says_so(player: Player, first: Played) -> None:
    inventory = inventory_with(player, "waived", waivers_for(first, TOMORROW))
    played = player.play("waived", "rollout", "--tags", "plan", inventory=inventory)
    assert played.code == 0
    assert "edge-4" in [node for batch in played.plan["batches"] for node in batch["nodes"]]
    assert played.plan["excluded"] == []
    assert {each["node"] for each in played.plan["waivers"]} == {"edge-4"}
    made = report(played)
    assert (made["hosts"]["edge-4"]["outcome"], made["hosts"]["edge-4"]["result"]["verdict"]) == ("passed", "fail")
    for document in (made, played.plan):
        schema = REPOSITORY / "docs" / "reference" / "schemas" / f"{document['kind']}.json"
        jsonschema.validate(document, json.loads(schema.read_text()))
    told = f"counts as a warning until {TOMORROW}: replaced in spring"
    for task in ("Show which hosts may join", "Show the plan"):
        assert told in " ".join(played.results(task)[0]["msg"].split())
    assert "## Waived checks" in (played.reports / "precheck.md").read_text()


def test_an_expired_waiver_does_not_count_and_is_named(player: Player, first: Played) -> None:
    inventory = inventory_with(player, "expired", waivers_for(first, YESTERDAY))
    played = player.play("expired", "precheck", *LIMIT, inventory=inventory)
    assert played.code != 0
    assert f"expired on {YESTERDAY} and does not count any more" in " ".join(
        played.results("Show which hosts may join")[0]["msg"].split()
    )


def test_a_waiver_of_a_check_that_there_is_not_is_refused_by_name(player: Player) -> None:
    inventory = inventory_with(player, "unknown", [{"check": "ipset_functionl", "reason": "x", "until": TOMORROW}])
    played = player.play("unknown", "precheck", *LIMIT, inventory=inventory)
    assert played.code != 0
    said = played.results("Fail when there can be no report")[0]["msg"]
    assert "precheck_waivers of host edge-4[0]: there is no check 'ipset_functionl'; is it ipset_functional?" in said


def test_the_status_tells_which_node_a_waiver_let_in_and_when_its_last_day_has_passed(
    player: Player, first: Played
) -> None:
    waivers = waivers_for(first, TOMORROW)
    assert player.play("joined", "rollout", inventory=inventory_with(player, "joined", waivers)).code == 0
    node = "/api/v1/nodes/edge-4"
    noted = ",".join(sorted(f"{waiver['check']}={TOMORROW}" for waiver in waivers))
    assert player.lab.admin.get(node)["metadata"]["annotations"][NOTED] == noted
    assert NOTED not in player.lab.admin.get("/api/v1/nodes/edge-3")["metadata"]["annotations"]

    for name, day, expired in (("in-force", TOMORROW, False), ("passed", YESTERDAY, True)):
        annotations = {NOTED: noted.replace(str(TOMORROW), str(day))}
        player.lab.admin.patch(node, {"metadata": {"annotations": annotations}})
        played = player.play(name, "status")
        status = json.loads((played.reports / "status.json").read_text())
        jsonschema.validate(
            status, json.loads((REPOSITORY / "docs" / "reference" / "schemas" / "ClusterStatus.json").read_text())
        )
        found = {one["node"]: one["waivers"] for one in status["admitted"] if one["waivers"]}
        assert found == {
            "edge-4": [
                {"check": check_id, "until": str(day), "expired": expired}
                for check_id in sorted(waiver["check"] for waiver in waivers)
            ]
        }
        told = f"expired on {day}" if expired else f"until {day}"
        shown = [
            " ".join(line.split()) for line in played.results("Show where the cluster stands")[0]["msg"].splitlines()
        ]
        assert f"{waivers[0]['check']} {told} edge-4" in shown
        assert ("waiver" in status["reason"]) == expired

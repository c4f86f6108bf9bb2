# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as users run them: on seven SSH hosts, one of which cannot run Calico."""

from __future__ import annotations

import json
from collections.abc import Iterator

import jsonschema
import pytest
import yaml

from tests.lab.claims import claimed_lab
from tests.lab.places import REPOSITORY
from tests.lab.player import VARS, Played, Player
from tests.lab.topologies import DEMO

SCHEMAS = REPOSITORY / "docs" / "reference" / "schemas"
pytestmark = [pytest.mark.ansible, pytest.mark.oldest_core]

QUARANTINE = "rollout.calico-ops.dev/quarantine"
FIT = ["core-1", "core-2", "core-3", "edge-1", "edge-2", "edge-3"]


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with claimed_lab("-play") as lab:
        DEMO.bring_up(lab)
        try:
            yield Player(lab, tmp_path_factory.mktemp("playbooks"))
        finally:
            lab.down()


@pytest.fixture(scope="module")
def over_budget(player: Player) -> Played:
    tiers = yaml.safe_load(VARS.read_text())["rollout_tiers"]
    return player.play("over-budget", "rollout", rollout_tiers=[{**tier, "failure_budget": "0"} for tier in tiers])


@pytest.fixture(scope="module")
def silent_hosts(player: Player, over_budget: Played) -> Played:
    """A check of the whole rollout on which edge-3 cannot be reached and edge-2 has no Python."""
    inventory = yaml.safe_load(player.lab.inventory.read_text())
    hosts = inventory["all"]["hosts"]
    used = {host.address for host in player.lab.hosts}
    network = player.lab.hosts[0].address.rsplit(".", 1)[0]
    hosts["edge-3"]["ansible_host"] = next(f"{network}.{n}" for n in range(200, 250) if f"{network}.{n}" not in used)
    hosts["edge-2"]["ansible_python_interpreter"] = "/opt/nowhere/python3"
    file = player.directory / "silent.yml"
    file.write_text(yaml.safe_dump(inventory))
    tiers = yaml.safe_load(VARS.read_text())["rollout_tiers"]
    generous = [{**tier, "failure_budget": "3"} for tier in tiers]
    return player.play("silent", "rollout", "--check", inventory=file, rollout_tiers=generous)


@pytest.fixture(scope="module")
def check(player: Player, silent_hosts: Played) -> Played:
    return player.play("check", "rollout", "--check", "--diff")


@pytest.fixture(scope="module")
def real(player: Player, check: Played) -> Played:
    return player.play("real", "rollout", "--diff")


@pytest.fixture(scope="module")
def again(player: Player, real: Played) -> Played:
    return player.play("again", "rollout", "--diff")


def test_the_precheck_playbook_needs_no_cluster_and_its_exit_code_tells(player: Player) -> None:
    played = player.play("precheck", "precheck")
    assert played.code != 0
    assert played.writes == []
    report = json.loads((played.reports / "precheck.json").read_text())
    assert {host: entry["outcome"] for host, entry in report["hosts"].items()} == {
        **dict.fromkeys(FIT, "passed"),
        "edge-4": "failed",
    }


def test_the_precheck_playbook_keeps_its_report_for_people_and_for_ci(player: Player) -> None:
    played = player.play("precheck-never", "precheck", precheck_fail_on="never")
    assert played.code == 0
    kept = {path.suffix: path.read_text() for path in played.reports.glob("precheck.*")}
    assert set(kept) == {".json", ".html", ".md", ".xml"}
    assert kept[".html"].startswith("<!doctype html>")
    assert all("edge-4" in kept[ending] for ending in (".html", ".xml", ".json"))
    assert "edge\\-4" in kept[".md"] or "edge-4" in kept[".md"]


def test_the_precheck_playbook_ends_well_when_every_host_could_run_calico(player: Player) -> None:
    assert player.play("precheck-fit", "precheck", precheck_hosts="all:!edge-4").code == 0


def test_more_unfit_nodes_than_the_budget_stop_the_rollout_before_the_first_write(over_budget: Played) -> None:
    assert over_budget.code != 0
    assert over_budget.writes == []
    assert "edge-4" in over_budget.report["reason"]


def test_silent_hosts_do_not_end_the_play_and_are_left_out_with_their_reason(silent_hosts: Played) -> None:
    assert silent_hosts.code == 0
    assert [node for batch in silent_hosts.plan["batches"] for node in batch["nodes"]] == [
        "core-1",
        "core-2",
        "core-3",
        "edge-1",
    ]
    causes = {entry["host"]: entry["cause"] for entry in silent_hosts.plan["excluded"] if entry["host"]}
    assert causes == {"edge-2": "no_result", "edge-3": "unreachable", "edge-4": "precheck_failed"}


def test_check_mode_writes_nothing(check: Played, silent_hosts: Played) -> None:
    assert check.code == 0
    assert check.writes == []
    assert silent_hosts.writes == []
    assert list(check.reports.glob("*.json")) == []


def test_check_mode_shows_the_plan_and_the_writes_of_the_real_run(check: Played, real: Played) -> None:
    assert check.plan == real.plan
    assert check.actions == real.actions
    assert check.report["check_mode"]
    assert not real.report["check_mode"]


def test_check_mode_shows_the_diff_of_the_real_run(check: Played, real: Played) -> None:
    assert check.diffs == real.diffs
    assert sorted(check.diffs["nodes"]["after"]) == FIT


def test_every_fit_node_is_admitted_in_four_batches_core_first(real: Played) -> None:
    assert real.code == 0
    assert [(batch["name"], batch["nodes"]) for batch in real.plan["batches"]] == [
        ("core-1", FIT[0:2]),
        ("core-2", FIT[2:3]),
        ("edge-1", FIT[3:5]),
        ("edge-2", FIT[5:6]),
    ]
    assert [nodes for do, nodes in real.actions if do == "label_nodes"] == [FIT[0:2], FIT[2:3], FIT[3:5], FIT[5:6]]


def test_each_node_gets_one_write_and_the_installation_one(real: Played) -> None:
    assert sorted(event.name for event in real.writes if event.resource == "nodes") == FIT
    assert [event.verb for event in real.writes if event.resource == "installations"] == ["create"]
    assert {event.resource for event in real.writes} == {"nodes", "installations"}


def test_the_refused_host_stays_outside_with_cause_and_remedy(real: Played, player: Player) -> None:
    (outside,) = real.report["excluded"]
    assert (outside["node"], outside["cause"]) == ("edge-4", "precheck_failed")
    assert "netfilter" in outside["reason"]
    assert outside["remedy"]
    labels = player.lab.admin.get("/api/v1/nodes/edge-4")["metadata"]["labels"]
    assert not [key for key in labels if "calico-ops" in key]


def test_a_second_run_changes_nothing(again: Played) -> None:
    assert again.code == 0
    assert again.changed == 0
    assert again.writes == []


def test_every_document_of_the_run_fits_its_schema(real: Played) -> None:
    prechecks = [result["precheck"] for result in real.results("what calico-node will ask them")]
    documents = [real.plan, *prechecks]
    for step in real.steps:
        documents += [step["report"], step["readiness"]]
    documents += [json.loads((real.reports / name).read_text()) for name in ("plan.json", "report.json")]
    assert {document["kind"] for document in documents} == {"PrecheckResult", "Plan", "Report", "Readiness"}
    for document in documents:
        jsonschema.validate(document, json.loads((SCHEMAS / f"{document['kind']}.json").read_text()))


def test_the_report_is_kept_for_people_too(real: Played) -> None:
    text = (real.reports / "report.md").read_text()
    assert "edge\\-4" in text or "edge-4" in text
    assert "done" in text


def test_the_release_playbook_lets_out_whose_host_passes_and_no_other(player: Player, again: Played) -> None:
    taint = {"key": QUARANTINE, "value": "not_ready", "effect": "NoSchedule"}
    for name in ("edge-3", "edge-4"):
        labels = {QUARANTINE: "not_ready", "rollout.calico-ops.dev/admitted": None}
        player.lab.admin.patch(f"/api/v1/nodes/{name}", {"metadata": {"labels": labels}, "spec": {"taints": [taint]}})
    released = player.play("release", "release", precheck_hosts="edge-3:edge-4")
    assert released.code != 0
    assert [(event.verb, event.name) for event in released.writes] == [("patch", "edge-3")]
    (outcome,) = released.results("Release the nodes whose host passes its precheck")
    assert (outcome["released"], [entry["node"] for entry in outcome["kept"]]) == (["edge-3"], ["edge-4"])
    nodes = {name: player.lab.admin.get(f"/api/v1/nodes/{name}") for name in ("edge-3", "edge-4")}
    assert [QUARANTINE in node["metadata"]["labels"] for node in nodes.values()] == [False, True]
    assert [taint in node["spec"].get("taints", []) for node in nodes.values()] == [False, True]

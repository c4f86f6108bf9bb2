# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout over real kubelets: real packets prove each batch, and a node that is Ready ends it by name if it enforces nothing, or did
not for a moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from tests.lab.calico import Calico
from tests.lab.claims import claimed_lab
from tests.lab.eventually import eventually
from tests.lab.places import REPOSITORY
from tests.lab.player import Played, Player
from tests.lab.pods import faults
from tests.lab.pods.traffic import SERVE, run_pods
from tests.lab.topologies import POLICY

pytestmark = [
    pytest.mark.pods,
    pytest.mark.ansible,
    pytest.mark.stand_in("it has calico-node be what a real kubelet of the lab can run"),
]

VARS = yaml.safe_load((REPOSITORY / "molecule" / "policy" / "vars.yml").read_text())
NODES, OPEN, WORKLOAD = ("core-1", "core-2", "edge-1"), "edge-1", "web"
ADMITTED = "rollout.calico-ops.dev/admitted"
SELECTORS = ("calicoNodeDaemonSet", "csiNodeDriverDaemonSet", "controlPlaneNodeSelector")
WITNESSES = "app.kubernetes.io/managed-by=calico-ops-policy-witness"
NAMESPACE = "calico-ops-policy-probe"
MADE = (
    f"/api/v1/namespaces/{NAMESPACE}/pods",
    f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies",
)


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with claimed_lab("-rollout") as lab:
        POLICY.bring_up(lab)
        try:
            yield Player(lab, tmp_path_factory.mktemp("policy"))
        finally:
            lab.down()


@pytest.fixture(scope="module")
def check(player: Player) -> Played:
    return player.play("check", "rollout", "--check", **VARS)


@pytest.fixture(scope="module")
def stopped(player: Player, check: Played) -> Played:
    """On edge-1 nothing is judged, and somebody's workload runs there."""
    run_pods(player.lab.admin, {WORKLOAD: host(player, OPEN)}, {"app": WORKLOAD}, SERVE)
    return player.play("stopped", "rollout", **VARS)


@pytest.fixture(scope="module")
def open_node(player: Player, stopped: Played) -> Played:
    return player.play("verify-open", "verify", rollout_verify=VARS["rollout_verify"])


@pytest.fixture(scope="module")
def cured(player: Player, open_node: Played) -> Played:
    faults.track(host(player, OPEN))
    return player.play("cured", "rollout", **VARS)


@pytest.fixture(scope="module")
def proven(player: Player, cured: Played) -> Played:
    return player.play(
        "verify",
        "verify",
        rollout_verify=VARS["rollout_verify"],
        rollout_verify_nodes=[OPEN],
        rollout_verify_hosts="all",
        # As the lab's CNI plugin calls them.
        rollout_verify_interface_prefixes=["veth"],
    )


@pytest.fixture(scope="module")
def adopted(player: Player, proven: Played) -> Played:
    """Somebody has taken selector and labels away, so calico-node runs everywhere again. While that is adopted, core-2 is open for a
    moment."""
    calico, selectors = Calico(player.lab), dict.fromkeys(SELECTORS)
    calico.patch(selectors)
    calico.label(list(NODES), {ADMITTED: None})
    eventually(lambda: ADMITTED not in calico.pod_template()["nodeSelector"] and rolled_out(calico), 180)
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(player.play, "adopted", "rollout", **VARS)
        eventually(lambda: witnesses(player) == {"begun"} or playing.done(), 120)
        faults.open_for(host(player, "core-2"), 0.3)
        return playing.result()


def rolled_out(calico: Calico) -> bool:
    daemonset = calico.daemonset()
    status, newest = daemonset["status"], daemonset["metadata"]["generation"]
    through = status.get("updatedNumberScheduled") == status.get("numberAvailable") == len(NODES)
    return bool(through and status.get("observedGeneration") == newest)


def witnesses(player: Player) -> set[str]:
    """What their clients do; empty before there are two for each node."""
    pods = player.lab.admin.list(MADE[0], labelSelector=WITNESSES)
    states = [one for pod in pods for one in pod["status"].get("containerStatuses") or () if one["name"] == "client"]
    return {"begun" if one.get("started") else "not yet" for one in states} if len(states) == 2 * len(NODES) else set()


def host(player: Player, name: str) -> Any:
    return next(one for one in player.lab.hosts if one.name == name)


def proofs(played: Played) -> list[dict[str, Any]]:
    return [action for step in played.steps for action in step["actions"] if action["do"] == "verify_policy"]


def test_check_mode_tells_what_would_be_proven_and_makes_no_pod(check: Played) -> None:
    assert (check.code, check.writes) == (0, [])
    started = [nodes for do, nodes in check.actions if do == "start_witnesses"]
    assert started == [["core-1", "core-2"], [OPEN]]
    assert [(proof["batch"], proof["nodes"]) for proof in proofs(check)] == [
        ("core-1", ["core-1", "core-2"]),
        ("edge-1", [OPEN]),
    ]


def test_packets_prove_a_batch_before_the_next_one_is_admitted(stopped: Played) -> None:
    core, edge = ["core-1", "core-2"], [OPEN]
    assert [action for action in stopped.actions if action[0] != "scope_installation"] == [
        (do, nodes)
        for nodes in (core, edge)
        for do in ("start_witnesses", "label_nodes", "finish_witnesses", "verify_policy")
    ]
    assert set(proofs(stopped)[0]["verdicts"].values()) == {"enforced"}
    assert 0 <= proofs(stopped)[0]["settled"]["longest"] <= 5000
    batch = stopped.report["batches"][0]
    assert batch["policy"]["nodes"] == 2


def test_each_node_is_witnessed_from_before_its_label_and_the_report_has_its_longest_gap(stopped: Played) -> None:
    core, edge = (batch["witness"] for batch in stopped.report["batches"])
    assert (set(core["gaps_ms"]), core["reasons"]) == ({"core-1", "core-2"}, {})
    assert (set(edge["gaps_ms"]), edge["reasons"]) == ({OPEN}, {})
    # Where nothing is ever dropped there is no moment without policy: that is for the proof to see.
    assert core["denied_through"] == edge["denied_through"] == {}


def test_a_node_that_is_ready_and_enforces_nothing_ends_the_rollout_by_name(player: Player, stopped: Played) -> None:
    report = stopped.report
    assert stopped.code != 0
    assert report["outcome"] == "stopped"
    assert f"{OPEN} (open: " in report["reason"]
    assert report["not_ready"] == [], "calico-node is Ready everywhere"
    assert [(entry["node"], entry["verdict"]) for entry in report["policy"]["unproven"]["nodes"]] == [(OPEN, "open")]
    rows = report["policy"]["unproven"]["rows"]
    assert rows
    assert {row["node"] for row in rows} == {OPEN}
    assert any(fate["seen"] == "answered" and fate["expected"] == "dropped" for row in rows for fate in row["fates"])


def test_its_workloads_are_named(stopped: Played) -> None:
    assert f"1 on {OPEN} (default/{WORKLOAD})" in stopped.report["reason"]
    assert [gap["node"] for gap in stopped.report["policy"]["policy_gaps"]] == [OPEN]


def test_the_pages_of_the_rollout_tell_it(stopped: Played) -> None:
    page = (stopped.reports / "report.md").read_text()
    assert "## Network policy is not proven" in page
    assert "## Workloads on nodes that do not enforce network policy" in page
    assert json.loads((stopped.reports / "report.json").read_text()) == stopped.report


def test_an_adoption_is_witnessed_over_its_restart(adopted: Played) -> None:
    (batch,) = adopted.report["batches"]
    assert [do for do, _nodes in adopted.actions] == [
        *("start_witnesses", "label_nodes", "scope_installation", "finish_witnesses")
    ]
    assert (set(batch["witness"]["gaps_ms"]), batch["witness"]["reasons"]) == (set(NODES), {})
    # The engine of the lab judges each first packet itself: until it is back, none comes through.
    assert min(batch["witness"]["gaps_ms"].values()) > 0


def test_a_moment_without_policy_in_the_middle_of_it_ends_the_rollout_by_name(adopted: Played) -> None:
    report = adopted.report
    assert (adopted.code != 0, report["outcome"]) == (True, "stopped")
    # The engine of the lab judges a connection where it arrives: also one from core-1, whose witness has its other end on core-2.
    directions = {each["node"]: each["open_directions"] for each in report["batches"][0]["witness"]["in_full"]}
    assert directions == {"core-1": ["egress"], "core-2": ["ingress"], OPEN: []}
    assert "before the soak was over: batch adoption, core-1 (" in report["reason"]
    assert " connections, ingress, the first at " in report["reason"]
    assert "## Witnesses of batch adoption" in (adopted.reports / "report.md").read_text()


def test_no_run_leaves_a_pod_or_a_policy_of_its_probes(player: Player, adopted: Played) -> None:
    """The namespace stays where somebody else has made it, as docs/reference/rbac.yaml does."""
    assert eventually(lambda: [player.lab.admin.list(path) for path in MADE] == [[], []])


def test_the_playbook_verify_names_the_open_node_and_fails(open_node: Played) -> None:
    assert open_node.code != 0
    report = json.loads((open_node.reports / "policy.json").read_text())
    assert report["outcome"] == "failed"
    assert [entry["node"] for entry in report["nodes"] if entry["verdict"] == "open"] == [OPEN]


def test_once_it_is_cured_the_same_command_goes_on_and_proves_it(cured: Played) -> None:
    assert (cured.code, cured.report["outcome"]) == (0, "done")
    assert [(proof["nodes"], proof["outcome"]) for proof in proofs(cured)] == [([OPEN], "proven")]


def test_the_playbook_verify_keeps_what_it_proved_for_people_and_for_ci(proven: Played) -> None:
    assert proven.code == 0
    kept = {path.suffix: path.read_text() for path in proven.reports.glob("policy.*")}
    assert set(kept) == {".json", ".html", ".md", ".xml"}
    assert json.loads(kept[".json"])["outcome"] == "proven"
    assert all(OPEN in kept[ending] for ending in (".html", ".xml"))


def test_the_playbook_verify_shows_what_the_host_of_a_proven_node_says_of_its_rules(proven: Played) -> None:
    """In the lab another engine enforces policy, so that Calico's chains are nowhere."""
    report = json.loads((proven.reports / "policy.json").read_text())
    assert [(one["node"], one["host"], one["verdict"]) for one in report["host_rules"]] == [(OPEN, OPEN, "missing")]
    assert "another engine" in report["host_rules"][0]["disagreement"]
    assert "no table has chains of Calico's" in (proven.reports / "policy.md").read_text()
    assert {host for name, host, _result in proven.tasks if name.endswith("of each workload interface")} == {
        *(one.name for one in POLICY.hosts)
    }

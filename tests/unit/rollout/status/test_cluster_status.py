# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    Admission,
    ClusterStatus,
    PolicyGap,
    UnenforcedWorkload,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages import status_pages
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.status.admission_record import Admitted
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.status.cluster_status import cluster_status
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.markdown import escaped

from tests.schemas import schema
from tests.unit.rollout.builders import LABEL, SELECTOR, bare, daemonset, facts, node_seen, overlay, pod, rolled_out

NAMES = ["core-1", "core-2", "edge-1", "edge-2"]
ADMITTED = NAMES[:3]
NOW = 1767229200.0  # 2026-01-01T01:00:00Z, an hour after the builders' pods changed last
QUARANTINE = {"key": "rollout.calico-ops.dev/quarantine", "value": "precheck-failed", "effect": "NoSchedule"}
GAP = PolicyGap(
    node="edge-2",
    cause="calico_not_ready",
    reason="no calico-node is Ready on it",
    pods=4,
    examples=["a/1", "a/2", "a/3"],
    selected=2,
    policies=6,
    unenforced=[
        UnenforcedWorkload(workload="a/2", policies=["allow-dns", "deny"], count=2),
        UnenforcedWorkload(workload="b/9", policies=["p1", "p2", "p3", "p4", "p5"], count=6),
    ],
    since="2026-01-01T00:00:00Z",
    admitted=False,
)
DEGRADED = {
    "name": "apiserver",
    "available": False,
    "progressing": False,
    "degraded": True,
    "reason": "PodFailure",
    "message": "crash loop\x1b[31m <b>",
    "since": "2026-01-01T00:59:00Z",
    "conditions": {},
}


def seen(**changes: Any) -> Any:
    observation = rolled_out(NAMES, ADMITTED)
    for name in ADMITTED:
        observation["nodes"][name]["annotations"] = {
            "rollout.calico-ops.dev/batch": "core-1" if name.startswith("core") else "edge-1",
            "rollout.calico-ops.dev/plan": "abc",
            "rollout.calico-ops.dev/precheck": "d" * 64,
        }
    observation.update(changes)  # type: ignore[typeddict-item]
    return observation


def node_list(**fields: Any) -> list[Any]:
    """The facts that go with `seen`; the fields are edge-2's."""
    inside = [facts(name, SELECTOR, calico_ready=True) for name in ADMITTED]
    return [*inside, facts("edge-2", **fields)]


def status(
    observation: Any = None, nodes: Any = None, gaps: list[PolicyGap] | None = None, operator: Sequence[Any] = ()
) -> ClusterStatus:
    made = cluster_status(nodes or node_list(), observation or seen(), operator, gaps, LABEL, NOW)
    jsonschema.validate(json.loads(json.dumps(made)), schema(documents.ClusterStatus))
    return made


def unready() -> Any:
    pods = [pod("core-1"), pod("core-2", ready=False, reason="felix is not live"), pod("edge-1")]
    return seen(pods=pods)


def test_all_is_well_when_every_admitted_node_passes_the_gate() -> None:
    found = status()
    assert (found["ready"], found["reason"]) == (True, "All 3 admitted nodes are ready.")
    assert found["admitted"][0] == Admission(
        node="core-1", batch="core-1", plan="abc", precheck="d" * 64, waivers=[], stale=[]
    )


def waived(text: str) -> Any:
    observation = seen()
    observation["nodes"]["core-2"]["annotations"]["rollout.calico-ops.dev/waived"] = text
    return status(observation)


def test_nodes_that_a_waiver_let_in_are_told_with_the_check_and_its_last_day() -> None:
    found = waived("bgp_port_free=2026-01-01,ipset_functional=2026-02-28")
    assert [one["waivers"] for one in found["admitted"] if one["node"] != "core-2"] == [[], []]
    assert found["admitted"][1]["waivers"] == [
        {"check": "bgp_port_free", "until": "2026-01-01", "expired": False},
        {"check": "ipset_functional", "until": "2026-02-28", "expired": False},
    ]
    lines = [" ".join(line.split()) for line in status_pages.terminal(found).splitlines()]
    assert "ipset_functional until 2026-02-28 core-2" in lines
    assert "## Admitted by a waiver" in status_pages.markdown(found)
    assert found["reason"] == "All 3 admitted nodes are ready."


def test_a_waiver_whose_last_day_has_passed_is_told_to_have_expired() -> None:
    found = waived("ipset_functional=2025-12-31")
    assert found["admitted"][1]["waivers"][0]["expired"]
    assert "ipset_functional expired on 2025-12-31 core-2" in " ".join(status_pages.terminal(found).split())
    assert found["reason"].endswith(" The waiver that it was admitted by has expired on core-2.")


def test_where_nobody_was_let_in_by_a_waiver_nothing_is_told_of_it() -> None:
    assert "waive" not in status_pages.terminal(status()) + status_pages.markdown(status())


def test_an_annotation_that_somebody_else_wrote_is_left_aside() -> None:
    assert waived("<b>,=,ipset_functional=soon,x=2026-01-01")["admitted"][1]["waivers"] == [
        {"check": "x", "until": "2026-01-01", "expired": False}
    ]


def test_an_admitted_node_that_is_not_ready_is_named() -> None:
    found = status(unready())
    assert (found["ready"], found["reason"]) == (False, "2 of 3 admitted nodes ready, not ready: core-2.")


def test_no_admitted_node_is_never_well() -> None:
    found = status(bare(NAMES), [facts(name) for name in NAMES])
    assert (found["ready"], found["reason"]) == (False, "No node is admitted.")
    assert found["scope"]["state"] == "absent"


def test_a_daemonset_that_is_wanted_elsewhere_is_not_well_though_every_node_is_ready() -> None:
    found = status(seen(daemonset=daemonset(4)))
    assert not found["ready"]
    assert "DaemonSet calico-system/calico-node is to run on 4 nodes" in found["reason"]


def test_a_label_that_somebody_else_set_admits_a_node_of_no_batch() -> None:
    observation = rolled_out(NAMES, ADMITTED)
    first = status(observation)["admitted"][0]
    assert (first["node"], first["batch"], first["plan"], first["precheck"]) == ("core-1", None, None, None)


def test_a_node_outside_is_listed_with_why() -> None:
    (entry,) = status()["outside"]
    assert (entry["node"], entry["cause"]) == ("edge-2", "not_admitted")
    assert entry["reason"] == "it does not carry rollout.calico-ops.dev/admitted=true"


def test_a_node_that_runs_calico_without_the_label_is_told_to_lose_it() -> None:
    (entry,) = status(nodes=node_list(calico_ready=True))["outside"]
    assert entry["calico_ready"]
    assert "calico-node is Ready on it: once the selector is in force it loses it" in entry["reason"]


def test_a_taint_of_ours_is_a_quarantine_and_another_one_is_not() -> None:
    foreign = {"key": "example.com/gpu", "effect": "NoSchedule"}
    mild = {"key": "example.com/slow", "effect": "PreferNoSchedule"}
    for taints, cause in (([foreign, mild], "not_admitted"), ([foreign, QUARANTINE], "quarantined")):
        (entry,) = status(nodes=node_list(object={"spec": {"taints": taints}}, unschedulable=True))["outside"]
        assert entry["cause"] == cause
        assert entry["unschedulable"]
    assert entry["reason"] == "closed to workloads by rollout.calico-ops.dev/quarantine=precheck-failed:NoSchedule"
    assert entry["taints"] == [
        "example.com/gpu:NoSchedule",
        "rollout.calico-ops.dev/quarantine=precheck-failed:NoSchedule",
    ]


def test_a_node_in_quarantine_is_told_with_its_reason_and_what_calico_node_left_on_it() -> None:
    observation = seen()
    observation["nodes"]["edge-2"].update(
        network_unavailable=True, network_reason="CalicoIsDown", network_since="2026-01-01T00:10:00Z"
    )
    (entry,) = status(observation, node_list(quarantined="not_ready: felix is not live"))["outside"]
    left = (
        "; calico-node left NetworkUnavailable=True (CalicoIsDown) on the Node since 2026-01-01T00:10:00Z, so Kubernetes keeps new pods "
        "off it (taint node.kubernetes.io/network-unavailable) until calico-node runs there again"
    )
    assert (entry["cause"], entry["reason"]) == ("quarantined", f"not_ready: felix is not live{left}")
    (entry,) = status(observation)["outside"]
    assert entry["cause"] == "not_admitted"
    assert entry["reason"].endswith(left)


def test_a_node_that_cannot_run_calico_by_its_kind_is_outside_for_that() -> None:
    windows = facts("win-1", {"kubernetes.io/os": "windows"}, os="windows")
    observation = seen()
    observation["nodes"]["win-1"] = node_seen(labels={"kubernetes.io/os": "windows"})
    entry = status(observation, [*node_list(), windows])["outside"][-1]
    assert (entry["node"], entry["cause"]) == ("win-1", "unsupported")


def test_the_scope_says_how_far_the_selectors_are() -> None:
    pending = seen(daemonset=daemonset(3, selector={}))
    unscoped = seen()
    unscoped["installation"]["csi_node_driver_selector"] = {}
    states = [status(observation)["scope"]["state"] for observation in (seen(), pending, unscoped)]
    assert states == ["in_force", "pending", "unscoped"]


def test_policy_gaps_are_told_and_do_not_make_calico_unready() -> None:
    found = status(gaps=[GAP])
    assert found["ready"]
    assert found["reason"].endswith(
        "Workloads run without network policy on 1 node: edge-2. NetworkPolicies select 2 of these workloads."
    )


def test_a_gap_that_a_probe_shows_is_told_with_its_verdict() -> None:
    probed = PolicyGap(**{**GAP, "node": "core-1", "cause": "open", "reason": "a probe found it open", "selected": 0})
    found = status(gaps=[probed])
    assert found["reason"].endswith(
        "Workloads run on 1 node on which a probe did not find network policy in force: core-1 (open)."
    )
    assert "a probe found it open" in " ".join(status_pages.terminal(found).split())


def test_workloads_under_a_policy_are_told_apart_with_the_policies_that_are_not_in_force() -> None:
    page = status_pages.terminal(status(gaps=[GAP]))
    lines = [" ".join(line.split()) for line in page.splitlines()]
    assert "NetworkPolicies not in force:" in lines
    assert "edge-2 a/2 allow-dns, deny" in lines
    assert "edge-2 b/9 p1, p2, p3, p4, p5, ..." in lines
    assert "| edge-2 | a/2 | allow-dns, deny |" in status_pages.markdown(status(gaps=[GAP]))
    nobody = PolicyGap(**{**GAP, "selected": 0, "policies": 0, "unenforced": []})
    assert "not in force" not in status_pages.terminal(status(gaps=[nobody]))


def test_of_many_workloads_under_a_policy_the_first_are_shown_and_all_counted() -> None:
    many = [PolicyGap(**{**GAP, "node": f"edge-{number}"}) for number in range(100)]
    page = status_pages.terminal(status(gaps=many))
    assert page.count(" a/2 ") + page.count(" b/9 ") == 60
    assert "60 of 200 workloads are shown." in page


def test_where_the_policies_were_not_read_the_page_says_why() -> None:
    unread = PolicyGap(**{**GAP, "selected": None, "policies": None, "unenforced": []})
    why = "the account may not read them, which takes list networkpolicies.networking.k8s.io"
    made = cluster_status(node_list(), seen(), (), [unread], LABEL, NOW, policies_not_read=why)
    page = " ".join(status_pages.terminal(made).split())
    assert f"which of them a NetworkPolicy selects is not known, {why}." in page
    assert "edge-2 4 unknown 1 h" in page


def test_the_page_for_a_terminal_tells_all_of_it_and_ends_with_the_verdict() -> None:
    text = status_pages.terminal(status(unready(), gaps=[GAP], operator=[DEGRADED]))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "core-1 abc 1/2 core-1, core-2" in lines
    assert "core-2 not ready 1 h felix is not live" in lines
    assert "edge-2 4 2 1 h a/1, a/2, a/3, ... no calico-node is Ready on it" in lines
    assert "edge-2 not admitted open to workloads it does not carry rollout.calico-ops.dev/admitted=true" in lines
    assert "apiserver degraded 1 min PodFailure: crash loop?[31m <b>" in lines
    assert any(line.startswith("calico-node rollout.calico-ops.dev/admitted=true") for line in lines)
    assert lines[-3] == "Result: 2 of 3 admitted nodes ready, not ready: core-2. Workloads run"
    assert "\x1b" not in text


def test_the_page_says_what_was_not_looked_for() -> None:
    assert "Workloads on nodes without Calico were not looked for." in status_pages.terminal(status())
    assert "No workload runs on a node without a ready calico-node." in status_pages.terminal(status(gaps=[]))


def test_an_empty_cluster_is_told_without_tables() -> None:
    text = status_pages.terminal(status(bare([]), [facts("edge-1")]))
    assert "No node is admitted." in text
    assert "There is no TigeraStatus." in text


def test_markdown_says_the_same_and_what_the_cluster_said_is_no_markup() -> None:
    text = status_pages.markdown(status(unready(), gaps=[GAP], operator=[DEGRADED]))
    assert "<b>" not in text
    assert "| core-2 | not ready | 1 h | felix is not live |" in text
    assert text.startswith("# Calico on this cluster\n\n**not ready**: 2 of 3 admitted nodes ready")
    assert "\x1b" not in text


def test_which_cluster_it_is_stands_at_the_top() -> None:
    name = documents.ClusterName(context="prod", name="eks|prod", server="https://10.0.0.1:6443", uid="u-1")
    made = cluster_status(node_list(), seen(), (), None, LABEL, NOW, name)
    jsonschema.validate(json.loads(json.dumps(made)), schema(documents.ClusterStatus))
    assert status_pages.terminal(made).splitlines()[1] == "On context prod, cluster eks|prod, https://10.0.0.1:6443"
    assert "\nOn context prod, cluster eks\\|prod, https&#58;//10.0.0.1:6443\n" in status_pages.markdown(made)
    assert "On " not in status_pages.terminal(status())


def test_a_large_cluster_is_told_in_lines_that_can_be_read() -> None:
    names = [f"edge-{number}" for number in range(1000)]
    made = cluster_status(
        [facts(name, SELECTOR, calico_ready=True) for name in names], rolled_out(names, names), (), [], LABEL, NOW
    )
    assert max(map(len, status_pages.terminal(made).splitlines())) < 400


def test_an_overlay_that_undoes_the_selectors_is_told_before_the_gate_sees_it() -> None:
    """Within the first second every calico-node is still Ready."""
    found = status(seen(overlay=overlay({"example.org/other": "true"})))
    assert not found["ready"]
    assert found["reason"].startswith(
        "The Installation named overlay (created 2026-01-01T00:30:00Z) takes the place of"
    )
    assert "from 3 admitted nodes (core-1, core-2, edge-1)" in found["reason"]
    assert found["scope"]["state"] == "overlaid"
    assert "kubectl delete installations.operator.tigera.io overlay" in found["scope"]["reason"]
    assert "Installation: overlaid: the Installation named overlay" in " ".join(status_pages.terminal(found).split())


def test_an_overlay_that_leaves_the_selectors_is_told_and_no_fault() -> None:
    found = status(seen(overlay=overlay()))
    assert (found["ready"], found["scope"]["state"]) == (True, "in_force")
    assert "its fields do not touch where Calico runs" in found["scope"]["reason"]


RECORD = {"edge-2": Admitted("aaaaaaaa", "edge-1", "0123456789ab")}


def renewed(uid: str = "cccccccc-1", created: str = "2026-01-01T00:40:00Z", **installation_fields: Any) -> Any:
    observation = seen()
    observation["nodes"]["edge-2"].update({"uid": uid, "created": created})
    observation["installation"].update(installation_fields)
    return observation


def told_with(observation: Any, record: Any = None, not_recorded: str = "") -> Any:
    made = cluster_status(node_list(), observation, (), None, LABEL, NOW, record=record, not_recorded=not_recorded)
    jsonschema.validate(json.loads(json.dumps(made)), schema(documents.ClusterStatus))
    return made


def test_a_node_that_was_registered_anew_is_a_fault_told_with_its_batch_and_plan() -> None:
    found = told_with(renewed(), RECORD)
    assert not found["ready"]
    assert (
        "edge-2 registered anew at 2026-01-01T00:40:00Z; it was admitted in batch edge-1 of plan 0123456789ab"
        in found["reason"]
    )
    assert found["outside"][0]["cause"] == "registered_anew"
    assert "run the rollout again to admit it" in found["outside"][0]["reason"]
    assert "registered anew" in status_pages.terminal(found)


def test_of_thousands_of_nodes_outside_the_reason_names_a_few() -> None:
    names = [f"n-{number}" for number in range(5000)]
    observation = bare(names)
    for name in names:
        observation["nodes"][name]["uid"] = "cccccccc-1"
    record = {name: Admitted("aaaaaaaa", "b", "p") for name in names}
    found = cluster_status([facts(name) for name in names], observation, (), None, LABEL, NOW, record=record)
    assert {node["cause"] for node in found["outside"]} == {"registered_anew"}
    assert "and lost its label" in found["reason"]
    assert found["reason"].endswith("So did 4995 more nodes.")


def test_a_node_that_joined_after_the_selector_is_told_and_no_fault_without_a_record() -> None:
    found = told_with(renewed(selector_since="2026-01-01T00:10:00Z"), None, "no rollout has kept one yet")
    assert found["ready"]
    assert (
        "it joined, or was registered anew, at 2026-01-01T00:40:00Z, after the selector was set (2026-01-01T00:10:00Z)"
        in found["outside"][0]["reason"]
    )
    page = " ".join(status_pages.terminal(found).split())
    assert "whether one was registered anew is not known, no rollout has kept one yet" in page


def test_a_node_that_was_there_before_the_selector_is_not_said_to_have_joined() -> None:
    found = told_with(renewed(selector_since="2026-01-01T00:50:00Z"), {})
    assert "joined" not in found["outside"][0]["reason"]


def test_a_label_that_somebody_took_off_is_told_and_no_fault() -> None:
    found = told_with(renewed(uid="aaaaaaaa-1"), RECORD)
    assert found["ready"]
    assert (
        "it was admitted in batch edge-1 of plan 0123456789ab, and the label was taken off since"
        in found["outside"][0]["reason"]
    )


def test_a_node_that_is_closed_by_a_quarantine_is_not_said_to_be_lost() -> None:
    made = cluster_status(
        node_list(object={"metadata": {"name": "edge-2"}, "spec": {"taints": [QUARANTINE]}, "status": {}}),
        renewed(),
        (),
        None,
        LABEL,
        NOW,
        record=RECORD,
    )
    assert (made["ready"], made["outside"][0]["cause"]) == (True, "quarantined")


HELD: Any = {
    "lease": "kube-system/calico-ops-rollout",
    "holder": "alice@ci-7_42_a1|b2",
    "since": "2026-01-01T00:10:00Z",
    "renewed": "2026-01-01T00:59:50Z",
    "gone": False,
}


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        (
            HELD,
            "A rollout is under way: alice@ci-7_42_a1|b2 holds the lock kube-system/calico-ops-rollout since 2026-01-01T00:10:00Z",
        ),
        ({**HELD, "gone": True}, "its processes have ended. The next run from here takes it at once."),
        (
            {**HELD, "holder": None, "since": None, "renewed": None},
            "No rollout is under way: nobody holds the lock kube-system/calico-ops-rollout.",
        ),
        (None, "Whether a rollout is under way was not read: the account may not read it."),
    ],
)
def test_the_status_tells_which_rollout_is_under_way_and_judges_nothing_by_it(lock: Any, told: str) -> None:
    why = "the account may not read it"
    made = cluster_status(node_list(), seen(), (), None, LABEL, NOW, lock=lock, lock_not_read=why)
    jsonschema.validate(json.loads(json.dumps(made)), schema(documents.ClusterStatus))
    assert (made["ready"], made["lock"], made["lock_not_read"]) == (True, lock, why if lock is None else None)
    assert told in " ".join(status_pages.terminal(made).split())
    assert "\n## Lock\n" in status_pages.markdown(made)
    assert escaped(told) in status_pages.markdown(made)

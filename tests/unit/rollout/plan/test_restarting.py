# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between two Ready calico-nodes, or stuck: what pods, nodes and the cluster's clock tell, and what a rollout makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.observation.snapshot import (
    node_seen as seen_of_node,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.observation.snapshot import (
    pod_seen as seen_of_pod,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import (
    markdown,
    terminal,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.restarting import (
    LEAST_PATIENCE,
    patience_of,
    troubles,
    unlabelled_troubles,
    without_pod,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.instant import rfc3339

from tests.unit.cluster.foreseen import after
from tests.unit.rollout.builders import (
    LABEL,
    READ_AT,
    SELECTOR,
    daemonset,
    installation,
    node_seen,
    plan,
    pod,
    rolled_out,
    tier,
    unscoped,
)

RUNNING = ["core-1", "core-2"]
ALL = [*RUNNING, "edge-1"]
NOW = 1000.0
TIMEOUT = 600


def ago(seconds: float) -> str:
    return rfc3339(READ_AT - seconds)


def cluster(*pods: Any, node: Any = None, **fields: Any) -> Any:
    """calico-node is Ready on core-1 and core-2 since 5 s after its start; these pods are on edge-1."""
    seen = unscoped(ALL, RUNNING)
    seen["nodes"]["edge-1"] = node or node_seen(ready=True)
    seen["pods"] += pods
    seen["daemonset"] = daemonset(3, {})
    return {**seen, **fields}


def kinds(seen: Any, missing: Any = None, least: float = LEAST_PATIENCE) -> dict[str, str]:
    return {name: each.kind for name, each in troubles(seen, least, TIMEOUT, missing or {}).items()}


# --- what a pod tells ---------------------------------------------------------------------------------------------------


def unready(seconds: float, **fields: Any) -> Any:
    """A pod that lost Ready so long ago, and started long before."""
    return pod("edge-1", ready=False, since=ago(seconds), reason="felix is not live", **fields)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ([unready(59)], "restarting"),
        ([unready(61)], "stuck"),
        ([pod("edge-1", ready=False, created=ago(3), since=ago(3), phase="Pending")], "restarting"),
        ([pod("edge-1", ready=False, created=ago(90), since=ago(90))], "stuck"),
        # Ready for days, and asked to go a moment ago: the instant of its Ready condition is that of the days before.
        ([pod("edge-1", since=ago(86400), deleting=True, deleting_since=ago(2))], "restarting"),
        ([pod("edge-1", since=ago(86400), deleting=True, deleting_since=ago(90))], "stuck"),
        # The old one does not go, the new one is young: the new one counts.
        (
            [
                pod("edge-1", name="b-old", deleting=True, deleting_since=ago(300)),
                pod("edge-1", name="a-new", ready=False, created=ago(5), since=ago(5)),
            ],
            "restarting",
        ),
        # It made its images for minutes: that is slow, and no fault.
        ([pod("edge-1", ready=False, created=ago(300), since=ago(300), phase="Pending", starting=True)], "restarting"),
        ([pod("edge-1", ready=False, created=ago(601), since=ago(601), phase="Pending", starting=True)], "stuck"),
    ],
)
def test_the_age_of_the_trouble_tells_a_restart_from_a_stuck_node(told: list[Any], kind: str) -> None:
    assert kinds(cluster(*told)) == {"edge-1": kind}


@pytest.mark.parametrize(("seconds", "patience"), [(5, 60), (20, 60), (21, 63), (100, 300)])
def test_a_restart_may_take_three_times_as_long_as_calico_node_takes_here(seconds: int, patience: int) -> None:
    seen = cluster(unready(patience - 1))
    for each in seen["pods"][:2]:
        each["created"], each["since"] = ago(4000 + seconds), ago(4000)
    assert patience_of(seen, LEAST_PATIENCE) == patience
    assert kinds(seen) == {"edge-1": "restarting"}
    seen["pods"][-1]["since"] = ago(patience + 1)
    assert kinds(seen) == {"edge-1": "stuck"}


def test_the_user_may_grant_more() -> None:
    assert kinds(cluster(unready(200)), least=300) == {"edge-1": "restarting"}


def test_a_node_whose_kubelet_came_back_a_moment_ago_restarts_though_its_pod_is_unready_for_minutes() -> None:
    """The kubelet keeps the instant at which the node controller took Ready from the pod."""
    back = node_seen(ready=True)
    back["ready_since"] = ago(8)
    assert kinds(cluster(unready(400), node=back)) == {"edge-1": "restarting"}
    back["ready_since"] = ago(90)
    assert kinds(cluster(unready(400), node=back)) == {"edge-1": "stuck"}


@pytest.mark.parametrize(("ready_then", "kind"), [(True, "silent"), (False, "stuck")])
def test_a_silent_kubelets_last_word_counts_however_old_it_is(ready_then: bool, kind: str) -> None:
    silent = node_seen(ready=False)
    silent.update(
        {"kubelet_silent": True, "ready_since": ago(7200), "not_ready_reason": "the kubelet has not reported"}
    )
    trouble = troubles(cluster(unready(7200, last_ready=ready_then), node=silent), 60, TIMEOUT, {})["edge-1"]
    assert trouble.kind == kind
    assert kind == "stuck" or trouble.since == ago(7200)
    # In the middle of a rolling update its pod is asked to go, and does not: nobody is there to end it.
    going = unready(7200, last_ready=ready_then, deleting=True, deleting_since=ago(7000))
    assert kinds(cluster(going, node=silent)) == {"edge-1": kind}


def test_a_node_without_the_pod_that_the_daemonset_wants_there_is_between_two_for_as_long_as_one_looks() -> None:
    seen = cluster()
    assert without_pod(seen) == ["edge-1"]
    assert kinds(seen) == {"edge-1": "restarting"}
    assert kinds(seen, {"edge-1": 59.0}) == {"edge-1": "restarting"}
    assert kinds(seen, {"edge-1": 60.0}) == {"edge-1": "stuck"}


@pytest.mark.parametrize(
    "fields",
    [
        {"node_selector": {"kubernetes.io/os": "linux", "zone": "a"}},
        {"tolerations": []},
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]
                    }
                }
            }
        },
    ],
)
def test_where_the_daemonset_wants_none_nothing_is_missing(fields: Any) -> None:
    seen = cluster()
    seen["nodes"]["edge-1"]["taints"] = [{"key": "museum", "value": "", "effect": "NoSchedule"}]
    assert without_pod(seen) == ["edge-1"]
    seen["daemonset"] = daemonset(2, {}, **fields)
    assert without_pod(seen) == []
    assert kinds(seen) == {}


def test_a_node_with_a_ready_pod_is_in_no_trouble_whatever_else_is_there() -> None:
    assert kinds(cluster(pod("edge-1", name="old"), pod("edge-1", name="new", ready=False, created=ago(1)))) == {}


def test_nodes_with_the_label_and_a_selector_in_force_are_none_of_it() -> None:
    seen = cluster(unready(5))
    assert list(unlabelled_troubles(seen, LABEL, 60, TIMEOUT)) == ["edge-1"]
    seen["nodes"]["edge-1"]["labels"].update(SELECTOR)
    assert unlabelled_troubles(seen, LABEL, 60, TIMEOUT) == {}
    assert unlabelled_troubles(cluster(unready(5), installation=installation()), LABEL, 60, TIMEOUT) == {}


# --- recorded objects ---------------------------------------------------------------------------------------------------

MADE, INSTANT = "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z"


def raw_pod(phase: str, ready: str | None, *statuses: Any, init: Any = (), **metadata: Any) -> Any:
    conditions = [{"type": "PodScheduled", "status": "True"}]
    if ready:
        conditions.append({"type": "Ready", "status": ready, "lastTransitionTime": INSTANT})
    return {
        "metadata": {"name": "calico-node-x", "creationTimestamp": MADE, "labels": {}, **metadata},
        "spec": {"nodeName": "n"},
        "status": {
            "phase": phase,
            "conditions": conditions,
            "containerStatuses": list(statuses),
            "initContainerStatuses": list(init),
        },
    }


def container(state: Any, ready: bool = False, restarts: int = 0, name: str = "calico-node") -> Any:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state, "image": "x"}


RUNS = {"running": {"startedAt": MADE}}
PULLS = {"waiting": {"reason": "PodInitializing"}}
ENDED = {"terminated": {"reason": "Completed", "exitCode": 0}}


@pytest.mark.parametrize(
    ("raw", "starting", "last_ready"),
    [
        (raw_pod("Pending", None), True, False),
        (raw_pod("Pending", "False", container({"waiting": {"reason": "ContainerCreating"}})), True, False),
        (raw_pod("Pending", "False", container(PULLS), init=[container(ENDED, name="install-cni")]), True, False),
        (raw_pod("Pending", "False", container(PULLS), init=[container(RUNS, name="install-cni")]), False, False),
        (
            raw_pod("Pending", "False", container(PULLS), init=[container(PULLS, restarts=2, name="install-cni")]),
            False,
            False,
        ),
        (raw_pod("Pending", "False", container({"waiting": {"reason": "ImagePullBackOff"}})), False, False),
        (raw_pod("Running", "False", container(RUNS)), False, False),
        (raw_pod("Running", "False", container({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=3)), False, False),
        # What the node controller leaves of a silent node's pod: Ready is False, the container's word is not touched.
        (raw_pod("Running", "False", container(RUNS, ready=True)), False, True),
        (raw_pod("Running", "True", container(RUNS, ready=True)), False, True),
    ],
)
def test_what_a_kubelet_wrote_tells_whether_anything_ran_yet_and_whether_it_was_well(
    raw: Any, starting: bool, last_ready: bool
) -> None:
    seen = seen_of_pod(raw)
    assert (seen["starting"], seen["last_ready"]) == (starting, last_ready)


def test_a_pod_that_no_node_has_room_for_is_not_starting() -> None:
    raw = raw_pod("Pending", None)
    raw["status"]["conditions"][0].update(status="False", reason="Unschedulable", message="0/3 nodes: Insufficient cpu")
    assert seen_of_pod(raw)["starting"] is False


@pytest.mark.parametrize(("grace", "asked"), [(5, "2026-01-01T00:09:55Z"), (0, INSTANT), (None, INSTANT)])
def test_the_instant_of_a_deletion_is_that_of_the_request(grace: int | None, asked: str) -> None:
    """The API server writes down when the grace period ends."""
    raw = raw_pod("Running", "True", deletionTimestamp=INSTANT, deletionGracePeriodSeconds=grace)
    assert seen_of_pod(raw)["deleting_since"] == asked
    assert seen_of_pod(raw_pod("Running", "True"))["deleting_since"] is None


def test_a_reboot_as_the_cluster_records_it() -> None:
    """Well; silent; back with a pod that says it is unready since the node controller said so; well again."""
    silence, back = READ_AT - 500, READ_AT - 3

    def node(status: str, since: float) -> Any:
        ready = {"type": "Ready", "status": status, "lastTransitionTime": rfc3339(since)}
        return seen_of_node(
            {"metadata": {"name": "edge-1", "labels": {"kubernetes.io/os": "linux"}}, "status": {"conditions": [ready]}}
        )

    def on_node(ready: str, container_ready: bool, since: float) -> Any:
        raw = raw_pod("Running", ready, container(RUNS, ready=container_ready))
        raw["spec"]["nodeName"] = "edge-1"
        raw["status"]["conditions"][1]["lastTransitionTime"] = rfc3339(since)
        return seen_of_pod(raw)

    assert kinds(cluster(on_node("True", True, 0), node=node("True", 0))) == {}
    assert kinds(cluster(on_node("False", True, silence), node=node("Unknown", silence))) == {"edge-1": "silent"}
    assert kinds(cluster(on_node("False", False, silence), node=node("True", back))) == {"edge-1": "restarting"}
    assert kinds(cluster(on_node("True", True, READ_AT), node=node("True", back))) == {}


# --- the plan -----------------------------------------------------------------------------------------------------------


def planned(seen: Any, bad: Any = ("edge-1",), **options: Any) -> Any:
    options.setdefault("tiers", [tier("core"), tier("edge", failure_budget=0)])
    return plan(ALL, bad=bad, running=RUNNING, observation=seen, batch_timeout=TIMEOUT, soak=0, **options)


def test_a_node_that_restarts_is_neither_outside_nor_on_the_budget() -> None:
    made = planned(cluster(unready(5)))
    assert (made["excluded"], [each["left_out"] for each in made["tiers"]]) == ([], [0, 0])
    (restarting,) = made["restarting"]
    assert (restarting["node"], restarting["tier"], restarting["since"]) == ("edge-1", "edge", ago(5))
    assert restarting["otherwise"]["cause"] == "precheck_failed"
    assert made["restart"]["taken_from"] == []
    text = " ".join(plan_text(made).split())
    assert (
        f"Restarting calico-node, adopted once it is ready there (1): edge-1: not ready since {ago(5)}: felix is not live"
        in text
    )
    assert "if it does not become ready, it stays outside: precheck_failed: " in text


def test_one_that_passes_its_precheck_keeps_its_place_in_its_tier() -> None:
    made = planned(cluster(unready(5)), bad=())
    assert [batch["name"] for batch in made["batches"]] == ["adoption", "edge-1"]
    assert [(each["node"], each["otherwise"]) for each in made["restarting"]] == [("edge-1", None)]


def test_of_a_stuck_node_the_plan_says_since_when_and_why_that_counts_as_stuck() -> None:
    made = planned(cluster(unready(61)))
    assert made["restarting"] == []
    assert [entry["node"] for entry in made["excluded"]] == ["edge-1"]
    (stuck,) = made["restart"]["taken_from"]
    assert stuck == {
        "node": "edge-1",
        "since": ago(61),
        "reason": f"not ready since {ago(61)}, which is more than the 60 s that a restart may take: felix is not live",
    }


def test_a_plan_of_nothing_but_restarting_nodes_is_refused_by_their_names() -> None:
    seen = unscoped(["edge-1"], [])
    seen["pods"] = [unready(5)]
    with pytest.raises(RolloutError, match=r"No node can be admitted yet: .* restart on edge-1 \(felix is not live\)"):
        plan(["edge-1"], bad=["edge-1"], observation=seen)


# --- decisions ----------------------------------------------------------------------------------------------------------


def decided(seen: Any, the_plan: Any, now: float = NOW, **fields: Any) -> Any:
    return decide(the_plan, {**new_state(the_plan), **fields}, seen, now)


def acts(decision: Any) -> list[Any]:
    return [(action["do"], action.get("nodes")) for action in decision["actions"]]


def test_it_is_waited_for_before_the_first_label_and_the_wait_says_for_whom_and_how_long() -> None:
    seen = cluster(unready(5))
    decision = decided(seen, planned(seen))
    assert acts(decision) == [("await_restart", ["edge-1"])]
    assert decision["actions"][0]["until"] == NOW + 55
    assert decision["report"]["reason"] == (
        "waiting for calico-node, which restarts on edge-1 (felix is not live), for at most 600 s more: the selector would take it "
        "from there for good"
    )


def test_and_again_before_the_selector() -> None:
    seen = cluster(unready(70))
    made = planned(seen, tiers=[tier("core"), tier("edge", failure_budget=1)])
    for name in RUNNING:
        seen["nodes"][name]["labels"].update(SELECTOR)
    under_way = {"batch": "adoption", "batch_started": NOW, "phase": "labelling"}
    assert acts(decided(seen, made, **under_way)) == [("scope_installation", None)]
    # Somebody has deleted the stuck pod to cure it: its successor may be well.
    seen["pods"][-1] = pod("edge-1", ready=False, created=ago(1), since=ago(1))
    assert acts(decided(seen, made, **under_way)) == [("await_restart", ["edge-1"])]


def test_once_it_is_ready_it_is_adopted_with_all_the_others_in_one_go() -> None:
    made = planned(cluster(unready(5)))
    decision = decided(cluster(pod("edge-1")), made)
    assert acts(decision) == [("label_nodes", ["edge-1"]), ("label_nodes", RUNNING)]


def test_once_it_is_stuck_the_failure_budget_decides() -> None:
    later = cluster(unready(61))
    made = planned(cluster(unready(5)))
    decision = decided(later, made)
    assert (decision["report"]["outcome"], decision["actions"]) == ("stopped", [])
    assert (
        "tier edge: 1 of its 1 nodes would be left out, its failure budget allows 0: edge-1 (precheck_failed)"
        in decision["report"]["reason"]
    )
    lenient = planned(cluster(unready(5)), tiers=[tier("core"), tier("edge", failure_budget=1)])
    decision = decided(later, lenient)
    assert acts(decision) == [("label_nodes", RUNNING)]
    assert [entry["node"] for entry in decision["report"]["excluded"]] == ["edge-1"]


def test_updated_less_than_desired_alone_blocks_nothing() -> None:
    """In the cluster that is to be rescued it stays so for ever."""
    seen = cluster(unready(7200))
    seen["daemonset"]["updated"] = 1
    made = planned(seen, tiers=[tier("core"), tier("edge", failure_budget=1)])
    assert acts(decided(seen, made)) == [("label_nodes", RUNNING)]


def silent_cluster() -> Any:
    silent = node_seen(ready=False)
    silent.update(
        {
            "kubelet_silent": True,
            "ready_since": ago(7200),
            "not_ready_reason": "the kubelet has not reported since long ago",
        }
    )
    return cluster(unready(7200, last_ready=True), node=silent)


def test_a_silent_node_is_waited_for_and_then_the_run_stops_by_its_name_with_nothing_written() -> None:
    seen = silent_cluster()
    made = planned(seen)
    assert [each["node"] for each in made["restarting"]] == ["edge-1"]
    first = decided(seen, made)
    assert first["actions"][0]["until"] == NOW + TIMEOUT
    state = first["state"]
    assert decide(made, state, seen, NOW + TIMEOUT - 1)["report"]["outcome"] == "in_progress"
    last = decide(made, state, seen, NOW + TIMEOUT)
    assert (last["report"]["outcome"], last["actions"]) == ("stopped", [])
    reason = last["report"]["reason"]
    assert (
        "restarts on edge-1 (the kubelet has not reported since long ago, and calico-node was ready then) after 600 s"
        in reason
    )
    assert "Start the kubelet of node edge-1, or keep it out by rollout_exclude if it is gone for good" in reason


KEPT_OUT: Any = {"exclusions": [{"selector": "tier=edge", "reason": "stolen"}], "tiers": [tier("core")]}


def test_a_silent_node_that_the_user_keeps_out_may_go() -> None:
    seen = silent_cluster()
    seen["daemonset"]["max_unavailable"] = "2"
    made = planned(seen, **KEPT_OUT)
    assert acts(decided(seen, made)) == [("label_nodes", RUNNING)]
    # While a node that is merely between two Ready ones may not: then it is refused by name.
    between = cluster(unready(5))
    assert acts(decided(between, made)) == [("await_restart", ["edge-1"])]


@pytest.mark.parametrize(
    ("last_ready", "options"), [(True, KEPT_OUT), (False, {"tiers": [tier("core"), tier("edge")]})]
)
@pytest.mark.parametrize("limit", ["1", "33%"])
def test_one_whose_pod_would_hold_up_the_restart_of_all_others_stops_the_run_before_anything_is_written(
    last_ready: bool, options: Any, limit: str
) -> None:
    """Recorded on a DaemonSet controller: a Terminating pod of a silent node counts against maxUnavailable for ever."""
    seen = silent_cluster()
    seen["pods"][-1]["last_ready"] = last_ready
    seen["daemonset"]["max_unavailable"] = limit
    decision = decided(seen, planned(seen, **options))
    assert (decision["report"]["outcome"], decision["actions"]) == ("stopped", [])
    reason = decision["report"]["reason"]
    assert "calico-node cannot restart on node edge-1, whose kubelet is silent: its pods there never go" in reason
    assert "delete its Node or taint it node.kubernetes.io/out-of-service" in reason
    assert "rollout_adoption_max_unavailable to 2 at least" in reason
    # What the rollout itself raises counts, a surge does not go by maxUnavailable, and a node without a pod holds nobody up.
    assert acts(decided(seen, planned(seen, adoption_max_unavailable="2", **options))) == [("label_nodes", RUNNING)]
    seen["daemonset"].update(max_unavailable="0", max_surge="1")
    assert acts(decided(seen, planned(seen, **options))) == [("label_nodes", RUNNING)]
    seen["daemonset"].update(max_unavailable=limit, max_surge="0")
    seen["pods"].pop()
    made = planned(seen, **options)
    assert "cannot restart" not in decided(seen, made, missing={"edge-1": NOW - 999})["report"]["reason"]


def test_a_restart_that_stands_still_for_a_silent_node_says_so() -> None:
    made = planned(cluster(pod("edge-1")), tiers=[tier("core"), tier("edge")])
    seen = rolled_out(ALL, ALL)
    for name in RUNNING:
        seen["nodes"][name]["annotations"]["rollout.calico-ops.dev/batch"] = "adoption"
    seen["pods"][0]["revision"] = "old"
    under_way = {"batch": "adoption", "batch_started": NOW}
    assert "the kubelet is silent" not in decided(seen, made, **under_way)["report"]["reason"]
    seen["nodes"]["edge-1"].update({"kubelet_silent": True, "ready": False})
    reason = decided(seen, made, **under_way)["report"]["reason"]
    assert (
        "on node edge-1 the kubelet is silent, and a pod that cannot go there counts against maxUnavailable" in reason
    )


def test_the_wait_begins_anew_with_another_restart() -> None:
    seen = cluster(unready(5))
    made = planned(seen)
    state = decided(seen, made)["state"]
    assert state["restarts_awaited"] == NOW
    state = decide(made, state, cluster(pod("edge-1")), NOW + 5)["state"]
    assert state["restarts_awaited"] is None


def test_a_node_without_a_pod_is_stuck_once_this_rollout_has_looked_long_enough() -> None:
    seen = cluster()
    made = planned(cluster(), tiers=[tier("core"), tier("edge", failure_budget=1)])
    state = decided(seen, made)["state"]
    assert state["missing"] == {"edge-1": NOW}
    assert acts(decide(made, state, seen, NOW + 59)) == [("await_restart", ["edge-1"])]
    assert acts(decide(made, state, seen, NOW + 60)) == [("label_nodes", RUNNING)]
    assert decide(made, state, cluster(pod("edge-1")), NOW + 60)["state"]["missing"] == {}


def test_nothing_of_it_matters_once_the_selector_is_in_force() -> None:
    made = planned(cluster(unready(5)))
    seen = rolled_out(ALL, RUNNING)
    for name in RUNNING:
        seen["nodes"][name]["annotations"]["rollout.calico-ops.dev/batch"] = "adoption"
    assert "await_restart" not in str(acts(decided(seen, made, batch="adoption", batch_started=NOW)))


def test_check_mode_takes_it_that_the_restart_ends_well() -> None:
    seen = cluster(unready(5))
    made = planned(seen)
    decision = decided(seen, made)
    ahead = after(seen, made, *decision["actions"])
    assert acts(decide(made, decision["state"], ahead, NOW)) == [("label_nodes", ["edge-1"]), ("label_nodes", RUNNING)]
    assert [each["ready"] for each in seen["pods"]] == [True, True, False]


def test_who_was_adopted_after_its_restart_is_told_as_unproven_and_not_as_outside() -> None:
    made = planned(cluster(unready(5)))
    seen = rolled_out(ALL, ALL)
    for name in ALL:
        seen["nodes"][name]["annotations"].update(
            {"rollout.calico-ops.dev/batch": "adoption", "rollout.calico-ops.dev/plan": made["id"]}
        )
    report = decided(seen, made, batch="adoption", batch_started=NOW)["report"]
    assert (report["outcome"], report["excluded"]) == ("done", [])
    assert [doubt["node"] for doubt in report["unproven"]] == ["edge-1"]
    assert "edge-1" in terminal(report)
    assert "| edge-1 | h-edge-1 | edge |" in markdown(report)

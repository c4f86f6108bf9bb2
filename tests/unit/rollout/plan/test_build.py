# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.job import not_in_check_mode
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import (
    build_plan,
    plan_id,
    planned_nodes,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rollout.builders import LABEL, UNREACHABLE, answer, evidence, facts, failing, plan, tier

CORE = ["core-1", "core-2", "core-3"]
EDGE = [f"edge-{number}" for number in range(1, 12)]


def entries(made: Any) -> dict[str, Any]:
    return {entry["node"] or entry["host"]: entry for entry in made["excluded"]}


def test_tiers_come_one_after_the_other_in_batches_of_their_size() -> None:
    made = plan(CORE + EDGE[:4], [tier("core", 3), tier("edge", 3)])
    assert [(batch["index"], batch["name"], batch["tier"], batch["nodes"]) for batch in made["batches"]] == [
        (1, "core-1", "core", CORE),
        (2, "edge-1", "edge", EDGE[:3]),
        (3, "edge-2", "edge", EDGE[3:4]),
    ]


def test_nodes_of_a_tier_come_as_people_count_them() -> None:
    assert planned_nodes(plan(EDGE)) == EDGE


def test_a_plan_is_named_by_its_content() -> None:
    made = plan(CORE)
    assert made["id"] == plan_id(made)
    assert len(made["id"]) == 12
    assert made["id"] != plan(CORE, soak=11)["id"]


@settings(max_examples=15)
@given(st.randoms(use_true_random=False))
def test_the_same_input_in_any_order_gives_the_same_plan(random: Any) -> None:
    names = CORE + EDGE
    tiers = [tier("core"), tier("edge", 3)]
    answers = {f"h-{name}": failing(name) if name == "edge-4" else answer(name) for name in names}
    answers.update(dark=UNREACHABLE, none=None)

    def made(shuffled: bool) -> str:
        nodes, hosts = [facts(name) for name in names], list(answers)
        if shuffled:
            random.shuffle(nodes)
            random.shuffle(hosts)
        return json.dumps(build_plan(nodes, assemble({host: answers[host] for host in hosts}), tiers))

    assert made(shuffled=True) == made(shuffled=False)


def test_a_node_whose_host_failed_stays_outside_with_reason_remedy_and_tier() -> None:
    made = plan(CORE, bad=["core-3"])
    assert made["excluded"] == [
        {
            "node": "core-3",
            "host": "h-core-3",
            "tier": "core",
            "cause": "precheck_failed",
            "reason": "ipset_functional failed: the kernel has no ip_set subsystem",
            "remedy": "install kernel-modules-extra",
            "counts": True,
        }
    ]
    assert planned_nodes(made) == ["core-1", "core-2"]


def test_a_node_without_host_stays_outside() -> None:
    made = build_plan([facts(name) for name in CORE], evidence(CORE[:2]), [tier("core")])
    assert (entries(made)["core-3"]["cause"], entries(made)["core-3"]["counts"]) == ("no_host", True)


def test_a_node_whose_host_is_unreachable_stays_outside_and_is_told_so() -> None:
    report = assemble({"a": answer("core-1"), "b": answer("core-2"), "c": UNREACHABLE}, {"c": "core-3"})
    made = build_plan([facts(name) for name in CORE], report, [tier("core")])
    assert (entries(made)["core-3"]["cause"], entries(made)["core-3"]["host"]) == ("unreachable", "c")
    # "No route to host" has a remedy of its own, and what is not known the general one.
    assert (entries(made)["core-3"]["remedy"] or "").startswith("See whether the host is up")
    unknown = assemble({"a": answer("core-1"), "c": {"unreachable": True, "msg": "boom"}}, {"c": "core-3"})
    entry = entries(build_plan([facts("core-1"), facts("core-3")], unknown, [tier("core")]))["core-3"]
    assert entry["remedy"] == "Make the host reachable over SSH and run again"


def test_a_node_that_check_mode_cannot_check_is_told_so_and_no_budget_pays_for_it() -> None:
    nodes = [facts("core-1"), facts("core-2", calico_ready=True), facts("core-3")]
    report = evidence(["core-1"], **{"h-core-2": not_in_check_mode(), "h-core-3": not_in_check_mode()})
    for host in ("h-core-2", "h-core-3"):
        report["hosts"][host]["node_name"] = host[2:]
    made = build_plan(nodes, report, [tier("core", failure_budget=0)])
    (outside,) = made["excluded"]
    assert (outside["node"], outside["cause"], outside["counts"]) == ("core-3", "not_checked", False)
    assert outside["reason"].startswith("it has not been checked")
    assert made["tiers"][0]["left_out"] == 0
    assert made["unproven"] == []


def test_a_node_whose_host_gave_no_result_stays_outside_and_is_told_so() -> None:
    report = assemble(
        {"a": answer("core-1"), "b": answer("core-2"), "c": {"failed": True, "msg": "Timed out"}}, {"c": "core-3"}
    )
    made = build_plan([facts(name) for name in CORE], report, [tier("core")])
    assert (entries(made)["core-3"]["cause"], entries(made)["core-3"]["counts"]) == ("no_result", True)
    assert "Timed out" in entries(made)["core-3"]["reason"]


def test_hosts_that_are_no_node_are_listed_and_cost_no_budget() -> None:
    made = build_plan(
        [facts(name) for name in CORE],
        evidence(CORE, (), dark=UNREACHABLE, other=answer(None), named=answer(None, node_name="gone-1")),
        [tier("core")],
    )
    found = entries(made)
    assert {host: found[host]["cause"] for host in found} == {
        "dark": "unreachable",
        "other": "no_node",
        "named": "no_node",
    }
    assert not any(entry["counts"] for entry in made["excluded"])
    assert made["tiers"][0]["left_out"] == 0


def test_a_failed_host_that_is_no_node_is_told_with_its_failure() -> None:
    made = build_plan([facts(name) for name in CORE], evidence(CORE, (), stray=failing(None)), [tier("core")])
    assert "the kernel has no ip_set subsystem" in entries(made)["stray"]["reason"]


def test_a_node_left_out_costs_its_own_tier_alone() -> None:
    made = plan([*CORE, "edge-1", "edge-2"], bad=CORE[-1:])
    assert [(each["name"], each["left_out"]) for each in made["tiers"]] == [("core", 1), ("edge", 0)]


@pytest.mark.parametrize(
    ("labels", "fields"),
    [
        ({}, {"os": "windows"}),
        ({"eks.amazonaws.com/compute-type": "fargate"}, {}),
        ({"type": "virtual-kubelet"}, {}),
    ],
)
def test_what_cannot_run_calico_node_is_left_out_by_itself(labels: dict[str, str], fields: dict[str, str]) -> None:
    odd = facts("core-9", labels, **fields)
    made = build_plan([*[facts(name) for name in CORE], odd], evidence([*CORE, "core-9"]), [tier("core")])
    assert (entries(made)["core-9"]["cause"], entries(made)["core-9"]["counts"]) == ("unsupported", False)
    assert made["tiers"][0]["nodes"] == 3


def test_a_declared_exclusion_is_listed_with_its_reason_and_costs_no_budget() -> None:
    made = plan(CORE + EDGE[:2], [tier("core")], exclusions=[{"selector": "tier=edge", "reason": "IoT"}])
    assert (entries(made)["edge-1"]["cause"], entries(made)["edge-1"]["reason"], entries(made)["edge-1"]["counts"]) == (
        "declared",
        "IoT",
        False,
    )


def test_a_node_that_no_tier_selects_is_listed() -> None:
    made = plan(CORE + EDGE[:1], [tier("core")])
    assert (entries(made)["edge-1"]["cause"], entries(made)["edge-1"]["counts"]) == ("no_tier", False)


def test_an_admitted_node_that_fails_now_is_told_to_stay_admitted() -> None:
    nodes = [*[facts(name) for name in CORE[:2]], facts("core-3", {LABEL["key"]: LABEL["value"]})]
    made = build_plan(nodes, evidence(CORE, ["core-3"]), [tier("core")])
    assert "already carries the admission label" in entries(made)["core-3"]["reason"]


@pytest.mark.parametrize(
    ("budget", "nodes", "allowed"),
    [("10%", 11, 2), ("10%", 10, 1), ("0%", 11, 0), (3, 11, 3), ("4", 11, 4), ("100%", 3, 3)],
)
def test_a_budget_is_a_count_or_a_percentage_rounded_up(budget: Any, nodes: int, allowed: int) -> None:
    assert plan(EDGE[:nodes], [tier("edge", failure_budget=budget)])["tiers"][0]["budget"] == allowed


def test_the_budget_is_a_tenth_where_none_is_given() -> None:
    assert plan(EDGE, [{"name": "edge", "selector": ""}])["tiers"][0]["budget"] == 2


@pytest.mark.parametrize(
    ("budget", "allowed"), [(None, None), ("", None), ("25%", 2), ("26%", 3), ("100%", 8), (0, 0), ("3", 3)]
)
def test_the_budget_in_total_is_of_the_nodes_of_all_tiers(budget: Any, allowed: int | None) -> None:
    assert plan(CORE + EDGE[:5], failure_budget=budget)["budget"] == allowed


def test_a_budget_in_total_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(RolloutError, match="failure_budget: 'few' is neither a count nor a percentage"):
        plan(CORE, failure_budget="few")


def test_a_budget_that_is_overdrawn_is_in_the_plan_and_no_error() -> None:
    made = plan(CORE, [tier("core", failure_budget=0)], bad=["core-3"])
    assert (made["tiers"][0]["left_out"], made["tiers"][0]["budget"], made["tiers"][0]["nodes"]) == (1, 0, 3)


@pytest.mark.parametrize(
    ("tiers", "message"),
    [
        ([], "at least one tier"),
        ([tier("core"), tier("core", selector="tier=edge")], "two tiers are named core"),
        ([tier("core"), tier("all", selector="")], r'core-1 belongs to two tiers: core \("tier=core"\) and all'),
        ([tier("core"), tier("gpu")], "Tier gpu: .* matches no node"),
        ([tier("core", selector="tier in (")], "tier core, selector"),
        ([tier("core", batch_size=0)], "tier core, batch_size: a whole number of at least 1"),
        ([tier("core", batch_size=True)], "batch_size"),
        ([tier("core", failure_budget="some")], "neither a count nor a percentage"),
        ([tier("core", failure_budget="101%")], "not between 0% and 100%"),
        ([tier("core", failure_budget=-1)], "at least 0"),
        ([{"name": "core"}], "tier core: a selector or a match is needed"),
        ([{"name": "-", "selector": ""}], "cannot name a tier"),
        ([{"name": "core", "selector": "", "batchsize": 2}], "batchsize is not known here"),
        (["core"], "a mapping with name"),
    ],
)
def test_tiers_that_make_no_sense_are_refused(tiers: Any, message: str) -> None:
    with pytest.raises(RolloutError, match=message):
        build_plan([facts(name) for name in CORE + EDGE], evidence(CORE + EDGE), tiers)


@pytest.mark.parametrize(
    ("exclusion", "message"),
    [
        ({"selector": "", "reason": "x"}, "an empty selector would keep every node out"),
        ({"selector": "tier=edge", "reason": " "}, "a reason is needed"),
        ({"selector": "tier in", "reason": "x"}, r"exclusions\[0\], selector"),
        ({"selector": "a", "reason": "x", "until": "y"}, "until is not known"),
    ],
)
def test_exclusions_that_make_no_sense_are_refused(exclusion: Any, message: str) -> None:
    with pytest.raises(RolloutError, match=message):
        plan(CORE, exclusions=[exclusion])


def test_tiers_may_overlap_on_nodes_that_are_declared_outside() -> None:
    tiers = [tier("core"), tier("edge", selector="tier in (edge, spare)"), tier("more", selector="tier=spare,x")]
    nodes = [
        *[facts(name) for name in CORE + EDGE[:2]],
        facts("spare-1", {"x": "", "out": ""}),
        facts("spare-2", {"x": "", "tier": "spare"}),
    ]
    exclusions: Any = [{"selector": "out", "reason": "broken"}]
    with pytest.raises(RolloutError, match="spare-2 belongs to two tiers"):
        build_plan(nodes, evidence(CORE + EDGE[:2]), tiers, exclusions)
    nodes[-1]["labels"]["tier"] = "edge"
    nodes.append(facts("spare-3", {"x": ""}))
    tiers[1]["selector"] = "tier=edge"
    assert entries(build_plan(nodes, evidence(CORE + EDGE[:2]), tiers, exclusions))["spare-1"]["cause"] == "declared"


def test_a_plan_of_nothing_is_refused_and_says_why() -> None:
    with pytest.raises(
        RolloutError, match=r"No node can be admitted: core-1 \(precheck_failed: ipset_functional failed"
    ):
        plan(CORE, bad=CORE)


def test_of_many_nodes_outside_ten_are_told_and_the_rest_counted() -> None:
    with pytest.raises(RolloutError) as ten:
        plan(EDGE[:10], bad=EDGE[:10])
    with pytest.raises(RolloutError) as eleven:
        plan(EDGE[:11], bad=EDGE[:11])
    assert "edge-10 (" in str(ten.value)
    assert "more" not in str(ten.value)
    assert str(eleven.value).endswith(", and 1 more.")


def test_who_stays_outside_is_listed_by_name_whatever_the_cause_and_hosts_come_last() -> None:
    nodes = [*[facts(name) for name in CORE], facts("core-10", os="windows"), facts("core-4")]
    made = build_plan(nodes, evidence(CORE, ["core-3"], **{"a-host": answer(None)}), [tier("core")])
    assert [entry["node"] or entry["host"] for entry in made["excluded"]] == ["core-3", "core-4", "core-10", "a-host"]


def test_a_first_batch_of_one_node_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        RolloutError, match=r"only node core-1.*two nodes or more: raise batch_size.*core-2 \(precheck_failed"
    ):
        plan(CORE + EDGE, bad=["core-2", "core-3"])


def test_a_single_node_is_a_plan() -> None:
    assert planned_nodes(plan(["core-1"])) == ["core-1"]


def test_a_label_that_the_operator_drops_is_refused() -> None:
    with pytest.raises(RolloutError, match="in silence"):
        plan(CORE, admission_label={"key": "operator.tigera.io/x", "value": "y"})


@pytest.mark.parametrize("options", [{"batch_timeout": 0}, {"soak": -1}, {"soak": "soon"}])
def test_times_that_make_no_sense_are_refused(options: Any) -> None:
    with pytest.raises(RolloutError, match="a whole number of at least"):
        plan(CORE, **options)


def test_numbers_from_templates_are_understood() -> None:
    assert plan(CORE, [tier("core", batch_size="3")], soak="5")["soak"] == 5  # type: ignore[arg-type]


CLUSTER: Any = {"context": "prod", "name": "eks-prod", "server": "https://10.0.0.1:6443"}


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        (CLUSTER, "On context prod, cluster eks-prod, https://10.0.0.1:6443"),
        ({**CLUSTER, "context": None, "name": None}, "On https://10.0.0.1:6443"),
        ({**CLUSTER, "context": "p\x1b[2J"}, "On context p?[2J, cluster eks-prod, https://10.0.0.1:6443"),
    ],
)
def test_the_plan_says_which_cluster_it_is_for(cluster: Any, told: str) -> None:
    made = plan(CORE, cluster=cluster)
    assert made["cluster"] == cluster
    assert plan_text(made).splitlines()[1] == told


def test_the_text_tells_batches_budgets_and_who_stays_outside() -> None:
    text = plan_text(plan(CORE + EDGE[:2], bad=["edge-2"]))
    assert text.splitlines()[0].endswith("4 nodes in 3 batches, admitted with rollout.calico-ops.dev/admitted=true")
    # Long sentences are wrapped: compared without their line breaks.
    flowing = " ".join(text.split())
    assert (
        "edge-2 (host h-edge-2): precheck_failed: ipset_functional failed: the kernel has no ip_set subsystem"
        in flowing
    )
    assert "remedy: install kernel-modules-extra" in flowing


def test_the_text_tells_the_budget_in_total_where_there_is_one() -> None:
    told = "In total 1 left out, and the failure budget in total is 2"
    assert told in plan_text(plan(CORE + EDGE[:2], bad=["edge-2"], failure_budget=2))
    assert "In total" not in plan_text(plan(CORE + EDGE[:2], bad=["edge-2"]))

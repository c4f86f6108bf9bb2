# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a tier's nodes are cut into batches, and who goes ahead."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan, planned_nodes
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rollout.builders import answer, facts, plan, tier

ZONE = "topology.kubernetes.io/zone"
EDGE = [f"edge-{number}" for number in range(1, 21)]


def sizes(batch_size: Any, nodes: int = 20) -> list[int]:
    return [len(batch["nodes"]) for batch in plan(EDGE[:nodes], [tier("edge", batch_size)])["batches"]]


def placed(*places: tuple[str, str]) -> list[Any]:
    """Nodes edge-1, edge-2, ..., each with an architecture and a zone ("" for none)."""
    return [
        facts(f"edge-{number}", {ZONE: zone} if zone else {}, architecture=architecture)
        for number, (architecture, zone) in enumerate(places, 1)
    ]


def checked(nodes: list[Any]) -> Any:
    """A passing precheck of each, by a host of the Node's own architecture."""
    machines = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x"}
    return assemble({node["name"]: answer(node["name"], architecture=machines[node["architecture"]]) for node in nodes})


def batches_of(nodes: list[Any], **settings: Any) -> list[tuple[list[str], bool]]:
    made = build_plan(nodes, checked(nodes), [tier("edge", **settings)])
    return [(batch["nodes"], batch["canary"]) for batch in made["batches"]]


@pytest.mark.parametrize(
    ("batch_size", "expected"),
    [
        (8, [8, 8, 4]),
        ("8", [8, 8, 4]),
        ("25%", [5, 5, 5, 5]),
        ("100%", [20]),
        ([2, 5, "40%"], [2, 5, 8, 5]),
        ([4, 2], [4] + [2] * 8),
        (["10 %", "50%"], [2, 10, 8]),
    ],
)
def test_a_batch_size_is_a_count_a_percentage_or_a_list_whose_last_one_repeats(
    batch_size: Any, expected: list[int]
) -> None:
    assert sizes(batch_size) == expected


def test_a_percentage_is_rounded_down_and_one_at_least() -> None:
    assert sizes([2, "19%"], nodes=11) == [2, 2, 2, 2, 2, 1]
    assert sizes([2, "1%"], nodes=5) == [2, 1, 1, 1]


def test_a_percentage_is_of_the_nodes_that_are_admitted() -> None:
    made = plan(EDGE, [tier("edge", "50%")], bad=EDGE[10:])
    assert [len(batch["nodes"]) for batch in made["batches"]] == [5, 5]


def test_each_tier_begins_its_list_anew() -> None:
    names = [*EDGE[:5], *(f"hub-{number}" for number in range(1, 6))]
    made = plan(names, [tier("edge", [2, 3]), tier("hub", [1, 4])])
    assert [len(batch["nodes"]) for batch in made["batches"]] == [2, 3, 1, 4]


@pytest.mark.parametrize(
    ("batch_size", "message"),
    [
        ([], r'batch_size: the list is empty; .* \[2, "20%"\]'),
        ([2, 0], r"batch_size\[1\]: a whole number of at least 1"),
        ("0%", "0% is not between 1% and 100%"),
        ([2, "101%"], r"batch_size\[1\]: 101% is not between"),
        ("many", "'many' is neither a count nor a percentage"),
        ([[2]], r"batch_size\[0\]: a whole number"),
        (None, "batch_size: a whole number"),
    ],
)
def test_batch_sizes_that_make_no_sense_are_refused(batch_size: Any, message: str) -> None:
    with pytest.raises(RolloutError, match=message):
        sizes(batch_size)


def test_a_list_that_begins_with_one_is_refused_for_the_first_batch_and_taken_for_a_later_tier() -> None:
    with pytest.raises(RolloutError, match="only node edge-1"):
        sizes([1, 5])


def test_canaries_cover_each_architecture_and_zone_and_go_ahead() -> None:
    nodes = placed(("amd64", "a"), ("amd64", "a"), ("amd64", "b"), ("arm64", "b"), ("amd64", "c"), ("arm64", "a"))
    assert batches_of(nodes, batch_size=4, canary=True) == [
        (["edge-1", "edge-4", "edge-5"], True),
        (["edge-2", "edge-3", "edge-6"], False),
    ]


def test_a_number_of_canaries_is_the_least_and_covers_all_the_same() -> None:
    nodes = placed(("amd64", "a"), ("amd64", "a"), ("amd64", "a"), ("arm64", "a"), ("amd64", "a"))
    assert batches_of(nodes, batch_size=4, canary=3)[0] == (["edge-1", "edge-2", "edge-4"], True)
    nodes = placed(("amd64", "a"), ("arm64", "b"), ("s390x", "c"), ("amd64", "a"))
    assert batches_of(nodes, batch_size=4, canary=1)[0] == (["edge-1", "edge-2", "edge-3"], True)


def test_more_canaries_than_a_batch_takes_make_several_batches_and_nobody_else_joins_them() -> None:
    nodes = placed(("amd64", "a"), ("amd64", "b"), ("amd64", "c"), ("amd64", "c"), ("amd64", "c"))
    assert batches_of(nodes, batch_size=2, canary=True) == [
        (["edge-1", "edge-2"], True),
        (["edge-3"], True),
        (["edge-4", "edge-5"], False),
    ]


def test_a_growing_list_goes_on_after_the_canaries() -> None:
    nodes = placed(*[("amd64", "a")] * 9)
    assert [len(names) for names, _canary in batches_of(nodes, batch_size=[2, 3, 4], canary=True)] == [2, 3, 4]


def test_nodes_without_a_zone_are_covered_too() -> None:
    nodes = placed(("amd64", "a"), ("amd64", "a"), ("amd64", ""), ("amd64", "a"))
    assert batches_of(nodes, batch_size=4, canary=True)[0] == (["edge-1", "edge-3"], True)


def test_the_canaries_of_the_first_batch_are_two_at_least() -> None:
    assert batches_of(placed(*[("amd64", "a")] * 4), canary=True)[0] == (["edge-1", "edge-2"], True)


def test_the_canary_of_a_later_tier_may_be_alone() -> None:
    made = plan([*EDGE[:3], "hub-1", "hub-2"], [tier("edge", 3), tier("hub", 3, canary=True)])
    assert [(batch["nodes"], batch["canary"]) for batch in made["batches"][1:]] == [
        (["hub-1"], True),
        (["hub-2"], False),
    ]


@pytest.mark.parametrize("canary", [False, 0, "0", "false", "no"])
def test_no_canaries_are_asked_for(canary: Any) -> None:
    assert not any(batch["canary"] for batch in plan(EDGE[:4], [tier("edge", canary=canary)])["batches"])


@pytest.mark.parametrize("canary", [-1, "some", 1.5, None])
def test_canaries_that_make_no_sense_are_refused(canary: Any) -> None:
    with pytest.raises(RolloutError, match="tier edge, canary: a whole number"):
        plan(EDGE, [tier("edge", canary=canary)])


def test_the_text_tells_which_batches_are_canaries() -> None:
    text = plan_text(plan(EDGE[:4], [tier("edge", canary=True)]))
    assert "1/2 edge-1  edge (canary)  edge-1 edge-2" in text
    assert "2/2 edge-2  edge           edge-3 edge-4" in text


KINDS = st.tuples(st.sampled_from(["amd64", "arm64", "s390x"]), st.sampled_from(["a", "b", "c", ""]))


@given(st.lists(KINDS, min_size=2, max_size=12), st.integers(1, 5), st.one_of(st.just(True), st.integers(1, 5)))
def test_whatever_the_nodes_canaries_cover_them_and_everybody_is_planned_once(
    places: Any, size: int, canary: Any
) -> None:
    nodes = placed(*places)
    names = [node["name"] for node in nodes]
    made = build_plan(nodes, checked(nodes), [tier("edge", [2, size], canary=canary)])
    assert sorted(planned_nodes(made)) == sorted(names)
    ahead = {name for batch in made["batches"] if batch["canary"] for name in batch["nodes"]}
    kinds = [(node["name"], node["architecture"], node["labels"].get(ZONE)) for node in nodes]
    for field in (1, 2):
        assert {kind[field] for kind in kinds if kind[0] in ahead} == {kind[field] for kind in kinds}
    flags = [batch["canary"] for batch in made["batches"]]
    assert flags == sorted(flags, reverse=True)

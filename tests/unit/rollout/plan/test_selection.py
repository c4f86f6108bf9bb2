# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiers and exclusions that choose their nodes by JMESPath."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.node_facts import node_facts
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.plan_text import plan_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan import selection
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.build import build_plan, planned_nodes

from tests.unit.rollout.builders import answer, machine_id


def node(name: str, labels: Any = None, spec: Any = None, **status: Any) -> Any:
    """The facts of a raw Node, as they come from the cluster."""
    info = {
        "machineID": machine_id(name),
        "operatingSystem": "linux",
        "kernelVersion": "6.1.0",
        **status.pop("nodeInfo", {}),
    }
    raw = {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": spec or {},
        "status": {"nodeInfo": info, **status},
    }
    return node_facts(raw)


NODES = [
    node("hub-1", {"zone": "eu-1"}),
    node("hub-2", {"zone": "eu-2"}),
    node("pi-1", nodeInfo={"kernelVersion": "6.12.0-v8+"}, capacity={"memory": "900Mi"}),
    node("pi-2", spec={"taints": [{"key": "edge", "effect": "NoSchedule"}]}, nodeInfo={"kernelVersion": "6.12.0-v8+"}),
]


def made(tiers: Any, exclusions: Any = (), nodes: Any = None) -> Any:
    nodes = nodes or NODES
    report = assemble({f"h-{each['name']}": answer(each["name"]) for each in nodes})
    return build_plan(nodes, report, tiers, exclusions)


def test_a_tier_chooses_by_what_the_node_says_of_itself() -> None:
    plan = made(
        [
            {"name": "hub", "match": "starts_with(metadata.name, 'hub-')"},
            {"name": "pi", "match": "contains(status.nodeInfo.kernelVersion, '-v8')"},
        ]
    )
    assert [batch["nodes"] for batch in plan["batches"]] == [["hub-1", "hub-2"], ["pi-1"], ["pi-2"]]


def test_an_exclusion_chooses_so_too() -> None:
    plan = made([{"name": "all", "selector": ""}], [{"match": "spec.taints[?key=='edge']", "reason": "reserved"}])
    assert planned_nodes(plan) == ["hub-1", "hub-2", "pi-1"]
    assert [(entry["node"], entry["cause"], entry["reason"]) for entry in plan["excluded"]] == [
        ("pi-2", "declared", "reserved")
    ]


def test_what_is_found_counts_as_in_jmespath_itself() -> None:
    """A missing field, an empty list and an empty text are no; a list with something in it is yes, and so is a number."""
    numbers = [
        node("n-1", capacity={"gpu": 0}),
        node("n-2", capacity={"gpu": 1}),
        node("n-3", capacity={"gpu": ""}),
        node("n-4"),
    ]
    plan = made([{"name": "gpu", "match": "status.capacity.gpu"}], nodes=numbers)
    assert planned_nodes(plan) == ["n-1", "n-2"]


@pytest.mark.parametrize(
    "match",
    [
        "metadata.annotations.rack == '4'",
        "!(metadata.annotations)",
        "keys(@.metadata.annotations)",
        "metadata | annotations.rack",
        "metadata.{rack: annotations.rack}",
        "metadata.[name, annotations]",
        "metadata.annotations[?key == 'rack']",
    ],
)
def test_an_expression_over_annotations_is_refused_with_the_reason(match: str) -> None:
    with pytest.raises(RolloutError, match=r"names metadata\.annotations, which no expression sees.*Label the nodes"):
        made([{"name": "all", "match": match}])


def test_a_label_called_annotations_is_none() -> None:
    nodes = [node("a-1", {"annotations": "yes"}), node("a-2", {"annotations": "no"}), node("b-1")]
    tiers = [
        {"name": "a", "match": "metadata.labels.annotations"},
        {"name": "rest", "match": "!(metadata.labels.annotations)"},
    ]
    assert [batch["nodes"] for batch in made(tiers, nodes=nodes)["batches"]] == [["a-1", "a-2"], ["b-1"]]


def test_the_plan_tells_the_expression() -> None:
    plan = made([{"name": "hub", "match": "metadata.labels.zone"}])
    assert (plan["tiers"][0]["selector"], plan["tiers"][0]["match"]) == (None, "metadata.labels.zone")
    assert "metadata.labels.zone" in plan_text(plan)


def test_tiers_that_overlap_by_an_expression_are_refused_by_name() -> None:
    with pytest.raises(
        RolloutError, match=r'hub-1 belongs to two tiers: all \(""\) and hub \("metadata.labels.zone"\)'
    ):
        made([{"name": "all", "selector": ""}, {"name": "hub", "match": "metadata.labels.zone"}])


def test_a_tier_whose_expression_matches_nothing_is_refused() -> None:
    with pytest.raises(RolloutError, match=r'Tier gpu: its match "status\.capacity\.gpu" matches no node'):
        made([{"name": "gpu", "match": "status.capacity.gpu"}])


@pytest.mark.parametrize(
    ("tier", "message"),
    [
        ({"name": "x", "match": "starts_with("}, r"tier x, match: 'starts_with\(' is not a JMESPath expression"),
        ({"name": "x", "match": "nonsense(@)"}, "cannot be evaluated on Node hub-1: Unknown function: nonsense"),
        ({"name": "x", "match": " "}, "is a string that is not empty, not ' '"),
        ({"name": "x", "match": ["a"]}, r"is a string that is not empty, not \['a'\]"),
        ({"name": "x", "match": "a", "selector": "b"}, "tier x: selector and match exclude each other"),
    ],
)
def test_an_expression_that_makes_no_sense_is_refused(tier: Any, message: str) -> None:
    with pytest.raises(RolloutError, match=message):
        made([tier])


def test_an_expression_that_stumbles_over_a_missing_field_names_the_node_and_what_to_write() -> None:
    with pytest.raises(RolloutError, match=r"on Node pi-1: .*ask for it first: metadata.labels.zone && starts_with"):
        made([{"name": "eu", "match": "starts_with(metadata.labels.zone, 'eu')"}])
    guarded = made([{"name": "eu", "match": "metadata.labels.zone && starts_with(metadata.labels.zone, 'eu')"}])
    assert planned_nodes(guarded) == ["hub-1", "hub-2"]


def test_without_the_library_the_message_says_what_to_install_and_selectors_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selection, "MISSING_LIBRARY", ImportError("jmespath"))
    with pytest.raises(
        RolloutError, match=r"tier x, match: JMESPath needs the Python library jmespath .*pip install jmespath"
    ):
        made([{"name": "x", "match": "metadata.name"}])
    assert len(planned_nodes(made([{"name": "all", "selector": "", "batch_size": 2}]))) == 4


def test_what_an_expression_sees_has_neither_annotations_nor_images_nor_instants() -> None:
    raw = {
        "metadata": {"name": "n", "labels": {"a": "b"}, "annotations": {"secret": "s"}, "managedFields": [{}]},
        "spec": {"providerID": "aws:///x", "taints": [{"key": "k"}], "externalID": "old"},
        "status": {
            "images": [{"names": ["i"]}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": "now"}],
            "allocatable": {"cpu": "4"},
        },
    }
    assert node_facts(raw)["object"] == {
        "metadata": {"name": "n", "labels": {"a": "b"}},
        "spec": {"providerID": "aws:///x", "taints": [{"key": "k"}]},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "allocatable": {"cpu": "4"},
        },
    }

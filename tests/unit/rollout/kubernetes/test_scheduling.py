# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selectors, affinities and taints are judged as Kubernetes judges them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import NodeSeen, TaintSeen
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.scheduling import (
    Demands,
    matches_affinity,
    obstacle,
    tolerates,
)

from tests.unit.rollout.builders import node_seen

TAINT = TaintSeen(key="dedicated", value="edge", effect="NoSchedule")


def required(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def expressions(*demands: tuple[str, str, list[str]]) -> dict[str, Any]:
    return {
        "matchExpressions": [{"key": key, "operator": operator, "values": values} for key, operator, values in demands]
    }


@pytest.mark.parametrize(
    ("demand", "holds"),
    [
        (("zone", "In", ["a", "b"]), True),
        (("zone", "In", ["b"]), False),
        (("other", "In", ["a"]), False),
        (("zone", "NotIn", ["a"]), False),
        (("other", "NotIn", ["a"]), True),
        (("zone", "Exists", []), True),
        (("other", "Exists", []), False),
        (("other", "DoesNotExist", []), True),
        (("zone", "DoesNotExist", []), False),
        (("cores", "Gt", ["7"]), True),
        (("cores", "Gt", ["8"]), False),
        (("cores", "Lt", ["9"]), True),
        (("zone", "Gt", ["1"]), False),
        (("other", "Lt", ["1"]), False),
    ],
)
def test_an_expression_holds_as_in_kubernetes(demand: Any, holds: bool) -> None:
    assert matches_affinity("n", {"zone": "a", "cores": "8"}, required(expressions(demand))) is holds


def test_one_term_has_to_hold_and_in_it_every_expression() -> None:
    both = expressions(("zone", "In", ["a"]), ("disk", "Exists", []))
    assert not matches_affinity("n", {"zone": "a"}, required(both))
    assert matches_affinity("n", {"zone": "a"}, required(both, expressions(("zone", "Exists", []))))


def test_a_term_without_expressions_and_an_affinity_without_terms_hold_for_no_node() -> None:
    assert not matches_affinity("n", {}, required({}))
    assert not matches_affinity("n", {}, required())
    assert matches_affinity("n", {}, {"nodeAffinity": {}})


def test_a_node_can_be_named_by_a_field() -> None:
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}
    assert matches_affinity("n", {}, required(term))
    assert not matches_affinity("m", {"metadata.name": "n"}, required(term))


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"key": "dedicated", "value": "edge"}, True),
        ({"key": "dedicated", "operator": "Equal", "value": "core"}, False),
        ({"key": "dedicated"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({}, False),
    ],
)
def test_a_toleration_is_for_what_it_says(toleration: dict[str, Any], tolerated: bool) -> None:
    assert tolerates(toleration, TAINT) is tolerated


def tainted(*taints: TaintSeen) -> NodeSeen:
    node = node_seen()
    node["taints"] = list(taints)
    return node


def test_what_keeps_a_pod_off_a_node_is_told() -> None:
    demands = Demands({"zone": "a"}, required(expressions(("zone", "In", ["b"]))), [])
    assert obstacle("n", node_seen(), demands) == "does not carry zone=a"
    assert obstacle("n", node_seen(labels={"zone": "a"}), demands) == "does not match the required node affinity"
    told = obstacle("n", tainted(TAINT), Demands({}, {}, []))
    assert told == "has the taint dedicated=edge:NoSchedule, which is not tolerated"


@pytest.mark.parametrize(
    "taint",
    [
        TaintSeen(key="dedicated", value="", effect="PreferNoSchedule"),
        TaintSeen(key="node.kubernetes.io/not-ready", value="", effect="NoSchedule"),
        TaintSeen(key="node.cloudprovider.kubernetes.io/uninitialized", value="true", effect="NoSchedule"),
        TaintSeen(key="rollout.calico-ops.dev/no-calico", value="", effect="NoSchedule"),
    ],
)
def test_a_taint_that_passes_or_only_dissuades_is_no_obstacle(taint: TaintSeen) -> None:
    assert obstacle("n", tainted(taint), Demands({}, {}, [])) is None


def test_a_pod_that_tolerates_everything_minds_no_taint() -> None:
    assert obstacle("n", tainted(TAINT), Demands({}, {}, None)) is None

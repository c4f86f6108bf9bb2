# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of placement is checked before the cluster is asked, and completed with what the provider needs."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import (
    NOTHING_MORE,
    daemonset_pod,
    differing,
    read_placement,
    with_provider_terms,
)

from tests.unit.rollout.builders import node_seen
from tests.unit.rollout.kubernetes.test_scheduling import expressions, required

NO_FARGATE = {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]}
NO_VIRTUAL = {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}
NEEDED = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"},
]


def terms(affinity: dict[str, Any]) -> Any:
    return affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]


@pytest.mark.parametrize(("provider", "kept"), [("EKS", NO_FARGATE), ("AKS", NO_VIRTUAL)])
def test_each_term_gets_what_the_provider_needs_because_one_of_them_is_enough(provider: str, kept: Any) -> None:
    given = required(expressions(("zone", "In", ["a"])), expressions(("zone", "In", ["b"])))
    before = copy.deepcopy(given)
    merged = terms(with_provider_terms(given, provider, {}))
    assert [term["matchExpressions"][-1] for term in merged] == [kept, kept]
    assert [len(term["matchExpressions"]) for term in merged] == [2, 2]
    assert given == before


def test_an_affinity_without_a_required_part_gets_one() -> None:
    given = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    merged = with_provider_terms(given, "EKS", {})
    assert terms(merged) == [{"matchExpressions": [NO_FARGATE]}]
    assert merged["podAntiAffinity"] == given["podAntiAffinity"]


def test_what_is_there_already_is_not_put_in_twice() -> None:
    once = with_provider_terms(required(expressions(("zone", "Exists", []))), "EKS", {})
    assert with_provider_terms(once, "EKS", {}) == once


def test_a_term_that_holds_for_no_node_does_not_begin_to_hold() -> None:
    assert terms(with_provider_terms(required({}), "EKS", {})) == [{}]


@pytest.mark.parametrize("provider", [None, "GKE", "Kind"])
def test_elsewhere_an_affinity_is_as_given(provider: str | None) -> None:
    given = required(expressions(("zone", "Exists", [])))
    assert with_provider_terms(given, provider, {"a": node_seen()}) == given


def test_a_fargate_node_tells_the_provider_of_a_clean_install() -> None:
    nodes = {"f": node_seen(labels={"eks.amazonaws.com/compute-type": "fargate"})}
    assert terms(with_provider_terms({}, None, nodes)) == [{"matchExpressions": [NO_FARGATE]}]


def test_what_is_not_asked_for_is_not_written() -> None:
    assert read_placement({}) == NOTHING_MORE
    assert read_placement({"kube_controllers": {"node_selector": None}, "apiserver": {}}) == NOTHING_MORE
    assert daemonset_pod(NOTHING_MORE, "EKS", {}) == {}


def test_options_become_fields_under_the_names_of_the_api() -> None:
    asked = read_placement(
        {
            "affinity": {},
            "tolerations": [{"operator": "Exists"}],
            "typha_label": {"key": "tier", "value": "core"},
            "kube_controllers": {"node_selector": {"tier": "core"}, "tolerations": []},
        }
    )
    assert asked.kube_controllers == {"nodeSelector": {"tier": "core"}, "tolerations": []}
    assert (asked.typha_label, asked.apiserver) == ({"key": "tier", "value": "core"}, None)
    assert daemonset_pod(asked, None, {}) == {"affinity": {}, "tolerations": [{"operator": "Exists"}]}


def test_tolerations_that_lack_what_each_node_needs_are_refused_with_the_snippet() -> None:
    with pytest.raises(RolloutError) as refused:
        read_placement({"tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]})
    text = str(refused.value)
    assert "tolerations: they do not suffice, because they replace the operator's own" in text
    assert "They do not tolerate node.kubernetes.io/network-unavailable:NoSchedule" in text
    assert yaml.safe_load(text.partition("\n")[2]) == {"tolerations": NEEDED[1:]}


def test_empty_tolerations_are_refused_with_what_they_mean() -> None:
    with pytest.raises(RolloutError, match="an empty list tolerates no taint at all") as refused:
        read_placement({"tolerations": []})
    assert yaml.safe_load(str(refused.value).partition("\n")[2]) == {"tolerations": NEEDED}


@pytest.mark.parametrize("given", [NEEDED, [{"operator": "Exists"}], [{"operator": "Exists", "effect": "NoSchedule"}]])
def test_tolerations_that_suffice_are_taken(given: list[Any]) -> None:
    assert read_placement({"tolerations": given}).tolerations == given


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"affinity": {"nodeaffinity": {}}}, r"affinity: nodeaffinity is not known here; possible are nodeAffinity"),
        ({"affinity": required()}, r"nodeSelectorTerms: at least one term"),
        ({"affinity": required(expressions(("a", "in", [])))}, r"\[0\]\.matchExpressions\[0\]: a key and one of In"),
        ({"tolerations": [{"efect": "NoSchedule"}]}, r"tolerations\[0\]: efect is not known"),
        ({"tolerations": [{"key": "a", "operator": "exists"}]}, r"\[0\]\.operator: exists is neither Equal nor Exists"),
        ({"tolerations": [{"operator": "Equal"}]}, "for every taint and needs operator: Exists"),
        ({"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}, "takes no value"),
        ({"tolerations": [{"operator": "Exists", "effect": "Never"}]}, "Never is none of NoSchedule"),
        ({"typha_label": {"key": "x.operator.tigera.io/y", "value": "z"}}, "in silence"),
        (
            {"apiserver": {"node_selector": {"tier": True}}},
            r"apiserver\.node_selector: the value of tier is True; put it",
        ),
        ({"apiserver": {"affinity": required()}}, r"apiserver\.affinity\.nodeAffinity.*at least one term"),
        ({"kube_controllers": {"tolerations": [{}]}}, r"kube_controllers\.tolerations\[0\]"),
    ],
)
def test_what_the_api_or_the_operator_would_not_take_is_named_by_option(options: Any, message: str) -> None:
    with pytest.raises(RolloutError, match=message):
        read_placement(options)


def test_a_selector_may_have_more_keys_than_wanted_and_nothing_else_may_differ() -> None:
    wanted = {"nodeSelector": {"a": "1"}, "affinity": {}, "tolerations": []}
    assert differing(wanted, {"nodeSelector": {"a": "1", "b": "2"}, "tolerations": []}) == []
    assert differing(wanted, {"nodeSelector": {"a": "2"}, "affinity": {"x": 1}}) == [
        "nodeSelector",
        "affinity",
        "tolerations",
    ]

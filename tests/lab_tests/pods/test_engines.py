# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NetworkPolicies mean is judged as engines of others judge it: policies and connections drawn at random, none of them real.

kube-network-policies' engine matches labels by Kubernetes' own library, and agrees in everything.

cyclonus' engine (policy-assistant has a copy of it) differs in two rules for labels, and is wrong there. What is right,
`Requirement.Matches` in Kubernetes' apimachinery/pkg/labels/selector.go says, which `LabelSelectorAsSelector` leads to:
- NotIn selects what lacks the key. cyclonus' `IsMatchExpressionMatchForLabels` (pkg/kube/labelselector.go) does not.
- matchLabels with an empty value selects only what has the key, with that value. cyclonus' `IsLabelsMatchLabelSelector` reads a missing
  key as an empty value.
With these two rules in place of Kubernetes', our judgement is the same as cyclonus' in every connection.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from random import Random
from typing import Any, Callable

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy import network_policy
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.network_policy import (
    Connection,
    End,
    allowed,
    by_namespace,
    pod_of,
    policy_of,
)

from tests.lab.binaries import binaries, pod_tools
from tests.lab.claims import tell
from tests.network_policies import NAMESPACES, PODS, WORLD, draw_connection, draw_policies
from tests.soak import times_as_much

pytestmark = [pytest.mark.pods, pytest.mark.soak]

SEED, QUESTIONS, CONNECTIONS = 20260101, times_as_much(4000), 10
Question = dict[str, Any]
Verdicts = list[list[bool]]


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    random = Random(SEED)
    return [
        {
            "policies": draw_policies(random),
            "connections": [draw_connection(random) for _time in range(CONNECTIONS)],
        }
        for _time in range(QUESTIONS)
    ]


@pytest.fixture(scope="module")
def answers(questions: list[Question]) -> dict[str, Verdicts]:
    """By engine."""
    program = binaries(tell, [tool for tool in pod_tools() if tool.name == "policy-engines"])["policy-engines"]
    lines = [json.dumps(one) for one in ({"namespaces": NAMESPACES, "pods": PODS}, *questions)]
    done = subprocess.run(
        [program], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True, timeout=300
    )
    answered = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answered) == QUESTIONS
    return {engine: [one[engine] for one in answered] for engine in answered[0]}


def ours(questions: list[Question]) -> Verdicts:
    pods = {address["ip"]: pod_of(raw) for raw in PODS for address in raw["status"]["podIPs"]}

    def end(address: str) -> End:
        return End(address, pods.get(address))

    found: Verdicts = []
    for asked in questions:
        policies = by_namespace(map(policy_of, asked["policies"]))
        connections = [
            Connection(end(one["source"]), end(one["destination"]), one["protocol"], one["port"])
            for one in asked["connections"]
        ]
        found.append([allowed(policies, one, WORLD.namespaces) for one in connections])
    return found


def differing(questions: list[Question], ours_: Verdicts, theirs: Verdicts) -> list[tuple[Any, Any, bool]]:
    """Policies, a connection, and our verdict."""
    return [
        (asked["policies"], connection, mine)
        for asked, some, others in zip(questions, ours_, theirs)
        for connection, mine, other in zip(asked["connections"], some, others)
        if mine != other
    ]


def test_both_verdicts_are_met_often(answers: dict[str, Verdicts]) -> None:
    said = [verdict for one in answers["kube-network-policies"] for verdict in one]
    assert 0.2 < sum(said) / len(said) < 0.8


def test_kube_network_policies_judges_every_connection_alike(
    questions: list[Question], answers: dict[str, Verdicts]
) -> None:
    assert differing(questions, ours(questions), answers["kube-network-policies"])[:3] == []


def test_cyclonus_judges_alike_but_for_two_rules_of_labels(
    questions: list[Question], answers: dict[str, Verdicts], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert differing(questions, ours(questions), answers["cyclonus"])
    monkeypatch.setattr(network_policy, "label_selector", as_cyclonus_matches)
    assert differing(questions, ours(questions), answers["cyclonus"])[:3] == []


def as_cyclonus_matches(raw: Mapping[str, Any], _place: str) -> Callable[[Mapping[str, str]], bool]:
    def meets(one: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
        here, values = one["key"] in labels, one.get("values", ())
        return {
            "In": here and labels.get(one["key"]) in values,
            "NotIn": here and labels.get(one["key"]) not in values,
            "Exists": here,
            "DoesNotExist": not here,
        }[one["operator"]]

    return lambda labels: (
        all(labels.get(key, "") == value for key, value in raw.get("matchLabels", {}).items())
        and all(meets(one, labels) for one in raw.get("matchExpressions", ()))
    )

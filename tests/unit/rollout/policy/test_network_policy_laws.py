# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws of NetworkPolicy, over policies and connections drawn at random."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Direction
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.network_policy import (
    DIRECTIONS,
    Connection,
    End,
    Pod,
    allowed,
    by_namespace,
    isolating,
    permitted,
    pod_of,
    policy_of,
    selecting,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.network_policies import PODS, WORLD, draw_connection, draw_policies, draw_policy

BY_ADDRESS = {address["ip"]: pod_of(raw) for raw in PODS for address in raw["status"]["podIPs"]}
RANDOM = st.integers(0, 2**32 - 1).map(Random)
"""By a seed: the many draws of one example would take Hypothesis a tenth of a second."""
OFTEN = settings(max_examples=300)


def connection(raw: dict[str, Any]) -> Connection:
    ends = [End(raw[end], BY_ADDRESS.get(raw[end])) for end in ("source", "destination")]
    return Connection(ends[0], ends[1], raw["protocol"], raw["port"])


def passes(policies: list[dict[str, Any]], raw: dict[str, Any]) -> bool:
    return allowed(by_namespace(map(policy_of, policies)), connection(raw), WORLD.namespaces)


def rules(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that count, of both directions."""
    return [rule for type_ in policy["spec"]["policyTypes"] for rule in policy["spec"].get(type_.lower()) or () if rule]


def pod_at(raw: dict[str, Any], direction: Direction) -> Pod | None:
    """The pod whose policies this direction is about."""
    return BY_ADDRESS.get(raw["source" if direction == "egress" else "destination"])


@OFTEN
@given(RANDOM)
def test_another_rule_denies_nothing(random: Random) -> None:
    policies, one = draw_policies(random), draw_connection(random)
    more = deepcopy(policies)
    spec = random.choice(more)["spec"]
    for direction in ("ingress", "egress"):
        spec.setdefault(direction, []).extend(draw_policy(random, "more")["spec"].get(direction, ()))
    assert passes(more, one) or not passes(policies, one)


@OFTEN
@given(RANDOM)
def test_a_rule_for_everybody_lets_all_through(random: Random) -> None:
    policies, one = draw_policies(random), draw_connection(random)
    for namespace in WORLD.namespaces:
        spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}
        policies.append({"metadata": {"name": "all", "namespace": namespace}, "spec": spec})
    assert passes(policies, one)


@OFTEN
@given(RANDOM)
def test_an_empty_policy_leaves_what_others_allow_and_isolates_the_rest(random: Random) -> None:
    policies, one = draw_policies(random), draw_connection(random)
    for namespace in WORLD.namespaces:
        spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        policies.append({"metadata": {"name": "none", "namespace": namespace}, "spec": spec})
    compiled = by_namespace(map(policy_of, policies))
    for direction in DIRECTIONS:
        pod = pod_at(one, direction)
        if pod is None:
            continue
        assert "none" in {policy.name for policy in isolating(compiled, pod, direction)}
        alone = [by_namespace([policy_of(policy)]) for policy in policies]
        let_through = [
            permitted(policy, connection(one), direction, WORLD.namespaces)
            for policy in alone
            if isolating(policy, pod, direction)
        ]
        assert permitted(compiled, connection(one), direction, WORLD.namespaces) == any(let_through)


@OFTEN
@given(RANDOM)
def test_the_order_of_policies_rules_and_peers_means_nothing(random: Random) -> None:
    policies, one = draw_policies(random), draw_connection(random)
    turned = deepcopy(policies)[::-1]
    for policy in turned:
        for direction in ("ingress", "egress"):
            policy["spec"].get(direction, []).reverse()
        for rule in rules(policy):
            for entries in rule.values():
                entries.reverse()
    assert passes(turned, one) == passes(policies, one)


@OFTEN
@given(RANDOM)
def test_a_policy_cut_into_one_a_rule_means_the_same(random: Random) -> None:
    policies, one = draw_policies(random), draw_connection(random)
    cut = []
    for policy in policies:
        for type_ in policy["spec"]["policyTypes"]:
            own = policy["spec"].get(type_.lower()) or [None]
            for number, rule in enumerate(own):
                made = deepcopy(policy)
                made["metadata"]["name"] += f"-{type_.lower()}-{number}"
                made["spec"]["policyTypes"] = [type_]
                made["spec"][type_.lower()] = [] if rule is None else [rule]
                cut.append(made)
    assert passes(cut, one) == passes(policies, one)


@OFTEN
@given(RANDOM)
def test_except_subtracts_what_a_block_of_its_own_would_add(random: Random) -> None:
    """A block with exceptions, and each exception as a block: together they are the block."""
    one, (cidr, within) = draw_connection(random), random.choice(WORLD.blocks)
    peers = [{"ipBlock": {"cidr": cidr, "except": list(within)}}, *({"ipBlock": {"cidr": part}} for part in within)]

    def blocks(*used: Any) -> list[dict[str, Any]]:
        spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": list(used)}]}
        return [{"metadata": {"name": "p", "namespace": name}, "spec": spec} for name in WORLD.namespaces]

    assert passes(blocks(*peers), one) == passes(blocks({"ipBlock": {"cidr": cidr}}), one)
    if pod_at(one, "ingress") is not None:
        assert not (passes(blocks(peers[0]), one) and passes(blocks(*peers[1:]), one) and within)


@OFTEN
@given(RANDOM)
def test_a_range_is_its_ports(random: Random) -> None:
    one, first = draw_connection(random), random.randint(1, 65000)
    one["port"] = first + random.randint(-2, 6)
    ports = [{"protocol": one["protocol"], "port": first + more} for more in range(5)]
    wide = [{"protocol": one["protocol"], "port": first, "endPort": first + 4}]

    def let_in(used: Any) -> list[dict[str, Any]]:
        spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": used}]}
        return [{"metadata": {"name": "p", "namespace": name}, "spec": spec} for name in WORLD.namespaces]

    assert passes(let_in(ports), one) == passes(let_in(wide), one)


@OFTEN
@given(RANDOM)
def test_policies_that_select_neither_pod_mean_nothing(random: Random) -> None:
    policies, one = draw_policies(random), draw_connection(random)
    ends = [BY_ADDRESS[address] for address in (one["source"], one["destination"]) if address in BY_ADDRESS]
    left = [policy for policy in policies if any(selecting(by_namespace([policy_of(policy)]), pod) for pod in ends)]
    assert passes(left, one) == passes(policies, one)

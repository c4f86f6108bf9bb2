# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NetworkPolicies mean, case by case. The laws are in test_network_policy_laws.py, other engines' verdicts in lab_tests/pods."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.network_policy import (
    Connection,
    End,
    allowed,
    by_namespace,
    isolating,
    pod_of,
    policy_of,
    selecting,
)

NAMESPACES = {"shop": {"team": "red"}, "bank": {"team": "blue"}}
HTTP = {"name": "http", "containerPort": 8080}


def pod(name: str, namespace: str = "shop", address: str = "10.1.0.1", node: str = "w-1", **spec: Any) -> End:
    """Its label `app` is its name."""
    raw = {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"nodeName": node, "containers": [{"ports": [HTTP]}], **spec},
    }
    return End(address, pod_of(raw))


def policy(name: str = "p", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def ingress(*rules: Any, **spec: Any) -> dict[str, Any]:
    return policy(policyTypes=["Ingress"], ingress=list(rules), **spec)


def passes(
    *raw: Any, source: End | None = None, to: End | None = None, protocol: str = "TCP", port: int = 8080
) -> bool:
    """From the pod `client` of the same namespace to the pod `web`, unless another end is given."""
    source = source or pod("client", address="10.1.0.2", node="w-2")
    connection = Connection(source, to or pod("web"), protocol, port)
    return allowed(by_namespace(map(policy_of, raw)), connection, NAMESPACES)


def test_without_a_policy_everything_is_allowed() -> None:
    assert passes()
    assert passes(policy(namespace="bank", policyTypes=["Ingress", "Egress"]))


def test_a_policy_without_rules_isolates_what_it_selects_and_nothing_else() -> None:
    assert not passes(ingress())
    assert passes(ingress(podSelector={"matchLabels": {"app": "other"}}))


@pytest.mark.parametrize(
    ("spec", "directions"),
    [
        ({}, {"ingress"}),
        ({"ingress": [{}]}, {"ingress"}),
        ({"egress": [{}]}, {"ingress", "egress"}),
        ({"policyTypes": ["Egress"], "ingress": [{}]}, {"egress"}),
    ],
)
def test_the_directions_default_as_the_api_server_has_them(spec: Any, directions: set[str]) -> None:
    assert set(policy_of(policy(**spec)).rules) == directions


def test_the_source_and_the_destination_must_both_let_it_through() -> None:
    out = {"app": "client"}
    denied = policy("out", podSelector={"matchLabels": out}, policyTypes=["Egress"])
    open_ = policy("out", podSelector={"matchLabels": out}, policyTypes=["Egress"], egress=[{}])
    assert not passes(ingress({}), denied)
    assert passes(ingress({}), open_)
    assert not passes(ingress(), open_)


def test_policies_add_up() -> None:
    one, other = ingress({"ports": [{"port": 80}]}), ingress({"ports": [{"port": 8080}]})
    assert not passes(one)
    assert passes(one, other)


def test_a_rule_asks_for_a_port_and_a_peer_at_once() -> None:
    rule = {"ports": [{"port": 8080}], "from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}
    assert passes(ingress(rule))
    assert not passes(ingress(rule), port=80)
    assert not passes(ingress(rule), source=pod("other", address="10.1.0.3", node="w-2"))


@pytest.mark.parametrize(
    ("peer", "same_namespace", "other_namespace"),
    [
        ({"podSelector": {}}, True, False),
        ({"namespaceSelector": {}}, True, True),
        ({"namespaceSelector": {"matchLabels": {"team": "blue"}}}, False, True),
        (
            {"namespaceSelector": {"matchLabels": {"team": "blue"}}, "podSelector": {"matchLabels": {"app": "x"}}},
            False,
            False,
        ),
        ({"podSelector": {"matchExpressions": [{"key": "absent", "operator": "NotIn", "values": ["x"]}]}}, True, False),
        ({"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["client"]}]}}, True, False),
        ({"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}, True, False),
        ({"podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}, False, False),
        ({"podSelector": {"matchLabels": {"absent": ""}}}, False, False),
    ],
)
def test_selectors_of_peers(peer: Any, same_namespace: bool, other_namespace: bool) -> None:
    rule = ingress({"from": [peer]})
    assert passes(rule) is same_namespace
    assert passes(rule, source=pod("client", "bank", "10.1.0.2", "w-2")) is other_namespace


@pytest.mark.parametrize(
    ("block", "let_in"),
    [
        ({"cidr": "192.0.2.0/24"}, True),
        ({"cidr": "192.0.2.0/24", "except": ["192.0.2.0/28"]}, False),
        ({"cidr": "192.0.2.0/24", "except": ["192.0.2.64/26"]}, True),
        ({"cidr": "192.0.2.99/24"}, True),
        ({"cidr": "192.0.002.0/24"}, True),
        ({"cidr": "::/0"}, False),
        ({"cidr": "0.0.0.0/0"}, True),
    ],
)
def test_blocks_of_addresses(block: Any, let_in: bool) -> None:
    assert passes(ingress({"from": [{"ipBlock": block}]}), source=End("192.0.2.5")) is let_in


def test_a_block_matches_pods_too_and_no_selector_matches_an_address_outside() -> None:
    assert passes(ingress({"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}))
    assert not passes(ingress({"from": [{"namespaceSelector": {}}]}), source=End("192.0.2.5"))


@pytest.mark.parametrize(
    ("ports", "tcp", "udp"),
    [
        ({}, True, False),
        ({"protocol": "UDP"}, False, True),
        ({"port": 8080}, True, False),
        ({"port": 8000, "endPort": 8080}, True, False),
        ({"port": 8000, "endPort": 8079}, False, False),
        ({"port": 8081, "endPort": 9000}, False, False),
        ({"port": "http"}, True, False),
        ({"port": "http", "protocol": "UDP"}, False, False),
        ({"port": "other"}, False, False),
    ],
)
def test_ports(ports: Any, tcp: bool, udp: bool) -> None:
    rule = ingress({"ports": [ports]})
    assert (passes(rule), passes(rule, protocol="UDP")) == (tcp, udp)


def test_sctp_is_a_protocol_like_the_others() -> None:
    rule = ingress({"ports": [{"protocol": "SCTP", "port": 8080}]})
    assert passes(rule, protocol="SCTP")
    assert not passes(rule)


def test_the_name_of_a_port_is_looked_up_at_the_destination() -> None:
    out = policy(policyTypes=["Egress"], egress=[{"ports": [{"port": "http"}]}])
    assert passes(out)
    assert not passes(out, to=pod("web", containers=[]))
    assert not passes(out, to=End("192.0.2.5"))
    assert passes(out, to=pod("web", containers=[], initContainers=[{"ports": [HTTP]}]))


def test_two_containers_may_have_a_port_of_one_name() -> None:
    both = pod("web", containers=[{"ports": [HTTP]}, {"ports": [{"name": "http", "containerPort": 80}]}])
    rule = ingress({"ports": [{"port": "http"}]})
    assert [passes(rule, to=both, port=port) for port in (80, 8080, 443)] == [True, True, False]


def test_no_policy_is_for_a_pod_in_the_hosts_network() -> None:
    host = pod("web", hostNetwork=True)
    policies = by_namespace([policy_of(ingress())])
    assert passes(ingress(), to=host)
    assert host.pod is not None
    assert selecting(policies, host.pod) == []
    assert not passes(ingress({"from": [{"podSelector": {}}]}), source=pod("client", node="w-2", hostNetwork=True))


def test_a_node_reaches_its_own_pods_and_no_others() -> None:
    for process in (End("10.0.0.1", node="w-1"), pod("agent", address="10.0.0.1", node="w-1", hostNetwork=True)):
        assert passes(ingress(), source=process)
        assert not passes(ingress(), source=process, to=pod("web", node="w-2"))


def test_the_way_from_a_pod_to_its_node_is_judged() -> None:
    assert not passes(policy(policyTypes=["Egress"]), source=pod("client"), to=End("10.0.0.1", node="w-1"))


def test_a_pod_reaches_itself() -> None:
    web = pod("web")
    assert passes(policy(policyTypes=["Ingress", "Egress"]), source=web, to=web)


def test_what_selects_and_what_isolates_is_named() -> None:
    policies = by_namespace(map(policy_of, (ingress(), policy("out", policyTypes=["Egress"]))))
    web = pod("web").pod
    assert web is not None
    assert [one.name for one in selecting(policies, web)] == ["p", "out"]
    assert [one.name for one in isolating(policies, web, "egress")] == ["out"]


def test_an_operator_of_a_newer_kubernetes_is_told_with_the_policy() -> None:
    expression = {"key": "app", "operator": "Gt", "values": ["1"]}
    with pytest.raises(RolloutError, match=r"^NetworkPolicy shop/p: a label selector has the operator Gt\. Known are"):
        policy_of(ingress(podSelector={"matchExpressions": [expression]}))

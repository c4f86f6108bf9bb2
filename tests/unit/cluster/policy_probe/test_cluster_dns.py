# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's DNS is found where distributions have it, and the report says why where it is not tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.cluster_dns import (
    ClusterDns,
    DnsServer,
    read_cluster_dns,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError

from tests.unit.kube.fake_api import FakeApi, Reply, Request, fake_api, status

from .dns import LABELS, pod, service

SERVICES, PODS = "/api/v1/namespaces/{}/services", "/api/v1/namespaces/{}/pods"


def read(
    services: Sequence[Any],
    pods: Sequence[Any] = (),
    wanted: str = "",
    namespace: str = "kube-system",
    refused: Mapping[str, Reply] | None = None,
) -> tuple[ClusterDns | str, FakeApi]:
    lists = {SERVICES.format(namespace): services, PODS.format(namespace): pods}

    def answer(request: Request, _number: int) -> Reply:
        if request.path in (refused or {}):
            return (refused or {})[request.path]
        items = list(lists.get(request.path, ()))
        return Reply(body={"metadata": {"resourceVersion": "1"}, "items": items})

    with fake_api(answer) as api:
        return read_cluster_dns(api.cluster(), wanted), api


def found(*args: Any, **options: Any) -> ClusterDns:
    dns, _api = read(*args, **options)
    assert isinstance(dns, ClusterDns), dns
    return dns


def told(*args: Any, **options: Any) -> str:
    dns, _api = read(*args, **options)
    assert isinstance(dns, str)
    return dns


def test_the_pods_behind_the_labelled_service_are_found() -> None:
    dns, api = read([service("rke2-coredns")], [pod("b", "10.1.0.2"), pod("a", "10.1.0.1", "fd00::1")])
    assert isinstance(dns, ClusterDns)
    assert (dns.namespace, dns.labels) == ("kube-system", LABELS)
    assert dns.servers == [DnsServer({"IPv4": "10.1.0.1", "IPv6": "fd00::1"}, 53), DnsServer({"IPv4": "10.1.0.2"}, 53)]
    assert [request.query["labelSelector"] for request in api.requests] == ["k8s-app=kube-dns"] * 2


def test_openshift_names_its_port() -> None:
    openshift = service("dns-default", target="dns", selector={"dns.operator.openshift.io/daemonset-dns": "default"})
    dns = found([openshift], [pod("dns-default-1", "10.1.0.1", ports={"dns": 5353})], namespace="openshift-dns")
    assert (dns.namespace, dns.servers[0].port) == ("openshift-dns", 5353)


def test_a_service_that_is_named_goes_before_others() -> None:
    dns, api = read([service("mine")], [pod("a", "10.1.0.1")], wanted="net/mine", namespace="net")
    assert isinstance(dns, ClusterDns)
    assert [request.path for request in api.requests] == [SERVICES.format("net"), PODS.format("net")]
    assert api.requests[0].query["fieldSelector"] == "metadata.name=mine"


def test_a_service_that_is_named_and_not_there_is_an_error() -> None:
    with pytest.raises(RolloutError, match="dns_service: there is no Service net/mine with UDP port 53"):
        read([], wanted="net/mine")


def test_a_service_without_a_target_port_leads_to_its_own() -> None:
    assert found([service(target=None)], [pod("a", "10.1.0.1")]).servers[0].port == 53


def test_a_service_of_another_port_is_none_of_dns() -> None:
    metrics = service("coredns-metrics", ports=[{"port": 9153, "protocol": "TCP"}])
    assert found([metrics, service("kube-dns")], [pod("a", "10.1.0.1")]).labels == LABELS
    assert "no Service in kube-system" in told([metrics])


@pytest.mark.parametrize(
    ("pods", "words"),
    [
        ([], "no pod of the Service kube-system/kube-dns is there"),
        (
            [pod("a", "10.1.0.1", ready=False)],
            "no pod of the Service kube-system/kube-dns on a network of its own is ready",
        ),
        ([pod("a", "192.0.2.1", hostNetwork=True)], "on a network of its own is ready"),
    ],
)
def test_pods_that_no_policy_can_name_or_that_do_not_serve_are_not_asked(pods: list[Any], words: str) -> None:
    assert words in told([service()], pods)


def test_a_service_without_a_selector_is_told() -> None:
    assert "kube-system/kube-dns has no selector" in told([service(selector=None)], [pod("a", "10.1.0.1")])


@pytest.mark.parametrize("path", [SERVICES, PODS])
def test_what_may_not_be_read_is_told_and_ends_nothing(path: str) -> None:
    refused = {path.format("kube-system"): status(403, "Forbidden", "services is forbidden")}
    assert "could not be read: 403 Forbidden: services is forbidden" in told(
        [service()], [pod("a", "10.1.0.1")], refused=refused
    )


def test_none_asks_nobody() -> None:
    dns, api = read([service()], wanted="none")
    assert (dns, api.requests) == ("DNS egress was not tried: dns_service is none.", [])


@pytest.mark.parametrize(
    ("cluster_ip", "name"),
    [
        ("10.96.0.10", b"\x0210\x010\x0296\x0210\x07in-addr\x04arpa\0"),
        ("None", b"\x011\x010\x011\x0210\x07in-addr\x04arpa\0"),
        ("fd00::a", b"\x01a" + b"\x010" * 29 + b"\x01d\x01f\x03ip6\x04arpa\0"),
    ],
)
def test_the_question_is_for_the_name_of_the_services_own_address(cluster_ip: str, name: bytes) -> None:
    question = found([service(clusterIP=cluster_ip)], [pod("a", "10.1.0.1")]).question
    assert question == b"\x01\0\0\x01\0\0\0\0\0\0" + name + b"\0\x0c\0\x01"
    assert b"\n" not in question, "bash sends what stands before it alone"


def test_each_server_of_a_family_is_asked_in_turn() -> None:
    dns = found([service()], [pod("a", "10.1.0.1"), pod("b", "10.1.0.2"), pod("c", "fd00::3")])
    assert dns.families == {"IPv4", "IPv6"}
    assert [dns.server("IPv4", turn).addresses["IPv4"] for turn in range(3)] == ["10.1.0.1", "10.1.0.2", "10.1.0.1"]
    assert dns.server("IPv6", 7).addresses == {"IPv6": "fd00::3"}

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a real pod of the cluster's DNS: denied, allowed, and without an answer, for which no node is to blame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import PolicyProbeReport

from tests.lab.hosts.machine import INTERPRETER
from tests.lab.lab import Lab
from tests.lab.pods.traffic import Pod, run_pods

from .conftest import NODES, Prove, host, verdicts

pytestmark = [
    pytest.mark.pods,
    pytest.mark.soak,
    pytest.mark.stand_in("it has calico-node be what a real kubelet of the lab can run"),
]

NAMESPACE, LABELS = "kube-system", {"k8s-app": "kube-dns"}
SERVICES, PODS = f"/api/v1/namespaces/{NAMESPACE}/services", f"/api/v1/namespaces/{NAMESPACE}/pods"
SERVER = r"""
import os, socket, sys, threading
threading.Thread(target=lambda: os._exit(len(sys.stdin.read())), daemon=True).start()
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
server.bind(("::", 53))
print("serves", flush=True)
while True:
    question, source = server.recvfrom(2048)
    if sys.argv[1] == "answering":
        server.sendto(question[:2] + b"\x81\x83" + question[4:], source)
"""
"""It knows no name (NXDOMAIN), and answers each question with its number, or none, until its input ends."""


@pytest.fixture(scope="module")
def dns(running: Lab) -> Iterator[Pod]:
    """As kubeadm has it, with one pod, on w-3. Nothing answers in it yet."""
    ports = [{"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"}]
    running.admin.create(
        SERVICES, {"metadata": {"name": "kube-dns", "labels": LABELS}, "spec": {"selector": LABELS, "ports": ports}}
    )
    (pod,) = run_pods(running.admin, {"coredns": host(running, "w-3")}, LABELS, ("pause",), NAMESPACE)
    yield pod
    running.admin.delete(f"{SERVICES}/kube-dns")
    running.admin.delete(f"{PODS}/coredns")


@contextmanager
def serving(dns: Pod, how: str) -> Iterator[None]:
    with dns.start(INTERPRETER, "-I", "-S", "-c", SERVER, how) as server:
        assert server.stdin
        assert server.stdout
        assert server.stdout.readline() == "serves\n"
        yield
        server.stdin.close()


def of_dns(report: PolicyProbeReport) -> dict[str, list[str]]:
    """By node what became of its questions, phase by phase."""
    return {row["node"]: [fate["seen"] for fate in row["fates"]] for row in report["rows"] if row["kind"] == "dns"}


def test_egress_to_dns_is_denied_and_allowed_on_each_node(dns: Pod, proving: Prove) -> None:
    with serving(dns, "answering"):
        report = proving()
    assert report["outcome"] == "proven", report["reason"]
    assert of_dns(report) == {node: ["answered", "dropped", "answered", "answered"] for node in NODES}
    assert [limit for limit in report["limits"] if "DNS" in limit] == []


def test_dns_without_an_answer_is_no_nodes_fault(dns: Pod, proving: Prove) -> None:
    with serving(dns, "silent"):
        report = proving()
    assert (report["outcome"], report["looks"]) == ("proven", 1), report["reason"]
    assert verdicts(report) == dict.fromkeys(NODES, "enforced")
    # The last phase ends when the other rows have seen it, which may be before a question has waited for its time.
    assert {node: fates[:3] for node, fates in of_dns(report).items()} == {node: ["dropped"] * 3 for node in NODES}
    (told,) = [limit for limit in report["limits"] if "DNS" in limit]
    assert told.startswith("The cluster's DNS did not answer pods on w-1, w-2, w-3 while no policy selected them")

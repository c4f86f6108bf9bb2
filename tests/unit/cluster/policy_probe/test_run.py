# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One proof from its first request to its last, against an API server that is had by the sleeve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import lease
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe import (
    fleet,
    namespace,
    phases,
    pod_writes,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.pods import TARGETS
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.request import ProbeRequest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.run import prove, remove_all
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import PolicyProbeReport
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError

from tests.unit.kube.fake_api import FakeApi, Reply, Request, fake_api, status

from .dns import LABELS, pod, service
from .world import NAMESPACE, OF_DNS, World

IMAGE = "registry.example.com/agnhost:1"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_writes, "RATE", 0.0)
    monkeypatch.setattr(pod_writes, "LOOK_AGAIN", 0.05)
    monkeypatch.setattr(fleet, "TROUBLE_MAY_PASS", 0.2)
    monkeypatch.setattr(fleet, "LOOK_AGAIN", 0.2)
    monkeypatch.setattr(lease, "LOOK_EVERY", 0.05)


def proof(
    world: World, nodes: Sequence[str], offered: Sequence[str] = (), told: list[str] | None = None, **options: Any
) -> tuple[PolicyProbeReport, FakeApi]:
    request = ProbeRequest(**{"image": IMAGE, "timeout": 30.0, **options})
    with fake_api(world.answer) as api:
        report = prove(api.cluster(), request, nodes, offered, tell=([] if told is None else told).append)
    return report, api


def names(number: int, of: str = "n") -> list[str]:
    return [f"{of}-{place}" for place in range(number)]


def sent(api: FakeApi) -> list[str]:
    """All requests but watches, and but the Lease's, which is renewed by time."""
    return [
        f"{one.method} {one.path}" for one in api.requests if "watch" not in one.query and "/leases" not in one.path
    ]


def test_policy_is_proven_where_each_connection_has_the_right_fate() -> None:
    world = World(phase_seconds=0.5)
    report, api = proof(world, names(3))
    assert report["outcome"] == "proven", report["reason"]
    assert world.roles() == {"subject": 3, "peer": 3}
    assert report["limits"] != []  # no IPv6, no proven node
    assert [one for one in sent(api) if ("networkpolicies" in one and "POST" in one) or "DELETE" in one] == [
        f"POST /apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies",
        f"POST /apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies",
        f"DELETE /apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies",
        f"DELETE /apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies",
        f"DELETE /api/v1/namespaces/{NAMESPACE}/pods",
        next(one for one in sent(api) if one.startswith(f"DELETE /api/v1/namespaces/{NAMESPACE}/configmaps/")),
    ]


WITH_DNS = {f"{OF_DNS}/services": [service()], f"{OF_DNS}/pods": [pod("a", "10.2.0.1"), pod("b", "10.2.0.2")]}


def test_each_node_asks_a_pod_of_dns_that_a_policy_lets_it_ask() -> None:
    world = World(phase_seconds=0.5, lists=WITH_DNS)
    report, api = proof(world, names(3))
    assert report["outcome"] == "proven", report["reason"]
    assert [row["node"] for row in report["rows"] if row["kind"] == "dns"] == names(3)
    asked = [line.split() for one in world.pods.values() for line in told_to(one) if " DNS:" in line]
    # Pods are made side by side, in no order.
    assert sorted((address, port, wanted) for address, port, _kind, wanted in asked) == [
        ("10.2.0.1", "53", "ADAA"),
        ("10.2.0.1", "53", "ADAA"),
        ("10.2.0.2", "53", "ADAA"),
    ]
    assert allowed(api)["egress"][-1] == {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                "podSelector": {"matchLabels": LABELS},
            }
        ],
        "ports": [{"protocol": "UDP", "port": 53}],
    }
    assert not any("DNS" in limit for limit in report["limits"])


@pytest.mark.parametrize(
    ("world", "options", "words"),
    [
        ({}, {}, "no Service in kube-system"),
        ({"lists": WITH_DNS}, {"dns_service": "none"}, "dns_service is none"),
        (
            {
                "lists": {
                    **WITH_DNS,
                    "networkpolicies.networking.k8s.io": [{"metadata": {"name": "allow-dns"}, "spec": {}}],
                }
            },
            {"foreign_policies": "ignore"},
            "because policies of others apply",
        ),
    ],
    ids=["no DNS", "not wanted", "policies of others"],
)
def test_without_a_row_of_dns_the_report_says_why(world: dict[str, Any], options: dict[str, Any], words: str) -> None:
    report, api = proof(World(phase_seconds=0.5, **world), names(3), **options)
    assert report["outcome"] == "proven", report["reason"]
    assert [row for row in report["rows"] if row["kind"] == "dns"] == []
    assert [limit for limit in report["limits"] if "DNS egress was not tried" in limit and words in limit]
    assert len(allowed(api)["egress"]) == len(allowed(api)["ingress"])


def allowed(api: FakeApi) -> dict[str, Any]:
    """The spec of the policy of the last phase but one."""
    _deny, allow = [one.body for one in api.requests if one.method == "POST" and one.path.endswith("networkpolicies")]
    spec: dict[str, Any] = allow["spec"]
    return spec


def told_to(pod: dict[str, Any]) -> list[str]:
    """What a client was told to try."""
    text: str = pod["metadata"]["annotations"].get(TARGETS, "")
    return text.splitlines()


@pytest.mark.parametrize(
    ("lossy", "outcome", "looks"), [((1,), "proven", 2), ((1, 2), "failed", 2), ((2,), "proven", 1)]
)
def test_what_is_lost_is_looked_at_a_second_time(lossy: Sequence[int], outcome: str, looks: int) -> None:
    world = World(phase_seconds=0.5, lossy=lossy)
    report, api = proof(world, names(3))
    assert (report["outcome"], report["looks"], world.looks) == (outcome, looks, looks), report["reason"]
    assert len(world.pods) == 6 * looks, "each look has pods of its own"
    removed = [one for one in sent(api) if one.startswith(f"DELETE /api/v1/namespaces/{NAMESPACE}/configmaps/")]
    assert len(removed) == looks


def test_nothing_outside_the_namespace_is_written() -> None:
    _report, api = proof(World(), names(3))
    written = [one for one in api.requests if one.method != "GET"]
    assert [one.path for one in written if f"/namespaces/{NAMESPACE}/" not in one.path] == []


def test_requests_and_connections_do_not_depend_on_the_cluster() -> None:
    seen = []
    for offered in (50, 500):
        report, api = proof(World(phase_seconds=0.5), names(5), names(offered, "proven"))
        seen.append((len(sent(api)), len(report["rows"]), len(report["proven_before"])))
    assert seen[0] == seen[1]


def test_requests_and_connections_grow_with_the_batch() -> None:
    requests, rows = [], []
    for batch in (6, 12, 24):
        report, api = proof(World(phase_seconds=0.5), names(batch), names(500, "proven"))
        requests.append(len(sent(api)))
        rows.append(len(report["rows"]))
    assert requests[2] - requests[1] == 2 * (requests[1] - requests[0])
    assert rows[2] <= 2 * rows[1] <= 4 * rows[0]


def test_an_api_server_that_is_slow_is_not_a_node_that_is_late() -> None:
    """Time counts from its answer on."""
    report, _api = proof(World(phase_seconds=1.5), names(3), deadline=0.5)
    assert report["outcome"] == "proven", report["reason"]


def test_a_node_whose_pod_is_refused_is_not_proven_and_says_why() -> None:
    refused = status(403, "Forbidden", 'pods "p" is forbidden: exceeded quota: compute, requested: pods=1')
    report, _api = proof(World(refuse={"n-1": refused}, phase_seconds=0.5), names(3))
    assert report["outcome"] == "not_proven"
    reasons = {proof["node"]: proof["reason"] for proof in report["nodes"] if proof["verdict"] != "enforced"}
    assert "exceeded quota" in reasons["n-1"]


def test_a_node_whose_pod_does_not_start_is_given_up_with_the_kubelets_words() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "none"'}
    report, _api = proof(World(waiting={"n-2": waiting}, phase_seconds=0.5), names(3))
    reasons = {proof["node"]: proof["reason"] for proof in report["nodes"]}
    assert "ImagePullBackOff" in reasons["n-2"]
    assert report["outcome"] == "not_proven"


def test_a_client_that_reports_nothing_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "_report", lambda _world, _pod: "bash 4.4 has no EPOCHREALTIME")
    report, _api = proof(World(), names(3))
    assert report["outcome"] == "not_proven"
    assert "bash 4.4 has no EPOCHREALTIME" in report["reason"]


def test_a_client_that_never_settles_is_told_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "HEARD_AFTER", 0.2)
    monkeypatch.setattr(phases, "ENDS", 0.2)
    end = World._end

    def never_denied(world: World, pod: dict[str, Any], name: str, message: str) -> None:
        if name != "default-deny" or not pod["metadata"]["name"].endswith("-0-subject"):
            end(world, pod, name, message)

    monkeypatch.setattr(World, "_end", never_denied)
    world = World()
    _report, api = proof(world, names(3), deadline=0.5)
    told = [one.body["metadata"]["annotations"] for one in api.requests if one.method == "PATCH"]
    over = [one for one in told if any(key.endswith("-over") for key in one)]
    assert over == [{"rollout.calico-ops.dev/policy-probe-over": "2"}]


def test_a_run_removes_what_a_killed_one_left_and_says_so() -> None:
    labels = {"rollout.calico-ops.dev/policy-probe": "dead"}
    dead = {"metadata": {"name": "policy-probe-dead", "uid": "u", "labels": labels}}
    told: list[str] = []
    _report, api = proof(World(lists={"configmaps": [dead]}), names(1), told=told)
    assert "policy-probe-dead" in told[0]
    assert f"DELETE /api/v1/namespaces/{NAMESPACE}/configmaps/policy-probe-dead" in sent(api)
    selectors = [one.query.get("labelSelector", "") for one in api.requests if one.method == "DELETE"]
    assert any("policy-probe=dead" in selector for selector in selectors)


def held(by: str, duration: int = 1) -> dict[str, Any]:
    return {
        "metadata": {"name": "policy-probe", "resourceVersion": "5"},
        "spec": {"holderIdentity": by, "leaseDurationSeconds": duration},
    }


def test_a_second_run_names_the_holder_that_renews_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(lease=held("ci-7_42", 60))

    def renew(_seconds: float) -> None:
        world.version += 1
        assert world.lease is not None
        world.lease["metadata"]["resourceVersion"] = str(world.version)

    monkeypatch.setattr(lease.time, "sleep", renew)
    with pytest.raises(RolloutError, match="ci-7_42 probes network policy in the namespace calico-ops-policy-probe"):
        proof(world, names(1))
    assert world.pods == {}


def test_a_lease_that_nobody_renews_is_taken_over() -> None:
    report, _api = proof(World(lease=held("killed_1")), names(1))
    assert report["kind"] == "PolicyProbeReport"


def test_a_lease_that_somebody_else_took_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "renew_every", lambda _duration: 0.05)
    world = World(phase_seconds=0.5)

    def answer(request: Request, number: int) -> Reply:
        if request.method == "PUT" and world.pods:
            world.lease = held("thief")
            return status(409, "Conflict", "the object has been modified")
        return world.answer(request, number)

    wanted = ProbeRequest(image=IMAGE, timeout=30.0)
    with fake_api(answer) as api, pytest.raises(RolloutError, match=r"was lost while the probe ran \(thief has it"):
        prove(api.cluster(), wanted, names(3), ())


@pytest.mark.parametrize("wanted", ["refuse", "ignore"])
def test_a_policy_of_others_is_named_and_refused_or_ignored(wanted: str) -> None:
    kyverno = {"metadata": {"name": "generated-deny"}, "spec": {"podSelector": {}}}
    world = World(lists={"networkpolicies.networking.k8s.io": [kyverno]})
    if wanted == "ignore":
        report, _api = proof(world, names(1), foreign_policies=wanted)
        assert report["foreign_policies"] == ["NetworkPolicy generated-deny"]
        return
    with pytest.raises(RolloutError, match="NetworkPolicy generated-deny"):
        proof(world, names(1), foreign_policies=wanted)
    assert world.pods == {}


def test_only_a_namespace_that_a_probe_made_is_removed() -> None:
    ours = {"app.kubernetes.io/managed-by": "calico-ops-policy-probe"}
    for labels, removed in (({}, []), (ours, [f"Namespace {NAMESPACE}"])):
        with fake_api(World(labels=labels).answer) as api:
            assert remove_all(api.cluster(), NAMESPACE) == removed
        deleted = f"DELETE /api/v1/namespaces/{NAMESPACE}" in sent(api)
        assert deleted == bool(removed)


def going_away(looks: int) -> Callable[[Request, int], Reply]:
    """The namespace, until it was looked for so often."""

    def answer(request: Request, number: int) -> Reply:
        if request.method == "POST":
            return Reply(201, {"metadata": {"name": NAMESPACE}})
        gone = {"metadata": {"name": NAMESPACE, "deletionTimestamp": "2026-01-01T00:00:00Z"}}
        return Reply(200, gone) if number < looks else status(404, "NotFound")

    return answer


def test_a_namespace_that_is_going_away_is_waited_for_and_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "LOOK_AGAIN", 0.0)
    with fake_api(going_away(looks=3)) as api:
        assert namespace.ensure(api.cluster(), NAMESPACE) == {"metadata": {"name": NAMESPACE}}


def test_a_namespace_that_does_not_go_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "LOOK_AGAIN", 0.0)
    monkeypatch.setattr(namespace, "GOES", 0)
    with (
        fake_api(going_away(looks=1000)) as api,
        pytest.raises(RolloutError, match=f"{NAMESPACE} has been going away for more than"),
    ):
        namespace.ensure(api.cluster(), NAMESPACE)


def test_no_node_is_no_proof() -> None:
    with pytest.raises(RolloutError, match="no node is named"):
        proof(World(), [])

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe makes in the cluster: pods that Pod Security "restricted" lets in, and policies that select its own pods only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.options import (
    PROBE_OPTIONS,
    probe_request,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.pods import Owner, pod
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.policies import (
    default_deny,
    global_deny,
    precise_allow,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.request import ProbeRequest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.seen import pod_seen
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.targets import (
    Place,
    tried_by_client,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.policy import ProbeRow
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.calico_selector import (
    calico_selector,
)

OWNER = Owner("a1b2", "probe", "uid-1")
IMAGE = "registry.example.com/agnhost:1"


def made(**options: Any) -> dict[str, Any]:
    return pod(OWNER, ProbeRequest(**{"image": IMAGE, **options}), "p-0", "w-1", "subject", 90)


def test_a_pod_is_restricted_small_and_ends_by_itself() -> None:
    spec = made()["spec"]
    assert spec["activeDeadlineSeconds"] == 90
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert (context["runAsNonRoot"], context["allowPrivilegeEscalation"]) == (True, False)
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["readOnlyRootFilesystem"]
        assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}


def test_a_pod_goes_with_its_run_and_stays_out_of_meshes() -> None:
    metadata = made()["metadata"]
    assert metadata["ownerReferences"][0]["uid"] == "uid-1"
    assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
    assert metadata["annotations"]["linkerd.io/inject"] == "disabled"


def test_options_reach_the_pod() -> None:
    spec = made(
        pull_secrets=["pull"],
        tolerations=[{"operator": "Exists"}],
        resources={"limits": {"cpu": "1"}},
        security_context={"runAsUser": None, "runAsGroup": 7},
        runtime_class="gvisor",
    )["spec"]
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["runtimeClassName"] == "gvisor"
    client = spec["containers"][1]
    assert client["resources"] == {"limits": {"cpu": "1"}}
    assert client["securityContext"]["runAsGroup"] == 7
    assert "runAsUser" not in client["securityContext"]


def test_policies_select_the_pods_of_their_run_alone() -> None:
    other = Owner("c3d4", "probe", "uid-2")
    labels = made()["metadata"]["labels"]
    for policy in (default_deny(OWNER), precise_allow(OWNER)):
        selector = policy["spec"]["podSelector"]["matchLabels"]
        assert selector.items() <= labels.items()
        assert policy["metadata"]["namespace"] == "probe"
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not default_deny(other)["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def test_a_global_policy_is_scoped_to_the_namespace_and_the_run() -> None:
    spec = global_deny(OWNER)["spec"]
    labels = made()["metadata"]["labels"]
    assert calico_selector(spec["namespaceSelector"])({"projectcalico.org/name": "probe"})
    assert not calico_selector(spec["namespaceSelector"])({"projectcalico.org/name": "default"})
    assert calico_selector(spec["selector"])(labels)
    assert not calico_selector(spec["selector"])({"app": "web"})


def row(number: int, **fields: Any) -> ProbeRow:
    ordinary: dict[str, Any] = {
        "id": f"w-1/{number}",
        "kind": "ordinary",
        "node": "w-1",
        "peer": "w-2",
        "way": "cross_node",
        "family": "IPv4",
        "protocol": "TCP",
        "direction": "ingress",
        "allowed": True,
        "fates": [],
    }
    return ProbeRow(**{**ordinary, **fields})


ADDRESSES: Any = {
    Place("w-1", "subject"): {"IPv4": "10.0.1.1"},
    Place("w-1", "peer"): {"IPv4": "10.0.1.2"},
    Place("w-2", "subject"): {"IPv4": "10.0.2.1"},
    Place("w-2", "peer"): {"IPv4": "10.0.2.2"},
}


def test_a_row_is_tried_by_the_pod_on_its_other_side() -> None:
    tried = tried_by_client([row(1, allowed=False), row(2, direction="egress", allowed=False)], ADDRESSES)
    assert {place: [one.target.address for one in ones] for place, ones in tried.items()} == {
        Place("w-2", "peer"): ["10.0.1.1"],
        Place("w-1", "subject"): ["10.0.2.2"],
    }


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, "ADAA"),
        ({"allowed": False}, "ADDA"),
        ({"kind": "large_packets"}, "ADAA"),
        ({"kind": "wrong_port", "allowed": False}, "RDDR"),
        ({"kind": "wrong_namespace", "allowed": False}, "RDDR"),
    ],
)
def test_a_target_wants_in_each_phase_what_policy_says(fields: dict[str, Any], wanted: str) -> None:
    [tried] = list(tried_by_client([row(1, **fields)], ADDRESSES).values())
    assert tried[0].target.wanted == wanted


def test_a_client_that_is_allowed_everything_gets_a_denied_target_to_see_the_end_by() -> None:
    [tried] = list(tried_by_client([row(1), row(2, protocol="UDP")], ADDRESSES).values())
    assert [(one.row, one.target.wanted) for one in tried] == [("w-1/1", "ADAA"), ("w-1/2", "ADAA"), (None, "ADDA")]


def test_a_row_without_an_address_is_not_tried() -> None:
    assert tried_by_client([row(1, family="IPv6")], ADDRESSES) == {}


def seen(**status: Any) -> Any:
    return pod_seen({"metadata": {"name": "p"}, "status": status})


def container(name: str, **state: Any) -> dict[str, Any]:
    return {"name": name, "state": state}


@pytest.mark.parametrize(
    ("status", "trouble", "final"),
    [
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "1 node had untolerated taint"}]},
            "the scheduler does not place its pod: 1 node had untolerated taint",
            False,
        ),
        (
            {"containerStatuses": [container("client", waiting={"reason": "ErrImagePull", "message": "no\nsuch"})]},
            "the container client does not start: ErrImagePull: no such",
            False,
        ),
        (
            {
                "containerStatuses": [
                    container("server", terminated={"exitCode": 128, "reason": "StartError", "message": "/bin/bash"})
                ]
            },
            "the container server ended with exit code 128 (StartError): /bin/bash",
            True,
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "disk"}, "its pod failed: Evicted: disk", True),
        ({"containerStatuses": [container("client", waiting={"reason": "ContainerCreating"})]}, "", False),
        ({"containerStatuses": [container("client", terminated={"exitCode": 1, "message": "bash 4"})]}, "", False),
    ],
)
def test_why_a_pod_gives_no_evidence_is_told_in_the_clusters_words(
    status: dict[str, Any], trouble: str, final: bool
) -> None:
    found = seen(**status)
    assert (found.trouble, found.final) == (trouble, final)


def test_a_pod_shows_its_addresses_what_has_settled_and_what_its_client_said() -> None:
    found = seen(
        podIPs=[{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
        containerStatuses=[
            container("server", running={}),
            container("default-deny", terminated={"exitCode": 0, "message": "17"}),
            container("client", terminated={"exitCode": 0, "message": "1 2 3"}),
        ],
    )
    assert found.addresses == {"IPv4": "10.0.0.1", "IPv6": "fd00::1"}
    assert (found.running, found.settled, found.report) == (True, {"default_deny": "17"}, "1 2 3")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("image", "", "image: '' is no name of an image"),
        ("namespace", "Probe", "'Probe' is no name of a namespace"),
        ("namespace", "kube-system", "kube-system has pods of others"),
        ("deadline", 0.1, "deadline: 0.1 s is not within 0.5 and 120 s"),
        ("timeout", 0.0, "timeout: 0 s is too short"),
        ("dns_service", "kube-dns", "dns_service: 'kube-dns' is no NAMESPACE/NAME of a Service"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(option: str, value: Any, told: str) -> None:
    options: dict[str, Any] = {name: spec.get("default") for name, spec in PROBE_OPTIONS.items()}
    with pytest.raises(RolloutError, match=told):
        probe_request({**options, "image": IMAGE, option: value})


def test_options_make_a_request_that_is_a_document() -> None:
    options: dict[str, Any] = {name: spec.get("default") for name, spec in PROBE_OPTIONS.items()}
    request = probe_request({**options, "image": IMAGE, "strength": "3"})
    assert request == ProbeRequest(image=IMAGE, strength=3)
    assert json.dumps(made())

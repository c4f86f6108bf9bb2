# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schemas, the lab's own or those of LAB_CRDS: they refuse, default and merge alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab import ready_operator
from tests.lab.api import ApiError
from tests.lab.calico import Calico
from tests.lab.lab import Lab

pytestmark = [pytest.mark.crds, pytest.mark.operator]


def selector(labels: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"nodeSelector": labels}}}}


def install(lab: Lab, spec: dict[str, Any], name: str = "default") -> dict[str, Any]:
    body = {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "Installation",
        "metadata": {"name": name},
        "spec": spec,
    }
    created: dict[str, Any] = lab.admin.create(
        "/apis/operator.tigera.io/v1/installations", body, dryRun="All", fieldManager="test"
    )
    return created


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"variant": "Cilium"}, "spec.variant"),
        ({"cni": {}}, "spec.cni.type"),
        ({"calicoNetwork": {"linuxDataplane": "iptables"}}, "spec.calicoNetwork.linuxDataplane"),
        ({"calicoNetwork": {"ipPools": [{"cidr": "10.0.0.0/16"}] * 26}}, "spec.calicoNetwork.ipPools"),
        ({"calicoNodeDaemonSet": {"spec": {"minReadySeconds": -1}}}, "spec.calicoNodeDaemonSet.spec.minReadySeconds"),
        ({"calicoNodeDaemonSet": selector({"a": True})}, "nodeSelector.a"),
        (
            {"calicoNetwork": {"nodeAddressAutodetectionV4": {"firstFound": True, "interface": "eth0"}}},
            "no more than one autodetection method can be specified",
        ),
    ],
)
def test_the_schema_refuses_what_the_api_refuses(lab: Lab, spec: dict[str, Any], named: str) -> None:
    with pytest.raises(ApiError) as refused:
        install(lab, spec)
    assert refused.value.status == 422
    assert named in str(refused.value)


def test_an_installation_has_one_of_three_names(lab: Lab) -> None:
    with pytest.raises(ApiError) as refused:
        install(lab, {}, name="other")
    assert "resource name must be 'default', 'tigera-secure', or 'overlay'" in str(refused.value)


def test_the_paths_that_the_api_defaults_are_there(lab: Lab) -> None:
    lab.reset()
    assert install(lab, {})["spec"] == {"calicoLibHostPath": "/var/lib/calico", "calicoRunHostPath": "/var/run/calico"}


@pytest.fixture
def quiet(cluster: Lab) -> Iterator[Calico]:
    """A cluster in which nobody acts on the Installation."""
    cluster.stop_operator()
    yield Calico(cluster)
    cluster.start_operator()


def test_a_selector_is_merged_key_by_key(quiet: Calico) -> None:
    quiet.install({"calicoNodeDaemonSet": selector({"example.org/a": "1"})})
    merged = quiet.apply("second", {"calicoNodeDaemonSet": selector({"example.org/b": "2"})})
    assert merged["spec"]["calicoNodeDaemonSet"] == selector({"example.org/a": "1", "example.org/b": "2"})


def test_tolerations_have_one_owner(quiet: Calico) -> None:
    def tolerations(*wanted: dict[str, str]) -> dict[str, Any]:
        return {"calicoNodeDaemonSet": {"spec": {"template": {"spec": {"tolerations": list(wanted)}}}}}

    quiet.install(tolerations({"operator": "Exists"}))
    with pytest.raises(ApiError) as conflict:
        quiet.apply("second", tolerations({"key": "example.org/a", "operator": "Exists"}))
    assert conflict.value.status == 409


def test_an_own_schema_keeps_what_it_does_not_know(lab: Lab) -> None:
    if os.environ.get("LAB_CRDS") or ready_operator.program():
        pytest.skip("the real schemas drop what they do not know")
    lab.reset()
    spec = {"later": {"x": 1}, "calicoNetwork": {"later": True}}
    created = install(lab, spec)["spec"]
    assert (created["later"], created["calicoNetwork"]) == ({"x": 1}, {"later": True})

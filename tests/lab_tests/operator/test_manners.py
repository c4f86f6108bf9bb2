# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the stand-in handles what it owns and what it does not: as the operator would, and without a trace of kopf."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.lab.api import STRATEGIC
from tests.lab.calico import INSTALLATION, Calico, during, wait_for
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec

pytestmark = [pytest.mark.crds, pytest.mark.operator]

NODES = ["w-0", "w-1", "w-2"]
DAEMONSET = "/apis/apps/v1/namespaces/calico-system/daemonsets/calico-node"
LABEL = {"example.org/admitted": "true"}


@pytest.fixture(scope="module")
def calico(lab: Lab) -> Calico:
    """Three nodes with Calico on them, all well."""
    lab.reset()
    calico = Calico(lab)
    lab.add_nodes([NodeSpec(name) for name in NODES])
    calico.install({"registry": "quay.io/"}, apiserver=True)
    calico.wait_until_available()
    calico.wait_until_available("apiserver")
    return calico


def selector(labels: dict[str, str] | None) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"nodeSelector": labels}}}}


def test_its_defaults_raise_the_generation(calico: Calico) -> None:
    assert calico.installation()["metadata"]["generation"] > 1


def test_its_finalizers_are_the_operators(calico: Calico) -> None:
    assert set(calico.installation()["metadata"]["finalizers"]) == {
        "tigera.io/operator-cleanup",
        "operator.tigera.io/installation-controller",
        "operator.tigera.io/apiserver-controller",
    }


def test_it_writes_as_one_manager_and_never_applies(calico: Calico) -> None:
    written = [calico.installation(), calico.daemonset(), calico.deployment("calico-typha")]
    entries = [entry for document in written for entry in document["metadata"]["managedFields"]]
    assert {entry["operation"] for entry in entries} == {"Update"}
    assert {entry["manager"] for entry in entries} <= {"operator", "kubectl-create", "kube-controller-manager"}


def test_kopf_leaves_no_mark(calico: Calico) -> None:
    paths = [
        f"/apis/operator.tigera.io/v1/{plural}" for plural in ("installations", "apiservers", "tigerastatuses")
    ] + [f"/apis/apps/v1/namespaces/calico-system/{plural}" for plural in ("daemonsets", "deployments")]
    seen = json.dumps([calico.admin.list(path) for path in [*paths, "/api/v1/nodes"]])
    assert "kopf" not in seen.lower()


def test_the_installation_mirrors_the_conditions_with_ready_for_available(calico: Calico) -> None:
    def mirrored() -> bool:
        conditions = {one["type"]: one for one in calico.installation().get("status", {}).get("conditions", [])}
        return set(conditions) == {"Ready", "Progressing", "Degraded"} and conditions["Ready"]["status"] == "True"

    wait_for(mirrored, lambda: f"{calico.installation()}")


def test_the_status_is_filled_once_all_is_available(calico: Calico) -> None:
    wait_for(lambda: "computed" in calico.installation().get("status", {}), lambda: f"{calico.installation()}")
    assert calico.installation()["status"]["variant"] == "Calico"
    apiserver = "/apis/operator.tigera.io/v1/apiservers/default"
    wait_for(lambda: calico.admin.get(apiserver).get("status", {}).get("state") == "Ready", lambda: "not Ready")


def test_an_edit_of_its_daemonset_is_reverted(calico: Calico) -> None:
    calico.admin.patch(DAEMONSET, {"spec": {"template": {"spec": {"nodeSelector": {"example.org/mine": "true"}}}}})
    wait_for(
        lambda: calico.pod_template()["nodeSelector"] == {"kubernetes.io/os": "linux"},
        lambda: "the edit is still there",
    )


def test_a_restart_by_annotation_is_not_reverted(calico: Calico) -> None:
    annotations = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    edited = calico.admin.patch(DAEMONSET, {"spec": {"template": {"metadata": {"annotations": annotations}}}})
    for _tick in during(2):
        assert calico.daemonset()["metadata"]["generation"] == edited["metadata"]["generation"]


def test_a_daemonset_marked_as_unsupported_is_left_alone(calico: Calico) -> None:
    calico.admin.patch(DAEMONSET, {"metadata": {"annotations": {"unsupported.operator.tigera.io/ignore": "true"}}})
    calico.admin.patch(DAEMONSET, {"spec": {"minReadySeconds": 1}}, STRATEGIC)
    for _tick in during(2):
        assert calico.daemonset()["spec"]["minReadySeconds"] == 1
    calico.admin.patch(DAEMONSET, {"metadata": {"annotations": {"unsupported.operator.tigera.io/ignore": None}}})
    calico.admin.patch(DAEMONSET, {"spec": {"minReadySeconds": 2}}, STRATEGIC)
    wait_for(lambda: "minReadySeconds" not in calico.daemonset()["spec"], lambda: "not reverted")


def test_the_control_planes_selector_reaches_its_deployments_but_not_typha(calico: Calico) -> None:
    calico.patch({"controlPlaneNodeSelector": {"kubernetes.io/hostname": "w-2"}})
    placed = {"kubernetes.io/hostname": "w-2", "kubernetes.io/os": "linux"}
    deployments = ("calico-kube-controllers", "calico-apiserver")
    wait_for(
        lambda: all(calico.pod_template(name)["nodeSelector"] == placed for name in deployments),
        lambda: "not taken",
    )
    assert calico.pod_template("calico-typha")["nodeSelector"] == {"kubernetes.io/os": "linux"}
    wait_for(
        lambda: calico.nodes_with("calico-kube-controllers") == calico.nodes_with("calico-apiserver") == {"w-2"},
        lambda: f"{calico.nodes_with('calico-apiserver')}",
    )
    calico.patch({"controlPlaneNodeSelector": None})


def test_no_kubelet_plugin_path_takes_csi_away(calico: Calico) -> None:
    calico.patch({"kubeletVolumePluginPath": "None"})
    wait_for(lambda: not calico.daemonset("csi-node-driver"), lambda: "csi-node-driver is still there")
    calico.patch({"kubeletVolumePluginPath": "/var/lib/kubelet"})
    wait_for(lambda: bool(calico.daemonset("csi-node-driver")), lambda: "csi-node-driver did not come back")


def test_an_overlay_replaces_the_whole_selector_and_is_not_written_back(calico: Calico) -> None:
    calico.patch({"calicoNodeDaemonSet": selector(LABEL)})
    wait_for(lambda: "example.org/admitted" in calico.pod_template()["nodeSelector"], lambda: "not taken")
    calico.overlay({"calicoNodeDaemonSet": selector({"example.org/other": "true"})})
    expected = {"example.org/other": "true", "kubernetes.io/os": "linux"}
    wait_for(lambda: calico.pod_template()["nodeSelector"] == expected, lambda: f"{calico.pod_template()}")
    assert calico.installation()["spec"]["calicoNodeDaemonSet"] == selector(LABEL)
    calico.admin.delete("/apis/operator.tigera.io/v1/installations/overlay")
    calico.patch({"calicoNodeDaemonSet": None})
    wait_for(lambda: calico.pod_template()["nodeSelector"] == {"kubernetes.io/os": "linux"}, lambda: "still there")


def test_it_ends_at_once_and_cleanly_when_asked(calico: Calico) -> None:
    begun = time.monotonic()
    calico.lab.stop_operator()
    seconds = time.monotonic() - begun
    log = calico.lab.daemons.log_end("operator")
    calico.lab.start_operator()
    assert seconds < 5
    assert "Traceback" not in log


def test_a_deleted_installation_takes_everything_along(calico: Calico) -> None:
    calico.admin.delete(INSTALLATION)
    for _tick in during(2):
        # The APIServer holds it back.
        assert calico.installation()["metadata"]["deletionTimestamp"]
    calico.admin.delete("/apis/operator.tigera.io/v1/apiservers/default")
    namespace = "/api/v1/namespaces/calico-system"
    wait_for(
        lambda: calico.admin.get_or_none(INSTALLATION) is calico.admin.get_or_none(namespace) is None,
        lambda: f"left: {calico.admin.get_or_none(INSTALLATION)}, {calico.admin.get_or_none(namespace)}",
    )
    # The other TigeraStatuses go at the next tick; that of the tiers belongs to no resource.
    statuses = "/apis/operator.tigera.io/v1/tigerastatuses"
    wait_for(
        lambda: [one["metadata"]["name"] for one in calico.admin.list(statuses)] == ["tiers"],
        lambda: f"{calico.admin.list(statuses)}",
    )

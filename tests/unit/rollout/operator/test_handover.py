# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each purpose has its field manager, what lacks is known from what is seen, and an owner is told what to commit."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import ApiServerSeen
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.field_managers import (
    apiserver_purpose,
    purposes,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.handover import handover, lacking
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.overrides import with_pod_spec
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import (
    NOTHING_MORE,
    Placement,
)

from tests.unit.rollout.builders import LABEL, SELECTOR, bare, installation, rolled_out

EVERYTHING = [{"operator": "Exists"}]
ALL = Placement(
    affinity={},
    tolerations=EVERYTHING,
    typha_label={"key": "tier", "value": "core"},
    kube_controllers={"nodeSelector": {"tier": "core"}},
    apiserver={"tolerations": EVERYTHING},
)
NAMES = ["a", "b"]


def apiserver(owned_by: list[str] | None = None, **placement: Any) -> ApiServerSeen:
    return ApiServerSeen(uid="u", generation=1, managed_by=[], owned_by=owned_by or [], placement=placement)


def seen(**parts: Any) -> Any:
    return {**rolled_out(NAMES, NAMES), **parts}


def applied_as(manager: str, spec: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": fields}}]},
        "spec": spec,
    }


def test_each_purpose_has_a_field_manager_and_no_two_a_field() -> None:
    wanted = purposes(LABEL, ALL, {"tolerations": EVERYTHING})
    assert [(purpose.manager, sorted(purpose.spec)) for purpose in wanted] == [
        ("calico-ops-typha", ["typhaDeployment"]),
        ("calico-ops-control-plane", ["calicoKubeControllersDeployment"]),
        ("calico-ops-scope", ["calicoNodeDaemonSet", "controlPlaneNodeSelector", "csiNodeDriverDaemonSet"]),
    ]


def test_without_wishes_there_is_the_selector_alone() -> None:
    (scope,) = purposes(LABEL, NOTHING_MORE, {})
    template = with_pod_spec("calicoNodeDaemonSet", {"nodeSelector": SELECTOR})
    assert scope.spec["calicoNodeDaemonSet"] == template["calicoNodeDaemonSet"]
    assert apiserver_purpose(LABEL, NOTHING_MORE, v3_crds=False) is None


def test_an_option_left_away_takes_nothing_out() -> None:
    override = {"nodeSelector": {"old": "key"}, "tolerations": EVERYTHING, "affinity": {"podAffinity": {}}}
    template = {"f:spec": {"f:template": {"f:spec": {"f:nodeSelector": {"f:old": {}}, "f:tolerations": {}}}}}
    stored = applied_as(
        "calico-ops-scope", with_pod_spec("calicoNodeDaemonSet", override), {"f:calicoNodeDaemonSet": template}
    )
    (scope,) = purposes(LABEL, NOTHING_MORE, {}, stored)
    carried = {"nodeSelector": SELECTOR, "tolerations": EVERYTHING}
    assert scope.spec["calicoNodeDaemonSet"] == with_pod_spec("x", carried)["x"]
    (scope,) = purposes(LABEL, NOTHING_MORE, {"tolerations": []}, stored)
    assert scope.spec["calicoNodeDaemonSet"]["spec"]["template"]["spec"]["tolerations"] == []


def test_webhooks_get_the_admission_label_and_calico_apiserver_has_it_already() -> None:
    v3 = apiserver_purpose(LABEL, NOTHING_MORE, v3_crds=True)
    assert v3 is not None
    assert v3.spec == with_pod_spec("calicoWebhooksDeployment", {"nodeSelector": SELECTOR})
    v1 = apiserver_purpose(LABEL, ALL, v3_crds=False)
    assert v1 is not None
    assert v1.spec == with_pod_spec("apiServerDeployment", {"tolerations": EVERYTHING})


def test_what_lacks_is_told_by_what_it_costs() -> None:
    found = lacking(seen(apiserver=apiserver()), LABEL, ALL)
    assert found.selectors == []
    assert found.restarting == ["calicoNodeDaemonSet's tolerations", "csiNodeDriverDaemonSet's tolerations"]
    assert found.others == ["typhaDeployment's nodeSelector", "calicoKubeControllersDeployment's nodeSelector"]
    assert found.apiserver == ["apiServerDeployment's tolerations"]
    assert lacking(bare(NAMES), LABEL, NOTHING_MORE).selectors == [
        "controlPlaneNodeSelector",
        "calicoNodeDaemonSet's nodeSelector",
        "csiNodeDriverDaemonSet's nodeSelector",
    ]


def test_nothing_lacks_where_all_is_as_wanted() -> None:
    pod = {"nodeSelector": {**SELECTOR, "kubernetes.io/os": "linux"}, "tolerations": EVERYTHING}
    core = {"nodeSelector": {"tier": "core"}}
    whole = installation(
        placement={
            "calicoNodeDaemonSet": pod,
            "csiNodeDriverDaemonSet": pod,
            "typhaDeployment": core,
            "calicoKubeControllersDeployment": core,
        }
    )
    served = apiserver(apiServerDeployment={"tolerations": EVERYTHING})
    assert lacking(seen(installation=whole, apiserver=served), LABEL, ALL) == ([], [], [], [])


def test_an_owner_is_told_what_to_commit() -> None:
    bare_of_it = installation({}, owned_by=["Argo CD (application net)"])
    found = handover(seen(installation=bare_of_it), LABEL, ALL)
    assert found is not None
    assert found.text().startswith(
        "Argo CD (application net) applies what is to be changed (controlPlaneNodeSelector, calico"
    )
    (document,) = yaml.safe_load_all(found.document)
    assert document["metadata"] == {"name": "default"}
    assert document["spec"]["controlPlaneNodeSelector"] == SELECTOR
    assert sorted(document["spec"]) == [
        "calicoKubeControllersDeployment",
        "calicoNodeDaemonSet",
        "controlPlaneNodeSelector",
        "csiNodeDriverDaemonSet",
        "typhaDeployment",
    ]


def test_each_owner_gets_its_own_objects_alone() -> None:
    wanting = installation({}, owned_by=["Helm"])
    both = handover(seen(installation=wanting, apiserver=apiserver(["Helm", "Flux"])), LABEL, ALL)
    assert both is not None
    assert both.owners == ["Helm", "Flux"]
    assert [document["kind"] for document in yaml.safe_load_all(both.document)] == ["Installation", "APIServer"]
    one = handover(seen(installation=installation({}), apiserver=apiserver(["Flux"])), LABEL, ALL)
    assert one is not None
    assert [document["kind"] for document in yaml.safe_load_all(one.document)] == ["APIServer"]


def test_there_is_nothing_to_hand_over_where_nobody_owns_or_nothing_lacks() -> None:
    assert handover(seen(installation=installation({})), LABEL, ALL) is None
    assert handover(seen(installation=installation(owned_by=["Helm"])), LABEL, NOTHING_MORE) is None
    assert handover(bare(NAMES), LABEL, ALL) is None

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who applies an object from outside, what our own managers applied, and whose field is in the way."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.ownership import (
    Conflict,
    applied_by,
    conflicts_in,
    owners,
    to_commit,
)


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def written_by(*managers: str, labels: Any = None, annotations: Any = None) -> dict[str, Any]:
    fields = [entry(manager, {"f:spec": {"f:variant": {}}}) for manager in managers]
    return {"metadata": {"labels": labels, "annotations": annotations, "managedFields": fields}}


@pytest.mark.parametrize(
    ("raw", "owned_by"),
    [
        (written_by("tigera-operator", "kubectl-client-side-apply", "kubectl-edit", "calico-ops-scope"), []),
        (written_by("helm"), ["Helm (field manager helm)"]),
        (written_by(labels={"app.kubernetes.io/managed-by": "Helm"}), ["Helm"]),
        (
            written_by(
                "helm",
                labels={"app.kubernetes.io/managed-by": "Helm"},
                annotations={
                    "meta.helm.sh/release-name": "calico",
                    "meta.helm.sh/release-namespace": "tigera-operator",
                },
            ),
            ["Helm (release tigera-operator/calico)"],
        ),
        (written_by("argocd-controller"), ["Argo CD (field manager argocd-controller)"]),
        (written_by(labels={"argocd.argoproj.io/instance": "calico"}), ["Argo CD (application calico)"]),
        (
            written_by(
                "argocd-controller",
                annotations={"argocd.argoproj.io/tracking-id": "net:operator.tigera.io/Installation:default/default"},
            ),
            ["Argo CD (application net)"],
        ),
        (written_by("kustomize-controller"), ["Flux (field manager kustomize-controller)"]),
        (
            written_by(
                "kustomize-controller",
                labels={"kustomize.toolkit.fluxcd.io/name": "infra", "kustomize.toolkit.fluxcd.io/namespace": "flux"},
            ),
            ["Flux (Kustomization flux/infra)"],
        ),
        (
            written_by("helm-controller", labels={"helm.toolkit.fluxcd.io/name": "calico"}),
            ["Flux (HelmRelease calico)"],
        ),
        (written_by("fleetagent"), ["Rancher Fleet (field manager fleetagent)"]),
        (written_by(annotations={"objectset.rio.cattle.io/id": "calico"}), ["Rancher Fleet (calico)"]),
        (written_by(labels={"app.kubernetes.io/managed-by": "ansible"}), []),
        ({}, []),
    ],
)
def test_whoever_applies_an_object_from_outside_is_named_once(raw: Any, owned_by: list[str]) -> None:
    assert owners(raw) == owned_by


def test_a_controller_that_writes_no_more_than_status_or_metadata_owns_nothing() -> None:
    fields = [entry("argocd-controller", {"f:status": {}}), entry("helm", {"f:metadata": {"f:labels": {}}})]
    assert owners({"metadata": {"managedFields": fields}}) == []


def test_what_a_manager_applied_is_its_part_of_the_object_and_no_more() -> None:
    template = {
        "f:nodeSelector": {"f:rollout.calico-ops.dev/admitted": {}},
        "f:tolerations": {},
        "f:affinity": {".": {}},
    }
    raw = {
        "metadata": {
            "managedFields": [
                entry("ours", {"f:spec": {"f:a": {}}}),
                entry("theirs", {"f:spec": {"f:b": {}}}, "Apply"),
                entry("ours", {"f:status": {}}, "Apply", subresource="status"),
                entry("ours", {"f:spec": {".": {}, "f:pod": {".": {}, **template}, "f:gone": {}}}, "Apply"),
            ]
        },
        "spec": {
            "a": 1,
            "b": 2,
            "pod": {
                "nodeSelector": {"rollout.calico-ops.dev/admitted": "true", "zone": "a"},
                "tolerations": [{"operator": "Exists"}],
                "affinity": {"podAffinity": {}},
            },
        },
    }
    pod = {
        "nodeSelector": {"rollout.calico-ops.dev/admitted": "true"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {},
    }
    assert applied_by(raw, "ours") == {"spec": {"pod": pod}}
    assert applied_by(raw, "nobody") == {}


def test_a_conflict_has_manager_field_and_value_also_under_a_key_with_dots() -> None:
    cause = {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "argocd" using operator.tigera.io/v1',
        "field": ".spec.controlPlaneNodeSelector.rollout.calico-ops.dev/admitted",
    }
    raw = {"spec": {"controlPlaneNodeSelector": {"rollout": {"x": 1}, "rollout.calico-ops.dev/admitted": "no"}}}
    found = conflicts_in([cause, {"reason": "Other"}], raw)
    assert found == [Conflict("argocd", cause["field"][1:], "no")]
    assert found[0].text() == f"{cause['field'][1:]} is held by argocd (its value there: no)"


@pytest.mark.parametrize("field", [".spec.absent", ".spec.list[0].x", ""])
def test_a_conflict_about_a_field_without_value_is_told_all_the_same(field: str) -> None:
    cause = {"reason": "FieldManagerConflict", "message": "odd", "field": field}
    assert conflicts_in([cause], {"spec": {"list": [{"x": 1}]}})[0].manager == "odd"


def test_what_is_to_be_committed_is_yaml_that_says_for_whom() -> None:
    documents = [{"kind": "Installation", "spec": {"a": {"b/c": "true"}}}, {"kind": "APIServer"}]
    text = to_commit(documents, ["Argo CD (application x\ny: {z})"])
    assert text.startswith("# Merge into what Argo CD (application x y: {z}) applies; ")
    assert list(yaml.safe_load_all(text)) == documents

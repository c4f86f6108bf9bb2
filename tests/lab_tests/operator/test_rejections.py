# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in refuses, in the operator's words, without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.operator.defaults import with_defaults, with_pool_defaults
from tests.lab.operator.names import Document
from tests.lab.operator.validation import apiserver_fault, installation_fault

pytestmark = [pytest.mark.operator, pytest.mark.stand_in("its own functions are asked, without a cluster")]


def pod_override(**pod: Any) -> Document:
    return {"spec": {"template": {"spec": pod}}}


def refused(**spec: Any) -> str:
    return installation_fault(with_pool_defaults(with_defaults(spec))) or ""


def test_what_is_valid_is_not_refused() -> None:
    assert not refused()
    assert not refused(calicoNodeDaemonSet=pod_override(nodeSelector={}, tolerations=[], affinity={}))


def test_an_empty_required_affinity_is_refused() -> None:
    affinity: Document = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}
    assert refused(calicoNodeDaemonSet=pod_override(affinity=affinity)) == (
        "installation spec.CalicoNodeDaemonSet is not valid: spec.Template.Spec.Affinity is invalid: "
        "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: "
        "Required value: must have at least one node selector term"
    )


def test_a_toleration_without_key_must_say_exists() -> None:
    tolerations = [{"key": "", "operator": "Equal", "effect": "NoSchedule"}]
    text = refused(csiNodeDriverDaemonSet=pod_override(tolerations=tolerations))
    assert text.startswith(
        "installation spec.CSINodeDriverDaemonSet is not valid: spec.Template.Spec.Tolerations is invalid: "
        'spec.template.spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty'
    )


def test_a_bad_selector_value_is_refused() -> None:
    text = refused(typhaDeployment=pod_override(nodeSelector={"a": "not ok"}))
    assert text.startswith(
        "installation spec.TyphaDeployment is not valid: spec.Template.Spec.NodeSelector is invalid: "
    )
    assert 'Invalid value: "not ok": a valid label must be an empty string or consist of' in text


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"nodeUpdateStrategy": {"type": "OnDelete"}},
            "installation spec.NodeUpdateStrategy.type '&RollingUpdateDaemonSet{MaxUnavailable:1,MaxSurge:<nil>,}' is not supported",
        ),
        (
            {"controlPlaneNodeSelector": {"kubernetes.io/os": "windows"}},
            "installation spec.ControlPlaneNodeSelector 'kubernetes.io/os=windows' is not supported",
        ),
        ({"controlPlaneReplicas": 0}, "installation spec.ControlPlaneReplicas should be greater than 0"),
        ({"flexVolumePath": "x"}, "installation spec.FlexVolumePath 'x' is not an absolute path"),
        (
            {"cni": {"type": "GKE"}, "kubernetesProvider": "EKS"},
            "spec.kubernetesProvider EKS is not compatible with spec.cni.type GKE",
        ),
        ({"azure": {}}, "installation spec.Azure should be set only for AKS provider"),
        (
            {"fipsMode": "Enabled"},
            "installation spec.FIPSMode=Enabled is not supported; FIPS mode has been removed",
        ),
    ],
)
def test_the_operators_words(spec: Document, text: str) -> None:
    assert refused(**spec) == text


def test_an_invalid_apiserver_is_refused() -> None:
    fault = apiserver_fault({"apiServerDeployment": pod_override(nodeSelector={"bad key!": "x"})})
    assert fault is not None
    assert fault.startswith(
        "APIServer spec.APIServerDeployment is not valid: spec.Template.Spec.NodeSelector is invalid"
    )

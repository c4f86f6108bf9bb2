# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which API group tigera-operator chooses: as UseV3CRDS of its versions does, and on what ground."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.api_group import (
    V1,
    V3,
    OperatorSettings,
    calico_api,
    operator_settings,
)

UNSET = OperatorSettings("", (1, 42))


def deployment(*env: dict[str, Any], image: str = "quay.io/tigera/operator:v1.42.4") -> Any:
    own = {"name": "tigera-operator", "image": image, "env": list(env)}
    sidecar = {"name": "proxy", "image": "x:v1.0.0", "env": [{"name": "CALICO_API_GROUP", "value": V1}]}
    return {"spec": {"template": {"spec": {"containers": [sidecar, own]}}}}


def test_the_setting_is_read_from_the_operators_own_container() -> None:
    found = operator_settings(deployment({"name": "X", "value": "1"}, {"name": "CALICO_API_GROUP", "value": V3}))
    assert found == OperatorSettings(V3, (1, 42))


def test_a_container_of_another_name_is_the_operators_where_it_is_the_only_one() -> None:
    renamed = {"spec": {"template": {"spec": {"containers": [{"name": "manager", "image": "operator:v1.40.2"}]}}}}
    assert operator_settings(renamed) == OperatorSettings("", (1, 40))
    assert operator_settings({}) == OperatorSettings("", None)


def test_of_a_name_that_is_there_twice_the_last_one_counts() -> None:
    twice = deployment({"name": "CALICO_API_GROUP", "value": V3}, {"name": "CALICO_API_GROUP", "value": V1})
    assert operator_settings(twice).group == V1


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/tigera/operator:v1.40.15", (1, 40)),
        ("registry:5000/operator:v1.44.0-0.dev", (1, 44)),
        ("quay.io/tigera/operator@sha256:abc", None),
        ("quay.io/tigera/operator:latest", None),
    ],
)
def test_the_version_is_that_of_the_images_tag(image: str, version: Any) -> None:
    assert operator_settings(deployment(image=image)).version == version


@pytest.mark.parametrize(
    ("served", "settings", "phases", "group", "ground"),
    [
        # The variable goes first, whatever is served.
        (
            (True, True),
            OperatorSettings(V3, (1, 42)),
            [],
            V3,
            "tigera-operator's CALICO_API_GROUP is projectcalico.org/v3",
        ),
        ((False, True), OperatorSettings(V1, (1, 44)), [], V1, "CALICO_API_GROUP is crd.projectcalico.org/v1"),
        ((True, True), OperatorSettings("projectcalico.org", None), ["Complete"], V1, "is projectcalico.org"),
        # Before there was a choice it is read by nobody.
        ((True, True), OperatorSettings(V3, (1, 40)), [], V1, "tigera-operator 1.40 knows no other"),
        # Then a migration that is through.
        ((True, True), UNSET, ["Converged"], V3, "a DatastoreMigration is through"),
        ((True, True), UNSET, ["Complete"], V3, "a DatastoreMigration is through"),
        ((True, True), UNSET, ["Migrating", ""], V1, "both groups are served, and the older one decides"),
        # Then what is served.
        ((True, True), UNSET, [], V1, "both groups are served, and the older one decides"),
        ((True, False), UNSET, [], V1, "it alone is served"),
        ((False, True), UNSET, [], V3, "it alone is served"),
        ((False, False), UNSET, [], V1, "neither group is served yet"),
    ],
)
def test_the_operators_order_is_kept(
    served: tuple[bool, bool], settings: OperatorSettings, phases: list[str], group: str, ground: str
) -> None:
    found = calico_api(*served, settings, phases)
    assert found["group"] == group
    assert found["ground"].endswith(ground)


def test_what_could_not_be_read_is_said_with_the_right_that_it_takes() -> None:
    found = calico_api(
        True, True, None, [], "tigera-operator's Deployment, needs list deployments.apps in tigera-operator"
    )
    assert found["group"] == V1
    assert "is not known: tigera-operator's Deployment, needs list deployments.apps" in found["ground"]


def test_a_variable_that_comes_from_another_object_is_not_taken_for_unset() -> None:
    source = {"name": "CALICO_API_GROUP", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}}
    settings = operator_settings(deployment(source))
    assert settings.group is None
    assert "it is taken from another object" in calico_api(True, True, settings, [])["ground"]


def test_a_migration_that_may_not_be_read_is_said_only_where_it_could_change_something() -> None:
    assert "whether a DatastoreMigration is through" in calico_api(True, True, UNSET, None, "needs x")["ground"]
    assert calico_api(False, True, UNSET, None, "needs x")["ground"] == "it alone is served"

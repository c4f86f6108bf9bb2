# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in renders for a lab with real kubelets, without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.operator import workloads
from tests.lab.operator.defaults import with_defaults
from tests.lab.operator.runnable import runnable
from tests.lab.pods.names import AGNHOST, ENGINE, PAUSE

ADMITTED = {"rollout.calico-ops.dev/admitted": "true"}


@pytest.fixture
def rendered() -> dict[str, dict[str, Any]]:
    """The pods of the workloads by name."""
    overrides = {
        "nodeSelector": ADMITTED,
        "containers": [{"name": "calico-node", "resources": {"requests": {"cpu": "5m"}}}],
    }
    spec = with_defaults({"calicoNodeDaemonSet": {"spec": {"template": {"spec": overrides}}}}, pools_seen=True)
    objects = runnable(workloads.for_installation(spec, 2))
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in objects if "spec" in each}


def test_every_image_is_one_that_the_lab_made(rendered: dict[str, dict[str, Any]]) -> None:
    images = {
        container["image"]
        for pod in rendered.values()
        for container in (*pod["containers"], *pod.get("initContainers", ()))
    }
    assert len(rendered) == 4
    assert images <= {AGNHOST, ENGINE, PAUSE}


def test_calico_node_is_the_engine_behind_what_fails_where_felix_would(rendered: dict[str, dict[str, Any]]) -> None:
    pod = rendered["calico-node"]
    assert [each["command"] for each in pod["initContainers"]] == [["/queue-rules"]]
    assert [each["image"] for each in (*pod["initContainers"], *pod["containers"])] == [ENGINE, ENGINE]


def test_placement_and_overrides_stay_as_they_were(rendered: dict[str, dict[str, Any]]) -> None:
    pod = rendered["calico-node"]
    assert pod["nodeSelector"] == {**ADMITTED, "kubernetes.io/os": "linux"}
    assert pod["containers"][0]["resources"] == {"requests": {"cpu": "5m"}}
    assert pod["tolerations"]
    assert pod["hostNetwork"]

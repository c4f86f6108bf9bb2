# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which overlay undoes a rollout's selectors and which does not, as tigera-operator merges it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.overlay import (
    defeats,
    overlay_seen,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import LABEL, SELECTOR, bare, node_seen, plan, rolled_out

NAMES = ["core-1", "core-2", "edge-1"]
CORE = NAMES[:2]
PLAN = plan(NAMES)


def pod_override(component: str, **fields: Any) -> dict[str, Any]:
    return {component: {"spec": {"template": {"spec": fields}}}}


def overlaid(spec: dict[str, Any], labels: dict[str, str] | None = None) -> Any:
    """The selector is in force and calico-node is ready on the first batch; then the overlay appears."""
    seen = rolled_out(NAMES, CORE)
    for name in CORE:
        seen["nodes"][name] = node_seen(admitted=True, labels=labels)
    raw = {"metadata": {"name": "overlay", "creationTimestamp": "2026-01-01T00:30:00Z"}, "spec": spec}
    seen["overlay"] = overlay_seen(raw)
    return seen


def decided(seen: Any, **state: Any) -> Any:
    return decide(PLAN, {**new_state(PLAN), **state}, seen, 1000.0)  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            pod_override("calicoNodeDaemonSet", nodeSelector={"example.org/other": "true"}),
            (
                "its calicoNodeDaemonSet's nodeSelector (example.org/other=true) lacks rollout.calico-ops.dev/admitted=true, "
                "which takes the pod from 2 admitted nodes (core-1, core-2)"
            ),
        ),
        # An empty map is a value of its own in Go, and takes the other's place: every Linux node gets calico-node.
        (
            pod_override("calicoNodeDaemonSet", nodeSelector={}),
            "nodeSelector (empty) lacks rollout.calico-ops.dev/admitted=true, which gives it to 1 node that nobody admitted (edge-1)",
        ),
        (
            pod_override("calicoNodeDaemonSet", nodeSelector={**SELECTOR, "zone": "a"}),
            "calicoNodeDaemonSet's nodeSelector also demands zone=a, without which 2 nodes that must run it",
        ),
        (
            pod_override("csiNodeDriverDaemonSet", nodeSelector={"a": "b"}),
            "its csiNodeDriverDaemonSet's nodeSelector (a=b) lacks",
        ),
        (
            {"controlPlaneNodeSelector": {"a": "b"}},
            "its controlPlaneNodeSelector (a=b) lacks rollout.calico-ops.dev/admitted=true",
        ),
        (
            pod_override("calicoNodeDaemonSet", tolerations=[]),
            "does not tolerate node.kubernetes.io/not-ready:NoSchedule",
        ),
        (
            pod_override(
                "calicoNodeDaemonSet",
                affinity={
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]
                        }
                    }
                },
            ),
            "calicoNodeDaemonSet's affinity or tolerations keep it off 2 nodes that must run it",
        ),
    ],
)
def test_an_overlay_that_takes_a_selectors_place_stops_the_rollout_at_once_by_name(
    spec: dict[str, Any], says: str
) -> None:
    report = decided(overlaid(spec), phase="waiting", scoped_at=900.0)["report"]
    assert report["outcome"] == "stopped"
    assert says in report["reason"]
    assert "the Installation named overlay (created 2026-01-01T00:30:00Z)" in report["reason"]
    assert "kubectl delete installations.operator.tigera.io overlay" in report["reason"]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"registry": "example.org/"},
        {"controlPlaneNodeSelector": None},
        {"calicoNodeDaemonSet": None},
        {"calicoNodeDaemonSet": {"spec": {"minReadySeconds": 5}}},
        pod_override("calicoNodeDaemonSet", nodeSelector=None, containers=[]),
        pod_override("calicoNodeDaemonSet", nodeSelector=dict(SELECTOR)),
        pod_override(
            "calicoNodeDaemonSet", nodeSelector={**SELECTOR, "zone": "a"}, tolerations=[{"operator": "Exists"}]
        ),
        pod_override("typhaDeployment", nodeSelector={"a": "b"}),
        {"controlPlaneNodeSelector": {**SELECTOR, "a": "b"}},
    ],
)
def test_an_overlay_that_leaves_calico_on_the_admitted_nodes_stops_nothing(spec: dict[str, Any]) -> None:
    seen = overlaid(spec, labels={"zone": "a"})
    assert defeats(seen, LABEL) is None
    assert decided(seen, scoped_at=900.0)["report"]["outcome"] == "in_progress"


def test_before_the_selector_is_written_any_overlay_is_refused() -> None:
    seen: Any = bare(NAMES)
    seen["overlay"] = overlay_seen({"metadata": {"name": "overlay"}, "spec": {}})
    assert "an Installation named overlay exists" in decided(seen)["report"]["reason"]


def test_an_overlay_that_appears_between_the_write_and_the_next_look_stops_too() -> None:
    seen: Any = bare(NAMES)
    seen["overlay"] = overlay_seen(
        {"metadata": {"name": "overlay"}, "spec": pod_override("calicoNodeDaemonSet", nodeSelector={"a": "b"})}
    )
    report = decided(seen, phase="scoping")["report"]
    assert (report["outcome"], "takes the place" in report["reason"]) == ("stopped", True)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kwok Stages that take the place of its defaults: what a kubelet does to its own Node and Pods.

A Stage sees its own Pod only. What depends on the Node or on another Pod comes as an annotation from the node agent:
  lab.calico-ops.dev/network: up          the node's CNI would give this pod a network
  lab.calico-ops.dev/calico-node: ready   what becomes of calico-node: ready, unready, crash-loop, init-stuck, image-pull
  lab.calico-ops.dev/argument: "2"        with which exit code, or in which container
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

_READY = "pod-ready"
# Four at a time, kwok's default, makes a thousand pods a matter of minutes. Without a worker for the pods of a node that it
# comes to manage, a pod is lost that was bound before kwok had the node's lease, or while the node's kubelet was gone.
_CONFIGURATION = {
    "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
    "kind": "KwokConfiguration",
    "options": {
        "podPlayStageParallelism": 16,
        "nodePlayStageParallelism": 16,
        "nodeLeaseParallelism": 8,
        "podsOnNodeSyncParallelism": 4,
    },
}


@dataclass(frozen=True)
class Readiness:
    """How long a pod takes from running to Ready, drawn anew for each."""

    least_seconds: float = 1.0
    most_seconds: float = 2.5


def write_kwok_configuration(target: Path, readiness: Readiness) -> None:
    """One file with everything that kwok is told."""
    stages = [yaml.safe_load(source.read_text()) for source in sorted(Path(__file__).parent.glob("*.yaml"))]
    (ready,) = (stage for stage in stages if stage["metadata"]["name"] == _READY)
    ready["spec"]["delay"] = {
        "durationMilliseconds": int(readiness.least_seconds * 1000),
        "jitterDurationMilliseconds": int(readiness.most_seconds * 1000),
    }
    target.write_text(yaml.safe_dump_all([_CONFIGURATION, *stages], sort_keys=False))

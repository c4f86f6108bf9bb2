# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kwok Stages that take the place of its defaults: what a kubelet does to its own Node and Pods."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

_READY = "pod-ready"


@dataclass(frozen=True)
class Readiness:
    """How long a pod takes from running to Ready, drawn anew for each."""

    least_seconds: float = 1.0
    most_seconds: float = 2.5


def write_stages(target: Path, readiness: Readiness) -> None:
    stages = [
        stage
        for source in sorted(Path(__file__).parent.glob("*.yaml"))
        for stage in yaml.safe_load_all(source.read_text())
        if stage
    ]
    (ready,) = (stage for stage in stages if stage["metadata"]["name"] == _READY)
    ready["spec"]["delay"] = {
        "durationMilliseconds": int(readiness.least_seconds * 1000),
        "jitterDurationMilliseconds": int(readiness.most_seconds * 1000),
    }
    target.write_text(yaml.safe_dump_all(stages, sort_keys=False))

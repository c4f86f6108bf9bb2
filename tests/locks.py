# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout's lock for tests that carry a step out without its module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.lease import Place
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.lock import Lock, LockSettings, Run
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import LockState, RolloutState
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.lease import Holder, Processes

PLACE = Place("kube-system", "calico-ops-rollout")
THIS_RUN = "alice@ci-7_42_a1b2c3d4"
FREE = LockState(held_as=None, awaited=None, watched=None)


def lock_of(
    cluster: Cluster,
    state: RolloutState | Mapping[str, Any],
    *,
    name: str = THIS_RUN,
    timeout: int = 180,
    duration: int = 120,
    process: Processes | None = None,
) -> Lock:
    """:param process: the one that began the run"""
    settings = LockSettings(PLACE, duration, timeout)
    return Lock(cluster, settings, Run(Holder(name, process), process), state["lock"])

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Waits around a change of the selectors: for restarts before it, for the owner's commit, for the operator after it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..._rollout.documents import AdmissionLabel, Observation
from ..._rollout.errors import RolloutError
from ..._rollout.operator import installation as rules
from ..._rollout.operator import overlay
from ..._rollout.operator.handover import handover
from ..._rollout.operator.placement import Placement
from ..._rollout.plan.restarting import without_pod
from ..observe import Eyes
from .scope_request import ScopeRequest, restarting_now

RESTART_LOOK = 1.0
"""A node comes to count as stuck without any change that a watch would bring."""


def await_restarts(eyes: Eyes, deadline: float, request: ScopeRequest) -> None:
    """Until calico-node is Ready on every node that restarts it, or stuck there, or the time is over: scope() judges after it."""
    seen_missing: dict[str, float] = {}
    while True:
        observation, now = eyes.observe(), time.monotonic()
        seen_missing = {name: seen_missing.get(name, now) for name in without_pod(observation)}
        missing = {name: now - since for name, since in seen_missing.items()}
        left = deadline - now
        if left <= 0 or not restarting_now(observation, request, missing):
            return
        eyes.wait_for_change(min(left, RESTART_LOOK))


def await_in_force(eyes: Eyes, deadline: float, label: AdmissionLabel) -> None:
    """Until the operator has put the selectors into force. Raises RolloutError when it rejects them or the time is over."""
    while True:
        observation = eyes.observe()
        rejected = rules.rejection(observation)
        if rejected:
            raise RolloutError(rejected + ".")
        if rules.in_force(observation, label):
            return
        undone = overlay.defeats(observation, label)
        if undone:
            raise RolloutError(f"{undone}. {overlay.remedy(label)}.")
        left = deadline - time.monotonic()
        if left <= 0:
            raise RolloutError(
                f"The selector is written, but is not in force in time: {not_in_force_yet(observation, label)}."
            )
        eyes.wait_for_change(left)


def await_committed(eyes: Eyes, deadline: float, label: AdmissionLabel, placement: Placement) -> None:
    """Until the owner of the objects has applied the missing fields. Raises RolloutError when the time is over."""
    while True:
        owned = handover(eyes.observe(), label, placement)
        if owned is None:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise RolloutError(
                f"Not committed in time: {owned.text()}. Nothing was written. To commit:\n{owned.document}"
            )
        eyes.wait_for_change(left)


def not_in_force_yet(observation: Observation, label: AdmissionLabel) -> str:
    """What is still missing until the selector is in force, for the person who waits."""
    status = observation["calico_status"]
    if not status:
        return "there is no TigeraStatus/calico, so tigera-operator seems not to run"
    for name, daemonset in (
        ("calico-node", observation["daemonset"]),
        ("csi-node-driver", observation["csi_daemonset"]),
    ):
        if daemonset is None:
            if name == "calico-node":
                return "DaemonSet calico-system/calico-node does not exist yet" + _told(status)
        elif daemonset["node_selector"].get(label["key"]) != label["value"]:
            return f"DaemonSet calico-system/{name} does not have the selector yet{_told(status)}"
        elif daemonset["observed_generation"] < daemonset["generation"]:
            return f"the DaemonSet controller has not seen generation {daemonset['generation']} of {name}"
    return "nothing"


def _told(status: Mapping[str, Any]) -> str:
    degraded, progressing = status.get("Degraded"), status.get("Progressing")
    for condition in (degraded, progressing):
        if condition and condition["status"] == "True" and condition["message"]:
            return f" (the operator says: {condition['message']})"
    return ""

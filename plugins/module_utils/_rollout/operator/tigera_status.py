# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How TigeraStatus, Calico's control plane and tigera-operator stand, put into sentences. It gates nothing.

TigeraStatus alone does not show it: csi-node-driver and typha are in none (tigera/operator pkg/controller/installation/core_controller.go
registers the DaemonSet calico-node and the Deployment calico-kube-controllers alone), and a dead operator leaves its last word standing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..documents import CalicoApi, ComponentStanding, ControlPlane, OperatorStatus
from ..text.terminal import count

SYSTEM = "calico-system"
OPERATOR = "tigera-operator"
"""Namespace and name of the operator's Deployment, in every chart and manifest of Calico's."""
APISERVER_BEFORE = "calico-apiserver"
"""The namespace of calico-apiserver before it moved to calico-system (operator 1.34 and 1.36 have it)."""

_RESOURCES = {"calico": "Installation", "ippools": "Installation", "apiserver": "APIServer"}
"""Whose generation a TigeraStatus speaks of (pkg/controller/status/status.go); the others carry none."""


class Generations(NamedTuple):
    """metadata.generation of the operator's resources; None where there is none."""

    installation: int | None
    apiserver: int | None


class ControlPlaneSeen(NamedTuple):
    statuses: Sequence[OperatorStatus]
    components: Sequence[ComponentStanding]
    """Those of calico-system, but for calico-node."""
    operator: ComponentStanding | None
    operator_read: bool
    generations: Generations
    calico_api: CalicoApi
    not_read: Sequence[str]


def control_plane(seen: ControlPlaneSeen) -> ControlPlane:
    told = [*_operator(seen), *_statuses(seen), *_components(seen)]
    return ControlPlane(
        well=not told and not seen.not_read,
        troubles=told,
        components=[*([seen.operator] if seen.operator else []), *seen.components],
        calico_api=seen.calico_api,
        not_read=list(seen.not_read),
    )


def _operator(seen: ControlPlaneSeen) -> list[str]:
    if seen.generations.installation is None or not seen.operator_read:
        return []
    if seen.operator is None:
        told = (
            f"There is no Deployment {OPERATOR} in the namespace {OPERATOR}: tigera-operator runs elsewhere, or not at all, and then "
            "nothing carries out what is written into the Installation"
        )
    elif not seen.operator["ready"]:
        told = (
            f"tigera-operator does not run ({seen.operator['reason']}): nothing carries out what is written into the Installation, "
            "and TigeraStatus is as it was left"
        )
    else:
        return []
    return [told]


def _statuses(seen: ControlPlaneSeen) -> list[str]:
    told = []
    for status in seen.statuses:
        why = ": ".join(part for part in (status["reason"], _line(status["message"])) if part)
        since = f" since {status['since']}" if status["since"] else ""
        words = [word for word in ("degraded", "progressing") if status[word]]
        if not status["available"] or words:
            state = " and ".join([*([] if status["available"] else ["not Available"]), *words])
            told.append(f"TigeraStatus {status['name']} is {state}{since}" + (f" ({why})" if why else ""))
        told += _stale(status, seen.generations)
    if not seen.statuses and seen.generations.installation is not None:
        told.append("There is no TigeraStatus: tigera-operator has said nothing yet")
    return told


def _stale(status: OperatorStatus, generations: Generations) -> list[str]:
    """No observedGeneration (0) is the operator's word before its first look, and no sign of age."""
    kind = _RESOURCES.get(status["name"])
    present = {"Installation": generations.installation, "APIServer": generations.apiserver}.get(kind or "")
    said = max((condition["observed_generation"] for condition in status["conditions"].values()), default=0)
    if present is None or not 0 < said < present:
        return []
    told = (
        f"TigeraStatus {status['name']} speaks of generation {said} of the {kind}, which is at {present}: tigera-operator has not "
        "carried out the last change"
    )
    return [told]


def _components(seen: ControlPlaneSeen) -> list[str]:
    return [
        f"{one['kind']} {one['namespace']}/{one['name']} has {one['available']} of {count(one['wanted'], 'pod')} available "
        f"({one['reason']})"
        for one in seen.components
        if not one["ready"]
    ]


def missing(expected: Mapping[str, str], components: Sequence[ComponentStanding]) -> list[ComponentStanding]:
    """Deployments that are to be there and are not, by name with the resource that they come of."""
    present = {one["name"] for one in components}
    return [
        ComponentStanding(
            kind="Deployment",
            namespace=SYSTEM,
            name=name,
            wanted=1,
            available=0,
            ready=False,
            reason=f"it does not exist, though there is {article}",
        )
        for name, article in expected.items()
        if name not in present
    ]


def _line(text: str | None) -> str:
    """A status' message has a line for each of its troubles."""
    return "; ".join(line.strip().rstrip(".") for line in (text or "").splitlines() if line.strip())

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The request and the outcome of a scoping, and the judgements that each way of doing it shares."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._rollout.calico_node.readiness import labelled
from ..._rollout.documents import AdmissionLabel, InstallationSeen, Observation
from ..._rollout.errors import RolloutError
from ..._rollout.kubernetes.names import check_label
from ..._rollout.operator.control_plane import control_plane_homeless
from ..._rollout.operator.handover import Handover
from ..._rollout.operator.installation import NAME
from ..._rollout.operator.overrides import (
    APISERVER_COMPONENTS,
    COMPONENTS,
    CONTROL_PLANE_SELECTOR,
    placed,
    with_pod_spec,
)
from ..._rollout.operator.ownership import Conflict, spec_managers
from ..._rollout.operator.placement import NOTHING_MORE, Placement
from ..._rollout.operator.typha import typha_homeless, typha_too_few
from ..._rollout.plan.restarting import unlabelled_troubles
from ..._rollout.text.terminal import listed

COLLECTION_PATH = "/apis/operator.tigera.io/v1/installations"
PATH = f"{COLLECTION_PATH}/{NAME}"
APISERVER_PATH = f"/apis/operator.tigera.io/v1/apiservers/{NAME}"

ATTEMPTS = 5
"""The operator writes defaults back in the seconds after each change; more collisions than that have another cause."""

NAMES_SHOWN = 10
LONGEST_PULL = 600
"""Seconds that the images of a calico-node may take which has not started yet: as long as a batch of a rollout, by default."""


class OwnedElsewhere(RolloutError):
    """What is to be set belongs to Helm or a GitOps controller, which is to apply it itself."""

    def __init__(self, owned: Handover) -> None:
        super().__init__(
            f"Nothing was written: {owned.text()}. Commit the fields there, then run again; `when_owned: patch` writes "
            f"them all the same.\n{owned.document}"
        )
        self.owned = owned


@dataclass(frozen=True)
class ScopeOutcome:
    changed: bool
    created: bool
    before: dict[str, Any]
    after: dict[str, Any]
    installation: InstallationSeen
    """As the API server stores it, or in check mode would store it."""
    stored: Mapping[str, Any] | None
    """The raw object that the last write returned; None when nothing was written."""
    apiserver_before: dict[str, Any] = field(default_factory=dict)
    apiserver_after: dict[str, Any] = field(default_factory=dict)
    taken_over: Sequence[Conflict] = ()
    """Fields that another manager held with another value, and no longer does."""

    def diff(self) -> list[dict[str, Any]]:
        parts = (
            (f"Installation/{NAME}", self.before, self.after),
            (f"APIServer/{NAME}", self.apiserver_before, self.apiserver_after),
        )
        return [
            {"before_header": header, "after_header": header, "before": before, "after": after}
            for header, before, after in parts
            if before != after
        ]


@dataclass(frozen=True)
class ScopeRequest:
    """What is to be in the operator's resources, and what may be done for it."""

    label: AdmissionLabel
    placement: Placement = NOTHING_MORE
    may_lose_calico: Collection[str] = ()
    restart_patience: int | None = None
    """Seconds that calico-node may at least be not ready before it counts as stuck; None if the caller has judged that."""
    planned: Collection[str] = ()
    """Nodes that are to run calico-node later, beside those that carry the label."""
    take_over: bool = False
    """Another manager's value of a field gives way."""
    patch_owned: bool = False
    """Write also what Helm or a GitOps controller applies."""
    check_mode: bool = False

    def __post_init__(self) -> None:
        check_label(self.label["key"], self.label["value"])


def shown(raw: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields of an Installation or an APIServer that say where Calico's components run, and no others: what a diff shows."""
    spec = (raw or {}).get("spec") or {}
    fields: dict[str, Any] = {}
    for component, placing in placed(spec, (*COMPONENTS, *APISERVER_COMPONENTS)).items():
        fields.update(with_pod_spec(component, placing))
    if spec.get(CONTROL_PLANE_SELECTOR):
        fields[CONTROL_PLANE_SELECTOR] = spec[CONTROL_PLANE_SELECTOR]
    return fields


def expected_nodes(request: ScopeRequest, observation: Observation) -> list[str]:
    """Nodes that must run calico-node once all is through."""
    names = {*labelled(observation, request.label), *request.planned} - {*request.may_lose_calico}
    return sorted(names)


def restarting_now(
    observation: Observation, request: ScopeRequest, missing: Mapping[str, float] | None = None
) -> dict[str, str]:
    """Nodes that the selector would rob of a calico-node which is about to be Ready again, with the reason."""
    patience = request.restart_patience or 0
    found = unlabelled_troubles(observation, request.label, patience, LONGEST_PULL, missing)
    return {
        name: trouble.reason
        for name, trouble in found.items()
        if trouble.kind != "stuck" and name not in request.may_lose_calico
    }


def unschedulable(
    request: ScopeRequest,
    observation: Observation,
    installation: Mapping[str, Any],
    apiserver: Mapping[str, Any] | None,
    operator: tuple[int, int] | None,
) -> list[str]:
    """`operator` is the version of tigera-operator, major and minor; None where it is not known."""
    spec, nodes = installation.get("spec") or {}, observation["nodes"]
    apiserver_spec = None if apiserver is None else apiserver.get("spec") or {}
    problems = control_plane_homeless(spec, nodes, apiserver_spec, observation["v3_crds"])
    pinned = [] if request.placement.typha_label is None else typha_too_few(installation, nodes, operator)
    return [*problems, *(pinned or typha_homeless(installation, nodes, operator))]


def refuse(reasons: Sequence[str]) -> None:
    if reasons:
        raise RolloutError(f"Installation/{NAME} was not written: {'; '.join(reasons)}.")


def writers(raw: Mapping[str, Any]) -> str:
    return listed(spec_managers(raw), NAMES_SHOWN) or "nobody"

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Puts the admission label into the selectors of the Installation, once, and never at the cost of a Ready calico-node.

It judges the object that the API server would store (a dryRun=All request). Another manager's keys merge into a nodeSelector without a
conflict and narrow it. It writes exactly the judged object: the write carries its resourceVersion, so a change in between is judged anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..._kube.client import Cluster
from ..._rollout.documents import Observation
from ..._rollout.errors import RolloutError
from ..._rollout.observation import snapshot
from ..._rollout.operator import installation as rules
from ..._rollout.operator.field_managers import Purpose, apiserver_purpose, purposes
from ..._rollout.operator.handover import handover
from ..._rollout.operator.placement import daemonset_pod
from ..control_plane import operator_version
from .create import create, refuse_another_spec
from .scope_request import (
    APISERVER_PATH,
    ATTEMPTS,
    PATH,
    OwnedElsewhere,
    ScopeOutcome,
    ScopeRequest,
    expected_nodes,
    refuse,
    restarting_now,
    shown,
    unschedulable,
    writers,
)
from .server_side_apply import Target, apply


def scope(
    cluster: Cluster,
    request: ScopeRequest,
    *,
    observation: Observation,
    create_spec: Mapping[str, Any] | None = None,
) -> ScopeOutcome:
    """Let calico-node, csi-node-driver and the control plane of Calico only onto nodes that carry the label."""
    current = cluster.get_or_none(PATH)
    apiserver = _apiserver(cluster, request, observation)
    if current is None and create_spec is None:
        raise RolloutError(
            f"There is no Installation/{rules.NAME}: Calico is not installed by tigera-operator here, or its CRD is "
            "missing. For a clean install give the spec that the Installation is to be created with."
        )
    if current is None:
        return create(cluster, request, observation, create_spec or {}, apiserver)
    if create_spec is not None:
        refuse_another_spec(current, create_spec, request, observation)
    first = Round(cluster, request, observation, current, apiserver)
    this = first
    for _attempt in range(ATTEMPTS):
        outcome = this.carried_out()
        if outcome is not None:
            before, apiserver_before = first.before, first.apiserver_before
            changed = before != outcome.after or apiserver_before != outcome.apiserver_after
            return replace(outcome, changed=changed, before=before, apiserver_before=apiserver_before)
        current = _again(cluster, PATH, "Installation", first.installation.current)
        if apiserver is not None:
            apiserver = _again(cluster, APISERVER_PATH, "APIServer", apiserver)
        this = Round(cluster, request, observation, current, apiserver)
    raise RolloutError(
        f"Installation/{rules.NAME} was changed by others each of the {ATTEMPTS} times that it was about to be "
        f"written. Its spec is written by: {writers(current)}."
    )


class Round:
    """One attempt: judge what the API server would store, then store it. It is over when somebody else writes in between."""

    def __init__(
        self,
        cluster: Cluster,
        request: ScopeRequest,
        observation: Observation,
        installation: Mapping[str, Any],
        apiserver: Mapping[str, Any] | None,
    ) -> None:
        self.cluster, self.request = cluster, request
        self.observation = observation.copy()
        self.observation["installation"] = snapshot.installation_seen(installation)
        self.installation = Target("Installation", PATH, installation, request.take_over)
        self.apiserver = (
            None if apiserver is None else Target("APIServer", APISERVER_PATH, apiserver, request.take_over)
        )
        self.before, self.apiserver_before = shown(installation), shown(apiserver)

    def carried_out(self) -> ScopeOutcome | None:
        wanted = self._wanted()
        judged = self._rehearsed(wanted)
        if judged is None:
            return None
        installation, apiserver = judged
        outcome = ScopeOutcome(
            changed=False,
            created=False,
            before=self.before,
            after=shown(installation),
            installation=snapshot.installation_seen(installation),
            stored=None,
            apiserver_before=self.apiserver_before,
            apiserver_after=shown(apiserver),
            taken_over=[
                conflict for target, purpose in wanted for conflict in target.taken_over.get(purpose.manager, [])
            ],
        )
        changed = outcome.before != outcome.after or outcome.apiserver_before != outcome.apiserver_after
        self._judge(installation, apiserver, changed)
        return outcome if self.request.check_mode or not changed else self._written(wanted, outcome)

    def _wanted(self) -> list[tuple[Target, Purpose]]:
        """What is to be applied to what, in the order of writing."""
        request, current = self.request, self.installation.current
        pod = daemonset_pod(request.placement, rules.provider_of(current), self.observation["nodes"])
        wanted = [(self.installation, purpose) for purpose in purposes(request.label, request.placement, pod, current)]
        if self.apiserver is None:
            return wanted
        v3_crds = self.observation["v3_crds"]
        purpose = apiserver_purpose(request.label, request.placement, v3_crds, self.apiserver.current)
        return wanted if purpose is None else [(self.apiserver, purpose), *wanted]

    def _rehearsed(
        self, wanted: Iterable[tuple[Target, Purpose]]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any] | None] | None:
        """Installation and APIServer as they would be with all of it; no two purposes have a field in common."""
        after = {"Installation": self.installation.current}
        if self.apiserver is not None:
            after["APIServer"] = self.apiserver.current
        for target, purpose in wanted:
            answer = apply(self.cluster, target, purpose, dry_run=True)
            if answer is None:
                return None
            spec = {**(after[target.kind].get("spec") or {}), **{key: answer["spec"][key] for key in purpose.spec}}
            after[target.kind] = {**answer, "spec": spec}
        return after["Installation"], after.get("APIServer")

    def _judge(self, installation: Mapping[str, Any], apiserver: Mapping[str, Any] | None, changed: bool) -> None:
        request, seen = self.request, self.observation
        # A selector that is in force already can strand nobody any more; an overlay defeats it at any time.
        if changed or seen["overlay"]:
            refuse(
                rules.refusals(
                    seen,
                    request.label,
                    request.may_lose_calico,
                    take_over=request.take_over,
                    restarting={} if request.restart_patience is None else restarting_now(seen, request),
                )
            )
        refuse(rules.judge_applied(installation, request.label, seen["nodes"], expected_nodes(request, seen)))
        if not changed:
            return
        refuse(unschedulable(request, seen, installation, apiserver, operator_version(self.cluster)))
        owned = None if request.patch_owned else handover(seen, request.label, request.placement)
        if owned:
            raise OwnedElsewhere(owned)

    def _written(self, wanted: Iterable[tuple[Target, Purpose]], outcome: ScopeOutcome) -> ScopeOutcome | None:
        after = {**outcome.after, **outcome.apiserver_after}
        for target, purpose in wanted:
            has = shown(target.current)
            if all(has.get(component) == after.get(component) for component in purpose.spec):
                continue
            stored = apply(self.cluster, target, purpose, dry_run=False)
            if stored is None:
                return None
            target.current = stored
        installation = self.installation.current
        return replace(
            outcome,
            installation=snapshot.installation_seen(installation),
            stored=installation,
        )


def _apiserver(cluster: Cluster, request: ScopeRequest, observation: Observation) -> dict[str, Any] | None:
    found = cluster.get_or_none(APISERVER_PATH) if observation["apiserver"] else None
    if found is None and request.placement.apiserver is not None:
        raise RolloutError(
            f"apiserver: there is no APIServer/{rules.NAME} whose pods could be placed. Create it first, or leave the "
            "option out."
        )
    return found


def _again(cluster: Cluster, path: str, kind: str, before: Mapping[str, Any]) -> dict[str, Any]:
    current = cluster.get_or_none(path)
    if current is None or current["metadata"]["uid"] != before["metadata"]["uid"]:
        raise RolloutError(
            f"{kind}/{rules.NAME} was deleted or replaced while it was about to be changed; nothing more was written."
        )
    return current

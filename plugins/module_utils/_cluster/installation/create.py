# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Creates an Installation that has the selectors in it from its first moment, and never touches one that is there."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..._kube.client import ApiError, Cluster
from ..._rollout.documents import Observation
from ..._rollout.errors import RolloutError
from ..._rollout.observation import snapshot
from ..._rollout.operator import installation as rules
from ..._rollout.operator.field_managers import CREATION_MANAGER, apiserver_purpose
from ..._rollout.operator.handover import handover
from ..._rollout.text.terminal import listed
from ..control_plane import operator_version
from .scope_request import (
    APISERVER_PATH,
    COLLECTION_PATH,
    NAMES_SHOWN,
    OwnedElsewhere,
    ScopeOutcome,
    ScopeRequest,
    expected_nodes,
    refuse,
    shown,
    unschedulable,
    writers,
)
from .server_side_apply import Target, apply, dry, refused_by_the_api


def create(
    cluster: Cluster,
    request: ScopeRequest,
    observation: Observation,
    spec: Mapping[str, Any],
    apiserver: Mapping[str, Any] | None,
) -> ScopeOutcome:
    """By POST, which fails when an Installation appeared in between; a server-side apply would merge into it."""
    label, nodes = request.label, observation["nodes"]
    refuse(rules.refusals(observation, label, request.may_lose_calico))
    body = rules.full_document(spec, label, request.placement, nodes)
    served = _Served(cluster, request, observation, apiserver)
    judged, judged_apiserver = _post(cluster, body, dry_run=True), served.applied(dry_run=True)
    refuse(rules.judge_applied(judged, label, nodes, expected_nodes(request, observation)))
    refuse(unschedulable(request, observation, judged, judged_apiserver, operator_version(cluster)))
    # An APIServer may be there before the Installation, and its owner's next sync would take out what is patched into it.
    owned = None if request.patch_owned else handover(observation, label, request.placement)
    if owned:
        raise OwnedElsewhere(owned)
    stored = None
    if not request.check_mode:
        # First, so that its pods find their place from their first moment too.
        judged_apiserver = served.applied(dry_run=False)
        stored = _post(cluster, body, dry_run=False)
    return ScopeOutcome(
        changed=True,
        created=True,
        before={},
        after=copy.deepcopy(body["spec"]),
        installation=snapshot.installation_seen(stored or judged),
        stored=stored,
        apiserver_before=shown(apiserver),
        apiserver_after=shown(judged_apiserver),
    )


class _Served:
    """The APIServer that is there before the Installation, if any, and what is applied to it."""

    def __init__(
        self, cluster: Cluster, request: ScopeRequest, observation: Observation, apiserver: Mapping[str, Any] | None
    ) -> None:
        self._cluster, self._current = cluster, apiserver
        self._purpose = None
        if apiserver is not None:
            self._target = Target("APIServer", APISERVER_PATH, apiserver, request.take_over)
            self._purpose = apiserver_purpose(request.label, request.placement, observation["v3_crds"], apiserver)

    def applied(self, *, dry_run: bool) -> Mapping[str, Any] | None:
        if self._purpose is None:
            return self._current
        stored = apply(self._cluster, self._target, self._purpose, dry_run=dry_run)
        if stored is None:
            raise RolloutError(f"Somebody else changed APIServer/{rules.NAME} in this moment; run again.")
        return stored


def refuse_another_spec(
    current: Mapping[str, Any], spec: Mapping[str, Any], request: ScopeRequest, observation: Observation
) -> None:
    """An Installation that already has everything of `create` is left alone; another one is refused."""
    wanted = rules.full_document(spec, request.label, request.placement, observation["nodes"])
    differing = _differing(wanted["spec"], current.get("spec") or {}, "spec")
    if differing:
        raise RolloutError(
            f"Installation/{rules.NAME} already exists (uid {current['metadata']['uid']}, its spec is written by: "
            f"{writers(current)}) and differs from what `create` asks for in: {listed(differing, NAMES_SHOWN)}. It was "
            "not overwritten. To set the selector in the existing one, leave out `create` and `spec`."
        )


def _differing(wanted: Any, has: Any, path: str) -> list[str]:
    """Where it has not what is wanted. What it has beyond that are defaults, which the operator writes into list items too."""
    if isinstance(wanted, Mapping) and isinstance(has, Mapping):
        return [found for key in wanted for found in _differing(wanted[key], has.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(has, list) and len(wanted) == len(has):
        pairs = enumerate(zip(wanted, has))
        return [found for position, pair in pairs for found in _differing(*pair, f"{path}[{position}]")]
    return [] if wanted == has else [path]


def _post(cluster: Cluster, body: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
    query = {"fieldManager": CREATION_MANAGER, "fieldValidation": "Strict", **dry(dry_run)}
    try:
        return cluster.request("POST", COLLECTION_PATH, query=query, body=body)
    except ApiError as error:
        if error.status == 409:
            raise RolloutError(
                f"Somebody else created Installation/{rules.NAME} in this moment; it was not overwritten."
            ) from error
        if error.status == 404:
            raise RolloutError(
                "The API server does not know operator.tigera.io/v1 Installations: install tigera-operator with its CRDs first."
            ) from error
        raise refused_by_the_api(error, f"Installation/{rules.NAME}") from error

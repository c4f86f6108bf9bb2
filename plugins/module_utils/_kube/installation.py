# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Puts the admission label into the selectors of the Installation, once, and never at the cost of a Ready calico-node.

What is judged is the object that the API server would store (a dryRun=All request), because another manager's keys merge
into a nodeSelector without a conflict and narrow it. What is written is exactly what was judged: the write carries the
resourceVersion of the judged object, so that a change in between is judged anew.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._rollout import installation as rules
from .._rollout.documents import AdmissionLabel, InstallationSeen, Observation
from .._rollout.errors import RolloutError
from .._rollout.labels import check_label
from .._rollout.text import listed
from . import trim
from .client import ApiError, Cluster
from .observe import Eyes

COLLECTION_PATH = "/apis/operator.tigera.io/v1/installations"
PATH = "%s/%s" % (COLLECTION_PATH, rules.NAME)
APPLY = "application/apply-patch+yaml"
CREATION_MANAGER = "calico-ops-install"
"""Another manager than the one that applies: an apply takes away every field that its manager owned and no longer names."""

ATTEMPTS = 5
"""The operator writes defaults back in the seconds after each change; more collisions than that have another cause."""

NAMES_SHOWN = 10


@dataclass(frozen=True)
class ScopeOutcome:
    changed: bool
    created: bool
    before: dict[str, Any]
    after: dict[str, Any]
    installation: InstallationSeen
    """As the API server stores it, or in check mode would store it."""
    stored: Mapping[str, Any] | None
    """The raw object that the write returned; None when nothing was written."""


def scope(
    cluster: Cluster,
    label: AdmissionLabel,
    *,
    observation: Observation,
    create_spec: Mapping[str, Any] | None = None,
    check_mode: bool = False,
    may_lose_calico: Collection[str] = (),
) -> ScopeOutcome:
    """Let calico-node, csi-node-driver and the control plane of Calico only onto nodes that carry the label."""
    check_label(label["key"], label["value"])
    current = cluster.get_or_none(PATH)
    if current is None:
        if create_spec is None:
            raise RolloutError(
                "There is no Installation/%s: Calico is not installed by tigera-operator here, or its CRD is missing. "
                "For a clean install give the spec that the Installation is to be created with." % rules.NAME
            )
        _refuse(rules.refusals(observation, label, may_lose_calico))
        return _create(cluster, label, create_spec, check_mode)
    if create_spec is not None:
        _refuse_another_spec(current, create_spec, label)
    uid = current["metadata"]["uid"]
    for _attempt in range(ATTEMPTS):
        outcome = _apply(cluster, label, current, observation, check_mode, may_lose_calico)
        if outcome is not None:
            return outcome
        current = _again(cluster, uid)
    raise RolloutError(
        "Installation/%s was changed by others each of the %d times that the selector was about to be written; nothing was "
        "written. Its spec is written by: %s." % (rules.NAME, ATTEMPTS, _writers(current))
    )


def await_taken(eyes: Eyes, deadline: float, label: AdmissionLabel) -> None:
    """Until the operator has put the selectors into force. Raises RolloutError when it rejects them or the time is over."""
    while True:
        observation = eyes.observe()
        rejected = rules.rejection(observation)
        if rejected:
            raise RolloutError(rejected + ".")
        if rules.taken(observation, label):
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise RolloutError(
                "The selector is written, but is not in force in time: %s." % untaken(observation, label)
            )
        eyes.wait_for_change(left)


def untaken(observation: Observation, label: AdmissionLabel) -> str:
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
            return "DaemonSet calico-system/%s does not have the selector yet%s" % (name, _told(status))
        elif daemonset["observed_generation"] < daemonset["generation"]:
            return "the DaemonSet controller has not seen generation %d of %s" % (daemonset["generation"], name)
    return "nothing"


def selectors(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that scoping sets, and no others: what a diff shows."""
    seen = rules.selectors_of(raw)
    shown: dict[str, Any] = {}
    for component, key in (
        ("calicoNodeDaemonSet", "calico_node_selector"),
        ("csiNodeDriverDaemonSet", "csi_node_driver_selector"),
    ):
        if seen[key]:
            shown[component] = {"spec": {"template": {"spec": {"nodeSelector": seen[key]}}}}
    if seen["control_plane_selector"]:
        shown["controlPlaneNodeSelector"] = seen["control_plane_selector"]
    return shown


def _create(cluster: Cluster, label: AdmissionLabel, spec: Mapping[str, Any], check_mode: bool) -> ScopeOutcome:
    """By POST, which fails when an Installation appeared in between; a server-side apply would merge into it."""
    body = rules.full_document(spec, label)
    stored = _post(cluster, body, dry_run=True)
    _refuse(rules.judge_applied(stored, label))
    if not check_mode:
        stored = _post(cluster, body, dry_run=False)
    return ScopeOutcome(
        changed=True,
        created=True,
        before={},
        after=copy.deepcopy(body["spec"]),
        installation=trim.installation_seen(stored),
        stored=None if check_mode else stored,
    )


def _apply(
    cluster: Cluster,
    label: AdmissionLabel,
    current: Mapping[str, Any],
    observation: Observation,
    check_mode: bool,
    may_lose_calico: Collection[str],
) -> ScopeOutcome | None:
    """Judge what the API server would store, then store it. None when the object is no longer the one that was read."""
    body = rules.scope_document(label, current["metadata"]["uid"])
    body["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
    judged = _patch(cluster, body, dry_run=True)
    if judged is None:
        return None
    before, after = selectors(current), selectors(judged)
    # A selector that is in force already can strand nobody any more; an overlay defeats it at any time.
    _refuse(rules.refusals(observation, label, may_lose_calico) if before != after or observation["overlay"] else [])
    _refuse(rules.judge_applied(judged, label))
    if before == after or check_mode:
        return ScopeOutcome(before != after, False, before, after, trim.installation_seen(judged), None)
    stored = _patch(cluster, body, dry_run=False)
    if stored is None:
        return None
    return ScopeOutcome(True, False, before, after, trim.installation_seen(stored), stored)


def _again(cluster: Cluster, uid: str) -> dict[str, Any]:
    current = cluster.get_or_none(PATH)
    if current is None or current["metadata"]["uid"] != uid:
        raise RolloutError(
            "Installation/%s was deleted or replaced while it was about to be changed; nothing was written."
            % rules.NAME
        )
    return current


def _patch(cluster: Cluster, body: Mapping[str, Any], dry_run: bool) -> dict[str, Any] | None:
    """Server-side apply; None when the object is no longer the one that the body names."""
    query = {"fieldManager": rules.FIELD_MANAGER, "force": "false", **_dry(dry_run)}
    try:
        return cluster.request("PATCH", PATH, query=query, body=body, content_type=APPLY)
    except ApiError as error:
        owners = conflicts(error)
        if owners:
            raise RolloutError(
                "Other field managers hold what is to be set in Installation/%s: %s. Take the field out of what they apply, or "
                "let them set the admission label; nothing was overwritten." % (rules.NAME, "; ".join(owners))
            ) from error
        if error.status == 409:
            return None
        raise _refused_by_the_api(error) from error


def _post(cluster: Cluster, body: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
    query = {"fieldManager": CREATION_MANAGER, "fieldValidation": "Strict", **_dry(dry_run)}
    try:
        return cluster.request("POST", COLLECTION_PATH, query=query, body=body)
    except ApiError as error:
        if error.status == 409:
            raise RolloutError(
                "Somebody else created Installation/%s in this moment; it was not overwritten." % rules.NAME
            ) from error
        if error.status == 404:
            raise RolloutError(
                "The API server does not know operator.tigera.io/v1 Installations: install tigera-operator with its CRDs first."
            ) from error
        raise _refused_by_the_api(error) from error


def _refused_by_the_api(error: ApiError) -> Exception:
    """422 is about the content of the user's spec or label; the rest (rights, overload) is not ours to explain."""
    if error.status in (400, 422):
        return RolloutError("The API server refuses Installation/%s: %s" % (rules.NAME, error.message))
    return error


def conflicts(error: ApiError) -> list[str]:
    """`field (held by manager)` for each conflict of a server-side apply; empty when the error is something else."""
    if error.status != 409:
        return []
    found = []
    for cause in (error.details or {}).get("causes") or []:
        if cause.get("reason") == "FieldManagerConflict":
            # 'conflict with "kubectl-edit" using operator.tigera.io/v1': the name is quoted and may contain anything.
            quoted = str(cause.get("message", "")).split('"')
            manager = quoted[1] if len(quoted) > 2 else str(cause.get("message", ""))
            found.append("%s is held by %s" % (str(cause.get("field", "")).lstrip("."), manager))
    return found


def _refuse(reasons: Sequence[str]) -> None:
    if reasons:
        raise RolloutError("Installation/%s was not written: %s." % (rules.NAME, "; ".join(reasons)))


def _refuse_another_spec(current: Mapping[str, Any], spec: Mapping[str, Any], label: AdmissionLabel) -> None:
    """An Installation that already is what `create` asks for is left alone; another one is not taken over in silence."""
    differing = _differing(rules.full_document(spec, label)["spec"], current.get("spec") or {}, "spec")
    if differing:
        raise RolloutError(
            "Installation/%s already exists (uid %s, its spec is written by: %s) and differs from what `create` asks for in: %s. "
            "It was not overwritten. To set the selector in the existing one, leave out `create` and `spec`."
            % (rules.NAME, current["metadata"]["uid"], _writers(current), listed(differing, NAMES_SHOWN))
        )


def _differing(wanted: Any, has: Any, path: str) -> list[str]:
    """Where it has not what is wanted. What it has beyond that are defaults, which the operator writes into list items too."""
    if isinstance(wanted, Mapping) and isinstance(has, Mapping):
        return [found for key in wanted for found in _differing(wanted[key], has.get(key), "%s.%s" % (path, key))]
    if isinstance(wanted, list) and isinstance(has, list) and len(wanted) == len(has):
        pairs = enumerate(zip(wanted, has))
        return [found for position, pair in pairs for found in _differing(*pair, "%s[%d]" % (path, position))]
    return [] if wanted == has else [path]


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _told(status: Mapping[str, Any]) -> str:
    degraded, progressing = status.get("Degraded"), status.get("Progressing")
    for condition in (degraded, progressing):
        if condition and condition["status"] == "True" and condition["message"]:
            return " (the operator says: %s)" % condition["message"]
    return ""


def _writers(raw: Mapping[str, Any]) -> str:
    return listed(trim.spec_managers(raw), NAMES_SHOWN) or "nobody"

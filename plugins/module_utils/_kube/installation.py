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
from dataclasses import dataclass
from typing import Any, Callable, Collection, Mapping, Sequence

from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import trim
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError, Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import installation as rules
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    AdmissionLabel,
    InstallationSeen,
    Observation,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError

COLLECTION_PATH = "/apis/operator.tigera.io/v1/installations"
NAME = "default"
PATH = COLLECTION_PATH + "/" + NAME
APPLY = "application/apply-patch+yaml"
SCOPE_MANAGER = "calico-ops-scope"
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
    _refuse(rules.refusals(observation, label))
    current = cluster.get_or_none(PATH)
    if current is None:
        if create_spec is None:
            raise RolloutError(
                "There is no Installation named %s: Calico is not installed by tigera-operator here, or its CRD is missing. "
                "For a clean install give the spec that the Installation is to be created with." % NAME
            )
        return _create(cluster, label, create_spec, check_mode)
    if create_spec is not None:
        _refuse_another_spec(current, create_spec, label)
    return _apply(cluster, label, current, observation, check_mode, may_lose_calico)


def await_taken(
    observe: Callable[[], Observation], wait_for_change: Callable[[float], bool], left: Callable[[], float], label: AdmissionLabel
) -> Observation:
    """Until the operator has put the selectors into force. Raises RolloutError when it rejects them or the time is over."""
    while True:
        observation = observe()
        rejected = rules.rejection(observation)
        if rejected:
            raise RolloutError(rejected)
        if rules.taken(observation, label):
            return observation
        if left() <= 0:
            raise RolloutError("The operator did not take the selector in time: %s." % untaken(observation, label))
        wait_for_change(left())


def untaken(observation: Observation, label: AdmissionLabel) -> str:
    """What is still missing until the operator has taken the selector, for the person who waits."""
    installation, daemonset, status = observation["installation"], observation["daemonset"], observation["calico_status"]
    if installation is None:
        return "there is no Installation"
    if not status:
        return "there is no TigeraStatus calico, so the operator seems not to run"
    if daemonset is None:
        return "DaemonSet calico-system/calico-node does not exist yet" + _told(status)
    if daemonset["node_selector"].get(label["key"]) != label["value"]:
        return "DaemonSet calico-system/calico-node does not have the selector yet" + _told(status)
    if daemonset["observed_generation"] < daemonset["generation"]:
        return "the DaemonSet controller has not seen generation %d of calico-node" % daemonset["generation"]
    return "TigeraStatus calico has not seen generation %d of the Installation" % installation["generation"] + _told(status)


def _create(cluster: Cluster, label: AdmissionLabel, spec: Mapping[str, Any], check_mode: bool) -> ScopeOutcome:
    """By POST, which fails when an Installation appeared in between; a server-side apply would merge into it."""
    body = creation_body(label, spec)
    judged = _post(cluster, body, dry_run=True)
    _refuse(rules.judge_applied(judged, label))
    stored = None if check_mode else _post(cluster, body, dry_run=False)
    return ScopeOutcome(
        changed=True,
        created=True,
        before={},
        after=copy.deepcopy(body["spec"]),
        installation=trim.installation_seen(stored or judged),
        stored=stored,
    )


def creation_body(label: AdmissionLabel, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The Installation as the user wants it, with the selectors in it from its first moment."""
    wanted = copy.deepcopy(dict(spec))
    _merge(wanted, rules.scope_document(label, "")["spec"])
    return {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "Installation",
        "metadata": {"name": NAME},
        "spec": wanted,
    }


def _apply(
    cluster: Cluster,
    label: AdmissionLabel,
    current: Mapping[str, Any],
    observation: Observation,
    check_mode: bool,
    may_lose_calico: Collection[str],
) -> ScopeOutcome:
    uid = current["metadata"]["uid"]
    for _attempt in range(ATTEMPTS):
        body = rules.scope_document(label, uid)
        body["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
        judged = _patch(cluster, body, dry_run=True)
        if judged is not None:
            _refuse(rules.judge_applied(judged, label))
            _refuse_stranding(observation, trim.installation_seen(judged), label, may_lose_calico)
            before, after = selectors(current), selectors(judged)
            stored = None
            if before != after and not check_mode:
                stored = _patch(cluster, body, dry_run=False)
            if before == after or check_mode or stored is not None:
                seen = trim.installation_seen(stored or judged)
                return ScopeOutcome(before != after, False, before, after, seen, stored)
        current = _again(cluster, uid)
    raise RolloutError(
        "Installation/%s was changed by others each of the %d times that the selector was about to be written; nothing was "
        "written. Its spec is written by: %s." % (NAME, ATTEMPTS, _listed(trim.spec_managers(current)))
    )


def _again(cluster: Cluster, uid: str) -> dict[str, Any]:
    current = cluster.get_or_none(PATH)
    if current is None or current["metadata"]["uid"] != uid:
        raise RolloutError("Installation/%s was deleted or replaced while it was about to be changed; nothing was written." % NAME)
    return current


def selectors(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that scoping sets, and no others: what a diff shows."""
    seen = trim.installation_seen(raw)
    shown: dict[str, Any] = {}
    for component, selector in (
        ("calicoNodeDaemonSet", seen["calico_node_selector"]),
        ("csiNodeDriverDaemonSet", seen["csi_node_driver_selector"]),
    ):
        if selector:
            shown[component] = {"spec": {"template": {"spec": {"nodeSelector": selector}}}}
    if seen["control_plane_selector"]:
        shown["controlPlaneNodeSelector"] = seen["control_plane_selector"]
    return shown


def _patch(cluster: Cluster, body: Mapping[str, Any], dry_run: bool) -> dict[str, Any] | None:
    """Server-side apply; None when the object is no longer the one that the body names."""
    query = {"fieldManager": SCOPE_MANAGER, "force": "false", **_dry(dry_run)}
    try:
        return cluster.request("PATCH", PATH, query=query, body=body, content_type=APPLY)
    except ApiError as error:
        owners = conflicts(error)
        if owners:
            raise RolloutError(
                "Other field managers hold what is to be set in Installation/%s: %s. Take the field out of what they apply, or "
                "let them set the admission label; nothing was overwritten." % (NAME, "; ".join(owners))
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
            raise RolloutError("Somebody else created Installation/%s in this moment; it was not overwritten." % NAME) from error
        if error.status == 404:
            raise RolloutError(
                "The API server does not know operator.tigera.io/v1 Installations: install tigera-operator with its CRDs first."
            ) from error
        raise _refused_by_the_api(error) from error


def _refused_by_the_api(error: ApiError) -> Exception:
    """422 is about the content of the user's spec or label; the rest (rights, overload) is not ours to explain."""
    if error.status in (400, 422):
        return RolloutError("The API server refuses Installation/%s: %s" % (NAME, error.message))
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
        raise RolloutError(" ".join(reasons))


def _refuse_stranding(
    observation: Observation, installation: InstallationSeen, label: AdmissionLabel, may_lose_calico: Collection[str]
) -> None:
    """By the selector that would result, with the keys of others in it, not by our label alone."""
    losing = set(rules.stranded(observation, label)) | set(outside(observation, installation["calico_node_selector"]))
    losing -= set(may_lose_calico)
    if losing:
        raise RolloutError(
            "%d node%s a Ready calico-node and would lose it, because %s not match the selector %s: %s. Adopt them first, by "
            "giving them the label, or name them in `may_lose_calico`."
            % (
                len(losing),
                " runs" if len(losing) == 1 else "s run",
                "it does" if len(losing) == 1 else "they do",
                ",".join("%s=%s" % item for item in sorted(installation["calico_node_selector"].items())),
                _listed(sorted(losing)),
            )
        )


def outside(observation: Observation, selector: Mapping[str, str]) -> list[str]:
    """Nodes with a Ready calico-node that the selector does not match."""
    ready = {pod["node"] for pod in observation["pods"] if pod["ready"] and not pod["deleting"]}
    return sorted(
        name
        for name in ready & set(observation["nodes"])
        if any(observation["nodes"][name]["labels"].get(key) != value for key, value in selector.items())
    )


def _refuse_another_spec(current: Mapping[str, Any], spec: Mapping[str, Any], label: AdmissionLabel) -> None:
    """An Installation that already is what `create` asks for is left alone; another one is not taken over in silence."""
    differing = _differing(creation_body(label, spec)["spec"], current.get("spec") or {}, "spec")
    if differing:
        raise RolloutError(
            "Installation/%s already exists (uid %s, its spec is written by: %s) and differs from what `create` asks for in: %s. "
            "It was not overwritten. To set the selector in the existing one, leave out `create` and `spec`."
            % (NAME, current["metadata"]["uid"], _listed(trim.spec_managers(current)), _listed(differing))
        )


def _differing(wanted: Mapping[str, Any], has: Mapping[str, Any], path: str) -> list[str]:
    found = []
    for key, value in wanted.items():
        here = "%s.%s" % (path, key)
        if isinstance(value, Mapping) and isinstance(has.get(key), Mapping):
            found.extend(_differing(value, has[key], here))
        elif value != has.get(key):
            found.append(here)
    return found


def _merge(target: dict[str, Any], addition: Mapping[str, Any]) -> None:
    for key, value in addition.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _told(status: Mapping[str, Any]) -> str:
    degraded, progressing = status.get("Degraded"), status.get("Progressing")
    for condition in (degraded, progressing):
        if condition and condition["status"] == "True" and condition["message"]:
            return " (the operator says: %s)" % condition["message"]
    return ""


def _listed(names: Sequence[str]) -> str:
    if len(names) > NAMES_SHOWN:
        return "%s and %d more" % (", ".join(names[:NAMES_SHOWN]), len(names) - NAMES_SHOWN)
    return ", ".join(names) or "nobody"

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Before the first write: may the account do all that follows? One question a right, and one answer that names all gaps.

Without it a run would learn of a missing rule when it needs it, half-way through, and of the next one after that. What only reads
asks nothing until it is refused, and then for all that it needs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .._kube.client import NODES, ApiError, Cluster
from .._kube.writes import in_parallel
from .._rollout.documents import AdmissionLabel
from .._rollout.kubernetes.rbac import Right, RightsMissing, right
from .._rollout.observation import snapshot
from .._rollout.operator.field_managers import apiserver_purpose
from .._rollout.operator.handover import NOTHING_LACKS, Operands, lacking
from .._rollout.operator.placement import NOTHING_MORE, Placement
from . import admission_record, control_plane, lease
from .control_plane import v3_crds
from .installation.scope_request import APISERVER_PATH, COLLECTION_PATH, PATH
from .lease import Place
from .observe import APPS, KINDS, MANIFEST_DAEMONSETS
from .workloads import OPTIONAL as WITH_POLICIES
from .workloads import PODS

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
"""Every authenticated user may ask (system:basic-user)."""
AT_ONCE = 8

WRITE_NODES = (right("patch", NODES),)
CLEAR_CONDITIONS = (Right("patch", "", "nodes/status"),)
"""Only where a rollout is to clear what calico-node left on nodes in quarantine."""


def looking(*, at_workloads: bool = False) -> list[Right]:
    """What it takes to see the cluster once as a rollout does."""
    paths = [APPS + "kube-system/daemonsets/" + name for name in MANIFEST_DAEMONSETS]
    lists = [*(kind.path for kind in KINDS.values()), *([PODS] if at_workloads else [])]
    return [*(right("list", path) for path in lists), *(right("get", path) for path in paths)]


def observing() -> list[Right]:
    """The same, kept up to date."""
    return [*looking(), *(right("watch", kind.path) for kind in KINDS.values())]


def rolling_out(
    cluster: Cluster,
    label: AdmissionLabel,
    spec: Mapping[str, Any] | None,
    placement: Placement,
    lock: Place,
    clear_conditions: bool = False,
) -> list[Right]:
    return [
        *scoping(cluster, label, spec, placement),
        *WRITE_NODES,
        *(CLEAR_CONDITIONS if clear_conditions else ()),
        *lease.rights(lock),
    ]


def scoping(
    cluster: Cluster,
    label: AdmissionLabel,
    spec: Mapping[str, Any] | None,
    placement: Placement = NOTHING_MORE,
    *,
    anew: bool = False,
) -> list[Right]:
    """What it takes to put the label and the placement into the operator's resources as they are now, and to see it in force.

    Each write is tried first (a dry run, which takes the right to write), also where somebody else is to commit it. Where all is
    as it is to be, or there is nothing to create, no write is needed, unless it is tried `anew` all the same. Of an Installation that
    the account may not read, nobody knows whether it is to be created or changed.
    """
    rights = [*observing(), right("get", PATH), right("get", APISERVER_PATH)]
    found = [_found(cluster, path) for path in (PATH, APISERVER_PATH)]
    if found[0] is None and spec is None:
        return rights
    if spec is not None and (found[0] is None or found[0] is _HIDDEN):
        rights.append(right("create", COLLECTION_PATH))
    if found[0] is not None:
        if not (anew or _HIDDEN in found or _something_to_write(cluster, label, placement, *found)):
            return rights
        rights.append(right("patch", PATH))
    if found[1] is not None and apiserver_purpose(label, placement, v3_crds(cluster)) is not None:
        rights.append(right("patch", APISERVER_PATH))
    return rights


_HIDDEN: dict[str, Any] = {}
"""An object that the account may not read."""


def _found(cluster: Cluster, path: str) -> dict[str, Any] | None:
    try:
        return cluster.get_or_none(path)
    except ApiError as error:
        if error.status != 403:
            raise
        return _HIDDEN


def _something_to_write(
    cluster: Cluster, label: AdmissionLabel, placement: Placement, installation: Any, apiserver: Any
) -> bool:
    seen = snapshot.installation_seen(installation)
    if seen["raised"] is not None:
        return True  # An earlier run raised maxUnavailable, and this one puts it back.
    operands = Operands(
        nodes={},
        installation=seen,
        apiserver=None if apiserver is None else snapshot.apiserver_seen(apiserver),
        v3_crds=v3_crds(cluster),
    )
    return lacking(operands, label, placement) != NOTHING_LACKS


@contextlib.contextmanager
def all_named(
    cluster: Cluster, rights: Callable[[], Iterable[Right]], warn: Callable[[str], object], role_in: str = ""
) -> Iterator[None]:
    """A refused request inside becomes RightsMissing with all that the account lacks of these rights, and not of that request alone."""
    try:
        yield
    except ApiError as error:
        if error.status == 403:
            require(cluster, rights(), warn, role_in)
        raise


def require(cluster: Cluster, rights: Iterable[Right], warn: Callable[[str], object], role_in: str = "") -> None:
    """RightsMissing with every right that the account lacks; those of them that a rollout can do without alone are no reason for it."""
    wanted = list(dict.fromkeys(rights))
    try:
        allowed = in_parallel(lambda one: _allowed(cluster, one), wanted, AT_ONCE)
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        # A cluster may have taken this right away; what is missing then shows where it is needed.
        warn(f"Whether the account has all rights that this takes could not be asked: {error}")
        return
    missing = [one for one, may in zip(wanted, allowed) if not may]
    if missing:
        # Work in a namespace of its own (Jobs on nodes) does not need the optional reads of a rollout.
        optional = () if role_in else (*control_plane.OPTIONAL, *admission_record.OPTIONAL, *WITH_POLICIES)
        unread = [one for one in optional if one not in wanted and not _allowed(cluster, one)]
        raise RightsMissing(missing, role_in, unread)


def _allowed(cluster: Cluster, one: Right) -> bool:
    resource, _slash, subresource = one.resource.partition("/")
    attributes = {**one._asdict(), "resource": resource, "subresource": subresource, "version": "*"}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    answer = cluster.request("POST", REVIEWS, body={**review, "spec": {"resourceAttributes": attributes}})
    return bool((answer.get("status") or {}).get("allowed"))

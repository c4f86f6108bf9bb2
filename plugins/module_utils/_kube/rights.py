# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Before the first write: may the account do all that follows? One question a right, and one answer that names all gaps.

Without it a run would learn of a missing rule when it needs it, half-way through, and of the next one after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._rollout.documents import AdmissionLabel
from .._rollout.installation import scoped
from .._rollout.ownership import owners
from .._rollout.rights import Right, RightsMissing, right
from . import trim
from .client import NODES, ApiError, Cluster
from .observe import APPS, KINDS, MANIFEST_DAEMONSETS
from .scoping import COLLECTION_PATH, PATH
from .writes import in_parallel

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
"""Every authenticated user may ask (system:basic-user)."""
AT_ONCE = 8

WRITE_NODES = (right("patch", NODES),)


def observing() -> list[Right]:
    """What it takes to see the cluster as a rollout does."""
    paths = [APPS + "kube-system/daemonsets/" + name for name in MANIFEST_DAEMONSETS]
    lists = [right(verb, kind.path) for kind in KINDS.values() for verb in ("list", "watch")]
    return [*lists, *(right("get", path) for path in paths)]


def scoping(
    cluster: Cluster, label: AdmissionLabel, spec: Mapping[str, Any] | None, patch_owned: bool = False
) -> list[Right]:
    """What it takes to put the label into the selectors of the Installation as it is now, and to see it in force.

    Where that is done already, or is to be committed elsewhere, or there is nothing to create, no write is needed.
    """
    rights = [*observing(), right("get", PATH)]
    try:
        current = cluster.get_or_none(PATH)
    except ApiError as error:
        if error.status != 403:
            raise
        return [*rights, right("patch", PATH)]
    if current is None:
        return rights if spec is None else [*rights, right("create", COLLECTION_PATH)]
    if scoped(trim.installation_seen(current), label) or (owners(current) and not patch_owned):
        return rights
    return [*rights, right("patch", PATH)]


def require(cluster: Cluster, rights: Iterable[Right], warn: Callable[[str], object]) -> None:
    """RightsMissing with every right that the account lacks."""
    wanted = list(dict.fromkeys(rights))
    try:
        allowed = in_parallel(lambda one: _allowed(cluster, one), wanted, AT_ONCE)
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        # A cluster may have taken this right away; what is missing then shows where it is needed.
        warn("Whether the account has all rights that this takes could not be asked: {0}".format(error))
        return
    missing = [one for one, may in zip(wanted, allowed) if not may]
    if missing:
        raise RightsMissing(missing)


def _allowed(cluster: Cluster, one: Right) -> bool:
    attributes = {**one._asdict(), "version": "*"}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    answer = cluster.request("POST", REVIEWS, body={**review, "spec": {"resourceAttributes": attributes}})
    return bool((answer.get("status") or {}).get("allowed"))

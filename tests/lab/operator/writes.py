# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the stand-in writes: plain creates, updates and merge patches as field manager `operator`."""

from __future__ import annotations

import copy

from tests.lab.api import Api, ApiError
from tests.lab.operator.conditions import mirrored
from tests.lab.operator.defaults import merge_patch
from tests.lab.operator.names import (
    FIELD_MANAGER,
    IGNORE_ANNOTATION,
    INSTALLATION,
    TIGERA_STATUSES,
    Document,
    collection,
    path,
)
from tests.lab.operator.workloads import merged, owned_by

# Other controllers write the same objects' status all the time.
_CONFLICT_ATTEMPTS = 5


def put_all(api: Api, objects: list[Document], owner: Document) -> None:
    for wanted in objects:
        owned = copy.deepcopy(wanted)
        owned["metadata"]["ownerReferences"] = owned_by(owner)
        _put(api, owned)


def gone(api: Api, kind: str, name: str) -> bool:
    """Is the workload deleted, and the last of its pods?"""
    return api.get_or_none(path(kind, name)) is None and not api.list(
        collection("Pod"), labelSelector=f"k8s-app={name}", limit=1
    )


def patch_installation(api: Api, before: Document, after: Document) -> Document:
    """Write what differs, and nothing when nothing does; another writer in between is a conflict."""
    patch = merge_patch(before, after)
    if not patch:
        return before
    patch.setdefault("metadata", {})["resourceVersion"] = before["metadata"]["resourceVersion"]
    written: Document = api.patch(INSTALLATION, patch, fieldManager=FIELD_MANAGER)
    return written


def put_status(api: Api, where: str, current: Document, status: Document) -> Document:
    if (current.get("status") or {}) == status:
        return current
    written: Document = api.replace(f"{where}/status", {**current, "status": status}, fieldManager=FIELD_MANAGER)
    return written


def mirror_conditions(api: Api, where: str, current: Document, component: str) -> Document:
    """Copy the conditions of the component's TigeraStatus into the status of the object that it is about."""
    tigera_status = api.get_or_none(f"{TIGERA_STATUSES}/{component}")
    if tigera_status is None:
        return current
    status: Document = dict(current.get("status") or {})
    status["conditions"] = mirrored((tigera_status.get("status") or {}).get("conditions") or [])
    return put_status(api, where, current, status)


def _put(api: Api, wanted: Document) -> None:
    kind, where = wanted["kind"], path(wanted["kind"], wanted["metadata"]["name"])
    for attempt in range(_CONFLICT_ATTEMPTS):
        current = api.get_or_none(where)
        try:
            if current is None:
                api.create(collection(kind), wanted, fieldManager=FIELD_MANAGER)
            elif (current["metadata"].get("annotations") or {}).get(IGNORE_ANNOTATION) != "true":
                api.replace(where, merged(wanted, current), fieldManager=FIELD_MANAGER)
            return
        except ApiError as error:
            if error.reason not in ("Conflict", "AlreadyExists") or attempt == _CONFLICT_ATTEMPTS - 1:
                raise

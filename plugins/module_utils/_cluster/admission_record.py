# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Keeps the record of the admitted nodes in a ConfigMap beside tigera-operator.

There, because the namespace is there before the first batch (the operator creates the Installation's own only later, and deletes it with
it), because the operator watches its own ConfigMaps by name and so is not woken (an annotation of the Installation would wake every
controller of it), and because a right on one ConfigMap can touch nothing else. Where the account lacks it, no record is kept.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from .._kube.client import ApiError, Cluster
from .._rollout.documents import AdmissionLabel, Observation
from .._rollout.kubernetes.rbac import Right
from .._rollout.operator.tigera_status import OPERATOR
from .._rollout.status import admission_record as record
from .._rollout.status.admission_record import Admitted, Record
from .installation.server_side_apply import APPLY

NAME = "calico-ops-admissions"
PATH = f"/api/v1/namespaces/{OPERATOR}/configmaps/{NAME}"
MANAGER = "calico-ops-admissions"
KEY = "admitted.json"

OPTIONAL = tuple(Right(verb, "", "configmaps", NAME, OPERATOR) for verb in ("get", "create", "patch"))
READING = OPTIONAL[:1]


class Kept(NamedTuple):
    admitted: dict[str, Admitted] | None
    """None where there is no record, or it may not be read."""
    why_not: str = ""


def read(cluster: Cluster, label: AdmissionLabel) -> Kept:
    try:
        found = cluster.get_or_none(PATH)
    except ApiError as error:
        if error.status != 403:
            raise
        return Kept(None, f"the account may not read it, which takes {READING[0]}")
    if found is None:
        return Kept(None, "no rollout has kept one yet")
    return Kept(record.read(str((found.get("data") or {}).get(KEY) or ""), label))


def lacking(
    cluster: Cluster, observation: Observation, label: AdmissionLabel, kept_out: Collection[str]
) -> tuple[Record | None, str]:
    """The record that is to be written, None where it is as it should be; and why there is none, where it cannot be kept."""
    kept = read(cluster, label)
    if kept.admitted is None and kept.why_not.startswith("the account"):
        return None, kept.why_not
    wanted = record.noted(kept.admitted or {}, observation, label, kept_out)
    if wanted == (kept.admitted or {}):
        return None, ""
    if len(record.written(wanted, label)) > record.LARGEST:
        return None, f"it would be larger than {record.LARGEST // 1024} KiB"
    return wanted, ""


def keep(cluster: Cluster, wanted: Record, label: AdmissionLabel) -> str:
    """Write it; why it could not be, or nothing."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": OPERATOR},
        "data": {KEY: record.written(wanted, label)},
    }
    try:
        cluster.request("PATCH", PATH, query={"fieldManager": MANAGER, "force": "true"}, body=body, content_type=APPLY)
    except ApiError as error:
        return str(error)
    return ""

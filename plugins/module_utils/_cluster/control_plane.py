# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Reads how the rest of Calico stands: one list of Deployments in each of two namespaces, and pods only where one is not ready.

None of it is needed for a rollout. If the account cannot read an object, the report names it with the missing permission, and shows all
else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._kube.client import ApiError, Cluster
from .._rollout.documents import CalicoApi, ComponentStanding, ControlPlane, OperatorStatus, WorkloadKind
from .._rollout.kubernetes.rbac import Right, right
from .._rollout.observation import snapshot
from .._rollout.observation.diagnosis import conditions, joined, pod_trouble
from .._rollout.operator import api_group as api
from .._rollout.operator.api_group import operator_settings
from .._rollout.operator.tigera_status import (
    APISERVER_BEFORE,
    OPERATOR,
    SYSTEM,
    ControlPlaneSeen,
    Generations,
    control_plane,
    missing,
)

APPS = "/apis/apps/v1/namespaces/"
OPERATOR_DEPLOYMENTS = APPS + OPERATOR + "/deployments"
SYSTEM_DEPLOYMENTS = APPS + SYSTEM + "/deployments"
MIGRATION_GROUP = "/apis/migration.projectcalico.org"
POD_TROUBLES_SHOWN = 2

NODE = "calico-node"
CSI = "csi-node-driver"

OPTIONAL: tuple[Right, ...] = (right("list", OPERATOR_DEPLOYMENTS), right("list", SYSTEM_DEPLOYMENTS))
"""What a rollout can do without: a report then says what was not read."""


class Reader:
    """Lists that may be refused; what was refused is remembered."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.not_read: list[str] = []

    def listed(self, path: str, what: str) -> list[Any] | None:
        """None where the account may not; empty where there is no such namespace or resource."""
        try:
            return self._cluster.list_all(path)[0]
        except ApiError as error:
            if error.status == 404:
                return []
            if error.status != 403:
                raise
            note = f"{what}, needs {right('list', path)}"
            if note not in self.not_read:
                self.not_read.append(note)
            return None


def read_calico_api(
    cluster: Cluster, reader: Reader | None = None, deployments: Sequence[Any] | None = None
) -> CalicoApi:
    """Which API group Calico's own resources are in. `deployments` are those of the operator's namespace, where they were read."""
    reader = reader or Reader(cluster)
    if deployments is None:
        deployments = reader.listed(OPERATOR_DEPLOYMENTS, "tigera-operator's Deployment")
    found = None if deployments is None else snapshot.named(deployments, OPERATOR)
    settings = None if found is None else operator_settings(found)
    serves_v1, serves_v3 = (
        cluster.get_or_none("/apis/" + group.partition("/")[0]) is not None for group in (api.V1, api.V3)
    )
    phases: list[str] | None = []
    if serves_v1 and (settings is None or not settings.group):
        phases = _migration_phases(cluster, reader)
    if deployments is not None and found is None:
        unread = f"there is no Deployment {OPERATOR} in the namespace {OPERATOR}"
    else:
        unread = "; ".join(reader.not_read)
    return api.calico_api(serves_v1, serves_v3, settings, phases, unread)


def operator_version(cluster: Cluster) -> tuple[int, int] | None:
    """Major and minor of tigera-operator, as its image's tag has them; None where it may not be read, or is not there."""
    deployments = Reader(cluster).listed(OPERATOR_DEPLOYMENTS, "tigera-operator's Deployment")
    found = None if deployments is None else snapshot.named(deployments, OPERATOR)
    return None if found is None else operator_settings(found).version


def v3_crds(cluster: Cluster) -> bool:
    """Calico's own API is made of CRDs."""
    return read_calico_api(cluster)["group"] == api.V3


def read_control_plane(
    cluster: Cluster, objects: Callable[[str], Sequence[Any]]
) -> tuple[list[OperatorStatus], ControlPlane]:
    """`objects` gives the kinds of observe.KINDS as they were read last. ApiError where the API server does not answer."""
    reader = Reader(cluster)
    installation, apiserver = (snapshot.named(objects(kind), "default") for kind in ("installations", "apiservers"))
    system = reader.listed(SYSTEM_DEPLOYMENTS, "Deployments in " + SYSTEM)
    operators = reader.listed(OPERATOR_DEPLOYMENTS, "tigera-operator's Deployment")
    daemonsets = [raw for raw in objects("daemonsets") if snapshot.name_of(raw) != NODE]
    workloads: list[tuple[WorkloadKind, Any]] = [("Deployment", raw) for raw in system or []]
    workloads += [("DaemonSet", raw) for raw in daemonsets]
    before: Sequence[Any] = ()
    if apiserver is not None and system is not None and not _serves(system):
        before = reader.listed(APPS + APISERVER_BEFORE + "/deployments", "Deployments in " + APISERVER_BEFORE) or ()
    workloads += [("Deployment", raw) for raw in before]
    components = _stood(reader, workloads)
    if installation is not None and system is not None:
        components += missing(
            {"calico-kube-controllers": "an Installation", "calico-typha": "an Installation"}, components
        )
    operator = None if operators is None else snapshot.named(operators, OPERATOR)
    statuses = sorted((snapshot.operator_status(raw) for raw in objects("statuses")), key=lambda status: status["name"])
    seen = ControlPlaneSeen(
        statuses=statuses,
        components=sorted(components, key=lambda one: (one["kind"], one["name"])),
        operator=None if operator is None else _stood(reader, [("Deployment", operator)])[0],
        operator_read=operators is not None,
        generations=Generations(_generation(installation), _generation(apiserver)),
        calico_api=read_calico_api(cluster, Reader(cluster) if operators is None else reader, operators),
        not_read=reader.not_read,
    )
    return statuses, control_plane(seen)


def _serves(deployments: Sequence[Any]) -> bool:
    return any(snapshot.name_of(raw) in ("calico-apiserver", "calico-webhooks") for raw in deployments)


def _generation(raw: Mapping[str, Any] | None) -> int | None:
    return None if raw is None else int(raw["metadata"].get("generation") or 0)


def _migration_phases(cluster: Cluster, reader: Reader) -> list[str] | None:
    """v1 goes before v1beta1 (datastoremigration.ServedGroupVersion)."""
    served = cluster.get_or_none(MIGRATION_GROUP)
    versions = {str(one.get("version")) for one in (served or {}).get("versions") or []}
    version = next((each for each in ("v1", "v1beta1") if each in versions), None)
    if version is None:
        return []
    path = f"{MIGRATION_GROUP}/{version}/datastoremigrations"
    found = reader.listed(path, "DatastoreMigrations")
    return None if found is None else [str((raw.get("status") or {}).get("phase") or "") for raw in found]


def _stood(reader: Reader, workloads: Sequence[tuple[WorkloadKind, Any]]) -> list[ComponentStanding]:
    pods: dict[str, list[Any]] = {}
    standing = []
    for kind, raw in workloads:
        wanted, available, lacks = counted(kind, raw)
        namespace = str(raw["metadata"].get("namespace") or SYSTEM)
        if lacks and namespace not in pods:
            path = f"/api/v1/namespaces/{namespace}/pods"
            pods[namespace] = reader.listed(path, "pods in " + namespace) or []
        standing.append(
            ComponentStanding(
                kind=kind,
                namespace=namespace,
                name=snapshot.name_of(raw),
                wanted=wanted,
                available=available,
                ready=lacks is None,
                reason=lacks and why(raw, lacks, pods[namespace]),
            )
        )
    return standing


def counted(kind: str, raw: Mapping[str, Any]) -> tuple[int, int, str | None]:
    """How many pods it is to have, how many are available, and what it lacks in numbers; None when it is ready.

    A DaemonSet that wants no pod is ready: there may be no node for it yet. A Deployment without a replica does not run.
    """
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    if kind == "DaemonSet":
        wanted, available = (int(status.get(key) or 0) for key in ("desiredNumberScheduled", "numberAvailable"))
        updated = int(status.get("updatedNumberScheduled") or 0)
    else:
        wanted = int(spec["replicas"] if spec.get("replicas") is not None else 1)
        available, updated = (int(status.get(key) or 0) for key in ("availableReplicas", "updatedReplicas"))
        if wanted == 0:
            return wanted, available, "it is scaled to 0"
    if int(status.get("observedGeneration") or 0) < int(raw["metadata"].get("generation") or 0):
        return wanted, available, "its last change is not processed yet"
    if available < wanted:
        return wanted, available, f"awaiting {wanted - available}"
    if updated < wanted:
        return wanted, available, f"{updated} of them have its newest template"
    return wanted, available, None


def why(raw: Mapping[str, Any], lacks: str, pods: Sequence[Any]) -> str:
    """With the troubles of its own pods; where there is none, with that of the workload itself."""
    labels = ((raw.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    told = []
    for pod in sorted(pods, key=snapshot.name_of):
        if not labels.items() <= (pod["metadata"].get("labels") or {}).items():
            continue
        if conditions(pod).get("Ready", {}).get("status") == "True":
            continue
        node = (pod.get("spec") or {}).get("nodeName")
        where = f" on {node}" if node else ""
        told.append(f"pod {snapshot.name_of(pod)}{where}: {pod_trouble(pod) or 'not ready'}")
    if not told:
        failed = conditions(raw).get("ReplicaFailure", {})
        if failed.get("status") == "True":
            told = [str(joined("its pods cannot be made", failed.get("message") or failed.get("reason")))]
    more = [f"and {len(told) - POD_TROUBLES_SHOWN} more pods"] if len(told) > POD_TROUBLES_SHOWN else []
    return "; ".join([lacks, *told[:POD_TROUBLES_SHOWN], *more])

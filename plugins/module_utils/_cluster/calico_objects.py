# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Reads what decides what a cluster's Calico asks of its hosts. What may not be read is named, and costs nothing else."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from .._kube.client import ApiError, Cluster
from .._precheck.options import DEFAULTS
from .._rollout.calico_settings.given_objects import with_given
from .._rollout.calico_settings.settings import CalicoObjects, calico_settings
from .._rollout.documents import CalicoSettings
from .._rollout.kubernetes.rbac import Right, right
from .._rollout.observation import snapshot

INSTALLATIONS = "/apis/operator.tigera.io/v1/installations"
GROUPS = ("/apis/crd.projectcalico.org/v1/", "/apis/projectcalico.org/v3/")
"""The first one needs no pod of Calico's to be served. If the second one is served, it is Calico's API server over the same objects. Or
it is the CRDs of a cluster that has moved to them and left the first empty."""
KINDS = {
    "FelixConfiguration": "felixconfigurations",
    "IPPool": "ippools",
    "BGPConfiguration": "bgpconfigurations",
    "BGPPeer": "bgppeers",
    "HostEndpoint": "hostendpoints",
}
OPERATOR = "/apis/apps/v1/namespaces/tigera-operator/deployments/tigera-operator"
NODE = "/apis/apps/v1/namespaces/calico-system/daemonsets/calico-node"
SERVICES_ENDPOINT = "/api/v1/namespaces/tigera-operator/configmaps/kubernetes-services-endpoint"
"""What calico-node takes for the API server's address where it is there (docs.tigera.io, eBPF)."""
SERVICE_CIDRS = "/apis/networking.k8s.io/v1/servicecidrs"


def reading() -> list[Right]:
    """What all of it takes. None of it is required."""
    lists = [INSTALLATIONS, SERVICE_CIDRS, *(group + plural for group in GROUPS for plural in KINDS.values())]
    return [
        *(right("list", path) for path in lists),
        *(right("get", path) for path in (OPERATOR, NODE, SERVICES_ENDPOINT)),
    ]


def read_settings(
    cluster: Cluster,
    installation_spec: Mapping[str, Any] | None = None,
    given: Sequence[Any] = (),
    given_from: str = "",
) -> CalicoSettings:
    """`installation_spec` counts where the cluster has no Installation; objects that are `given` come before the cluster's."""
    objects = read_objects(cluster)
    if objects.installation is None and installation_spec is not None:
        objects = objects._replace(installation={"spec": installation_spec}, given="rollout_installation_spec")
    return calico_settings(with_given(objects, given, given_from), DEFAULTS, cluster.name())


def without_cluster(
    why: str,
    installation_spec: Mapping[str, Any] | None = None,
    given: Sequence[Any] = (),
    given_from: str = "",
) -> CalicoSettings:
    """What is given, and the defaults. `why` no cluster was read is told, and no default is blamed on that: nothing was missed."""
    objects = CalicoObjects()
    if installation_spec is not None:
        objects = objects._replace(installation={"spec": installation_spec}, given="rollout_installation_spec")
    found = calico_settings(with_given(objects, given, given_from), DEFAULTS)
    where = "what was given" if given or installation_spec is not None else "the defaults of tigera-operator and Felix"
    found["notes"].insert(0, f"No cluster was read ({why.rstrip('.')}): the settings are {where}.")
    return found


def read_objects(cluster: Cluster) -> CalicoObjects:
    unread: dict[str, str] = {}
    installations = _tried(unread, "Installation", lambda: _list(cluster, (INSTALLATIONS,)), [])
    calico = {kind: _tried(unread, kind, functools.partial(_calico, cluster, kind), []) for kind in KINDS}
    operator = _tried(unread, "Deployment tigera-operator", lambda: cluster.get_or_none(OPERATOR), None)
    # The rollout reads the DaemonSet anyway; without it the operator's version decides.
    node = _tried({}, "", lambda: cluster.get_or_none(NODE), None)
    endpoint = _tried(unread, "API server's address", lambda: cluster.get_or_none(SERVICES_ENDPOINT), None)
    services = _tried(unread, "service CIDRs", lambda: _list(cluster, (SERVICE_CIDRS,)), [])
    data = (endpoint or {}).get("data") or {}
    host = data.get("KUBERNETES_SERVICE_HOST") or ""
    address = f"[{host}]" if ":" in host else host
    return CalicoObjects(
        installation=snapshot.named(installations, "default"),
        overlay=snapshot.named(installations, "overlay"),
        felix=calico["FelixConfiguration"],
        pools=calico["IPPool"],
        bgp=calico["BGPConfiguration"],
        peers=calico["BGPPeer"],
        host_endpoints=calico["HostEndpoint"],
        operator_image=_image(operator, "tigera-operator"),
        node_image=_image(node, "calico-node"),
        service_cidrs=[cidr for one in services for cidr in (one.get("spec") or {}).get("cidrs") or []],
        services_from=", ".join(f"ServiceCIDR/{snapshot.name_of(one)}" for one in services),
        apiserver=f"{address}:{data.get('KUBERNETES_SERVICE_PORT') or 443}" if host else "",
        apiserver_from="ConfigMap tigera-operator/kubernetes-services-endpoint",
        unread=unread,
    )


def _tried(unread: dict[str, str], what: str, read: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return read()
    except ApiError as error:
        unread[what] = error.message + (" (docs/reference/rbac.yaml has the rule)" if error.status == 403 else "")
        return otherwise


def _calico(cluster: Cluster, kind: str) -> list[dict[str, Any]]:
    # Of HostEndpoints only that there are some counts, and a cluster may have one a node.
    return _list(cluster, [group + KINDS[kind] for group in GROUPS], metadata_only=kind == "HostEndpoint")


def _list(cluster: Cluster, paths: Sequence[str], metadata_only: bool = False) -> list[dict[str, Any]]:
    """From the first of these places that has any; nothing where none is served. The first refusal counts where none has any."""
    refused: list[ApiError] = []
    served = False
    for path in paths:
        try:
            found: list[dict[str, Any]] = cluster.list_all(path, metadata_only=metadata_only)[0]
        except ApiError as error:
            if error.status != 404:
                refused.append(error)
            continue
        if found:
            return found
        served = True
    if refused and not served:
        raise refused[0]
    return []


def _image(workload: Mapping[str, Any] | None, container: str) -> str:
    pod = (((workload or {}).get("spec") or {}).get("template") or {}).get("spec") or {}
    return next(
        (str(one.get("image") or "") for one in pod.get("containers") or [] if one.get("name") == container), ""
    )

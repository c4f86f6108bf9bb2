# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The cluster's DNS: the pods behind its Service, and a question that each of them answers from memory.

kubeadm, k3s, RKE2, kubespray and the clouds label its Service k8s-app=kube-dns, whatever its name is. That of OpenShift is
openshift-dns/dns-default.

Pods are asked at their own addresses. A NetworkPolicy applies after the Service's address has become that of a pod (kube-proxy's DNAT), so
the policy sees the same packet, and nothing depends on kube-proxy.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Union

from ..._kube.client import ApiError, Cluster
from ..._rollout.documents.policy import Family
from ..._rollout.errors import RolloutError
from ..._rollout.text.order import natural
from .request import NONE
from .seen import pod_addresses

_LABELLED = ("kube-system", {"labelSelector": "k8s-app=kube-dns"})
_OF_OPENSHIFT = ("openshift-dns", {"fieldSelector": "metadata.name=dns-default"})
_PORT, HEADLESS = 53, "None"
_PTR, _INTERNET = 12, 1
_WANTED = struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0)
"""The header of a DNS message without its number (RFC 1035, 4.1.1): recursion is desired, one question."""


class DnsServer(NamedTuple):
    """A pod of the cluster's DNS."""

    addresses: Mapping[Family, str]
    port: int


class ClusterDns(NamedTuple):
    namespace: str
    labels: Mapping[str, str]
    """Those by which its Service, and so a policy, selects its pods."""
    servers: Sequence[DnsServer]
    question: bytes
    """A DNS message without its number."""

    @property
    def families(self) -> set[Family]:
        return {family for server in self.servers for family in server.addresses}

    def server(self, family: Family, turn: int) -> DnsServer:
        """One of those with this family: each in turn."""
        having = [server for server in self.servers if family in server.addresses]
        return having[turn % len(having)]


def read_cluster_dns(cluster: Cluster, wanted: str) -> Union[ClusterDns, str]:
    """Or why DNS is not tried, a sentence.

    :param wanted: NAMESPACE/NAME of its Service; `none` where it is not to be tried; empty where the Service is to be looked for
    """
    if wanted == NONE:
        return "DNS egress was not tried: dns_service is none."
    try:
        return _read(cluster, wanted)
    except ApiError as error:
        if error.status != 403:
            raise
        return f"DNS egress was not tried: the cluster's DNS could not be read: {error.said}."


def _read(cluster: Cluster, wanted: str) -> Union[ClusterDns, str]:
    namespace, service = _service(cluster, wanted)
    if service is None:
        return (
            "DNS egress was not tried: no Service in kube-system with the label k8s-app=kube-dns serves UDP port 53. "
            "Name it by dns_service."
        )
    name = f"{namespace}/{service['metadata']['name']}"
    labels = service["spec"].get("selector") or {}
    if not labels:
        return f"DNS egress was not tried: the Service {name} has no selector, so that no policy can name its pods."
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    pods = cluster.list_all(f"/api/v1/namespaces/{namespace}/pods", query={"labelSelector": selector})[0]
    ready = sorted((pod for pod in pods if _is_ready(pod)), key=lambda pod: natural(pod["metadata"]["name"]))
    # A NetworkPolicy's podSelector does not select pods on the host's network.
    own = [pod for pod in ready if not pod["spec"].get("hostNetwork")]
    if not own:
        what = "on a network of its own is ready" if pods else "is there"
        return f"DNS egress was not tried: no pod of the Service {name} {what}."
    target = _udp_port(service).get("targetPort", _PORT)  # type: ignore[union-attr]
    servers = [DnsServer(pod_addresses(pod["status"]), _number(target, pod)) for pod in own]
    return ClusterDns(namespace, labels, servers, question_for(_asked_for(service, servers[0])))


def _service(cluster: Cluster, wanted: str) -> tuple[str, Union[dict[str, Any], None]]:
    """The namespace and the Service; None where none is there that serves DNS over UDP."""
    places = [_LABELLED, _OF_OPENSHIFT]
    if wanted:
        namespace, _slash, name = wanted.partition("/")
        places = [(namespace, {"fieldSelector": f"metadata.name={name}"})]
    for namespace, query in places:
        services = cluster.list_all(f"/api/v1/namespaces/{namespace}/services", query=query)[0]
        serving = sorted((one for one in services if _udp_port(one)), key=lambda one: natural(one["metadata"]["name"]))
        if serving:
            return namespace, serving[0]
    if wanted:
        raise RolloutError(f"dns_service: there is no Service {wanted} with UDP port {_PORT}. Name another, or none.")
    return "", None


def _udp_port(service: Mapping[str, Any]) -> Union[Mapping[str, Any], None]:
    ports = service["spec"].get("ports") or ()
    return next((port for port in ports if port.get("protocol") == "UDP" and port.get("port") == _PORT), None)


def _number(target: Union[int, str], pod: Mapping[str, Any]) -> int:
    """A Service's targetPort may be the name of a container's port."""
    if isinstance(target, int):
        return target
    named = [
        port for each in pod["spec"]["containers"] for port in each.get("ports") or () if port.get("name") == target
    ]
    return int(named[0]["containerPort"]) if named else _PORT


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions") or ()}
    return conditions.get("Ready") == "True" and not pod["metadata"].get("deletionTimestamp")


def _asked_for(service: Mapping[str, Any], server: DnsServer) -> str:
    """The Service's own address: the zone of its name is the server's, whatever the cluster's domain is."""
    address = str(service["spec"].get("clusterIP") or HEADLESS)
    return next(iter(server.addresses.values())) if address == HEADLESS else address


def question_for(address: str) -> bytes:
    """Whose address is this? A DNS message without its number. It holds no line's end: bash would send what stands before it alone."""
    name = ipaddress.ip_address(address).reverse_pointer
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split("."))
    return _WANTED + labels + b"\0" + struct.pack("!HH", _PTR, _INTERNET)

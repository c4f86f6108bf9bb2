# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What NetworkPolicies (networking.k8s.io/v1) mean: which pods they select, and which connections they allow.

A connection is allowed if the source's policies permit its egress and the destination's permit its ingress. If no policy isolates a pod
in a direction, the pod is open in it. Otherwise it is open to what one of these policies allows.

Sources: the types and their comments in Kubernetes' staging/src/k8s.io/api/networking/v1/types.go, the defaults in
pkg/apis/networking/v1/defaults.go, what an object can hold in pkg/apis/networking/validation/validation.go. Where they leave a case open,
Calico decides: `k8sRuleToCalico` and `k8sPeerToCalicoFields` in libcalico-go/lib/backend/k8s/conversion/conversion.go,
`appendEndpointPorts` in workload_endpoint_default.go beside it. Policies of other kinds are not judged here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, NamedTuple, Union

from ..documents import Direction
from ..kubernetes.label_selector import label_selector

Labels = Mapping[str, str]
Namespaces = Mapping[str, Labels]
"""The labels of each namespace, by name. One that is missing counts as having none."""
Policies = Mapping[str, Sequence["Policy"]]
"""By namespace."""

DIRECTIONS: tuple[Direction, Direction] = ("egress", "ingress")
DEFAULT_PROTOCOL = "TCP"


class NamedPort(NamedTuple):
    name: str
    protocol: str
    number: int


class Pod(NamedTuple):
    namespace: str
    name: str
    labels: Labels
    node: str = ""
    host_network: bool = False
    ports: tuple[NamedPort, ...] = ()

    def numbers(self, name: str, protocol: str) -> list[int]:
        """The ports of this name. Containers of one pod may each have one."""
        return [port.number for port in self.ports if (port.name, port.protocol) == (name, protocol)]


class End(NamedTuple):
    """One end of a connection."""

    address: str
    pod: Pod | None = None
    """None for a process of a node, and for everything outside the cluster."""
    node: str = ""
    """The node whose process it is."""

    @property
    def selectable(self) -> Pod | None:
        """The pod, where it has a network of its own: Calico makes no workload endpoint of another one, so no selector matches it."""
        return None if self.pod is None or self.pod.host_network else self.pod

    @property
    def host(self) -> str:
        """The node whose network it uses; empty where it has its own, or is outside."""
        return self.pod.node if self.pod is not None and self.pod.host_network else self.node


class Connection(NamedTuple):
    """Addresses and port are those that policy sees: behind a Service, the pod's own."""

    source: End
    destination: End
    protocol: str
    port: int


class Ports(NamedTuple):
    """One entry of a rule's ports."""

    protocol: str
    name: str = ""
    first: int = 0
    last: int = 65535

    def fit(self, connection: Connection) -> bool:
        if connection.protocol != self.protocol:
            return False
        if not self.name:
            return self.first <= connection.port <= self.last
        pod = connection.destination.selectable
        return pod is not None and connection.port in pod.numbers(self.name, self.protocol)


Peer = Callable[[End, Namespaces], bool]


class Rule(NamedTuple):
    peers: tuple[Peer, ...]
    """Empty: everybody."""
    ports: tuple[Ports, ...]
    """Empty: every port of every protocol."""

    def allows(self, connection: Connection, peer: End, namespaces: Namespaces) -> bool:
        return (not self.ports or any(ports.fit(connection) for ports in self.ports)) and (
            not self.peers or any(fits(peer, namespaces) for fits in self.peers)
        )


class Policy(NamedTuple):
    namespace: str
    name: str
    selects: Callable[[Labels], bool]
    """Over the labels of pods in its namespace."""
    rules: Mapping[Direction, Sequence[Rule]]
    """Its key is a direction in which it isolates the pods that it selects."""


def selecting(policies: Policies, pod: Pod) -> list[Policy]:
    """The policies that select this pod. None selects a pod in the host's network."""
    if pod.host_network:
        return []
    return [policy for policy in policies.get(pod.namespace, ()) if policy.selects(pod.labels)]


def isolating(policies: Policies, pod: Pod, direction: Direction) -> list[Policy]:
    """Those that deny in this direction what none of them allows."""
    return [policy for policy in selecting(policies, pod) if direction in policy.rules]


def permitted(policies: Policies, connection: Connection, direction: Direction, namespaces: Namespaces) -> bool:
    """Do the policies of the end that this direction is about let the connection through?

    A pod always reaches itself, because the packets stay in its network. A node always reaches its pods (types.go, at `ingress`). The way
    from a pod to its own node is judged as any egress, as Felix' `filterWorkloadToHostChain` in rules/static.go does it.
    """
    subject, peer = connection.source, connection.destination
    if direction == "ingress":
        subject, peer = peer, subject
    pod = subject.selectable
    if pod is None or (peer.pod is not None and (peer.pod.namespace, peer.pod.name) == (pod.namespace, pod.name)):
        return True
    if direction == "ingress" and pod.node and peer.host == pod.node:
        return True
    isolated = isolating(policies, pod, direction)
    return not isolated or any(
        rule.allows(connection, peer, namespaces) for policy in isolated for rule in policy.rules[direction]
    )


def allowed(policies: Policies, connection: Connection, namespaces: Namespaces) -> bool:
    return all(permitted(policies, connection, direction, namespaces) for direction in DIRECTIONS)


def by_namespace(policies: Iterable[Policy]) -> dict[str, list[Policy]]:
    found: dict[str, list[Policy]] = {}
    for policy in policies:
        found.setdefault(policy.namespace, []).append(policy)
    return found


def policy_of(raw: Mapping[str, Any]) -> Policy:
    """A NetworkPolicy as the API server gives it."""
    namespace, name = raw["metadata"]["namespace"], raw["metadata"]["name"]
    spec = raw.get("spec") or {}
    place = f"NetworkPolicy {namespace}/{name}"
    # The API server writes the default down, as SetDefaults_NetworkPolicy has it.
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    rules: dict[Direction, Sequence[Rule]] = {}
    if "Ingress" in types:
        rules["ingress"] = [_rule(one, one.get("from"), namespace, place) for one in spec.get("ingress") or ()]
    if "Egress" in types:
        rules["egress"] = [_rule(one, one.get("to"), namespace, place) for one in spec.get("egress") or ()]
    return Policy(namespace, name, label_selector(spec.get("podSelector") or {}, place), rules)


def pod_of(raw: Mapping[str, Any]) -> Pod:
    """A pod as the API server gives it."""
    metadata, spec = raw["metadata"], raw.get("spec") or {}
    ports = [
        NamedPort(port["name"], port.get("protocol") or DEFAULT_PROTOCOL, port["containerPort"])
        for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
        for port in container.get("ports") or ()
        if port.get("name")
    ]
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        labels=metadata.get("labels") or {},
        node=spec.get("nodeName") or "",
        host_network=bool(spec.get("hostNetwork")),
        ports=tuple(ports),
    )


def _rule(raw: Mapping[str, Any], peers: Sequence[Any] | None, namespace: str, place: str) -> Rule:
    return Rule(
        tuple(_peer(one, namespace, place) for one in peers or ()), tuple(_ports(one) for one in raw.get("ports") or ())
    )


def _ports(raw: Mapping[str, Any]) -> Ports:
    protocol, port = raw.get("protocol") or DEFAULT_PROTOCOL, raw.get("port")
    if port is None:
        return Ports(protocol)
    if isinstance(port, str):
        return Ports(protocol, name=port)
    return Ports(protocol, first=port, last=raw.get("endPort") or port)


def _peer(raw: Mapping[str, Any], namespace: str, place: str) -> Peer:
    if raw.get("ipBlock") is not None:
        return _block(raw["ipBlock"])
    pods = label_selector(raw.get("podSelector") or {}, place)
    if raw.get("namespaceSelector") is None:
        return lambda end, namespaces: _fits(end, lambda name: name == namespace, pods)
    spaces = label_selector(raw["namespaceSelector"], place)
    return lambda end, namespaces: _fits(end, lambda name: spaces(namespaces.get(name, {})), pods)


def _fits(end: End, space: Callable[[str], bool], pods: Callable[[Labels], bool]) -> bool:
    pod = end.selectable
    return pod is not None and space(pod.namespace) and pods(pod.labels)


def _block(raw: Mapping[str, Any]) -> Peer:
    """It matches pods too, by their addresses: Calico makes a plain match of networks of it."""
    block = _network(raw["cidr"])
    excepted = [_network(one) for one in raw.get("except") or ()]

    def fits(end: End, _namespaces: Namespaces) -> bool:
        address = ipaddress.ip_address(end.address)
        return address in block and not any(address in one for one in excepted)

    return fits


def _network(cidr: str) -> Union[ipaddress.IPv4Network, ipaddress.IPv6Network]:
    """Bits of the host, and zeros before a number, are in old objects, and mean what ParseCIDRSloppy makes of them.

    Calico does not read such zeros: `k8sPeerToCalicoFields` then leaves the rule open to everybody. This is no meaning of the policy.
    """
    address, _slash, length = cidr.partition("/")
    if ":" not in address:
        address = ".".join(str(int(number)) for number in address.split("."))
    return ipaddress.ip_network(f"{address}/{int(length)}", strict=False)

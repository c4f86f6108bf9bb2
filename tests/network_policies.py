# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetworkPolicies drawn at random, and the small cluster that they are about: as the API server gives them, with its defaults.

What is drawn is small, so that policies often meet a pod, and a connection often meets a rule by a hair.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

DOCUMENTATION_BLOCKS = ("192.0.2.0/24", "2001:db8:ffff::/48")
"""Addresses outside the cluster are of these."""
PORTS = {"TCP": (80, 81, 443, 8080), "UDP": (53, 80, 8081), "SCTP": (80, 3868)}
NAMES = ("http", "dns", "diameter", "nobody")


class Sort(NamedTuple):
    """What is drawn of: a lab with other pods, addresses and ports draws of its own."""

    namespaces: dict[str, dict[str, str]]
    """Labels by name."""
    labels: dict[str, tuple[str, ...]]
    """Of pods: the values that a key has."""
    blocks: tuple[tuple[str, tuple[str, ...]], ...]
    """Blocks of addresses, each with blocks within it."""
    ports: dict[str, tuple[int, ...]] = PORTS
    names: tuple[str, ...] = NAMES


def _namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}}}


def _pod(number: int, name: str, namespace: str, labels: dict[str, str], **ports: tuple[str, int]) -> dict[str, Any]:
    declared = [{"name": port, "protocol": kind, "containerPort": at} for port, (kind, at) in ports.items()]
    addresses = (f"10.1.{number % 3 + 1}.{number}", f"fd00:1:{number % 3 + 1}::{number:x}")
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": f"w-{number}", "containers": [{"name": "main", "ports": declared}]},
        "status": {"phase": "Running", "podIP": addresses[0], "podIPs": [{"ip": one} for one in addresses]},
    }


NAMESPACES = [_namespace("shop", team="red", env="prod"), _namespace("bank", team="blue", env=""), _namespace("tools")]
PODS = [
    _pod(1, "web", "shop", {"app": "web", "tier": "front"}, http=("TCP", 80)),
    _pod(2, "api", "shop", {"app": "api"}, http=("TCP", 8080), dns=("UDP", 53)),
    _pod(3, "bare", "shop", {}),
    _pod(4, "web", "bank", {"app": "web", "tier": ""}, http=("TCP", 8080), diameter=("SCTP", 3868)),
    _pod(5, "db", "bank", {"app": "db", "tier": "back"}),
    _pod(6, "dns", "tools", {"app": "dns"}, dns=("UDP", 53), http=("TCP", 81)),
]
WORLD = Sort(
    namespaces={one["metadata"]["name"]: one["metadata"]["labels"] for one in NAMESPACES},
    labels={"app": ("web", "api", "db", "dns"), "tier": ("front", "back", ""), "absent": ("x",)},
    blocks=(
        ("0.0.0.0/0", ("10.1.0.0/16", "192.0.2.0/25")),
        ("10.1.0.0/16", ("10.1.1.0/24", "10.1.2.0/25", "10.1.2.1/32")),
        ("10.1.1.9/24", ()),
        ("192.0.2.0/24", ("192.0.2.0/26", "192.0.2.64/26")),
        ("::/0", ("fd00:1::/32", "2001:db8:ffff::/49")),
        ("fd00:1:1::/48", ("fd00:1:1::3/128",)),
    ),
)
"""Namespaces and pods have labels that others lack, an empty one, and a port's name on several numbers."""


def draw_policies(random: Random, sort: Sort = WORLD, most: int = 6) -> list[dict[str, Any]]:
    return [draw_policy(random, f"p{number}", sort) for number in range(random.randint(1, most))]


def draw_policy(random: Random, name: str, sort: Sort = WORLD) -> dict[str, Any]:
    types = random.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    spec: dict[str, Any] = {"podSelector": _selector(random, sort.labels), "policyTypes": types}
    # Rules of a direction that policyTypes leaves out are there too: they mean nothing.
    for direction, ends in (("ingress", "from"), ("egress", "to")):
        rules = [_rule(random, ends, sort) for _time in range(random.choice((0, 1, 1, 2)))]
        if rules:
            spec[direction] = rules
    return {"metadata": {"name": name, "namespace": random.choice(list(sort.namespaces))}, "spec": spec}


def draw_connection(random: Random) -> dict[str, Any]:
    """Between two pods, or a pod and an address outside, of one family."""
    family = random.randrange(2)
    ends = [pod["status"]["podIPs"][family]["ip"] for pod in random.sample(PODS, 2)]
    outside = random.choice((None, None, 0, 1))
    if outside is not None:
        last = random.choice((1, 63, 64, 127, 200))
        ends[outside] = (f"192.0.2.{last}", f"2001:db8:ffff:{last * 256:x}::1")[family]
    protocol = random.choice(list(PORTS))
    port = random.choice((*PORTS[protocol], random.randint(1, 65535)))
    return {"source": ends[0], "destination": ends[1], "protocol": protocol, "port": port}


def _rule(random: Random, ends: str, sort: Sort) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    peers = [_peer(random, sort) for _time in range(random.choice((0, 1, 1, 2)))]
    ports = [_port(random, sort) for _time in range(random.choice((0, 0, 1, 2)))]
    if peers:
        rule[ends] = peers
    if ports:
        rule["ports"] = ports
    return rule


def _peer(random: Random, sort: Sort) -> dict[str, Any]:
    kind = random.choice(("pods", "namespaces", "both", "block"))
    if kind == "block":
        cidr, within = random.choice(sort.blocks)
        excepted = random.sample(within, random.randint(0, len(within)))
        return {"ipBlock": {"cidr": cidr, **({"except": excepted} if excepted else {})}}
    peer: dict[str, Any] = {}
    if kind != "namespaces":
        peer["podSelector"] = _selector(random, sort.labels)
    if kind != "pods":
        peer["namespaceSelector"] = _selector(random, _values(list(sort.namespaces.values())))
    return peer


def _values(labelled: Sequence[dict[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for labels in labelled:
        for key, value in labels.items():
            found[key] = (*found.get(key, ()), value)
    return found


def _port(random: Random, sort: Sort) -> dict[str, Any]:
    protocol = random.choice(list(sort.ports))
    kind = random.choice(("any", "number", "number", "range", "name") if sort.names else ("any", "number", "range"))
    port: dict[str, Any] = {"protocol": protocol}
    if kind == "name":
        port["port"] = random.choice(sort.names)
    elif kind != "any":
        port["port"] = random.choice(sort.ports[protocol])
        if kind == "range":
            port["endPort"] = random.randint(port["port"], min(65535, port["port"] + random.choice((0, 1, 400, 65535))))
    return port


def _selector(random: Random, values: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """Empty, one requirement or two; often of labels that some object has."""
    selector: dict[str, Any] = {}
    for key in random.sample(list(values), random.choice((0, 1, 1, 2))):
        operator = random.choice(("equals", "equals", "In", "NotIn", "Exists", "DoesNotExist"))
        if operator == "equals":
            selector.setdefault("matchLabels", {})[key] = random.choice(values[key])
            continue
        expression: dict[str, Any] = {"key": key, "operator": operator}
        if operator in ("In", "NotIn"):
            expression["values"] = random.sample(values[key], random.randint(1, len(values[key])))
        selector.setdefault("matchExpressions", []).append(expression)
    return selector

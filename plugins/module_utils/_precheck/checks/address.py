# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The address that calico-node will take for its node, found the way it finds it (node/pkg/lifecycle/startup/autodetection)."""

import ipaddress
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from ..answers import Facts
from .conditions import NODE_ADDRESS
from .declaration import Judgement, Want, check, fail, ok, warn

FIRST_FOUND, KUBERNETES = "first-found", "kubernetes-internal-ip"
CAN_REACH, INTERFACE, SKIP_INTERFACE, CIDR = "can-reach=", "interface=", "skip-interface=", "cidr="

# DEFAULT_INTERFACES_TO_EXCLUDE of calico-node: devices of container runtimes and of CNI plugins, Calico's own among them.
_NEVER = (
    *(
        "docker",
        "podman",
        "cbr",
        "dummy",
        "virbr",
        "lxcbr",
        "veth",
        "lo",
        "br-",
        "cali",
        "tunl",
        "flannel",
        "kube-ipvs",
        "cni",
    ),
    *("vxlan.calico", "vxlan-v6.calico", "wireguard.cali", "wg-v6.cali", "nodelocaldns"),
)
_REMEDY = "choose the address with nodeAddressAutodetectionV4 of the Installation (cidrs, interface, or kubernetes: NodeInternalIP)"


class Candidate(NamedTuple):
    interface: str
    address: str


def usable(links: List[Dict[str, Any]], addresses: List[Dict[str, Any]], ipv6: bool) -> List[Candidate]:
    """Global addresses of interfaces that are up, in the kernel's order of interfaces."""
    names = {link["index"]: link["name"] for link in links if link["up"]}
    found = [
        (one["index"], Candidate(names[one["index"]], one["address"]))
        for one in addresses
        if one["index"] in names and one["ipv6"] == ipv6 and _global(one["address"])
    ]
    return [candidate for _index, candidate in sorted(found, key=lambda pair: pair[0])]


def _global(text: str) -> bool:
    """Go's IsGlobalUnicast: private addresses count."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)


def reach_of(method: str) -> Optional[str]:
    return method[len(CAN_REACH) :] if method.startswith(CAN_REACH) else None


def problem_with(method: str) -> Optional[str]:
    """Why this is no method of autodetection; None when it is one."""
    if method in (FIRST_FOUND, KUBERNETES) or reach_of(method):
        return None
    try:
        if method.startswith((INTERFACE, SKIP_INTERFACE)):
            for expression in _values(method):
                re.compile(expression)
            return None
        if method.startswith(CIDR):
            for network in _values(method):
                ipaddress.ip_network(network, strict=False)
            return None
    except (ValueError, re.error) as error:
        return "{}: {}".format(method, error)
    return (
        "{} is no method: first-found, interface=REGEX, skip-interface=REGEX, cidr=CIDR, can-reach=ADDRESS, {}".format(
            method, KUBERNETES
        )
    )


def _values(method: str) -> List[str]:
    return [value.strip() for value in method.partition("=")[2].split(",") if value.strip()]


def select(method: str, candidates: List[Candidate], reach: Optional[str]) -> List[Candidate]:
    """The candidates that the method leaves, the one it takes first. `reach`: the source address towards the destination."""
    chosen = _chooser(method, reach)
    return [candidate for candidate in candidates if chosen(candidate)]


def _chooser(method: str, reach: Optional[str]) -> Callable[[Candidate], bool]:
    if method.startswith(CAN_REACH):
        return lambda one: one.address == reach
    if method.startswith(INTERFACE):
        wanted = [re.compile(value) for value in _values(method)]
        return lambda one: any(pattern.search(one.interface) for pattern in wanted)
    if method.startswith(SKIP_INTERFACE):
        unwanted = [re.compile(value) for value in _values(method)]
        return lambda one: not any(pattern.search(one.interface) for pattern in unwanted)
    if method.startswith(CIDR):
        networks = [ipaddress.ip_network(value, strict=False) for value in _values(method)]
        return lambda one: any(ipaddress.ip_address(one.address) in network for network in networks)
    return lambda one: not one.interface.startswith(_NEVER)


def candidates(facts: Facts, want: Want, ipv6: bool = False) -> List[Candidate]:
    """The addresses that calico-node could take, the one it takes first; none where they cannot be told, or Kubernetes decides."""
    method = FIRST_FOUND if ipv6 else want.ip_autodetection
    if method == KUBERNETES:
        return []
    found = usable(facts.get("links", []), facts.get("addresses", []), ipv6)
    return select(method, found, facts.get("reach") if reach_of(method) else None)


def _words(candidates: List[Candidate]) -> str:
    return ", ".join("{} on {}".format(one.address, one.interface) for one in candidates) or "none"


@check(
    rank=3,
    category="identity",
    applies=NODE_ADDRESS,
    remedy=_REMEDY,
    source="projectcalico/calico#8783, projectcalico/calico#1628",
)
def node_ip_autodetect(facts: Facts, want: Want) -> Judgement:
    """calico-node finds the address of its node by the method asked for, and there is no other to be taken by mistake."""
    links, addresses = facts["links"], facts["addresses"]
    several: List[Candidate] = []
    found: List[Candidate] = []
    # The Installation has a method for each family; the one that is asked for is IPv4's, and IPv6 needs some address at all.
    for ipv6, method in ((False, want.ip_autodetection), (True, FIRST_FOUND)):
        if ipv6 and not want.ipv6:
            continue
        known = usable(links, addresses, ipv6)
        reach = facts["reach"] if reach_of(method) else None
        left = select(method, known, reach)
        if not left:
            return fail(
                "calico-node finds no IPv{} address by {}".format(6 if ipv6 else 4, method),
                observed=_words(known),
                expected="an address that {} selects, on an interface that is up".format(method),
            )
        found.append(left[0])
        if method != KUBERNETES and len(left) > 1 and not ipv6:
            several = left
    if several:
        return warn(
            "calico-node will take {}, and could take others".format(_words(several[:1])),
            observed=_words(several),
            expected="one candidate",
        )
    if want.ip_autodetection == KUBERNETES:
        return ok("the Node's InternalIP decides; the host has {}".format(_words(found)))
    return ok("calico-node will take {}".format(_words(found)))

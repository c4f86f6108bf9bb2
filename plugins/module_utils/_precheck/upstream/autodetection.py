# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The address that calico-node takes for its node.

Mirrors node/pkg/lifecycle/startup/autodetection of projectcalico/calico: interfaces.go (GetInterfaces), filtered.go
(FilteredEnumeration), autodetection_methods.go (AutoDetectCIDR), autodetection_linux.go (DEFAULT_INTERFACES_TO_EXCLUDE), reachaddr.go
(ReachDestination). Read at v3.28.5, v3.29.7, v3.30.7, v3.31.7, v3.32.1 and release-v3.33: the order and the exclusions are the same in all.
"""

import ipaddress
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from . import go_regexp

FIRST_FOUND, KUBERNETES = "first-found", "kubernetes-internal-ip"
NO_ADDRESS = "none"
"""The method of a family that calico-node has no address of, as its environment has it (IP=none)."""
CAN_REACH, INTERFACE, SKIP_INTERFACE, CIDR = "can-reach=", "interface=", "skip-interface=", "cidr="

# DEFAULT_INTERFACES_TO_EXCLUDE: devices of container runtimes and of CNI plugins, Calico's own among them. For first-found and
# skip-interface alone: the other methods take a bridge of Docker's too, where it matches.
DEFAULT_EXCLUDED = (
    *("^docker.*", "^cbr.*", "^dummy.*", "^podman.*", "^virbr.*", "^lxcbr.*", "^veth.*", "^lo", "^br-.*"),
    *("^cali.*", "^tunl.*", "^flannel.*", "^kube-ipvs.*", "^cni.*"),
    *("^vxlan\\.calico.*", "^vxlan-v6\\.calico.*", "^wireguard\\.cali.*", "^wg-v6\\.cali.*", "^nodelocaldns.*"),
)


class Candidate(NamedTuple):
    interface: str
    address: str


def detected(
    method: str,
    links: Sequence[Dict[str, Any]],
    addresses: Sequence[Dict[str, Any]],
    ipv6: bool,
    reach: Optional[str] = None,
    internal_ips: Sequence[str] = (),
) -> List[Candidate]:
    """The addresses that the method leaves, the one that calico-node takes first.

    `links`, `addresses`: in the order of the kernel's dump, which is not always that of the indexes. `reach`: the source address
    towards the destination of can-reach. `internal_ips`: those of the Node. Raises NotGo and ValueError for what Calico cannot read.
    """
    if method.startswith(KUBERNETES):
        return [one for one in enumerated(links, addresses, ipv6) if _same(one.address, internal_ips)][:1]
    if method.startswith(CAN_REACH):
        return [one for one in enumerated(links, addresses, ipv6) if reach and _same(one.address, [reach])][:1]
    if method.startswith(INTERFACE):
        return _global_of(enumerated(links, addresses, ipv6, included=_values(method)))
    if method.startswith(CIDR):
        networks = [ipaddress.ip_network(value, strict=False) for value in _values(method)]
        found = _global_of(enumerated(links, addresses, ipv6))
        return [one for one in found if any(ipaddress.ip_address(one.address) in network for network in networks)]
    skipped = _values(method) if method.startswith(SKIP_INTERFACE) else []
    return _global_of(enumerated(links, addresses, ipv6, excluded=[*DEFAULT_EXCLUDED, *skipped]))


def enumerated(
    links: Sequence[Dict[str, Any]],
    addresses: Sequence[Dict[str, Any]],
    ipv6: bool,
    included: Sequence[str] = (),
    excluded: Sequence[str] = (),
) -> List[Candidate]:
    """GetInterfaces: from the last interface of the dump to the first, up or down, each with its addresses in the dump's order."""
    wanted = go_regexp.any_of(included) if included else None
    unwanted = go_regexp.any_of(excluded) if excluded else None
    of_link: Dict[int, List[str]] = {}
    for one in addresses:
        if one["ipv6"] == ipv6 and one["address"]:
            of_link.setdefault(one["index"], []).append(one["address"])
    return [
        Candidate(link["name"], address)
        for link in reversed(links)
        if (wanted is None or wanted.search(link["name"]))
        and not (unwanted is not None and unwanted.search(link["name"]))
        for address in of_link.get(link["index"], ())
    ]


def _global_of(found: List[Candidate]) -> List[Candidate]:
    return [one for one in found if is_global_unicast(one.address)]


def is_global_unicast(text: str) -> bool:
    """Go's net.IP.IsGlobalUnicast: private addresses count, and those of a link, of this host or of a group do not."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    none = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not none and text != "255.255.255.255"


def _same(address: str, others: Sequence[str]) -> bool:
    try:
        return ipaddress.ip_address(address) in [ipaddress.ip_address(one) for one in others]
    except ValueError:
        return False


def _values(method: str) -> List[str]:
    """As Calico splits them: space around the commas goes, and an empty value stays one."""
    return re.split(r"\s*,\s*", method.partition("=")[2])


def destination(method: str) -> Optional[str]:
    """That of can-reach; None for another method."""
    return method[len(CAN_REACH) :] if method.startswith(CAN_REACH) else None


def problem_with(method: str) -> Optional[str]:
    """Why calico-node would find no address by this, whatever the host has; None where it could."""
    if method in (FIRST_FOUND, KUBERNETES, NO_ADDRESS) or destination(method):
        return None
    try:
        if method.startswith((INTERFACE, SKIP_INTERFACE)):
            for value in _values(method):
                go_regexp.compiled(value)
                if not value:
                    return f"{method}: an empty expression matches every interface"
            return None
        if method.startswith(CIDR):
            for value in _values(method):
                if not value.partition("/")[2].isdigit():
                    return f"{method}: {value or 'nothing'} is no CIDR, as 10.0.0.0/8 is one"
                ipaddress.ip_network(value, strict=False)
            return None
    except ValueError as error:
        return f"{method}: {error}"
    return (
        f"{method} is no method: first-found, interface=REGEX, skip-interface=REGEX, cidr=CIDR, can-reach=ADDRESS, "
        f"{KUBERNETES}, {NO_ADDRESS}"
    )

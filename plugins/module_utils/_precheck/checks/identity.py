# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The host's names and numbers, among the others and among the networks."""

import ipaddress
from typing import Any, Dict, List, Tuple

from ..facts import Facts
from ..rules.conditions import BGP_OR_IPIP, CIDRS, IPV4
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..upstream.autodetection import destination
from .address import candidates

# Routes of Calico's own: by its devices, and by the numbers that Felix and BIRD mark them with.
_OWN_LINKS = ("cali", "tunl0", "vxlan.calico", "vxlan-v6.calico", "wireguard.cali", "wg-v6.cali", "kube-ipvs")
_OWN_PROTOCOLS = (12, 80)
_PODS_GATEWAY = ipaddress.ip_address("169.254.1.1")
_MAIN, _DEFAULT = 254, 253
_LETTERS = set("abcdefghijklmnopqrstuvwxyz0123456789-.")


@check(
    rank=8,
    category="identity",
    applies=ALWAYS,
    remedy="hostnamectl set-hostname with such a name, before the host joins",
    source="projectcalico/calico#3097, projectcalico/calicoctl#234",
)
def node_name_unique(facts: Facts, want: Want) -> Judgement:
    """The hostname can be a Node's name; whether another host has it too is found out over all hosts."""
    # The kubelet writes it in lower case (k8s.io/component-helpers/node/util, GetHostname).
    hostname = facts["hostname"].lower()
    if not hostname or set(hostname) - _LETTERS or hostname[0] in "-." or hostname[-1] in "-.":
        return warn(
            "the hostname is no name that a Node can have",
            observed=hostname,
            expected="lower case letters, digits, dash and dot",
        )
    return ok()


@check(
    rank=34,
    category="identity",
    applies=ALWAYS,
    remedy="delete /var/lib/calico/nodename if it came with a copied disk; set `node_name` if the Node's name is not the hostname",
    source="projectcalico/calico#3097: calico-node goes by that file",
)
def stale_nodename_file(facts: Facts, want: Want) -> Judgement:
    """The name that an earlier calico-node left on the host is the Node's."""
    hostname, left_over = facts["hostname"].lower(), facts["nodename_file"]
    names = [want.node_name] if want.node_name else [hostname, facts["fqdn"].lower(), hostname.partition(".")[0]]
    if left_over and left_over not in names:
        return fail(
            f"an earlier calico-node called this host {left_over}",
            observed=f"/var/lib/calico/nodename: {left_over}",
            expected=" or ".join(sorted(set(names))),
        )
    return ok()


@check(
    rank=36,
    category="identity",
    applies=ALWAYS,
    remedy="systemd-machine-id-setup, after emptying /etc/machine-id; then reboot",
    source="kubeadm asks for unique machine ids; a copied or missing one makes two hosts look like one",
)
def machine_id_unique(facts: Facts, want: Want) -> Judgement:
    """The host has a machine id; whether another host has it too is found out over all hosts."""
    found = facts["machine_id"]
    if not found or len(found) != 32 or set(found) - set("0123456789abcdef"):
        return warn("the host has no machine id", observed=found or "none", expected="32 hexadecimal digits")
    return ok()


def _networks(facts: Facts) -> List[Tuple[Any, str]]:
    """Networks that the host reaches by itself, with where they come from."""
    names: Dict[int, str] = {link["index"]: link["name"] for link in facts["links"]}
    found = []
    for route in facts["routes"]:
        link = names.get(route["link"], "")
        if route["unicast"] and route["to"] and not route["to"].endswith("/0") and not _own(link, route["protocol"]):
            found.append((ipaddress.ip_network(route["to"], strict=False), f"route by {link or 'a gateway'}"))
    for one in facts["addresses"]:
        link = names.get(one["index"], "")
        if one["global"] and one["address"] and not _own(link, 0):
            found.append((ipaddress.ip_network(one["address"]), f"{one['address']} on {link}"))
    return found


def _own(link: str, protocol: int) -> bool:
    return link.startswith(_OWN_LINKS) or protocol in _OWN_PROTOCOLS


@check(
    rank=80,
    category="identity",
    applies=CIDRS,
    remedy="choose another CIDR for the pool (or the services), or move the host's network out of it",
    source="docs.tigera.io requirements, IP pool configuration",
)
def pool_overlap_host_cidr(facts: Facts, want: Want) -> Judgement:
    """Neither pods nor services have addresses of a network that the host reaches by itself."""
    planned = [ipaddress.ip_network(text, strict=False) for text in (*want.pod_cidrs, *want.service_cidrs)]
    for network, where in _networks(facts):
        for one in planned:
            if one.version == network.version and one.overlaps(network):
                return fail(
                    f"{one} overlaps with a network of the host",
                    observed=f"{network} ({where})",
                    expected="no overlap",
                )
    return ok()


@check(
    rank=81,
    category="identity",
    applies=IPV4,
    remedy="give the host a default route (a gateway that nobody has will do where nothing is to be reached), or one that covers it:"
    " ip route add 169.254.1.1/32 dev UPLINK, kept so over reboots",
    source="pods send everything to 169.254.1.1, for which the host answers ARP only while it has a route there (proxy_arp;"
    " net/ipv4/arp.c, arp_process()); IPv6 pods are sent to the link-local address of their own link (calico cni-plugin dataplane_linux.go,"
    " DoNetworking)",
)
def default_route_present(facts: Facts, want: Want) -> Judgement:
    """The host has a route to the gateway that pods are given, 169.254.1.1, as a default route is one."""
    routes = [one for one in facts["routes"] if one["unicast"] and _covers_gateway(one) and _counts(facts, one)]
    if routes:
        return ok()
    if destination(want.ip_autodetection):
        return fail("there is no default route to find the address by", expected="a default route")
    return fail(
        "no route covers 169.254.1.1, the gateway of every pod: calico-node is ready, and pods reach nothing",
        observed="no default route",
        expected="a default route, or one that covers 169.254.1.1",
    )


def _covers_gateway(route: Dict[str, Any]) -> bool:
    return bool(
        not route["ipv6"] and route["to"] and _PODS_GATEWAY in ipaddress.ip_network(route["to"], strict=False)
    ) and not route.get("dead")


def _counts(facts: Facts, route: Dict[str, Any]) -> bool:
    """Whether a packet of a pod is looked up in the route's table: main and default, or one to which a rule sends all packets."""
    sent = {
        rule["table"]
        for rule in facts["rules"]
        if not rule["mark"]
        and rule.get("action", "lookup") == "lookup"
        and not any(rule.get(one) for one in ("from", "to", "iif", "oif", "narrow", "invert"))
    }
    return route["table"] in (_MAIN, _DEFAULT) or route["table"] in sent


@check(
    rank=105,
    category="identity",
    applies=BGP_OR_IPIP,
    remedy="connect the host by wire, or give the IP pools encapsulation VXLAN",
    source="access points drop what is not from the station's own address, and IP protocols that they do not know",
)
def wifi_uplink(facts: Facts, want: Want) -> Judgement:
    """The address that calico-node takes is not that of a wireless link."""
    names = {card["name"] for card in facts["cards"] if card["wireless"]}
    taken = next(iter(candidates(facts, want)), None)
    if taken and taken.interface in names:
        return warn("the uplink is wireless: access points may not carry this", observed=taken.interface)
    return ok()

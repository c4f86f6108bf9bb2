# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. kube-proxy beside Calico: what it left in the kernel tells its mode."""

import ipaddress
from typing import Any, Dict, List, Set

from ..facts import Facts
from ..host.probes.catalogue import host_probe, xt_probes
from ..rules.conditions import IPTABLES
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..rules.evidence import either, left_behind
from ..rules.remedies import kernel_feature
from ..upstream.nftables_mode import follows_kube_proxy

NFT, LEGACY = host_probe("nft"), host_probe("legacy")
_FITTING = {"iptables": ("iptables", "ipvs"), "nftables": ("nftables",), "bpf": ()}


def modes(facts: Facts) -> Set[str]:
    """The modes of kube-proxy that left rules or a link."""
    found: Set[str] = set()
    tables: List[Dict[str, Any]] = left_behind(facts, NFT)
    if any(table["name"] == "kube-proxy" for table in tables):
        found.add("nftables")
    if any("kube-proxy" in table["owners"] for table in tables + left_behind(facts, LEGACY)):
        found.add("iptables")
    if any(link["name"] == "kube-ipvs0" for link in facts["links"]):
        # In ipvs mode it writes KUBE-SERVICES to iptables as well.
        found = {"ipvs"} | (found - {"iptables"})
    return found


@check(
    rank=23,
    category="dataplane",
    applies=ALWAYS,
    probes=(NFT, LEGACY),
    remedy="align mode in KubeProxyConfiguration with the Installation's linuxDataplane, and reboot nodes that changed",
    source="docs.tigera.io nftables; felix/nftables",
)
def kube_proxy_mode_match(facts: Facts, want: Want) -> Judgement:
    """kube-proxy, where it has run, has a mode that goes with the data plane, and left nothing of another."""
    found = modes(facts)
    words = ", ".join(sorted(found))
    if want.dataplane == "bpf":
        if found:
            return warn(
                "kube-proxy is, or was, at work here; with bpf Calico handles services itself",
                observed=words,
                expected="nothing of kube-proxy",
                remedy="keep kube-proxy off the nodes (bpfKubeProxyManagement, or a nodeSelector on its DaemonSet), and reboot them",
            )
        return ok()
    fitting = _FITTING[want.dataplane]
    if found and not found.intersection(fitting):
        message = f"kube-proxy's mode does not go with data plane {want.dataplane}"
        if follows_kube_proxy(want.dataplane, want.calico_version):
            message = (
                "Felix follows kube-proxy (nftablesMode Auto) and will enforce by iptables, which was not checked here"
            )
        return fail(message, observed=words, expected=" or ".join(fitting))
    if len(found) > 1:
        return warn("kube-proxy left rules of several modes", observed=words, expected="one mode")
    return ok()


@check(
    rank=73,
    category="netfilter",
    applies=IPTABLES,
    probes=xt_probes("ipvs"),
    remedy=kernel_feature("CONFIG_NETFILTER_XT_MATCH_IPVS", "xt_ipvs"),
    source="docs.tigera.io requirements: ipvs, if kube-proxy is in that mode; no other host needs it",
)
def kube_ipvs_match(facts: Facts, want: Want) -> Judgement:
    """Where kube-proxy has mode ipvs, rules can match what it forwards."""
    if not any(link["name"] == "kube-ipvs0" for link in facts["links"]):
        return ok()
    found = either(facts, xt_probes("ipvs"))
    if found.broken:
        return warn(
            "rules cannot match ipvs, which the documentation asks for; none of Felix's own rules does",
            observed=found.broken,
            expected="xt_ipvs",
        )
    return found.well("they can")


@check(
    rank=74,
    category="dataplane",
    applies=ALWAYS,
    remedy="strictARP: true in KubeProxyConfiguration (arp_ignore 1), or service addresses outside the host's networks",
    source="kube-proxy binds every service's address on kube-ipvs0, and the host answers ARP for it",
)
def strictarp_and_ipvs_bind(facts: Facts, want: Want) -> Judgement:
    """The host does not answer for services' addresses in its neighbours' network."""
    index = next((link["index"] for link in facts["links"] if link["name"] == "kube-ipvs0"), None)
    if index is None:
        return ok()
    bound = [
        ipaddress.ip_address(one["address"]) for one in facts["addresses"] if one["index"] == index and not one["ipv6"]
    ]
    own = [
        ipaddress.ip_network(f"{one['address']}/{one['prefix']}", strict=False)
        for one in facts["addresses"]
        if one["index"] != index and one["global"] and not one["ipv6"]
    ]
    within = [str(address) for address in bound if any(address in network for network in own)]
    if within and facts["sysctls"].get("net.ipv4.conf.all.arp_ignore") in ("0", None):
        return warn("the host answers ARP for services", observed=", ".join(within[:4]), expected="arp_ignore = 1")
    return ok()

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What earlier networks left, and who else uses what Calico takes for its own."""

from typing import List

from ..facts import Facts
from ..host.probes.catalogue import host_probe
from ..rules.conditions import WIREGUARD
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..rules.evidence import left_behind

_NFT, _LEGACY = host_probe("nft"), host_probe("legacy")
_LINKS = ("cni0", "flannel.", "cilium_", "weave", "kube-bridge", "kube-dummy-if")
_OWNERS = ("cilium", "flannel", "kube-router", "weave")
_OWN_LINKS = ("cali", "tunl0", "vxlan.calico", "vxlan-v6.calico", "wireguard.cali", "wg-v6.cali")
# felix/config: iptablesMarkMask, routeTableRanges and the number that Felix marks its routes with.
_MARK_MASK, _FELIX_ROUTES = 0xFFFF0000, 80
# Of routeTableRanges (1 to 250) the first two.
_TABLES = (1, 2)
_FELIX_RULES = 99


def runs_calico(facts: Facts) -> bool:
    """Whether this host's Calico is no leftover: its configuration is the one that the runtime reads."""
    return any("calico" in (one["types"] or ()) for one in facts["cni_configuration"])


@check(
    rank=75,
    category="netfilter",
    applies=ALWAYS,
    remedy="give one of them other bits: iptablesMarkMask in FelixConfiguration, without the other's",
    source="felix/config iptablesMarkMask 0xffff0000; Tailscale takes 0xff0000 of it",
)
def mark_mask_clash(facts: Facts, want: Want) -> Judgement:
    """Nobody else routes by the bits with which Felix marks packets."""
    others = [
        rule for rule in facts["rules"] if rule["mark"] & rule["mask"] & _MARK_MASK and rule["priority"] != _FELIX_RULES
    ]
    if others:
        observed = ", ".join(f"{one['mark']:#x}/{one['mask']:#x} to table {one['table']}" for one in others[:4])
        return warn("others route by marks that Felix sets too", observed=observed, expected="no bit of 0xffff0000")
    return ok()


@check(
    rank=76,
    category="dataplane",
    applies=WIREGUARD,
    remedy="set routeTableRanges in FelixConfiguration to tables that nobody uses",
    source="felix/dataplane/driver.go takes the first two of routeTableRanges (1 to 250), for WireGuard of IPv4 and of IPv6",
)
def route_tables_range(facts: Facts, want: Want) -> Judgement:
    """Nobody else has routes in the tables that Felix takes for its own."""
    used = sorted(
        {one["table"] for one in facts["routes"] if one["table"] in _TABLES and one["protocol"] != _FELIX_ROUTES}
    )
    if used:
        observed = f"routes in table {', '.join(map(str, used[:8]))}"
        return warn(
            "others have routes in tables that Felix takes for its own",
            observed=observed,
            expected="nothing in tables 1 and 2",
        )
    return ok()


@check(
    rank=77,
    category="cni",
    applies=ALWAYS,
    remedy="ip link delete what the other plugin left, once it is gone for good; or reboot",
    source="docs.tigera.io, migration from flannel",
)
def leftover_cni_links(facts: Facts, want: Want) -> Judgement:
    """There are no devices of another CNI plugin."""
    found = [link["name"] for link in facts["links"] if link["name"].startswith(_LINKS)]
    return warn("another CNI plugin left devices", observed=", ".join(found[:8])) if found else ok()


@check(
    rank=78,
    category="firewall",
    applies=ALWAYS,
    probes=(_NFT, _LEGACY),
    remedy="flush the other plugin's chains, once it is gone for good; or reboot",
    source="tigera/docs#2768: flannel's masquerading hides pods' addresses from policy",
)
def leftover_cni_rules(facts: Facts, want: Want) -> Judgement:
    """There are no rules of another CNI plugin."""
    tables = left_behind(facts, _NFT) + left_behind(facts, _LEGACY)
    found = sorted({owner for one in tables for owner in one["owners"] if owner in _OWNERS})
    if "flannel" in found:
        message = "flannel's rules rewrite the addresses of pods: policy by address goes wrong"
        return fail(message, observed=", ".join(found), expected="no chain of another plugin")
    return warn("another CNI plugin left rules", observed=", ".join(found)) if found else ok()


@check(
    rank=79,
    category="cni",
    applies=ALWAYS,
    probes=(_NFT, _LEGACY),
    remedy="reboot, after removing /var/lib/calico and Calico's files in the CNI directories; or let Calico onto the host again",
    source="projectcalico/calico#8924, projectcalico/calico#9693",
)
def leftover_calico_state(facts: Facts, want: Want) -> Judgement:
    """A host without Calico has nothing of an earlier one in its kernel."""
    tables = left_behind(facts, _NFT) + left_behind(facts, _LEGACY)
    if runs_calico(facts):
        return ok()
    links = [link["name"] for link in facts["links"] if link["name"].startswith(_OWN_LINKS)]
    addressed = {one["index"] for one in facts["addresses"]}
    # Loading the module makes a tunl0 without an address.
    idle = [link["name"] for link in facts["links"] if link["name"] == "tunl0" and link["index"] not in addressed]
    found: List[str] = [name for name in links if name not in idle]
    found += (
        ["chains of Calico's"] if any("calico" in one["owners"] or one["name"] == "calico" for one in tables) else []
    )
    return warn("an earlier Calico left something", observed=", ".join(found[:8])) if found else ok()

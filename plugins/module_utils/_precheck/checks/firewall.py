# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Firewalls of the host's own."""

from ..answers import Facts
from ..host.probes.catalogue import host_probe
from .conditions import IPTABLES_OR_NFTABLES
from .declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from .evidence import left_behind

_NFT, _LEGACY = host_probe("nft"), host_probe("legacy")


@check(
    rank=4,
    category="firewall",
    applies=ALWAYS,
    remedy="disable firewalld, or put cali+, tunl+, vxlan.calico and the pod and service networks into its zone trusted",
    source="docs.tigera.io requirements; projectcalico/calico#5232",
)
def firewalld_active(facts: Facts, want: Want) -> Judgement:
    """firewalld is off, or trusts what belongs to pods."""
    if not facts["firewalld_active"]:
        return ok("firewalld is not running")
    trusted = facts["firewalld_trusted"]
    pods = [name for name in trusted["interfaces"] if name.startswith(("cali", "tunl", "vxlan.calico", "vxlan+"))]
    observed = "trusted: {}".format(", ".join(pods + trusted["sources"]) or "nothing of pods")
    if not pods and not trusted["sources"]:
        return fail("firewalld is running and trusts neither Calico's interfaces nor any network", observed=observed)
    return warn("firewalld is running; each reload of it removes Calico's rules for a moment", observed=observed)


@check(
    rank=47,
    category="firewall",
    applies=IPTABLES_OR_NFTABLES,
    probes=(_NFT, _LEGACY),
    remedy="iptables -P FORWARD ACCEPT, kept so over reboots, or take Docker off the host",
    source="projectcalico/calico#2230, kubernetes/kubernetes#97283",
)
def forward_policy_drop(facts: Facts, want: Want) -> Judgement:
    """What nobody decides about is forwarded: Docker, for one, has it dropped."""
    tables = left_behind(facts, _NFT) + left_behind(facts, _LEGACY)
    dropping = [one for one in tables if one["name"] == "filter" and one["forward_drop"]]
    if dropping:
        owners = sorted({owner for one in dropping for owner in one["owners"]})
        return warn(
            "packets that no rule accepts are not forwarded: traffic between the host's networks and pods may stop",
            observed="policy DROP in chain FORWARD{}".format(
                ", beside chains of {}".format(", ".join(owners)) if owners else ""
            ),
            expected="ACCEPT",
        )
    return ok("accepted")


@check(
    rank=48,
    category="firewall",
    applies=ALWAYS,
    remedy="disable it, or open the ports of docs.tigera.io's requirements in it; with nftables.service, take `flush ruleset` out",
    source="docs.tigera.io requirements",
)
def ufw_or_csf_active(facts: Facts, want: Want) -> Judgement:
    """No other manager of rules is at work, and none removes Calico's."""
    found = facts["firewalls"]
    if found["nftables.service"] and found["flushes"]:
        return fail(
            "nftables.service flushes all rules, Calico's too, each time it is reloaded",
            observed="`flush ruleset` in its configuration, and it runs",
            expected="off, or a table of its own",
        )
    active = [name for name in ("ufw", "csf", "shorewall") if found[name]]
    if active:
        return warn("another firewall is at work", observed=", ".join(active), expected="off")
    return ok("no other")

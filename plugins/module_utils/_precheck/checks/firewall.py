# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Firewalls of the host's own."""

from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..facts import Facts
from ..rules import fate
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..rules.evidence import left_behind
from ..rules.fate import POD_LINK, Packet
from ..upstream import iptables_backend
from .address import candidates
from .backend import LEGACY, NFT, PROBES, felix_takes

# NF_INET_PRE_ROUTING, NF_INET_FORWARD, NF_INET_POST_ROUTING.
_PREROUTING, _FORWARD, _POSTROUTING = 0, 2, 4
_HOOKS = {_PREROUTING: "prerouting", _FORWARD: "forward", _POSTROUTING: "postrouting"}
_TUNNELS = {"vxlan": "vxlan.calico", "ipip": "tunl0"}


def packets_of_pods(facts: Facts, want: Want) -> List[Packet]:
    """The new connections that others' rules must leave alone: between pods, on this node and across nodes."""
    found = []
    for family in ("ip", "ip6") if want.ipv6 else ("ip",):
        ipv6 = family == "ip6"
        taken = next(iter(candidates(facts, want, ipv6=ipv6)), None)
        uplink = taken.interface if taken else "eth0"
        tunnel = "vxlan-v6.calico" if ipv6 and want.encapsulation == "vxlan" else _TUNNELS.get(want.encapsulation)
        pods = [one for one in want.pod_cidrs if (":" in one) == ipv6]
        across = uplink if tunnel is None or (ipv6 and want.encapsulation == "ipip") else tunnel
        ends = (
            ("from a pod to another node's", POD_LINK, across),
            ("from another node's pod to a pod", across, POD_LINK),
        )
        for what, iif, oif in (*ends, ("between two pods of the node", POD_LINK, POD_LINK)):
            found.append(Packet(what, family, iif, oif, pods, pods))
    return found


def _base_chains(facts: Facts, kind: str) -> Iterator[Tuple[str, Dict[str, Any], str]]:
    """Where, its table, and its name: the base chains of this type on the way of pods' packets."""
    for probe in (NFT, LEGACY):
        for table in left_behind(facts, probe):
            family = table.get("family", "iptables-legacy")
            for name, chain in table["chains"].items():
                if chain["hook"] in _HOOKS and chain["type"] == kind:
                    where = f"table {family} {table['name']}, chain {name} (hook {_HOOKS[chain['hook']]})"
                    yield where, table, name


def _fates(facts: Facts, want: Want, kind: str) -> Iterator[Tuple[str, Dict[str, Any], str, Packet, fate.Fate]]:
    indexes = {link["index"]: link["name"] for link in facts["links"]}
    packets = packets_of_pods(facts, want)
    for where, table, name in _base_chains(facts, kind):
        for packet in packets:
            if table.get("family") in (None, "inet", packet.family) and (packet.family == "ip" or "family" in table):
                yield where, table, name, packet, fate.of(table["chains"], name, packet, indexes)


def _is_felixs(table: Dict[str, Any], chain: str, want: Want, backend: str) -> bool:
    """The chain FORWARD into which Felix puts itself first: what pods may do is decided before its policy counts."""
    if want.dataplane == "nftables" or (table["name"], chain) != ("filter", "FORWARD"):
        return False
    return backend == (iptables_backend.NFT if "family" in table else iptables_backend.LEGACY)


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
        return ok()
    trusted = facts["firewalld_trusted"]
    pods = [name for name in trusted["interfaces"] if name.startswith(("cali", "tunl", "vxlan.calico", "vxlan+"))]
    default = ["the default zone"] if trusted["default"] else []
    observed = f"trusted: {', '.join(pods + trusted['sources'] + default) or 'nothing of pods'}"
    if not pods and not trusted["sources"] and not trusted["default"]:
        return fail("firewalld is running and trusts neither Calico's interfaces nor any network", observed=observed)
    return warn("firewalld is running; each reload of it removes Calico's rules for a moment", observed=observed)


@check(
    rank=47,
    category="firewall",
    applies=ALWAYS,
    probes=PROBES,
    remedy="have that firewall accept what comes from and goes to interfaces cali* and the overlay's, or take its chain away;"
    " for chain FORWARD: iptables -P FORWARD ACCEPT, kept so over reboots",
    source="each base chain at a hook can drop, whatever others accepted (netfilter); Felix decides in its own only;"
    " projectcalico/calico#2230, kubernetes/kubernetes#97283",
)
def forward_policy_drop(facts: Facts, want: Want) -> Judgement:
    """No chain of somebody else's drops what pods send to each other: only Felix' own chain FORWARD may have policy DROP."""
    taken = felix_takes(facts, want)
    doubtful: Optional[Judgement] = None
    for where, table, name, packet, found in _fates(facts, want, "filter"):
        if found.verdict not in ("drop", "reject") or _is_felixs(table, name, want, taken.backend):
            continue
        observed = f"{where}{_of_whom(table)}: packets {packet.what}"
        if not found.certain:
            doubtful = doubtful or warn(
                "a firewall beside Calico drops what none of its rules accepts, and whether one accepts pods cannot be told",
                observed=observed,
                expected="rules that accept interfaces cali*",
            )
        elif want.dataplane == "bpf":
            return warn("a chain beside Calico's drops those packets of pods that pass it", observed=observed)
        elif taken.by == "default" and "family" in table and _is_felixs(table, name, want, iptables_backend.NFT):
            # With the kubelet's hint it becomes Felix' own chain.
            doubtful = doubtful or warn(
                "this chain drops while Felix takes iptables-legacy, which it does until the kubelet is here",
                observed=observed,
                expected="ACCEPT, or iptablesBackend NFT",
            )
        else:
            return fail(
                "a chain beside Calico's drops packets of pods, whatever Calico accepts: calico-node is ready, pods reach nothing",
                observed=observed,
                expected="accept",
            )
    return doubtful or ok()


def _of_whom(table: Dict[str, Any]) -> str:
    return f", beside chains of {', '.join(table['owners'])}" if table["owners"] else ""


@check(
    rank=112,
    category="firewall",
    applies=ALWAYS,
    probes=PROBES,
    remedy="have that rule leave out the pods' networks (nft: `ip daddr != POD_CIDR`), or let Calico masquerade (natOutgoing of the"
    " IP pool)",
    source="Felix' chain in POSTROUTING lets pass what it does not masquerade; tigera/docs#2768 is the same by flannel",
)
def foreign_masquerade(facts: Facts, want: Want) -> Judgement:
    """Nobody rewrites the source of what pods send to pods, by which policy knows them."""
    for where, _table, _name, packet, found in _fates(facts, want, "nat"):
        if found.verdict == "masquerade" and found.certain:
            grave = warn if want.dataplane == "bpf" else fail
            return grave(
                "a rule masquerades what pods send to each other: policy takes it for the node's own and refuses it",
                observed=f"{where}: packets {packet.what}",
                expected="pods' own addresses between pods",
            )
    return ok()


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
    return ok()

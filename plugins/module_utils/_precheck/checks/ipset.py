# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. IP sets."""

from typing import List, Tuple

from ..facts import Facts
from ..host.probes.catalogue import host_probe, ipset_probe
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, ok_unexercised, warn
from ..rules.evidence import built_without, evidence, left_behind, subsystem_absent, type_absent
from ..rules.grounds import NETFILTER_NETLINK
from ..rules.remedies import kernel_feature
from ..rules.versions import Version, calico_minor

# Felix has its IP sets made of these; ports in a policy's selector need the third.
_MODULES = "ip_set ip_set_hash_net ip_set_hash_ip"
_NEEDED = ("hash:net", "hash:ip")
_WITH_PORTS = "hash:ip,port"


# The newest revision of each type that the ipset in calico-node's image reads: 7.11 of Red Hat's UBI 9 (its log says so in
# kubernetes/kops#18724), by ipset's own lib/ipset_*.c. 7.7 was the last before it to add any, 7.16 the next: a bitmask for
# hash:ip, hash:ip,port and hash:net,net.
_READABLE = {
    "bitmap:ip": 3,
    "bitmap:ip,mac": 3,
    "bitmap:port": 3,
    "list:set": 3,
    "hash:ip": 5,
    "hash:ip,mac": 1,
    "hash:ip,mark": 3,
    "hash:ip,port": 6,
    "hash:ip,port,ip": 6,
    "hash:ip,port,net": 8,
    "hash:mac": 1,
    "hash:net": 7,
    "hash:net,iface": 8,
    "hash:net,net": 3,
    "hash:net,port": 8,
    "hash:net,port,net": 3,
}
_HEADERS = host_probe("ipset")


def _families(want: Want) -> Tuple[str, ...]:
    return ("inet", "inet6") if want.ipv6 else ("inet",)


def _probes(want: Want) -> Tuple[str, ...]:
    kinds = [ipset_probe(kind, family) for kind in (*_NEEDED, _WITH_PORTS) for family in _families(want)]
    return ("ipset.protocol", "ipset.names", *kinds)


@check(
    rank=1,
    category="ipset",
    applies=ALWAYS,
    probes=_probes,
    remedy=kernel_feature("CONFIG_IP_SET", _MODULES),
    rests_on=(NETFILTER_NETLINK,),
    modules=_MODULES,
    source="projectcalico/calico#9540, kubernetes/kops#18478: Felix panics in every data plane, nftables and bpf too",
)
def ipset_functional(facts: Facts, want: Want) -> Judgement:
    """The kernel lists, creates, fills and destroys IP sets of the types that Felix uses; in every data plane."""
    protocol = evidence(facts, "ipset.protocol")
    if subsystem_absent(protocol.answer):
        message = f"the kernel has no ip_set subsystem{built_without(facts, 'CONFIG_IP_SET')}"
        # The words that calico-node's log has for it, for whoever comes here with them.
        observed = f"{protocol.answer}; calico-node logs: ipset: Kernel error received: Invalid argument"
        return fail(message, observed=observed, expected="an answer to IPSET_CMD_PROTOCOL")
    if protocol.broken:
        return fail(f"the kernel's IP sets cannot be used: {protocol.broken}", observed=protocol.broken)
    loadable: List[str] = list(protocol.loadable)
    for kind in _NEEDED:
        for family in _families(want):
            found = evidence(facts, ipset_probe(kind, family))
            loadable += found.loadable
            if type_absent(found.answer):
                return fail(f"the kernel has no IP sets of type {kind}", observed=str(found.answer))
            if found.broken:
                return fail(
                    f"the kernel refused an IP set of type {kind} ({family})",
                    observed=found.broken,
                    expected=f"{kind} created, filled and destroyed",
                )
    names = evidence(facts, "ipset.names")
    if names.broken:
        return fail("the kernel does not list its IP sets", observed=names.broken)
    for family in _families(want):
        found = evidence(facts, ipset_probe(_WITH_PORTS, family))
        if found.broken:
            message = f"the kernel has no IP sets of type {_WITH_PORTS}: the first policy with a named port stops Felix"
            return warn(message, observed=found.broken)
    if loadable:
        return ok_unexercised(loadable)
    return ok()


# Since 3.28 Felix asks for the names of all sets, and for the contents of its own only (CalicoIPSets, resyncIPSet).
# It takes these for its own (felix/rules/rule_defs.go: IPSetNamePrefix, AllHistoricIPSetNamePrefixes, LegacyV4IPSetNames;
# felix/ipsets/ipset_defs.go, NewIPVersionConfig), the same from 3.28 to 3.33.
_FELIX_OWNS = ("cali4", "cali6", "felix-4", "felix-6", "felix-masq-ipam-pools", "felix-all-ipam-pools")
# felix/ipsets/ipsets.go, ListFailed: a set of its own that Felix cannot read is made anew. 3.30.6 and 3.31.3 were the first.
_PANICS: Version = (3, 30)
_REPLACED_SINCE = {"3.30": "3.30.6", "3.31": "3.31.3"}


@check(
    rank=20,
    category="ipset",
    applies=ALWAYS,
    probes=(_HEADERS,),
    remedy=(
        "destroy these sets (ipset destroy NAME), or reboot; keep the host from restoring them at boot (ipset.service, "
        "netfilter-persistent)"
    ),
    source=(
        "projectcalico/calico#9551, projectcalico/calico#10676; felix/ipsets/ipsets.go, resyncIPSet and ApplyUpdates: Felix lists "
        "sets by name and reads its own; ipset 7.11, lib/ipset_*.c"
    ),
)
def ipset_foreign_revision(facts: Facts, want: Want) -> Judgement:
    """Felix can read the IP sets that have its own names, whoever made them; it reads no others."""
    headers = left_behind(facts, _HEADERS)
    newer = [
        f"{one['name']} ({one['type']} revision {one['revision']})"
        for one in headers
        if one["name"].startswith(_FELIX_OWNS) and one["revision"] > _READABLE.get(one["type"], 0)
    ]
    if not newer:
        return ok()
    observed = ", ".join(newer[:5]) + (f", and {len(newer) - 5} more" if len(newer) > 5 else "")
    expected = "no newer revision than ipset 7.11 reads"
    if calico_minor(want) < _PANICS:
        message = "the ipset in calico-node's image cannot read Felix's own IP sets: Felix panics, and calico-node is never ready"
        return fail(message, observed=observed, expected=expected)
    fixed = _REPLACED_SINCE.get(want.calico_version)
    if fixed:
        message = f"before {fixed} Felix panics on IP sets of its own names that the image's ipset cannot read"
        remedy = f"run Calico {fixed} or newer, which makes them anew; or destroy these sets, or reboot"
        return warn(message, observed=observed, expected=expected, remedy=remedy)
    return ok()

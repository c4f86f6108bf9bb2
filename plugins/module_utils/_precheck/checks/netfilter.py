# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. iptables extensions, nf_tables, connection tracking."""

from typing import List, Optional, Tuple

from ..facts import Facts
from ..host.probes.catalogue import nft_probe, xt_probes
from ..host.probes.nftables import FEATURES
from ..rules.conditions import FLOW_LOGS, FLOW_OFFLOAD, IPTABLES, IPTABLES_OR_BPF, IPTABLES_OR_NFTABLES, IPV6
from ..rules.declaration import Judgement, Want, check, fail, ok, ok_unexercised, warn
from ..rules.evidence import built_without, either, evidence, subsystem_absent
from ..rules.grounds import NETFILTER_NETLINK
from ..rules.remedies import kernel_feature

_REQUIRED = (
    *("addrtype", "comment", "conntrack", "icmp", "limit", "mark", "multiport", "rpfilter"),
    *("CONNMARK", "CT", "DNAT", "LOG", "MARK", "MASQUERADE", "REJECT", "SNAT"),
)
# In bpf mode Felix leaves to iptables little more than marking packets it has not seen.
_REQUIRED_BY_BPF = ("conntrack", "mark", "MARK")
_REQUIRED_V6 = ("conntrack", "icmp6", "mark", "rpfilter", "set", "MARK", "MASQUERADE", "REJECT")


def _both_backends(names: Tuple[str, ...], family: str = "inet") -> Tuple[str, ...]:
    return tuple(probe for name in names for probe in xt_probes(name, family))


def _of_nf_tables(want: Want) -> str:
    return "fail" if want.dataplane == "nftables" else "warn"


def _judge_extensions(facts: Facts, want: Want, names: Tuple[str, ...], family: str = "inet") -> Judgement:
    missing: List[str] = []
    loadable: List[str] = []
    observed: Optional[str] = None
    for name in names:
        found = either(facts, xt_probes(name, family))
        loadable += found.loadable
        if found.broken:
            missing.append(name)
            observed = observed or found.broken
    if missing:
        what = "iptables" if family == "inet" else "ip6tables"
        return fail(f"the kernel lacks what {what} needs for {', '.join(missing)}", observed=observed)
    if loadable:
        return ok_unexercised(loadable)
    return ok()


@check(
    rank=17,
    category="netfilter",
    applies=IPTABLES,
    probes=_both_backends(("set",)),
    remedy=kernel_feature("CONFIG_NETFILTER_XT_SET", "xt_set"),
    rests_on=(NETFILTER_NETLINK,),
    modules="xt_set",
    source="projectcalico/calico#7028: every policy rule with a selector matches a set",
)
def xt_match_set(facts: Facts, want: Want) -> Judgement:
    """iptables rules can match IP sets."""
    return _judge_extensions(facts, want, ("set",))


@check(
    rank=18,
    category="netfilter",
    applies=IPTABLES_OR_BPF,
    probes=lambda want: _both_backends(_REQUIRED if want.dataplane == "iptables" else _REQUIRED_BY_BPF),
    remedy=kernel_feature("CONFIG_NETFILTER_XT_*", "xt_addrtype", load=False),
    rests_on=(NETFILTER_NETLINK,),
    source="projectcalico/felix#2360, projectcalico/calico#5626",
)
def xt_required_extensions(facts: Facts, want: Want) -> Judgement:
    """The matches and targets of iptables that Felix's rules are made of exist."""
    return _judge_extensions(facts, want, _REQUIRED if want.dataplane == "iptables" else _REQUIRED_BY_BPF)


@check(
    rank=19,
    category="netfilter",
    applies=IPV6,
    probes=_both_backends(_REQUIRED_V6, "inet6"),
    remedy=kernel_feature("CONFIG_IP6_NF_*", "ip6_tables", load=False),
    rests_on=(NETFILTER_NETLINK,),
    source="projectcalico/calico#8433",
)
def ip6_rpfilter_and_tables(facts: Facts, want: Want) -> Judgement:
    """IPv6 is on, and ip6tables has what Felix's rules are made of."""
    if not facts["ipv6"]:
        remedy = "boot without ipv6.disable=1, or have no IPv6 pool"
        return fail("IPv6 is off in this kernel", observed="no /proc/net/if_inet6", remedy=remedy)
    return _judge_extensions(facts, want, _REQUIRED_V6, "inet6")


@check(
    rank=21,
    category="dataplane",
    applies=IPTABLES_OR_NFTABLES,
    probes=(nft_probe("generation"), *(nft_probe(feature) for feature in FEATURES)),
    remedy=kernel_feature("CONFIG_NF_TABLES", "nf_tables"),
    rests_on=(NETFILTER_NETLINK,),
    # With iptables only its newer backend stands on nf_tables; Felix can use the other.
    gravity=_of_nf_tables,
    modules="nf_tables",
    source="felix/nftables; documented for kernels from 5.13",
)
def nft_functional(facts: Facts, want: Want) -> Judgement:
    """nf_tables has sets, maps and the expressions that Felix's rules are made of."""
    grave = fail if _of_nf_tables(want) == "fail" else warn
    generation = evidence(facts, nft_probe("generation"))
    if subsystem_absent(generation.answer):
        return grave(
            f"the kernel has no nf_tables{built_without(facts, 'CONFIG_NF_TABLES')}",
            observed=str(generation.answer),
        )
    if generation.broken:
        return grave(f"the kernel's nf_tables cannot be used: {generation.broken}", observed=generation.broken)
    loadable = list(generation.loadable)
    missing: List[str] = []
    observed: Optional[str] = None
    for feature in FEATURES:
        found = evidence(facts, nft_probe(feature))
        loadable += found.loadable
        if found.broken:
            missing.append(feature)
            observed = observed or found.broken
    if missing:
        return grave(f"nf_tables lacks {', '.join(missing)}", observed=observed)
    return ok_unexercised(loadable) if loadable else ok()


@check(
    rank=39,
    category="netfilter",
    applies=IPTABLES_OR_NFTABLES,
    probes=("conntrack.statistics",),
    remedy=kernel_feature("CONFIG_NF_CT_NETLINK", "nf_conntrack_netlink"),
    rests_on=(NETFILTER_NETLINK,),
    modules="nf_conntrack_netlink",
    source="projectcalico/calico#8726",
)
def conntrack_netlink(facts: Facts, want: Want) -> Judgement:
    """The connection tracker answers on netlink."""
    found = evidence(facts, "conntrack.statistics")
    if found.loadable:
        return ok_unexercised(found.loadable)
    if subsystem_absent(found.answer):
        message = f"the connection tracker has no netlink side{built_without(facts, 'CONFIG_NF_CT_NETLINK')}"
        return fail(message, observed=str(found.answer))
    if found.broken:
        return fail("the connection tracker refuses netlink", observed=found.broken)
    return ok()


@check(
    rank=102,
    category="dataplane",
    applies=FLOW_OFFLOAD,
    probes=(nft_probe("flowtable"),),
    remedy=kernel_feature("CONFIG_NF_FLOW_TABLE", "nf_flow_table"),
    rests_on=(NETFILTER_NETLINK,),
    gravity=lambda want: "warn",
    modules="nf_flow_table",
    source="felix asks for a flow table without devices before it uses one",
)
def cri_nft_flowtable(facts: Facts, want: Want) -> Judgement:
    """The kernel has flow tables, to which known connections are handed."""
    found = evidence(facts, nft_probe("flowtable"))
    if found.broken:
        return warn("the kernel has no flow tables: every packet takes the long way", observed=found.broken)
    return found.well("it has")


def _of_flow_logs(want: Want) -> Tuple[str, ...]:
    return (nft_probe("nflog"),) if want.dataplane == "nftables" else xt_probes("NFLOG")


@check(
    rank=103,
    category="netfilter",
    applies=FLOW_LOGS,
    probes=_of_flow_logs,
    remedy=kernel_feature("CONFIG_NETFILTER_NETLINK_LOG", "nfnetlink_log"),
    rests_on=(NETFILTER_NETLINK,),
    modules="nfnetlink_log",
    source="felix/rules/endpoints.go: with flow logs each policy's verdict is logged to a group (NFLOG), and without them no rule is",
)
def nflog_target(facts: Facts, want: Want) -> Judgement:
    """Rules can log to Felix, where it makes flow logs of that."""
    found = either(facts, _of_flow_logs(want))
    if found.broken:
        return fail(
            "rules cannot log to Felix, and with flow logs each that decides for a policy does: none is written",
            observed=found.broken,
            expected="NFLOG, or no flow logs",
        )
    return found.well("they can")

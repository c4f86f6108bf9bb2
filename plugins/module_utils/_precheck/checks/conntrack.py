# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Connection tracking: is it there, is it large enough, does it know what policy will speak of."""

from typing import Optional

from ..facts import Facts
from ..host.probes.catalogue import xt_probes
from ..host.sweeps.modules import BLOCKED, LOADABLE, PRESENT
from ..rules.conditions import SCTP
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, ok_unexercised, warn
from ..rules.evidence import either, evidence
from ..rules.remedies import kernel_feature

_COUNT, _MAX = "net.netfilter.nf_conntrack_count", "net.netfilter.nf_conntrack_max"
# kube-proxy raises the limit to 32768 a processor; below one processor's share nothing else is right either.
_SMALL = 32768
# Seconds. What happened longer ago, and not again since, is over.
_RECENT = 7 * 86400


@check(
    rank=38,
    category="netfilter",
    applies=ALWAYS,
    probes=("conntrack.statistics",),
    remedy=kernel_feature("CONFIG_NF_CONNTRACK", "nf_conntrack"),
    source="docs.tigera.io requirements, kernel dependencies",
)
def conntrack_available(facts: Facts, want: Want) -> Judgement:
    """The kernel tracks connections."""
    if facts["sysctls"].get(_MAX):
        return ok()
    state = facts["modules"]["states"].get("nf_conntrack")
    if state == LOADABLE:
        return ok_unexercised(["nf_conntrack"])
    if state in PRESENT or evidence(facts, "conntrack.statistics").works:
        return ok()
    return fail("the kernel has no connection tracking", observed=f"no {_MAX}", expected="nf_conntrack")


@check(
    rank=40,
    category="resources",
    applies=ALWAYS,
    remedy="net.netfilter.nf_conntrack_max = 131072 or more in /etc/sysctl.d/99-calico.conf",
    source="projectcalico/calico#8676, projectcalico/felix#617, kubernetes/kubernetes#71261",
)
def conntrack_capacity(facts: Facts, want: Want) -> Judgement:
    """The table of connections is not nearly full, and not tiny."""
    limit, used = facts["sysctls"].get(_MAX), facts["sysctls"].get(_COUNT)
    if not limit:
        return ok()
    if used and int(used) > 0.7 * int(limit):
        return warn("the table of connections is nearly full", observed=f"{used} of {limit}", expected="below 70 %")
    if int(limit) < _SMALL:
        return warn("the table of connections is small", observed=limit, expected=f"{_SMALL} or more")
    return ok()


@check(
    rank=41,
    category="netfilter",
    applies=SCTP,
    probes=xt_probes("sctp"),
    remedy="take sctp off the blacklist of modprobe; install the package with the kernel's extra modules",
    source="projectcalico/calico#2570",
)
def conntrack_sctp(facts: Facts, want: Want) -> Judgement:
    """The kernel tracks SCTP, and rules can match its ports."""
    if facts["modules"]["states"].get("sctp") == BLOCKED:
        where = facts["modules"]["blocked"].get("sctp")
        return warn("the module sctp must not load: pods that speak SCTP by themselves fail", observed=where)
    if facts.get("kernel_options", {}).get("CONFIG_NF_CT_PROTO_SCTP") == "n":
        return fail("the kernel does not track SCTP", observed="CONFIG_NF_CT_PROTO_SCTP is not set")
    if want.dataplane != "iptables":
        facts["kernel_options"]
        return ok()
    found = either(facts, xt_probes("sctp"))
    if found.loadable:
        return ok_unexercised(found.loadable)
    return ok() if found.works else fail("rules cannot match SCTP", observed=found.broken)


def _recent(line: str, uptime: Optional[float]) -> bool:
    """Whether a line of the kernel's log ([SECONDS.MICROSECONDS] since the boot) is of the last days; one without its time may be."""
    seconds = line.strip("[ ").partition(".")[0]
    return uptime is None or not seconds.isdigit() or int(seconds) >= uptime - _RECENT


@check(
    rank=93,
    category="resources",
    applies=ALWAYS,
    remedy="raise net.netfilter.nf_conntrack_max, or net.ipv4.neigh.default.gc_thresh3, in /etc/sysctl.d/99-calico.conf",
    source="kubernetes/kubernetes#71261",
)
def dmesg_conntrack_full(facts: Facts, want: Want) -> Judgement:
    """The kernel has not complained of a full table of connections or neighbours."""
    uptime = facts["machine"].get("uptime")
    found = [line for line in facts["complaints"] if _recent(line, uptime)]
    if found:
        return warn("the kernel dropped packets for want of room in a table", observed=found[0][:160])
    return ok()


@check(
    rank=109,
    category="netfilter",
    applies=ALWAYS,
    remedy="boot a kernel with CONFIG_NF_CONNTRACK, whose accounting can be switched on",
    source="Felix switches nf_conntrack_acct on, to count what a flow carried",
)
def tx_checksum_udp_ct(facts: Facts, want: Want) -> Judgement:
    """Felix can have the connection tracker count bytes and packets."""
    known = facts["sysctls"]
    if known.get(_MAX) and known.get("net.netfilter.nf_conntrack_acct") is None:
        return warn("the connection tracker does not count: flow logs show no bytes", expected="nf_conntrack_acct")
    return ok()

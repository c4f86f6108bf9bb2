# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Settings of the kernel that Felix sets, relies on, or that somebody sets back."""

from typing import Dict, Optional, Tuple

from ..facts import Facts
from ..host.no_evidence import NoEvidence
from ..rules.conditions import IPV4, IPV6_POOL
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..rules.ways import ways_out
from .address import candidates
from .proxy import LEGACY, NFT, modes

_STRICT = "1"


def _value(facts: Facts, name: str) -> Optional[str]:
    """A setting, null where this kernel does not have it."""
    known: Dict[str, Optional[str]] = facts["sysctls"]
    if name not in known:
        raise NoEvidence(f"{name} is not there", "make /proc/sys readable")
    return known[name]


def _uplink(facts: Facts, want: Want, ipv6: bool) -> Optional[str]:
    """The link by which other nodes come in: that of the node's address, or of the default route where the address is not told."""
    taken = next(iter(candidates(facts, want, ipv6=ipv6)), None)
    if taken:
        return taken.interface
    names = {link["index"]: link["name"] for link in facts["links"]}
    ways = (one for one in facts["routes"] if one["ipv6"] == ipv6 and one["unicast"] and one["to"].endswith("/0"))
    return next((names[one["link"]] for one in ways if one["link"] in names), None)


def _off_for_uplink(facts: Facts, want: Want, ipv6: bool) -> Optional[str]:
    """The uplink's own setting, where it is 0 although the host forwards."""
    uplink = _uplink(facts, want, ipv6)
    family = "ipv6" if ipv6 else "ipv4"
    setting = f"net/{family}/conf/{uplink}/forwarding"
    return setting if facts["sysctls"].get(setting) == "0" else None


def _forwarding(facts: Facts, names: Tuple[str, ...], now: str) -> Judgement:
    files = facts["sysctl_files"]
    back = next((name for name in names if files.get(name, ("1", ""))[0] == "0"), None)
    if back:
        return fail(
            "each `sysctl --system` switches forwarding off, and calico-node switches it on only when it starts",
            observed=f"{back} = 0 in {files[back][1]}",
            expected="1, or not set",
        )
    if now == "0":
        return warn(
            "forwarding is off: calico-node will switch it on, kubeadm refuses the host", observed="0", expected="1"
        )
    return ok()


@check(
    rank=42,
    category="sysctl",
    applies=IPV4,
    remedy="net.ipv4.ip_forward = 1 in /etc/sysctl.d/99-calico.conf, and out of the other files; sysctl --system",
    source="Felix sets it when it starts; replicatedhq/embedded-cluster#1500, projectcalico/cni-plugin#283",
)
def ip_forward(facts: Facts, want: Want) -> Judgement:
    """The host forwards packets, and nobody sets that back."""
    now = _value(facts, "net.ipv4.ip_forward")
    if now is None:
        raise NoEvidence("net.ipv4.ip_forward is not there", "make /proc/sys/net readable")
    judged = _forwarding(facts, ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"), now)
    off = _off_for_uplink(facts, want, ipv6=False) if judged.status == "ok" else None
    if off:
        # Felix writes ip_forward, which is 1 already: the kernel then leaves the links' own settings as they are.
        return fail(
            "packets that come in by the uplink are not forwarded, though forwarding is on: pods are cut off from other nodes",
            observed=f"{off} = 0",
            expected="1",
            remedy=f"IPv4Forwarding=yes for that link where systemd-networkd sets it; sysctl -w {off}=1",
        )
    return judged


@check(
    rank=43,
    category="sysctl",
    applies=IPV6_POOL,
    remedy="net.ipv6.conf.all.forwarding = 1 in /etc/sysctl.d/99-calico.conf, and accept_ra = 2 for an uplink that learns its route",
    source="Felix sets forwarding when it starts; a forwarding host ignores router advertisements unless accept_ra is 2",
)
def ipv6_forward(facts: Facts, want: Want) -> Judgement:
    """The host forwards IPv6, nobody sets that back, and it keeps its own route by doing so."""
    now = _value(facts, "net.ipv6.conf.all.forwarding")
    if now is None:
        return fail(
            "the kernel has no IPv6", observed="no net.ipv6.conf.all.forwarding", remedy="boot without ipv6.disable=1"
        )
    names = {link["index"]: link["name"] for link in facts["links"]}
    # 9: learnt from a router's advertisement.
    learnt = {
        names.get(one["link"], "")
        for one in facts["routes"]
        if one["ipv6"] and one["protocol"] == 9 and one["to"] == "::/0"
    }
    lost = sorted(link for link in learnt if facts["sysctls"].get(f"net/ipv6/conf/{link}/accept_ra") == "1")
    if lost:
        return warn(
            "the default route of IPv6 is learnt, and will not be once the host forwards",
            observed=f"accept_ra = 1 on {', '.join(lost)}",
            expected="2",
        )
    judged = _forwarding(facts, ("net.ipv6.conf.all.forwarding",), now)
    off = _off_for_uplink(facts, want, ipv6=True) if judged.status == "ok" else None
    if off:
        # Seen on Linux 6.18: IPv6 is forwarded by `all` alone (ip6_forward), and writing `all` sets the links' own (addrconf).
        # Programs of bpf ask the link (bpf_fib_lookup: BPF_FIB_LKUP_RET_FWD_DISABLED).
        grave = fail if want.dataplane == "bpf" else warn
        return grave(
            "the uplink is no router for IPv6, though the host is: bpf does not forward what comes in there, and the kernel asks"
            " routers for a way",
            observed=f"{off} = 0",
            expected="1",
            remedy=f"IPv6Forwarding=yes for that link where systemd-networkd sets it; sysctl -w {off}=1",
        )
    return judged


@check(
    rank=44,
    category="sysctl",
    applies=IPV4,
    remedy="net.ipv4.conf.all.rp_filter = 0 and 2 (loose) for the uplinks, in /etc/sysctl.d/99-calico.conf",
    source="Felix has reverse path rules of its own and is never stopped by it; projectcalico/felix#2082",
)
def rp_filter_mode(facts: Facts, want: Want) -> Judgement:
    """The kernel's own reverse path filter does not drop what comes in by another uplink than it would go out."""
    everywhere = _value(facts, "net.ipv4.conf.all.rp_filter")
    if everywhere is None:
        raise NoEvidence("net.ipv4.conf.all.rp_filter is not there", "make /proc/sys/net readable")
    taken = next(iter(candidates(facts, want)), None)
    ways = ways_out(facts)
    if taken is None or not ways or taken.interface in ways:
        return ok()
    # The larger of the two counts.
    own = facts["sysctls"].get(f"net/ipv4/conf/{taken.interface}/rp_filter") or "0"
    if max(everywhere, own) == _STRICT:
        return warn(
            f"the reverse path filter drops what comes in by {taken.interface} and is answered by "
            f"{', '.join(sorted(ways))}",
            observed=f"rp_filter = 1 on {taken.interface}",
            expected="2 or 0",
        )
    return ok()


@check(
    rank=45,
    category="sysctl",
    applies=ALWAYS,
    probes=(NFT, LEGACY),
    remedy="net.bridge.bridge-nf-call-iptables = 1 in /etc/sysctl.d/99-calico.conf, while pods of others hang on a bridge",
    source="kubernetes/kops#18724, k3s-io/k3s-ansible#419; Calico itself has no bridge",
)
def bridge_nf_call(facts: Facts, want: Want) -> Judgement:
    """Where pods of another plugin hang on a bridge beside kube-proxy, bridged packets meet its rules."""
    value = _value(facts, "net.bridge.bridge-nf-call-iptables")
    bridged = [
        link["name"] for link in facts["links"] if link["kind"] == "bridge" and link["name"] in ("cni0", "kube-bridge")
    ]
    if value == "0" and bridged and modes(facts).intersection({"iptables", "ipvs"}):
        return warn(f"pods on {bridged[0]} do not reach services", observed="0", expected="1")
    return ok()


@check(
    rank=46,
    category="sysctl",
    applies=IPV6_POOL,
    remedy="boot without ipv6.disable=1 and take disable_ipv6 = 1 out of /etc/sysctl.d, or have no IPv6 pool",
    source="projectcalico/calico#6318, projectcalico/felix#989",
)
def ipv6_disabled(facts: Facts, want: Want) -> Judgement:
    """IPv6 is on, for all links and for those to come."""
    if not facts["ipv6"]:
        return fail("IPv6 is off in this kernel", observed="no /proc/net/if_inet6")
    off = [name for name in ("all", "default") if _value(facts, f"net.ipv6.conf.{name}.disable_ipv6") == "1"]
    if off:
        return fail("IPv6 is switched off", observed=f"disable_ipv6 = 1 for {' and '.join(off)}", expected="0")
    return ok()


@check(
    rank=94,
    category="sysctl",
    applies=ALWAYS,
    remedy="net.ipv4.neigh.default.gc_thresh3 = 8192 (and gc_thresh1, gc_thresh2 below it) in /etc/sysctl.d/99-calico.conf",
    source="every pod and node that a node talks to is a neighbour",
)
def gc_thresh_neighbour(facts: Facts, want: Want) -> Judgement:
    """The table of neighbours is not nearly full."""
    limit, used = _value(facts, "net.ipv4.neigh.default.gc_thresh3"), facts["neighbours"]
    if limit is None:
        # A network namespace of its own has none: the machine's counts.
        return ok()
    if used > 0.7 * int(limit):
        return warn("the table of neighbours is nearly full", observed=f"{used} of {limit}", expected="below 70 %")
    return ok()

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Every probe by name, with what the kernel would hand to modprobe if it has to look for the answer.

A namespace does not hide that a module is loaded, and a loaded module stays: loading ipip puts a tunl0 on the host. So a probe is
made only where each of its requests leads to a module that is there already, or to none at all. The names are those of
request_module() in the kernel:
  nf-flowtable-F            a flow table                                        net/netfilter/nf_tables_api.c
  sch_KIND, net-sch-KIND    RTM_NEWQDISC                                        net/sched/sch_api.c
  net-pf-16-proto-12        socket(AF_NETLINK, ..., NETLINK_NETFILTER)          net/netlink/af_netlink.c
  nfnetlink-subsys-N        the first message to that subsystem                 net/netfilter/nfnetlink.c
  ip_set_TYPE               IPSET_CMD_TYPE, IPSET_CMD_CREATE                    net/netfilter/ipset/ip_set_core.c
  rtnl-link-KIND            RTM_NEWLINK                                         net/core/rtnetlink.c
  nft-set, nft-chain-F-T, nft-expr-F-E, nft-expr-E                              net/netfilter/nf_tables_api.c
  ipt_NAME, ip6t_NAME       a match or target, from nft_compat or getsockopt    net/netfilter/nft_compat.c, x_tables.c
  nf_conntrack-F, nf-logger-F-T    rules that track (before 4.20) or log        nf_conntrack_proto.c, nf_log.c
A getsockopt of iptables-legacy requests nothing when ip_tables is absent; it stands here all the same, because the answer
ENOPROTOOPT then tells nothing about a module that could be loaded.
"""

import os
import socket
from typing import Any, Callable, Dict, NamedTuple, Tuple

from ..no_evidence import NoEvidence
from ..sweeps.root import Root
from . import bpf, conntrack, ipset, links, namespace, nftables, policy_chains, present, xtables
from .netlink import NETLINK_NETFILTER, NETLINK_ROUTE, Connection, strict
from .xtables import MATCH, TARGET, Extension

NETFILTER, CLSACT, STRICT = "netfilter.socket", "tc.clsact", "netlink.strict"
FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


class Session:
    """What the questions of one process share: its new network namespace, and sockets, opened at the first question that needs them."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._open: Dict[int, Connection] = {}
        self._namespace = ""

    def namespace(self) -> str:
        """How this process came into a namespace of its own."""
        if not self._namespace:
            self._namespace = namespace.make()
            # These lead to where the process came from.
            self._open.clear()
        return self._namespace

    def inside(self, ask: "Callable[[Session], Any]") -> Any:
        """A question's answer in that namespace. Where none can be made, its errno must not be taken for the kernel's answer."""
        try:
            self.namespace()
        except OSError as error:
            remedy = (
                "give the kernel CONFIG_NET_NS, and user.max_net_namespaces more than the host has: pods need one each"
            )
            reason = f"no network namespace can be made: {os.strerror(error.errno or 0)}"
            raise NoEvidence(reason, remedy, cause="netns_unshare") from error
        return ask(self)

    @property
    def netfilter(self) -> Connection:
        return self._connection(NETLINK_NETFILTER)

    @property
    def route(self) -> Connection:
        return self._connection(NETLINK_ROUTE)

    def _connection(self, protocol: int) -> Connection:
        if protocol not in self._open:
            self._open[protocol] = Connection(protocol, self._timeout)
        return self._open[protocol]


class Probe(NamedTuple):
    requests: Tuple[str, ...]
    ask: Callable[[Session], Any]
    on_the_host: bool = False
    """Made in the host's own network namespace, because it is about what is there. Such a probe only reads."""


def _open_netfilter(session: Session) -> None:
    _unused = session.netfilter


_SOCKET = ("net-pf-16-proto-12",)
_NFT = (*_SOCKET, f"nfnetlink-subsys-{nftables.SUBSYSTEM}")
_NFT_REQUESTS: Dict[str, Tuple[str, ...]] = {
    "set": ("nft-set",),
    "map": ("nft-set",),
    "masquerade": ("nft-chain-2-nat", "nft-expr-2-masq", "nft-expr-masq", "nf_conntrack-2"),
    "conntrack": ("nft-expr-2-ct", "nft-expr-ct", "nf_conntrack-2"),
    "fib": ("nft-chain-2-filter", "nft-expr-2-fib", "nft-expr-fib"),
    "reject": ("nft-chain-2-filter", "nft-expr-2-reject", "nft-expr-reject"),
    "log": ("nft-expr-2-log", "nft-expr-log", "nf-logger-2-0"),
    "nflog": ("nft-expr-2-log", "nft-expr-log", "nf-logger-2-1"),
    "flowtable": ("nf-flowtable-2",),
}

# Matches and targets that Felix writes, in the lowest revision that has what it uses.
MATCHES = {
    "addrtype": 1,
    "comment": 0,
    "conntrack": 3,
    "icmp": 0,
    "icmp6": 0,
    "ipvs": 0,
    "limit": 0,
    "mark": 1,
    "multiport": 1,
    "rpfilter": 0,
    "sctp": 0,
    "set": 4,
}
TARGETS = {"CONNMARK": 1, "CT": 0, "DNAT": 1, "LOG": 0, "MARK": 2, "MASQUERADE": 0, "NFLOG": 0, "REJECT": 0, "SNAT": 1}


def ipset_probe(kind: str, family: str = "inet") -> str:
    return f"ipset.{kind}.{family}"


def link_probe(kind: str) -> str:
    return f"link.{kind}"


def chains_probe(subject: str) -> str:
    return f"chains.{subject}"


def host_probe(subject: str) -> str:
    return f"host.{subject}"


def nft_probe(feature: str) -> str:
    return f"nft.{feature}"


def xt_probes(name: str, family: str = "inet") -> Tuple[str, str]:
    """The question to nft_compat and the question to ip_tables: iptables works if one of them is answered well."""
    return f"compat.{name}.{family}", f"legacy.{name}.{family}"


def find(name: str) -> Probe:
    """The probe of this name."""
    area, _dot, rest = name.partition(".")
    subject, _dot, family = rest.rpartition(".")
    if name == NETFILTER:
        return Probe(_SOCKET, _open_netfilter)
    if area == "ipset":
        return _ipset(rest, subject, family)
    if area == "link" and rest in links.KINDS:
        return Probe(("rtnl-link-" + rest,), lambda session: links.create(session.route, rest))
    if area == "nft":
        return _nft(rest)
    if area in ("compat", "legacy"):
        return _extension(area, subject, family)
    if area == "bpf" and (rest == "map" or rest in bpf.PROGRAMS):
        return Probe((), lambda session: bpf.create_map() if rest == "map" else bpf.load(rest))
    if name == CLSACT:
        return Probe(("rtnl-link-veth", "sch_clsact", "net-sch-clsact"), lambda session: links.clsact(session.route))
    if name == STRICT:
        return Probe((), lambda session: strict())
    if area == "host":
        return _present(rest)
    if area == "chains":
        return _chains(rest)
    if name == "conntrack.statistics":
        requests = (*_SOCKET, f"nfnetlink-subsys-{conntrack.SUBSYSTEM}")
        return Probe(requests, lambda session: conntrack.statistics(session.netfilter))
    raise KeyError(name)


def _present(rest: str) -> Probe:
    """Where the module is not there yet, nothing can have been left: such a probe is not made then."""
    if rest == "nft":
        return Probe(_NFT, lambda session: present.nft_tables(session.netfilter), True)
    if rest == "ipset":
        requests = (*_SOCKET, f"nfnetlink-subsys-{ipset.SUBSYSTEM}")
        return Probe(requests, lambda session: present.set_headers(session.netfilter), True)
    if rest == "legacy":
        return Probe((), lambda session: present.legacy_tables(Root()), True)
    raise KeyError(rest)


def _chains(rest: str) -> Probe:
    if rest == "interfaces":
        return Probe((), lambda session: policy_chains.interfaces(), True)
    if rest == "bpf":
        return Probe((), lambda session: policy_chains.bpf_in_use(Root()), True)
    if rest == "nft":
        return Probe(_NFT, lambda session: policy_chains.of_nft(session.netfilter), True)
    if rest == "legacy":
        return Probe((), lambda session: policy_chains.of_legacy(Root()), True)
    raise KeyError(rest)


def _ipset(rest: str, kind: str, family: str) -> Probe:
    requests = (*_SOCKET, f"nfnetlink-subsys-{ipset.SUBSYSTEM}")
    if rest == "protocol":
        return Probe(requests, lambda session: ipset.IPSets(session.netfilter).protocol())
    if rest == "names":
        return Probe(requests, lambda session: ipset.IPSets(session.netfilter).names())
    number = FAMILIES[family]
    return Probe((*requests, "ip_set_" + kind), lambda session: ipset.IPSets(session.netfilter).cycle(kind, number))


def _nft(rest: str) -> Probe:
    if rest == "generation":
        return Probe(_NFT, lambda session: nftables.generation(session.netfilter))
    return Probe(_NFT + _NFT_REQUESTS[rest], lambda session: nftables.build(session.netfilter, rest))


def _extension(area: str, name: str, family: str) -> Probe:
    if name in MATCHES:
        extension = Extension(MATCH, name, MATCHES[name], family)
    else:
        extension = Extension(TARGET, name, TARGETS[name], family)
    prefix = "ipt" if family == "inet" else "ip6t"
    own = f"{prefix}_{name}"
    if area == "legacy":
        tables = "ip_tables" if family == "inet" else "ip6_tables"
        return Probe((tables, own), lambda session: xtables.ask_legacy(extension))
    requests = (*_SOCKET, f"nfnetlink-subsys-{xtables.COMPAT_SUBSYSTEM}", own)
    return Probe(requests, lambda session: xtables.ask_compat(session.netfilter, extension))

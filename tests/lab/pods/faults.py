# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be wrong with a host that enforces NetworkPolicy, without touching the engine that runs there: it stays Ready.

Each is a fault for as long as its context lasts. OPEN are those that let a denied connection through: the host's rules are
gone (`not_enforcing`) or leave something out (`exempted`, `open_for`), or the engine hears of a policy late or never.
CLOSED are those that let nothing through, which is what readiness hides in real life: no forwarding on the uplink, a drop of
somebody else's firewall, no route to another host's pods, large packets that are lost.

A host that never gets Ready is declared: `kubelet_host(netfilter_refused=True)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from tests.lab.errors import LabError
from tests.lab.hosts import Host
from tests.lab.hosts.links import beside
from tests.lab.lab import Lab
from tests.lab.pods import relay
from tests.lab.pods.names import EXEMPT, QUEUE_TABLE
from tests.lab.pods.spec import BINARIES, networks_of

Family = Literal["ip", "ip6"]
FAMILIES: tuple[Family, ...] = ("ip", "ip6")
_FOREIGN = "foreign-firewall"
_PROTOCOLS = {"ip": "ipv4", "ip6": "ipv6"}
_FORWARDING = {"ip": "ipv4/conf/eth0/forwarding", "ip6": "ipv6/conf/all/forwarding"}


@dataclass(frozen=True)
class Flow:
    """Packets that a host forwards; what is left out is any."""

    family: Family | None = None
    protocol: Literal["tcp", "udp", None] = None
    source: Host | None = None
    """They come from a pod of this host."""
    destination: Host | None = None

    def matches(self) -> Iterator[tuple[Family, str]]:
        """For each family that it is of, what a rule of nftables says of it."""
        for family in FAMILIES if self.family is None else (self.family,):
            words: list[str] = []
            for direction, host in (("saddr", self.source), ("daddr", self.destination)):
                words += [f"{family} {direction} {network}" for network in _networks(host, family)]
            if self.protocol:
                words.append(f"meta l4proto {self.protocol}")
            yield family, " ".join(words)


# -- OPEN


@contextmanager
def not_enforcing(host: Host) -> Iterator[None]:
    """The host's rules are gone: nothing comes to the engine's queue, and nothing brings them back."""
    _nft(host, *(f"delete table {family} {QUEUE_TABLE}" for family in FAMILIES))
    try:
        yield
    finally:
        _run(host, f"{BINARIES}/kube-network-policies/queue-rules")


def untrack(host: Host) -> None:
    """A firewall of somebody else's has nothing tracked, and what has no state the engine's rule does not send to its queue. For
    good, and whenever calico-node comes: ready and open from the first packet."""
    for family in FAMILIES:
        chain = "type filter hook prerouting priority -300;"
        _nft(
            host,
            f"add table {family} {_FOREIGN}",
            f"add chain {family} {_FOREIGN} untracked {{ {chain} }}",
            f"add rule {family} {_FOREIGN} untracked notrack",
        )


def track(host: Host) -> None:
    """Somebody has found out: `untrack` is undone."""
    _nft(host, *(f"delete table {family} {_FOREIGN}" for family in FAMILIES))


@contextmanager
def exempted(host: Host, flow: Flow) -> Iterator[None]:
    """Of what goes to this host's pods, that flow is not judged."""
    _nft(host, *(f"add rule {family} {QUEUE_TABLE} {EXEMPT} {match} accept" for family, match in flow.matches()))
    try:
        yield
    finally:
        _nft(host, *(f"flush chain {family} {QUEUE_TABLE} {EXEMPT}" for family in FAMILIES))


def open_for(host: Host, seconds: float) -> None:
    """For so long, nothing that goes to this host's pods is judged."""
    opened = "; ".join(f"add rule {family} {QUEUE_TABLE} {EXEMPT} accept" for family in FAMILIES)
    closed = "; ".join(f"flush chain {family} {QUEUE_TABLE} {EXEMPT}" for family in FAMILIES)
    _run(host, "sh", "-c", f"nft '{opened}' && sleep {seconds} && nft '{closed}'")


@contextmanager
def enforcing_late(lab: Lab, host: Host, seconds: float) -> Iterator[None]:
    """The host's engine hears of everything so many seconds late."""
    relay.tell(lab.directory, host.name, delay=seconds)
    try:
        yield
    finally:
        relay.tell(lab.directory, host.name)


@contextmanager
def never_told(lab: Lab, host: Host) -> Iterator[None]:
    """The host's engine hears of nothing any more, and its connections stay: an API server that is silently unreachable."""
    relay.tell(lab.directory, host.name, hold=True)
    try:
        yield
    finally:
        relay.tell(lab.directory, host.name)


# -- CLOSED


@contextmanager
def forwarding_off(host: Host, family: Family = "ip") -> Iterator[None]:
    """Of IPv4 on the uplink alone; of IPv6 altogether, for there the kernel asks for no single link."""
    setting = f"/proc/sys/net/{_FORWARDING[family]}"
    _run(host, "sh", "-c", f"echo 0 > {setting}")
    try:
        yield
    finally:
        _run(host, "sh", "-c", f"echo 1 > {setting}")


@contextmanager
def foreign_drop(host: Host, flow: Flow | None = None, longer_than: int = 0) -> Iterator[None]:
    """Somebody else's firewall drops new connections of that flow at the forward hook, or its packets of more bytes than that."""
    which = f"meta length > {longer_than}" if longer_than else "ct state new"
    _nft(
        host,
        f"add table inet {_FOREIGN}",
        f"add chain inet {_FOREIGN} forward {{ type filter hook forward priority 10; }}",
        *(
            f"add rule inet {_FOREIGN} forward meta nfproto {_PROTOCOLS[family]} {match} {which} drop"
            for family, match in (flow or Flow()).matches()
        ),
    )
    try:
        yield
    finally:
        _nft(host, f"delete table inet {_FOREIGN}")


@contextmanager
def large_packets_lost(host: Host, longer_than: int = 1300) -> Iterator[None]:
    """As where the network between the hosts carries less than a pod's link says, and nobody tells the pod."""
    with foreign_drop(host, longer_than=longer_than):
        yield


@contextmanager
def route_missing(host: Host, other: Host) -> Iterator[None]:
    """The host does not know the way to the other one's pods."""
    ways = list(zip(networks_of(other.spec), (other.address, beside(other.address))))
    for network, _gateway in ways:
        # Not deleted alone: the host's default route would take its place.
        _run(host, "ip", "route", "replace", "unreachable", network, "metric", "1")
        _run(host, "ip", "route", "delete", network, "dev", "eth0")
    try:
        yield
    finally:
        for network, gateway in ways:
            _run(host, "ip", "route", "replace", network, "via", gateway, "dev", "eth0")
            _run(host, "ip", "route", "delete", "unreachable", network, "metric", "1")


def _networks(host: Host | None, family: Family) -> Sequence[str]:
    return [] if host is None else [one for one in networks_of(host.spec) if (":" in one) == (family == "ip6")]


def _nft(host: Host, *commands: str) -> None:
    _run(host, "nft", "; ".join(commands))


def _run(host: Host, *command: str) -> None:
    done = host.run(command)
    if done.returncode != 0:
        raise LabError(f"{host.name}: {' '.join(command)}: {done.stderr.strip()}")

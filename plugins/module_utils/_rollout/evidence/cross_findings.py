# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What shows only when hosts are compared: with each other, with the controller's clock, and with their Nodes.

As with a host's checks, each is a declaration and a judgement: pure, over documents, and none knows how they were gathered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, NamedTuple, Union

from ..documents import CrossFinding, HostOutcome, NodeFacts, PrecheckReport, Severity
from ..kubernetes.names import ARCHITECTURE_LABEL
from ..text.order import natural
from ..text.terminal import listed
from .checked_for import differing
from .matching import Matches, meaningful

SKEW_ALLOWED = 30.0
"""Seconds. Certificates that are not valid yet, and leases that seem expired, are what a clock further off brings."""

NAMED = 12
"""Hosts in a sentence, which may stand for each of them: as its reason, and its node's in the plan."""

# `uname -m` as Go, and so the kubelet, names it. A 32-bit kubelet on a 64-bit kernel is a mismatch as well: its images are 32-bit.
_GO_NAMES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "armv8l": "arm",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}

Found = Iterator["tuple[Sequence[str], str]"]
"""The hosts that a comparison is about, and a sentence."""

Hosts = Mapping[str, HostOutcome]


class Comparison(NamedTuple):
    id: str
    severity: Severity
    remedy: str
    judge: Callable[..., Found]


def compares(severity: Severity, remedy: str) -> Callable[[Callable[..., Found]], Comparison]:
    """Makes a judgement a comparison of the same name."""
    return lambda judge: Comparison(judge.__name__, severity, remedy, judge)


# --- hosts with each other ----------------------------------------------------------------------------------------


@compares("fail", "Set node_name for each host to the Node that it is, or take one of them out of the play")
def same_node_name(hosts: Hosts) -> Found:
    """Two hosts that the inventory calls the same Node."""
    for name, sharing in _sharing(hosts, lambda host: host["node_name"]):
        yield sharing, f"{_each(sharing)} have node_name {name}: one Node cannot be several hosts"


@compares(
    "fail",
    "Give each host an address of its own, or choose another with nodeAddressAutodetectionV4 (precheck_ip_autodetection), for "
    "IPv6 with nodeAddressAutodetectionV6",
)
def same_address(hosts: Hosts) -> Found:
    """Only the addresses that calico-node will take: those of bridges and virtual IPs may well be on every host."""
    for family in ("address", "address_v6"):
        for address, sharing in _sharing(hosts, lambda host: _fact(host, family)):  # noqa: B023 - used up within the loop
            yield (
                sharing,
                f"calico-node would take {address} on each of {_each(sharing)}: their nodes would be unreachable in turn",
            )


@compares(
    "warn", "Give each its own name (hostnamectl set-hostname), unless their kubelets run with --hostname-override"
)
def same_hostname(hosts: Hosts) -> Found:
    """Not if the inventory distinguishes them by node_name."""
    unnamed = {name: host for name, host in hosts.items() if host["node_name"] is None}
    for hostname, sharing in _sharing(unnamed, lambda host: _identity(host, "hostname")):
        yield sharing, f"{_each(sharing)} call themselves {hostname}: their kubelets would register one Node"


@compares("warn", "On each clone: rm /etc/machine-id && systemd-machine-id-setup, then reboot")
def same_machine_id(hosts: Hosts) -> Found:
    """Cloned machines."""
    for machine_id, sharing in _sharing(hosts, lambda host: meaningful(_identity(host, "machine_id"))):
        yield (
            sharing,
            f"{_each(sharing)} have machine-id {machine_id}: clones of one machine, which only addresses tell apart",
        )


@compares(
    "warn",
    "Give each machine a UUID of its own (a hypervisor has one for each machine's definition); where firmware has none, set "
    "node_name for each host",
)
def same_system_uuid(hosts: Hosts) -> Found:
    """Cloned virtual machines, or hosts that are containers of one machine. Where there is no DMI it is the machine-id, told above."""
    for uuid, sharing in _sharing(hosts, _own_system_uuid):
        yield (
            sharing,
            f"{_each(sharing)} have system UUID {uuid}: clones of one machine, which it cannot tell apart as Nodes",
        )


@compares(
    "warn", "Give each machine a MAC address of its own, in its definition at the hypervisor or by its network settings"
)
def same_mac(hosts: Hosts) -> Found:
    """In one segment they take each other's frames. A card that one host has several links of is one card."""
    by_mac: dict[str, list[str]] = {}
    for name in sorted(hosts, key=natural):
        for mac in dict.fromkeys(_fact(hosts[name], "macs") or ()):
            by_mac.setdefault(mac, []).append(name)
    for mac, sharing in sorted(by_mac.items()):
        if len(sharing) > 1:
            yield (
                sharing,
                f"{_each(sharing)} have MAC address {mac}: in one network segment they lose each other's packets",
            )


@compares("warn", "Set the same MTU on all of them, or the smallest as mtu of the Installation's calicoNetwork")
def mtu_differs(hosts: Hosts) -> Found:
    """Over the interfaces that calico-node will take."""
    by_mtu: dict[int, list[str]] = {}
    for name in sorted(hosts, key=natural):
        mtu = _fact(hosts[name], "mtu")
        if mtu:
            by_mtu.setdefault(mtu, []).append(name)
    if len(by_mtu) > 1:
        usual = max(by_mtu, key=lambda mtu: (len(by_mtu[mtu]), mtu))
        told = ", ".join(f"{mtu} on {listed(names, NAMED)}" for mtu, names in sorted(by_mtu.items()))
        others = [name for mtu, names in sorted(by_mtu.items()) if mtu != usual for name in names]
        yield others, f"the MTU is not the same everywhere: {told}; large packets between them are lost or cut"


@compares("warn", "Set the clock and keep it so (chrony, systemd-timesyncd)")
def clock_skew(hosts: Hosts) -> Found:
    """Only what is certain: the call took a while, and the host read its clock at some time within it."""
    for name in sorted(hosts, key=natural):
        offset, took = _fact(hosts[name], "clock_offset"), hosts[name]["call_seconds"]
        if offset is None or took is None:
            continue
        ahead, behind = offset - took, 0 - offset
        if max(ahead, behind) > SKEW_ALLOWED:
            which, seconds = ("ahead of", ahead) if ahead > behind else ("behind", behind)
            yield [name], f"its clock is at least {seconds:.0f} s {which} the controller's (the call took {took:.1f} s)"


# Settings that say how a host is checked, and not for which Calico.
_ABOUT_THE_HOST = ("typha", "apiserver", "allow_module_load")


@compares(
    "warn", "Take the precheck_* variables away from these hosts, so that all are checked for the Calico of the cluster"
)
def settings_differ(hosts: Hosts) -> Found:
    """One cluster has one Installation. Where FelixConfiguration has settings for one node alone, they may differ."""
    for setting, others, told in differing(hosts):
        if setting not in _ABOUT_THE_HOST:
            yield others, told


AMONG_HOSTS = (
    *(same_node_name, same_address, same_hostname, same_machine_id, same_system_uuid, same_mac),
    *(mtu_differs, clock_skew, settings_differ),
)


# --- hosts with their Nodes ---------------------------------------------------------------------------------------


@compares("fail", "Set node_name for each host to the Node that it is, or take one of them out of the play")
def same_node(nodes: Mapping[str, NodeFacts], matches: Matches, hosts: Hosts) -> Found:
    """Where the inventory says so itself, same_node_name has told it."""
    for node, claiming in sorted(matches.contested.items()):
        if any(hosts[host]["node_name"] != node for host in claiming):
            yield claiming, f"{_each(claiming)} are both taken for Node {node}, by node_name or by identity"


@compares(
    "fail", "See whether the host is that Node (node_name, address), and that its kubelet is built for its kernel"
)
def architecture_differs(nodes: Mapping[str, NodeFacts], matches: Matches, hosts: Hosts) -> Found:
    """The Node's architecture and its label against the kernel's own word."""
    for node, host in sorted(matches.hosts.items()):
        machine = _identity(hosts[host], "architecture")
        expected = _GO_NAMES.get(machine or "")
        facts = nodes[node]
        says = {
            "its kubelet": facts["architecture"],
            f"label {ARCHITECTURE_LABEL}": facts["labels"].get(ARCHITECTURE_LABEL),
        }
        wrong = [f"{who} says {value}" for who, value in says.items() if value and value != expected]
        if expected and wrong:
            yield [host], f"the kernel is {machine} ({expected}), but of Node {node} {' and '.join(wrong)}"


WITH_NODES = (same_node, architecture_differs)


# --- all of them --------------------------------------------------------------------------------------------------


def among_hosts(hosts: Hosts) -> list[CrossFinding]:
    return [finding for one in AMONG_HOSTS for finding in _findings(one, hosts)]


def with_nodes(nodes: Sequence[NodeFacts], matches: Matches, report: PrecheckReport) -> list[CrossFinding]:
    by_name = {node["name"]: node for node in nodes}
    return [finding for one in WITH_NODES for finding in _findings(one, by_name, matches, report["hosts"])]


def fatal(findings: Sequence[CrossFinding]) -> dict[str, CrossFinding]:
    """By host, the first finding that keeps its node out."""
    kept: dict[str, CrossFinding] = {}
    for finding in findings:
        for host in finding["hosts"] if finding["severity"] == "fail" else ():
            kept.setdefault(host, finding)
    return kept


def _findings(one: Comparison, *compared: Any) -> Iterator[CrossFinding]:
    for hosts, message in one.judge(*compared):
        yield CrossFinding(
            id=one.id,
            severity=one.severity,
            hosts=list(hosts),
            message=message,
            remedy=one.remedy,
        )


def _sharing(hosts: Hosts, value: Callable[[HostOutcome], Union[str, None]]) -> Iterator[tuple[str, list[str]]]:
    """Values that several hosts have, with those hosts."""
    by_value: dict[str, list[str]] = {}
    for name in sorted(hosts, key=natural):
        found = value(hosts[name])
        if found:
            by_value.setdefault(found, []).append(name)
    yield from ((found, names) for found, names in sorted(by_value.items()) if len(names) > 1)


def _each(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) <= NAMED else listed(names, NAMED)


def _identity(host: HostOutcome, key: str) -> Any:
    return host["result"]["identity"].get(key) if host["result"] else None


def _own_system_uuid(host: HostOutcome) -> Union[str, None]:
    uuid, machine_id = meaningful(_identity(host, "system_uuid")), meaningful(_identity(host, "machine_id"))
    return None if uuid and machine_id and uuid.replace("-", "") == machine_id.replace("-", "") else uuid


def _fact(host: HostOutcome, key: str) -> Any:
    return host["result"]["facts"].get(key) if host["result"] else None

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What hosts answer, alone and of each other."""

from __future__ import annotations

from typing import Any, Literal, TypedDict, Union

from .nodes import ClusterName

PrecheckOutcome = Literal["passed", "failed", "unreachable", "no_result", "not_checked"]
Severity = Literal["warn", "fail"]
WaiverEffect = Literal["warn", "skip"]
WaiverState = Literal["in_force", "expired", "unused"]


class CheckResult(TypedDict):
    """What one check found on one host that is not well, or why it could not judge. A check that found all well is listed by its id."""

    id: str
    """The check's name, stable over versions."""
    rank: int
    """Place in the catalogue; 1 hurts most users."""
    category: str
    status: Literal["warn", "fail", "skipped"]
    """`skipped`: the check applies and could not judge."""
    message: str
    """One sentence: what was found, or why the check could not judge."""
    observed: str | None
    expected: str | None
    remedy: str | None
    """What to do on the host, or what would let the check judge."""
    source: str
    """Where the requirement comes from."""
    cause: str | None
    """The common cause of this check and others: a name of its own, or that of the check which reports it. Findings of a host with one
    cause are one finding. Null where the check hinders and is hindered by nothing else."""


class HostIdentity(TypedDict):
    """What identifies this host. Machine id, system UUID or address match a Node, never a similar name."""

    hostname: str
    fqdn: str
    machine_id: str | None
    system_uuid: str | None
    """Lower case, as DMI has it; the machine id where there is no DMI, as the kubelet has it; null where it cannot be read."""
    boot_id: str | None
    addresses: list[str]
    """Every global address of the host's interfaces, without prefix length."""
    architecture: str
    """`uname -m`."""
    kernel: str
    os_id: str | None
    os_version: str | None


class PrecheckSettings(TypedDict):
    """Which Calico the host is checked for."""

    dataplane: Literal["iptables", "nftables", "bpf"]
    encapsulation: Literal["none", "ipip", "vxlan", "ipip_and_vxlan"]
    bgp: bool
    bgp_port: int
    ipv6: bool
    wireguard: bool
    ip_autodetection: str
    """Method for IPv4 as calico-node has it: `first-found`, `interface=REGEX`, `skip-interface=REGEX`, `cidr=CIDR`, `can-reach=ADDRESS`,
    `kubernetes-internal-ip`; `none` for a cluster without IPv4."""
    ip6_autodetection: str
    """The same for IPv6, where `ipv6` is set."""
    cni_bin_dir: str
    cni_conf_dir: str
    calico_version: str
    """Minor version, as `3.33`."""
    iptables_backend: Literal["auto", "legacy", "nft"]
    mtu: int
    """0: found by Felix."""
    mtu_interface_pattern: str
    cgroup_v2_path: str
    vxlan_port: int
    vxlan_vni: int
    health_port: int
    metrics_port: int
    wireguard_port: int
    wireguard_port_v6: int
    typha: bool
    sctp: bool
    host_endpoints: bool
    flow_offload: bool
    flow_logs: bool
    bpf_data_interface_pattern: str
    pod_cidrs: list[str]
    service_cidrs: list[str]
    flexvolume_path: str
    apiserver: str
    allow_module_load: bool
    """Functional probes may load kernel modules."""


class NodeSettings(TypedDict):
    """Settings of one node that differ."""

    settings: dict[str, Any]
    """Some of PrecheckSettings."""
    sources: dict[str, str]


class UnreadObjects(TypedDict):
    """Objects that decide and were not read."""

    what: str
    why: str
    settings: list[str]
    """These have the default because of that: no evidence is held against them."""


class CalicoSettings(TypedDict):
    """The settings of prechecks as Installation, FelixConfiguration, IP pools and the like ask for them, each with its source."""

    kind: Literal["CalicoSettings"]
    version: int
    cluster: ClusterName | None
    """Whose settings these are; null where no cluster was read."""
    settings: PrecheckSettings
    sources: dict[str, str]
    """By setting: `FelixConfiguration/default`, `Installation/default calicoNetwork.bgp`, `default`."""
    nodes: dict[str, NodeSettings]
    """By Node name, what FelixConfiguration/node.NAME and the like ask otherwise."""
    unread: list[UnreadObjects]
    notes: list[str]
    """What somebody should know of these settings."""


class HostFacts(TypedDict):
    """What one host alone cannot judge: it is compared with other hosts."""

    clock: float
    """The host's clock when the check began, in seconds since the epoch."""
    clock_offset: float | None
    """`clock` less the controller's clock as it stood in the task: the call took that much longer at most. Null when it was not given."""
    address: str | None
    """The IPv4 address that calico-node will take; null where it takes none, or Kubernetes decides."""
    address_v6: str | None
    """The IPv6 address that calico-node will take by first-found; null without IPv6, and as `address` is."""
    interface: str | None
    """That of `address`."""
    mtu: int | None
    """MTU of `interface`."""
    mtu_v6: int | None
    """MTU of the interface of `address_v6`."""
    macs: list[str]
    """Hardware addresses that no other host should have, in order: those of makers on the host's own interfaces, and the uplink's."""


class PrecheckSummary(TypedDict):
    """How much of the evidence comes from the kernel itself."""

    exercised: int
    """Checks that applied and rest on what the kernel and the host answered."""
    static: int
    """Checks that applied and rest in part on the module files alone: asking would have loaded modules."""
    would_load: list[str]
    """The modules that `allow_module_load` would load, to exercise these too."""


class PrecheckResult(TypedDict):
    """What host_precheck returns for one host."""

    kind: Literal["PrecheckResult"]
    version: int
    settings: PrecheckSettings
    sources: dict[str, str]
    """By setting, where it comes from: an object of the cluster, the option or variable that has it, or `default`."""
    node_name: str | None
    """The Node's name as the inventory states it (`node_name`), else null: matched by identity."""
    identity: HostIdentity
    facts: HostFacts
    verdict: Literal["pass", "fail"]
    """`pass` when every check that applies was made and could judge, and none failed."""
    findings: list[CheckResult]
    """Every check that warns, fails or could not judge, by rank."""
    ok: list[str]
    """Ids of the checks that found all well, by rank; so are the following."""
    not_applicable: list[str]
    """Ids of the checks that these settings do not need."""
    not_asked: list[str]
    """Ids of the checks that apply and were left out by `checks`."""
    summary: PrecheckSummary
    modules_loaded: list[str]
    """Kernel modules that the probes made the kernel load; always empty without `allow_module_load`."""
    duration: float
    """Seconds on the host."""


class PrecheckRecord(TypedDict):
    """A host's passing result as the controller keeps it, for `precheck_max_age`."""

    kind: Literal["PrecheckRecord"]
    version: int
    host: str
    asked: str
    """SHA-256 over the options of the check and the code of the checks."""
    checked_at: float
    call_seconds: float
    precheck: PrecheckResult


class Waiver(TypedDict):
    """A check that a user chose not to let count on a host."""

    check: str
    effect: WaiverEffect
    """Whether the check counts as a warning, or not at all."""
    reason: str
    until: str
    """The last day, in UTC, as an ISO date."""
    state: WaiverState
    """`expired` does not count; `unused` has nothing to waive in this run."""


class CrossFinding(TypedDict):
    """What no host can show alone, but a comparison with other hosts, the controller, or the Nodes."""

    id: str
    severity: Severity
    """`fail` keeps the hosts' nodes out."""
    hosts: list[str]
    message: str
    remedy: str


class HostOutcome(TypedDict):
    """One host of the inventory in a PrecheckReport."""

    outcome: PrecheckOutcome
    """What the result means once waivers and the other hosts are taken into account. `not_checked`: check mode asks no node by a Job."""
    reason: str | None
    """Why there is no passing result, in one sentence; null when passed."""
    remedy: str | None
    """What to do about a host that gave no result. Null if that is not known, and if there is a result: its findings have remedies."""
    node_name: str | None
    result: PrecheckResult | None
    """As the host gave it: a waiver changes nothing in it."""
    waivers: list[Waiver]
    checked_at: float | None
    """When the call began; null where that is not known."""
    call_seconds: float | None
    """How long the call took, as the controller saw it: the error that clock_offset may have."""
    reused: bool
    """The result is one of an earlier run, see `precheck_max_age`."""


class PrecheckReport(TypedDict):
    """The hosts of a play, and the Calico that they were checked for."""

    kind: Literal["PrecheckReport"]
    version: int
    digest: str
    """SHA-256 over settings and every host's verdict: names the evidence that a plan rests on."""
    calico: CalicoSettings | None
    """What was read, once, before the hosts were checked; null if nothing was."""
    hosts: dict[str, HostOutcome]
    """By inventory name."""
    cross_findings: list[CrossFinding]
    not_in_run: dict[str, Union[str, None]]
    """The other hosts, when the run was limited to some (`--limit`), each with its node_name. Nothing is held against them."""

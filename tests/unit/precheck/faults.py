# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with one fault each, by the check that has to tell it; all are made from the one that has none."""

from __future__ import annotations

import errno
from typing import Any

from tests.unit.precheck.kernels import RawFacts, answering, healthy, knowing, path, route, rule, with_modules
from tests.unit.precheck.recordings import recorded

GIB = 1024**3


def but(fact: str, **changes: Any) -> RawFacts:
    """The healthy host with some entries of one fact changed."""
    return knowing(healthy(), **{fact: {**healthy()[fact]["value"], **changes}})


def at_path(where: str, kind: str | None, **mount: Any) -> RawFacts:
    """The healthy host with something else at a path that pods mount, or nothing."""
    return but("paths", **{where: path(where, kind, **mount)})


def on_path(where: str, **mount: Any) -> RawFacts:
    """The healthy host with another mount that holds this path."""
    return at_path(where, healthy()["paths"]["value"][where]["kind"], **mount)


def sysctl(**values: str | None) -> RawFacts:
    """Names as Python has them: two underscores stand for a dot, three for a slash."""
    named = {name.replace("___", "/").replace("__", "."): value for name, value in values.items()}
    return but("sysctls", **named)


def disk(path: str, **changes: Any) -> RawFacts:
    return but("file_systems", **{path: {**healthy()["file_systems"]["value"][path], **changes}})


def with_link(name: str, kind: str | None = None, vxlan: dict[str, int] | None = None, **address: Any) -> RawFacts:
    facts = healthy()
    link = {**facts["links"]["value"][1], "index": 9, "name": name, "kind": kind, "vxlan": vxlan}
    addresses = facts["addresses"]["value"]
    if address:
        addresses = [*addresses, {"index": 9, "prefix": 24, "ipv6": False, "global": True, **address}]
    return knowing(facts, links=[*facts["links"]["value"], link], addresses=addresses)


def uplink(kind: str) -> RawFacts:
    facts = healthy()
    return knowing(facts, links=[facts["links"]["value"][0], {**facts["links"]["value"][1], "kind": kind}])


def called(name: str, port: str = "") -> RawFacts:
    """The uplink by another name, and perhaps a port of it."""
    facts = healthy()
    lo, eth0 = facts["links"]["value"]
    ports = [{**eth0, "index": 7, "name": port, "master": 2}] if port else []
    return knowing(facts, links=[lo, {**eth0, "name": name}, *ports])


def holding(key: str, program: str | None, link: RawFacts) -> RawFacts:
    """Somebody has the port, and beside it there is this link."""
    return knowing(link, listeners={key: [{"address": "0.0.0.0", "program": program}]})


def port(key: str, program: str | None, address: str = "0.0.0.0") -> RawFacts:
    return but("listeners", **{key: [{"address": address, "program": program}]})


def table_of_nft(name: str, *owners: str, **changes: Any) -> dict[str, Any]:
    """As host/probes/present.py tells a table of iptables-nft with three rules."""
    made = {
        "family": "ip",
        "name": name,
        "rules": 3,
        "owners": list(owners),
        "lines": 3,
        "unreadable": [],
        "chains": {},
    }
    return {**made, **changes}


def base_chain(*rules: dict[str, Any], hook: int = 2, policy: str = "accept", kind: str = "filter") -> dict[str, Any]:
    return {"hook": hook, "priority": 0, "type": kind, "policy": policy, "rules": list(rules), "more": False}


def left(*owners: str, name: str = "nat", **table: Any) -> RawFacts:
    return healthy() | {"host.nft": {"value": [table_of_nft(name, *owners, **table)]}}


def routed(*more: dict[str, Any]) -> RawFacts:
    return knowing(healthy(), routes=[*healthy()["routes"]["value"], *more])


def other_ip(**kubelet: Any) -> RawFacts:
    return but("kubelet", **kubelet)


def denied(instant: int) -> str:
    return f"type=AVC msg=audit({instant}.123:4711): avc:  denied  {{ write }} comm=calico-node permissive=0"


BPF: dict[str, Any] = {"dataplane": "bpf"}
NFT: dict[str, Any] = {"dataplane": "nftables"}
VXLAN: dict[str, Any] = {"encapsulation": "vxlan"}
WG: dict[str, Any] = {"wireguard": True}
V6: dict[str, Any] = {"ipv6": True}
NETWORKD = {"running": True, "keeps_off": []}
AT_HOME = [{"file": "10-calico.conflist", "types": ["calico"]}]
POOL = {"pod_cidrs": ["10.0.0.0/16"]}

FLAT: dict[str, Any] = {"encapsulation": "none"}
MASQUERADE = {"verdict": "masquerade", "to": "", "if": []}
TO_ETH0 = {"verdict": "masquerade", "to": "", "if": [["oif", "==", "eth0"]]}
NATIVE = {"chain": "ts-postrouting", "why": "the expression masq", "only_newer": False}
NEWER = {"chain": "ts-forward", "why": "meta sreg is not an immediate", "only_newer": True}
HELD = {"pid": 77, "program": "flock", "seconds": 0.75}

OWN_VXLAN = with_link("vxlan.calico", "vxlan", {"vni": 4096, "port": 4789})
FAULTS: list[tuple[str, RawFacts, dict[str, Any], str]] = [
    ("cni_conf_dir_writable", disk("/etc/cni/net.d", read_only=True), {}, "fail"),
    ("flexvol_path_writable", disk("/usr/libexec/kubernetes/kubelet-plugins/volume/exec/", read_only=True), {}, "fail"),
    ("flexvol_path_writable", healthy(), {"flexvolume_path": ""}, "not_applicable"),
    ("var_lib_calico_writable", disk("/var/lib/calico", read_only=True), {}, "fail"),
    ("var_lib_calico_writable", knowing(healthy(), lock_is_directory=True), {}, "fail"),
    ("machine_id_unique", knowing(healthy(), machine_id=None), {}, "warn"),
    ("machine_id_unique", knowing(healthy(), machine_id="uninitialized"), {}, "warn"),
    ("systemd_networkd_foreign_routes", knowing(healthy(), networkd=NETWORKD), {}, "warn"),
    ("systemd_networkd_foreign_routes", knowing(healthy(), networkd=NETWORKD), WG, "fail"),
    ("systemd_networkd_foreign_routes", knowing(healthy(), networkd=NETWORKD), BPF, "warn"),
    ("systemd_networkd_foreign_routes", knowing(healthy(), networkd=NETWORKD), {**VXLAN, "bgp": False}, "ok"),
    ("systemd_networkd_foreign_routes", knowing(healthy(), networkd=NETWORKD), {**VXLAN, **WG, "bgp": False}, "fail"),
    (
        "conntrack_available",
        with_modules(sysctl(net__netfilter__nf_conntrack_max=None), "absent", "nf_conntrack"),
        {},
        "ok",
    ),
    (
        "conntrack_available",
        answering(
            with_modules(sysctl(net__netfilter__nf_conntrack_max=None), "absent", "nf_conntrack"),
            "conntrack.",
            errno=errno.EINVAL,
        ),
        {},
        "fail",
    ),
    ("conntrack_capacity", sysctl(net__netfilter__nf_conntrack_count="200000"), {}, "warn"),
    ("conntrack_capacity", sysctl(net__netfilter__nf_conntrack_max="16384"), {}, "warn"),
    ("conntrack_sctp", knowing(healthy(), kernel_options={"CONFIG_NF_CT_PROTO_SCTP": "n"}), {"sctp": True}, "fail"),
    ("conntrack_sctp", with_modules(healthy(), "blocked", "sctp"), {"sctp": True}, "warn"),
    (
        "conntrack_sctp",
        answering(answering(healthy(), "compat.sctp", errno=errno.ENOENT), "legacy.sctp", errno=errno.ENOENT),
        {"sctp": True},
        "fail",
    ),
    ("ip_forward", sysctl(net__ipv4__ip_forward="0"), {}, "warn"),
    (
        "ip_forward",
        knowing(healthy(), sysctl_files={"net.ipv4.ip_forward": ["0", "/etc/sysctl.d/cis.conf"]}),
        {},
        "fail",
    ),
    ("ipv6_forward", sysctl(net__ipv6__conf__all__forwarding="0"), V6, "warn"),
    ("ipv6_forward", sysctl(net__ipv6__conf__all__forwarding=None), V6, "fail"),
    ("ipv6_forward", routed(route("::/0", protocol=9, ipv6=True)), V6, "warn"),
    ("veth_create", answering(healthy(), "link.veth", errno=errno.EOPNOTSUPP), {}, "fail"),
    ("ipv6_disabled", knowing(healthy(), ipv6=False), V6, "fail"),
    ("ipv6_disabled", sysctl(net__ipv6__conf__default__disable_ipv6="1"), V6, "fail"),
    ("forward_policy_drop", left("docker", name="filter", chains={"FORWARD": base_chain(policy="drop")}), {}, "ok"),
    (
        "forward_policy_drop",
        left("docker", name="filter", chains={"FORWARD": base_chain(policy="drop")}),
        {"iptables_backend": "legacy"},
        "fail",
    ),
    ("forward_policy_drop", left("docker", name="filter", chains={"FORWARD": base_chain(policy="drop")}), NFT, "fail"),
    (
        "forward_policy_drop",
        left("docker", name="filter", lines=0, chains={"FORWARD": base_chain(policy="drop")}),
        {},
        "warn",
    ),
    ("forward_policy_drop", left(name="fw", family="inet", chains={"x": base_chain(policy="drop")}), {}, "fail"),
    ("forward_policy_drop", left(name="fw", family="inet", chains={"x": base_chain(policy="drop")}), BPF, "warn"),
    ("forward_policy_drop", left(name="fw", family="ip6", chains={"x": base_chain(policy="drop")}), {}, "ok"),
    ("forward_policy_drop", left(name="fw", family="ip6", chains={"x": base_chain(policy="drop")}), V6, "fail"),
    ("foreign_masquerade", left(chains={"POSTROUTING": base_chain(MASQUERADE, hook=4, kind="nat")}), {}, "fail"),
    ("foreign_masquerade", left(chains={"POSTROUTING": base_chain(MASQUERADE, hook=4, kind="nat")}), BPF, "warn"),
    ("foreign_masquerade", left(chains={"POSTROUTING": base_chain(TO_ETH0, hook=4, kind="nat")}), VXLAN, "ok"),
    ("foreign_masquerade", left(chains={"POSTROUTING": base_chain(TO_ETH0, hook=4, kind="nat")}), FLAT, "fail"),
    ("nft_rules_readable", left(unreadable=[NATIVE]), {"iptables_backend": "nft"}, "fail"),
    ("nft_rules_readable", left(unreadable=[NATIVE]), {}, "fail"),
    ("nft_rules_readable", left(unreadable=[NATIVE]), BPF, "fail"),
    ("nft_rules_readable", left(unreadable=[NATIVE]), {**NFT, "calico_version": "3.32"}, "fail"),
    ("nft_rules_readable", left(unreadable=[NATIVE]), {**NFT, "calico_version": "3.30"}, "not_applicable"),
    ("nft_rules_readable", left(unreadable=[NATIVE]), NFT, "not_applicable"),
    ("nft_rules_readable", left(unreadable=[NATIVE]), {"iptables_backend": "legacy"}, "ok"),
    ("nft_rules_readable", left(name="security", unreadable=[NATIVE]), {"iptables_backend": "nft"}, "ok"),
    ("nft_rules_readable", left(family="ip6", unreadable=[NATIVE]), {"iptables_backend": "nft"}, "ok"),
    ("nft_rules_readable", left(family="ip6", unreadable=[NATIVE]), {"iptables_backend": "nft", **V6}, "fail"),
    ("nft_rules_readable", left(unreadable=[NEWER]), {"iptables_backend": "nft", "calico_version": "3.31"}, "ok"),
    ("nft_rules_readable", left(unreadable=[NEWER]), {"iptables_backend": "nft", "calico_version": "3.32"}, "fail"),
    ("run_space", disk("/run", free=GIB // 4096), {}, "fail"),
    ("run_space", disk("/run/calico", files_left=0), {}, "fail"),
    ("run_space", disk("/run", free=4 * GIB // 1024), {}, "warn"),
    ("localhost_known", knowing(healthy(), localhost=[]), {}, "fail"),
    ("localhost_known", knowing(healthy(), localhost=["192.0.2.1"]), {}, "fail"),
    ("localhost_known", knowing(healthy(), localhost=["::1"]), {}, "ok"),
    ("xtables_lock_free", knowing(healthy(), xtables_lock=HELD), {}, "warn"),
    ("xtables_lock_free", knowing(healthy(), xtables_lock=HELD), {"iptables_backend": "nft"}, "ok"),
    ("xtables_lock_free", knowing(healthy(), xtables_lock=HELD), NFT, "ok"),
    ("ip_forward", sysctl(net___ipv4___conf___eth0___forwarding="0"), {}, "fail"),
    ("ip_forward", sysctl(net___ipv4___conf___eth1___forwarding="0"), {}, "ok"),
    ("ip_forward", sysctl(net___ipv4___conf___eth0___forwarding="0", net__ipv4__ip_forward="0"), {}, "warn"),
    ("ipv6_forward", sysctl(net___ipv6___conf___eth0___forwarding="0"), {**V6, **BPF}, "fail"),
    ("ipv6_forward", sysctl(net___ipv6___conf___eth0___forwarding="0"), V6, "warn"),
    ("default_route_present", knowing(healthy(), routes=[route("169.254.0.0/16")]), {}, "ok"),
    ("default_route_present", knowing(healthy(), routes=[route("::/0", ipv6=True)]), {}, "fail"),
    ("default_route_present", knowing(healthy(), routes=[{**route("0.0.0.0/0"), "unicast": False}]), {}, "fail"),
    ("default_route_present", knowing(healthy(), routes=[route("0.0.0.0/0", table=52)]), {}, "fail"),
    (
        "default_route_present",
        knowing(
            healthy(), routes=[route("0.0.0.0/0", table=52)], rules=[{"priority": 9, "mark": 0, "mask": 0, "table": 52}]
        ),
        {},
        "ok",
    ),
    ("ufw_or_csf_active", but("firewalls", ufw=True), {}, "warn"),
    ("ufw_or_csf_active", but("firewalls", **{"nftables.service": True, "flushes": True}), {}, "fail"),
    ("ufw_or_csf_active", but("firewalls", flushes=True), {}, "ok"),
    ("ports_felix_health", port("tcp/9099", "node_exporter"), {}, "fail"),
    ("ports_felix_health", port("tcp/9099", "calico-node"), {}, "ok"),
    ("ports_felix_health", port("tcp/9099", "calico component felix"), {}, "ok"),
    ("ports_felix_health", port("tcp/9099", "calico component typha"), {}, "fail"),
    ("ports_felix_health", port("tcp/9099", "calico"), {}, "fail"),
    ("ports_felix_health", port("tcp/9098", "calico component typha"), {}, "ok"),
    ("ports_felix_health", port("tcp/9098", "calico component felix"), {}, "warn"),
    ("ports_felix_health", port("tcp/9091", "calico component felix"), {"metrics_port": 9091}, "ok"),
    ("ports_felix_health", port("tcp/9099", "x"), {"health_port": 9199}, "ok"),
    ("ports_felix_health", port("tcp/9098", "x"), {}, "warn"),
    ("ports_felix_health", port("tcp/9099", "x", "10.0.0.5"), {}, "ok"),
    ("ports_felix_health", port("tcp/9099", "x", "127.0.0.1"), {}, "fail"),
    ("ports_felix_health", port("tcp/9099", "x", "::1"), {}, "fail"),
    ("ports_felix_health", port("tcp/9099", "x", "::"), {}, "fail"),
    ("ports_felix_health", port("tcp/9098", "x", "10.0.0.5"), {}, "ok"),
    ("ports_felix_health", port("tcp/9091", "x", "10.0.0.5"), {"metrics_port": 9091}, "warn"),
    ("ports_felix_health", port("tcp/9091", "pushgateway"), {}, "ok"),
    ("ports_felix_health", port("tcp/9091", "pushgateway"), {"metrics_port": 9091}, "warn"),
    ("port_vxlan_conflict", with_link("docker_gwbridge_vx", "vxlan", {"vni": 4096, "port": 4789}), VXLAN, "fail"),
    ("port_vxlan_conflict", with_link("vx-001001", "vxlan", {"vni": 4097, "port": 4789}), VXLAN, "warn"),
    ("port_vxlan_conflict", with_link("flannel.1", "vxlan", {"vni": 1, "port": 8472}), VXLAN, "ok"),
    ("port_vxlan_conflict", OWN_VXLAN, VXLAN, "ok"),
    ("port_vxlan_conflict", port("udp/4789", "openvswitch"), VXLAN, "fail"),
    ("port_vxlan_conflict", port("udp/4789", "the kernel"), VXLAN, "ok"),
    ("port_vxlan_conflict", port("udp/4789", None), VXLAN, "fail"),
    ("port_vxlan_conflict", holding("udp/4789", None, OWN_VXLAN), VXLAN, "ok"),
    ("port_vxlan_conflict", holding("udp/4789", "openvswitch", OWN_VXLAN), VXLAN, "fail"),
    (
        "port_vxlan_conflict",
        holding("udp/4789", None, with_link("flannel.1", "vxlan", {"vni": 1, "port": 8472})),
        VXLAN,
        "fail",
    ),
    ("port_typha", port("tcp/5473", "x"), {}, "fail"),
    ("port_typha", port("tcp/5473", "calico-typha"), {}, "ok"),
    ("port_typha", port("tcp/5473", "calico component typha"), {}, "ok"),
    ("port_typha", port("tcp/5473", "calico component felix"), {}, "fail"),
    ("port_typha", port("tcp/5473", "x"), {"typha": False}, "not_applicable"),
    ("port_wireguard", port("udp/51820", "the kernel"), WG, "fail"),
    ("port_wireguard", port("udp/51820", None), WG, "fail"),
    ("port_wireguard", holding("udp/51820", "the kernel", with_link("wireguard.cali", "wireguard")), WG, "ok"),
    ("port_wireguard", holding("udp/51820", None, with_link("wireguard.cali", "wireguard")), WG, "ok"),
    ("port_wireguard", holding("udp/51820", "x", with_link("wireguard.cali", "wireguard")), WG, "fail"),
    ("port_wireguard", port("udp/51821", "x"), WG, "ok"),
    ("port_wireguard", port("udp/51821", "x"), {**WG, **V6}, "fail"),
    ("apiserver_reachable", knowing(healthy(), apiserver="Connection refused"), {"apiserver": "h:6443"}, "warn"),
    ("apiserver_reachable", knowing(healthy(), apiserver="timed out"), {"apiserver": "h:6443", **BPF}, "fail"),
    ("selinux_mode", but("security", selinux_containers=False), {}, "warn"),
    ("selinux_mode", but("security", denials=["type=AVC avc:  denied calico"]), {}, "fail"),
    ("selinux_mode", but("security", denials=[denied(1700000000 - 86400)]), {}, "fail"),
    ("selinux_mode", but("security", denials=[denied(1700000000 - 8 * 86400)]), {}, "ok"),
    ("selinux_mode", but("security", denials=[denied(1700000000 - 86400)], booted=1700000000 - 3600), {}, "ok"),
    ("selinux_mode", but("security", denials=[denied(1500000000), denied(1700000000 - 60)]), {}, "fail"),
    ("apparmor_lockdown", but("security", lockdown="confidentiality"), BPF, "warn"),
    ("fapolicyd_active", but("security", fapolicyd=True), {}, "warn"),
    ("unprivileged_bpf_ro", sysctl(kernel__unprivileged_bpf_disabled="0"), BPF, "warn"),
    ("btf_present", knowing(healthy(), btf=None), BPF, "fail"),
    ("btf_present", knowing(healthy(), btf="eb9f"), BPF, "ok"),
    ("bpf_known_bad_kernel", knowing(healthy(), kernel_release="6.17.5-300.fc43.x86_64"), BPF, "warn"),
    ("bpf_known_bad_kernel", knowing(healthy(), kernel_release="6.17.50-1"), BPF, "ok"),
    ("tc_clsact", answering(healthy(), "tc.", errno=errno.ENOENT, text="clsact"), BPF, "fail"),
    ("bpf_jit", sysctl(net__core__bpf_jit_enable="0"), BPF, "warn"),
    ("endianness_arch", knowing(healthy(), architecture="riscv64"), {}, "fail"),
    ("endianness_arch", knowing(but("machine", byte_order="big"), architecture="s390x"), {}, "ok"),
    ("endianness_arch", knowing(but("machine", byte_order="big"), architecture="s390x"), BPF, "fail"),
    ("endianness_arch", knowing(healthy(), architecture="ppc64le"), BPF, "fail"),
    ("page_size", but("machine", page_size=65536), {}, "warn"),
    ("page_size", but("machine", page_size=16384), {}, "ok"),
    ("cpu_level", but("machine", flags=["cx16", "lahf_lm", "ssse3"]), {}, "fail"),
    ("cpu_level", knowing(but("machine", flags=[]), architecture="aarch64"), {}, "ok"),
    ("raspi_cgroup_memory", but("cgroups", memory=False), {}, "fail"),
    ("raspi_cgroup_memory", but("cgroups", memory=None), {}, "warn"),
    ("running_vs_installed_kernel", knowing(healthy(), installed_kernels=["6.12.0-66.el10.x86_64"]), {}, "fail"),
    (
        "running_vs_installed_kernel",
        knowing(healthy(), installed_kernels=["6.12.0-55.el10.x86_64", "6.12.0-100.el10.x86_64"]),
        {},
        "warn",
    ),
    (
        "running_vs_installed_kernel",
        knowing(healthy(), installed_kernels=["6.12.0-55.el10.x86_64", "6.12.0-9.el10.x86_64"]),
        {},
        "ok",
    ),
    (
        "lib_modules_mountable",
        with_modules(knowing(healthy(), installed_kernels=[]), "loaded", "ip_set", tree=False),
        {},
        "warn",
    ),
    ("lib_modules_mountable", knowing(healthy(), installed_kernels=[]), {}, "ok"),
    (
        "module_blacklist",
        with_modules(healthy(), "blocked", "ip_set", blocked={"ip_set": "/etc/modprobe.d/x.conf"}),
        {},
        "fail",
    ),
    ("secureboot_unsigned", knowing(but("security", lockdown="integrity"), kernel_release="5.4.0-1"), WG, "warn"),
    ("secureboot_unsigned", but("security", lockdown="integrity"), WG, "ok"),
    (
        "kube_ipvs_match",
        answering(
            answering(with_link("kube-ipvs0", "dummy"), "compat.ipvs", errno=errno.ENOENT), "legacy.ipvs", errno=2
        ),
        {},
        "warn",
    ),
    ("kube_ipvs_match", answering(answering(healthy(), "compat.ipvs", errno=2), "legacy.ipvs", errno=2), {}, "ok"),
    ("strictarp_and_ipvs_bind", with_link("kube-ipvs0", "dummy", address="10.0.0.77"), {}, "warn"),
    ("strictarp_and_ipvs_bind", with_link("kube-ipvs0", "dummy", address="10.96.0.1"), {}, "ok"),
    (
        "mark_mask_clash",
        knowing(healthy(), rules=[rule(5210, 52, mark=0x80000, mask=0xFF0000)]),
        {},
        "warn",
    ),
    (
        "mark_mask_clash",
        knowing(healthy(), rules=[rule(9, 2004, mark=0x200, mask=0xF00)]),
        {},
        "ok",
    ),
    ("rules_before_pods", recorded("nm_cloud_setup"), {}, "fail"),
    ("rules_before_pods", recorded("tailscale"), {}, "ok"),
    ("route_tables_range", routed(route("100.64.0.0/10", table=1)), WG, "warn"),
    ("route_tables_range", routed(route("100.64.0.0/10", table=52)), WG, "ok"),
    ("route_tables_range", routed(route("10.1.0.0/26", table=1, protocol=80)), WG, "ok"),
    ("route_tables_range", routed(route("100.64.0.0/10", table=52)), {}, "not_applicable"),
    ("leftover_cni_links", with_link("flannel.1", "vxlan", {"vni": 1, "port": 8472}), {}, "warn"),
    ("leftover_cni_rules", left("weave"), {}, "warn"),
    ("leftover_cni_rules", left("flannel"), {}, "fail"),
    ("leftover_cni_rules", left("docker"), {}, "ok"),
    ("leftover_calico_state", with_link("cali0123", "veth"), {}, "warn"),
    ("leftover_calico_state", with_link("tunl0", "ipip"), {}, "ok"),
    ("leftover_calico_state", with_link("tunl0", "ipip", address="192.168.1.1"), {}, "warn"),
    ("leftover_calico_state", left("calico"), {}, "warn"),
    ("leftover_calico_state", knowing(with_link("cali0123", "veth"), cni_configuration=AT_HOME), {}, "ok"),
    ("pool_overlap_host_cidr", healthy(), POOL, "fail"),
    ("pool_overlap_host_cidr", healthy(), {"pod_cidrs": ["192.168.0.0/16"]}, "ok"),
    ("pool_overlap_host_cidr", routed(route("172.17.0.0/16", link=9)), {"service_cidrs": ["172.16.0.0/12"]}, "fail"),
    ("pool_overlap_host_cidr", routed(route("192.168.7.0/26", protocol=12)), {"pod_cidrs": ["192.168.0.0/16"]}, "ok"),
    ("default_route_present", knowing(healthy(), routes=[route("10.0.0.0/24")]), {}, "fail"),
    ("default_route_present", knowing(healthy(), routes=[]), {"ip_autodetection": "can-reach=192.0.2.1"}, "fail"),
    ("dns_resolv", knowing(healthy(), names={"servers": [], "resolved": False}), {}, "warn"),
    ("dns_resolv", knowing(healthy(), names={"servers": ["127.0.0.53"], "resolved": True}), {}, "ok"),
    ("dns_resolv", knowing(healthy(), names={"servers": ["127.0.0.1"], "resolved": False}), {}, "warn"),
    ("cri_socket_alive", knowing(healthy(), runtime_sockets={"/run/crio/crio.sock": "Connection refused"}), {}, "fail"),
    ("cri_socket_alive", knowing(healthy(), runtime_sockets={}), {}, "fail"),
    ("cri_socket_alive", knowing(other_ip(installed=False), runtime_sockets={}), {}, "ok"),
    ("containerd_cni_paths", healthy(), {"cni_bin_dir": "/opt/other/bin"}, "fail"),
    ("containerd_cni_paths", healthy(), {"cni_conf_dir": "/etc/other"}, "fail"),
    ("kubelet_alive_and_ip", other_ip(node_ip="10.9.9.9"), {}, "fail"),
    ("kubelet_alive_and_ip", other_ip(node_ip="fd00::5"), {}, "ok"),
    ("kubelet_alive_and_ip", other_ip(node_ip="10.0.0.5,fd00::9"), {}, "ok"),
    ("kubelet_alive_and_ip", other_ip(node_ip="10.0.0.5,fd00::9"), V6, "fail"),
    ("kubelet_alive_and_ip", other_ip(node_ip="10.9.9.9"), {"ip_autodetection": "kubernetes-internal-ip"}, "ok"),
    ("kubelet_alive_and_ip", knowing(healthy(), listeners={}), {}, "warn"),
    ("mount_propagation_shared", on_path("/sys/fs", at="/sys", shared=False), {}, "fail"),
    ("mount_propagation_shared", on_path("/sys/fs", at="/sys", shared=False), {"calico_version": "3.31"}, "fail"),
    ("mount_propagation_shared", on_path("/sys/fs", at="/sys", shared=False), {"calico_version": "3.30"}, "ok"),
    (
        "mount_propagation_shared",
        on_path("/sys/fs", at="/sys", shared=False),
        {**BPF, "calico_version": "3.30"},
        "fail",
    ),
    ("mount_propagation_shared", on_path("/var/run/calico", at="/run", shared=False), NFT, "fail"),
    ("mount_propagation_shared", on_path("/var/lib/kubelet", at="/var", shared=False), {}, "warn"),
    ("mount_propagation_shared", on_path("/var/lib/calico", at="/var", shared=False), {}, "ok"),
    ("pod_volumes", at_path("/var/run/nodeagent", kind="file"), {}, "fail"),
    ("pod_volumes", at_path("/sys/fs/bpf", kind=None), {}, "fail"),
    ("pod_volumes", at_path("/sys/fs/bpf", kind=None), {"calico_version": "3.30"}, "ok"),
    ("pod_volumes", at_path("/sys/kernel/security", kind=None, type="sysfs"), {}, "fail"),
    ("pod_volumes", at_path("/sys/kernel/security", kind=None, type="sysfs"), {"calico_version": "3.32"}, "ok"),
    ("pod_volumes", at_path("/var/run/nodeagent", kind=None), {}, "ok"),
    ("pod_volumes", at_path("/lib/modules", kind=None, read_only=True), {}, "fail"),
    ("pod_volumes", at_path("/lib/modules", kind="file"), {}, "ok"),
    ("pod_volumes", at_path("/var/lib/kubelet", kind=None), {"calico_version": "3.32"}, "warn"),
    ("pod_volumes", knowing(at_path("/var/lib/kubelet", kind=None), listeners={}), {}, "ok"),
    ("pod_volumes", at_path("/var/lib/kubelet/plugins_registry", kind=None), {}, "ok"),
    ("pod_volumes", at_path("/var/lib/kubelet/plugins_registry", kind="file"), {}, "warn"),
    ("bpffs_mounted", but("bpffs", directory=False, mounted=False), {"calico_version": "3.30"}, "ok"),
    ("bpffs_mounted", but("bpffs", directory=False, mounted=False), {"calico_version": "3.31"}, "fail"),
    ("time_sync", knowing(healthy(), clock_synchronized=False), {}, "warn"),
    ("time_sync", knowing(healthy(), clock_synchronized=False), {"controller_clock": 1699999998.0}, "ok"),
    ("time_sync", healthy(), {"controller_clock": 1700000031.0}, "fail"),
    ("time_sync", healthy(), {"controller_clock": 1699999900.0}, "ok"),
    ("time_sync", healthy(), {"controller_clock": 1699990000.0}, "fail"),
    ("clock_before_cert", knowing(healthy(), clock=1500000000.0), {}, "fail"),
    ("clock_before_cert", knowing(healthy(), clock=1900000001.0), {}, "fail"),
    ("disk_space", disk("/var/lib", free=GIB // 2), {}, "fail"),
    ("disk_space", disk("/var/log", files_left=0), {}, "fail"),
    ("disk_space", disk("/var/lib", files_left=None), {}, "ok"),
    ("disk_space", disk("/opt", free=5 * GIB), {}, "ok"),
    ("disk_space", disk("/opt", free=5 * GIB), NFT, "warn"),
    ("memory_cpu", but("machine", processors=1, memory=GIB), {}, "ok"),
    ("memory_cpu", but("machine", processors=1, memory=GIB), NFT, "warn"),
    ("memory_cpu", but("machine", memory=GIB // 2), {}, "warn"),
    ("pid_fd_limits", sysctl(fs__inotify__max_user_instances="64"), {}, "warn"),
    ("dmesg_conntrack_full", knowing(healthy(), complaints=["nf_conntrack: table full, dropping packet"]), {}, "warn"),
    ("dmesg_conntrack_full", knowing(healthy(), complaints=["[9990000.123456] nf_conntrack: table full"]), {}, "warn"),
    ("dmesg_conntrack_full", knowing(healthy(), complaints=["[    7.123456] nf_conntrack: table full"]), {}, "ok"),
    (
        "dmesg_conntrack_full",
        knowing(but("machine", uptime=None), complaints=["[    7.123456] nf_conntrack: table full"]),
        {},
        "warn",
    ),
    ("firewalld_active", knowing(healthy(), firewalld_active=True), {}, "fail"),
    (
        "firewalld_active",
        knowing(healthy(), firewalld_active=True, firewalld_trusted={"default": True, "interfaces": [], "sources": []}),
        {},
        "warn",
    ),
    ("gc_thresh_neighbour", knowing(healthy(), neighbours=900), {}, "warn"),
    (
        "proc_sys_writable",
        knowing(
            healthy(), mounts=[*healthy()["mounts"]["value"], {"at": "/proc/sys", "read_only": True, "shared": False}]
        ),
        {},
        "fail",
    ),
    (
        "proc_sys_writable",
        knowing(
            healthy(),
            mounts=[*healthy()["mounts"]["value"], {"at": "/proc/sys/kernel", "read_only": True, "shared": False}],
        ),
        {},
        "ok",
    ),
    ("nested_container_host", knowing(healthy(), container="lxc"), {}, "warn"),
    ("capabilities_root", knowing(healthy(), capabilities=["CAP_NET_RAW"]), {}, "skipped"),
    ("netns_unshare", healthy() | {"namespace": {"errno": errno.ENOSPC, "text": ""}}, {}, "fail"),
    ("netns_unshare", sysctl(user__max_net_namespaces="0"), {}, "fail"),
    ("netlink_strict", answering(healthy(), "netlink.", errno=errno.ENOPROTOOPT), {}, "ok"),
    ("netlink_strict", answering(healthy(), "netlink.", errno=errno.EINVAL), {}, "warn"),
    ("kernel_cfg_required", knowing(healthy(), namespaces=["ipc", "mnt", "pid", "uts"]), {}, "fail"),
    (
        "cri_nft_flowtable",
        answering(healthy(), "nft.flowtable", errno=errno.ENOENT),
        {**NFT, "flow_offload": True},
        "warn",
    ),
    ("nflog_target", answering(healthy(), "nft.nflog", errno=errno.ENOENT), {**NFT, "flow_logs": True}, "fail"),
    ("bpf_data_interfaces", called("team0"), BPF, "fail"),
    ("bpf_data_interfaces", called("br0", port="eth1"), BPF, "warn"),
    ("bpf_data_interfaces", called("br0", port="enc600"), BPF, "fail"),
    ("bpf_data_interfaces", called("enc600"), BPF, "fail"),
    ("bpf_data_interfaces", called("bond0"), BPF, "ok"),
    ("bpf_data_interfaces", called("eth0.100"), BPF, "ok"),
    ("bpf_data_interfaces", called("team0"), {**BPF, "bpf_data_interface_pattern": "eam"}, "ok"),
    ("bpf_data_interfaces", called("team0"), {**BPF, "ip_autodetection": "kubernetes-internal-ip"}, "fail"),
    ("vlan_or_bond_uplink", uplink("vlan"), BPF, "warn"),
    ("vlan_or_bond_uplink", uplink("bond"), BPF, "ok"),
    (
        "wifi_uplink",
        knowing(healthy(), cards=[{"name": "eth0", "driver": "brcmfmac", "features": {}, "wireless": True}]),
        {},
        "warn",
    ),
    ("tx_checksum_udp_ct", sysctl(net__netfilter__nf_conntrack_acct=None), {}, "warn"),
    ("ssh_port_failsafe", knowing(healthy(), ssh_ports=[22, 2222]), {"host_endpoints": True}, "warn"),
]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the world as facts: what their kernels, files and links were seen, or are known, to answer."""

from __future__ import annotations

import errno
import json
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.checks.filesystem import directories_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.checks.modules import NAMES
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.checks.pods import paths_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.catalogue import find
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Want
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.versions import DOCUMENTED

RawFacts = dict[str, dict[str, Any]]


def want(**settings: Any) -> Want:
    """Calico as tigera-operator installs it by default, with these settings changed."""
    default = Want(
        dataplane="iptables",
        encapsulation="ipip",
        bgp=True,
        ipv6=False,
        wireguard=False,
        ip_autodetection="first-found",
        cni_bin_dir="/opt/cni/bin",
        cni_conf_dir="/etc/cni/net.d",
        allow_module_load=False,
    )
    return default._replace(**settings)


# Together they make every check apply.
WANTS = [
    want(
        dataplane=dataplane,
        encapsulation=encapsulation,
        ipv6=True,
        wireguard=True,
        sctp=True,
        host_endpoints=True,
        flow_offload=True,
        flow_logs=True,
        pod_cidrs=["192.168.0.0/16", "fd42::/48"],
        service_cidrs=["10.96.0.0/12"],
        apiserver="192.0.2.1:6443",
    )
    for dataplane in ("iptables", "nftables", "bpf")
    for encapsulation in ("ipip", "vxlan")
]


def every_probe() -> list[str]:
    return sorted({probe for check in CATALOGUE for one in WANTS for probe in check.probes(one)})


ROOMY = {"path": "/", "read_only": False, "no_exec": False, "free": 40 * 1024**3, "files_left": 10**6}


ALL_VERSIONS = [want(dataplane="bpf", calico_version=version) for version in sorted(DOCUMENTED)]


def path(where: str, kind: str | None = "directory", **mount: Any) -> dict[str, Any]:
    """What a host says of a path that pods mount: by default a directory on a shared mount."""
    held = {"at": "/", "shared": True, "read_only": False, "type": "ext4", **mount}
    above = where if kind else where.rpartition("/")[0] or "/"
    return {"kind": kind, "above": above, "above_kind": kind or "directory", "mount": held}


def paths() -> dict[str, dict[str, Any]]:
    """Those of every version, as they are on a node that has had Calico."""
    found = {at: path(at) for one in (*WANTS, *ALL_VERSIONS) for at in paths_of(one)}
    return {**found, "/run/xtables.lock": path("/run/xtables.lock", kind="file")}


def route(
    to: str, link: int = 2, table: int = 254, protocol: int = 3, ipv6: bool = False, **more: Any
) -> dict[str, Any]:
    known = {"ipv6": ipv6, "to": to, "link": link, "table": table, "protocol": protocol, "unicast": True}
    return {**known, "from": None, "hops": [], "metric": 0, "dead": False, **more}


def rule(priority: int, table: int = 254, **more: Any) -> dict[str, Any]:
    """A rule of IPv4 that looks into a table for every packet."""
    found = {"ipv6": False, "priority": priority, "from": None, "to": None, "iif": None, "oif": None, "mark": 0}
    return {
        **found,
        "mask": 0,
        "table": table,
        "action": "lookup",
        "invert": False,
        "suppress": None,
        "narrow": False,
        **more,
    }


def asks_for_a_module(probe: str) -> bool:
    return bool(find(probe).requests)


def healthy() -> RawFacts:
    """A distribution's current kernel on which everything needed is loaded."""
    found: dict[str, Any] = {
        "euid": 0,
        "hostname": "node-1",
        "fqdn": "node-1.example.org",
        "kernel_release": "6.12.0-55.el10.x86_64",
        "architecture": "x86_64",
        "os_release": {"ID": "rocky", "ID_LIKE": "rhel centos fedora", "VERSION_ID": "10.0"},
        "kernel_options": {},
        "machine_id": "0123456789abcdef0123456789abcdef",
        "system_uuid": "11111111-2222-3333-4444-555555555555",
        "boot_id": "66666666-7777-8888-9999-000000000000",
        "nodename_file": None,
        "firewalld_active": False,
        "firewalld_trusted": {"default": False, "interfaces": [], "sources": []},
        "cni_configuration": [],
        "file_systems": dict.fromkeys(directories_of(want()), ROOMY),
        "paths": paths(),
        "lock_is_directory": False,
        "firewalls": dict.fromkeys(("ufw", "csf", "shorewall", "nftables.service", "flushes"), False),
        "networkd": {"running": False, "keeps_off": []},
        "btf": "9feb",
        "namespaces": ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"],
        "namespace": "network",
        "mounts": [
            {"at": "/", "read_only": False, "shared": True},
            {"at": "/proc", "read_only": False, "shared": True},
        ],
        "machine": {
            "processors": 4,
            "memory": 8 * 1024**3,
            "page_size": 4096,
            "byte_order": "little",
            "flags": ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"],
            "uptime": 10000000.0,
        },
        "clock": 1700000000.0,
        "clock_synchronized": True,
        "complaints": [],
        "neighbours": 12,
        "security": {
            "selinux_enforcing": True,
            "selinux_containers": True,
            "denials": [],
            "lockdown": "none",
            "fapolicyd": False,
            "booted": 1690000000,
        },
        "capabilities": ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_SYS_MODULE"],
        "container": None,
        "sysctls": {
            "fs.file-max": "9223372036854775807",
            "fs.inotify.max_user_instances": "128",
            "kernel.pid_max": "4194304",
            "kernel.unprivileged_bpf_disabled": "2",
            "net.bridge.bridge-nf-call-iptables": None,
            "net.core.bpf_jit_enable": "1",
            "net.ipv4.conf.all.arp_ignore": "0",
            "net.ipv4.conf.all.rp_filter": "0",
            "net.ipv4.ip_forward": "1",
            "net.ipv4.neigh.default.gc_thresh3": "1024",
            "net.ipv6.conf.all.disable_ipv6": "0",
            "net.ipv6.conf.all.forwarding": "1",
            "net.ipv6.conf.default.disable_ipv6": "0",
            "net.netfilter.nf_conntrack_acct": "0",
            "net.netfilter.nf_conntrack_count": "210",
            "net.netfilter.nf_conntrack_max": "262144",
            "net/ipv4/conf/eth0/forwarding": "1",
            "net/ipv4/conf/eth0/rp_filter": "1",
            "net/ipv6/conf/eth0/forwarding": "1",
            "net/ipv6/conf/eth0/accept_ra": "1",
            "user.max_net_namespaces": "63434",
        },
        "sysctl_files": {"net.ipv4.ip_forward": ["1", "/etc/sysctl.d/k8s.conf"]},
        "runtime_sockets": {"/run/containerd/containerd.sock": None},
        "runtime_cni": [
            {"file": "/etc/containerd/config.toml", "bin_dirs": ["/opt/cni/bin"], "conf_dir": "/etc/cni/net.d"}
        ],
        "kubelet": {"installed": True, "node_ip": "10.0.0.5"},
        "certificates": [{"file": "/etc/kubernetes/pki/ca.crt", "from": 1600000000, "until": 1900000000}],
        "localhost": ["127.0.0.1", "::1"],
        "xtables_lock": None,
        "names": {"servers": ["10.0.0.2"], "resolved": False},
        "ssh_ports": [22],
        "routes": [route("0.0.0.0/0"), route("10.0.0.0/24"), route("::/0", ipv6=True)],
        "rules": [rule(0, 255), rule(32766), rule(32767, 253)],
        "installed_kernels": ["6.12.0-55.el10.x86_64"],
        "apiserver": None,
        "bpffs": {"directory": True, "supported": True, "mounted": True},
        "same_mounts_as_init": True,
        "modules": {
            "loadable": True,
            "tree": True,
            "none_to_load": False,
            "disabled": False,
            "modprobe": "/sbin/modprobe",
            "would_load": {},
            "states": dict.fromkeys(NAMES, "loaded"),
            "blocked": {},
        },
        "links": [
            {
                "index": 1,
                "name": "lo",
                "kind": None,
                "vxlan": None,
                "mtu": 65536,
                "mac": "00:00:00:00:00:00",
                "up": True,
                "running": True,
                "master": None,
            },
            {
                "index": 2,
                "name": "eth0",
                "kind": None,
                "vxlan": None,
                "mtu": 1500,
                "mac": "02:00:00:00:00:05",
                "up": True,
                "running": True,
                "master": None,
            },
        ],
        "addresses": [
            {"index": 1, "address": "127.0.0.1", "prefix": 8, "ipv6": False, "global": False, "marks": []},
            {"index": 2, "address": "10.0.0.5", "prefix": 24, "ipv6": False, "global": True, "marks": []},
            {"index": 2, "address": "fd00::5", "prefix": 64, "ipv6": True, "global": True, "marks": []},
            {"index": 2, "address": "fe80::5", "prefix": 64, "ipv6": True, "global": False, "marks": []},
        ],
        "ipv6": True,
        "listeners": {"tcp/10248": [{"address": "127.0.0.1", "program": "kubelet"}]},
        "cards": [
            {"name": "eth0", "driver": "virtio_net", "features": {"tx-checksum-ip-generic": True}, "wireless": False}
        ],
        "networkmanager": {"running": False, "unmanaged": [], "sections": [], "managed_cali": []},
        "cgroups": {"v1": False, "v2": True, "supported": True, "memory": True},
        "platform": {"sys_vendor": "QEMU", "product_name": "Standard PC", "chassis_asset_tag": None, "model": None},
    }
    # As from a host: through JSON, nothing shared.
    facts: RawFacts = {name: {"value": json.loads(json.dumps(value))} for name, value in found.items()}
    facts.update({probe: {"value": [] if find(probe).on_the_host else None} for probe in every_probe()})
    return facts


def knowing(facts: RawFacts, **values: Any) -> RawFacts:
    """The facts with some values replaced. Another kernel comes with its modules."""
    if "kernel_release" in values:
        values = {"installed_kernels": [values["kernel_release"]], **values}
    return {**facts, **{name: {"value": value} for name, value in values.items()}}


def answering(facts: RawFacts, prefix: str, **answer: Any) -> RawFacts:
    """The facts with this answer to every probe whose name begins so."""
    return {**facts, **{name: dict(answer) for name in facts if name.startswith(prefix) and name in every_probe()}}


def with_modules(facts: RawFacts, state: str, *names: str, **survey: Any) -> RawFacts:
    """The facts with modules in another state; what needs one that can be loaded is not exercised."""
    known = facts["modules"]["value"]
    modules = {**known, **survey, "states": {**known["states"], **dict.fromkeys(names, state)}}
    return knowing(facts, modules=modules)


def rhel10_without_extra_modules() -> RawFacts:
    """kernel-modules-extra is not installed: no ip_set, so every message to its subsystem is answered EINVAL."""
    names = ("ip_set", "ip_set_hash_net", "ip_set_hash_ip", "xt_set")
    facts = with_modules(healthy(), "absent", *names)
    facts = answering(facts, "ipset.", errno=errno.EINVAL, text="protocol")
    return answering(facts, "compat.set.", errno=errno.ENOENT, text="match set") | {
        "legacy.set.inet": {"errno": errno.ENOENT, "text": "match set"},
    }


def jetson_without_ip_set() -> RawFacts:
    """NVIDIA's kernel with modules, its configuration at hand, and no ip_set in it."""
    return knowing(
        rhel10_without_extra_modules(),
        kernel_release="5.15.148-tegra",
        os_release={"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_ID": "22.04"},
        kernel_options={"CONFIG_IP_SET": "n"},
    )


def raspberry_pi_without_vxlan() -> RawFacts:
    """Ubuntu from 21.10 to 23.10 on a Pi has vxlan in a package of its own."""
    facts = with_modules(healthy(), "absent", "vxlan")
    facts = answering(facts, "link.vxlan", errno=errno.EOPNOTSUPP, text="create vxlan: Unknown device type")
    return knowing(
        facts,
        kernel_release="5.15.0-1061-raspi",
        architecture="aarch64",
        os_release={"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_ID": "22.04"},
    )


def netfilter_refused_by_seccomp() -> RawFacts:
    """socket(AF_NETLINK, ..., NETLINK_NETFILTER) is answered EPROTONOSUPPORT; getsockopt and rtnetlink work."""
    facts = healthy()
    for prefix in ("netfilter.", "ipset.", "nft.", "compat.", "conntrack.", "host.nft", "host.ipset"):
        facts = answering(facts, prefix, errno=errno.EPROTONOSUPPORT, text="")
    return facts


def unprivileged() -> RawFacts:
    """No root, and user namespaces without capabilities: the kernel refuses everything."""
    facts = knowing(healthy(), euid=1000)
    for name in every_probe():
        facts[name] = {"errno": errno.EPERM, "text": "create"}
    return facts


def freshly_installed() -> RawFacts:
    """Everything is on disk and nothing is loaded: no probe is made."""
    own = {"netfilter": "nfnetlink", "ipset": "ip_set", "nft": "nf_tables", "conntrack": "nf_conntrack_netlink"}
    pending = {}
    for probe in filter(asks_for_a_module, every_probe()):
        area, _dot, subject = probe.partition(".")
        pending[probe] = [subject if area == "link" else own.get(subject if area == "host" else area, "x_tables")]
    names = {name for modules in pending.values() for name in modules}
    facts = with_modules(healthy(), "loadable", *NAMES, *names, would_load=pending)
    return facts | {probe: {"unexercised": modules} for probe, modules in pending.items()}


def blocked_by_a_hardening_guide(name: str) -> RawFacts:
    """Nothing is loaded, and a drop-in of a hardening guide keeps one module from ever being."""
    return with_modules(freshly_installed(), "blocked", name, blocked={name: "/etc/modprobe.d/hardening.conf"})


def enterprise_linux_8() -> RawFacts:
    return knowing(
        healthy(), kernel_release="4.18.0-553.el8_10.x86_64", os_release={"ID": "rhel", "VERSION_ID": "8.10"}
    )


def mainframe() -> RawFacts:
    """Big-endian, with BTF in its own order; Calico has images for it, and no bpf."""
    facts = knowing(healthy(), architecture="s390x", kernel_release="5.14.0-570.el9.s390x", btf="eb9f")
    return knowing(facts, machine={**facts["machine"]["value"], "byte_order": "big", "flags": []})


def riscv_board() -> RawFacts:
    facts = knowing(healthy(), architecture="riscv64", kernel_release="6.6.0-odroid")
    return knowing(facts, machine={**facts["machine"]["value"], "flags": []})


def raspberry_pi_os() -> RawFacts:
    """Debian's own system for the board: the kernel does not account memory until it is told to, and there is no DMI."""
    facts = knowing(
        healthy(),
        architecture="aarch64",
        kernel_release="6.12.25+rpt-rpi-2712",
        os_release={"ID": "debian", "VERSION_ID": "12"},
        platform={
            "sys_vendor": None,
            "product_name": None,
            "chassis_asset_tag": None,
            "model": "Raspberry Pi 5 Model B",
        },
        cgroups={"v1": False, "v2": True, "supported": True, "memory": False},
    )
    return knowing(facts, machine={**facts["machine"]["value"], "page_size": 16384, "flags": []})

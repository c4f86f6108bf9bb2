# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Kernels that lack something, or may not load it."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.versions import flavour

from tests.lab.hosts import HostSpec, Refusal

from .declared import BPF, IPTABLES, IPV6, KUBELET_RUNS, KUBELETS, LOGGED, NFTABLES, OFFLOADED, TUNNELS, Faulty
from .modular import OLD, OLD_RELEASE, RELEASE, modular


def _forbidden(name: str, module: str, check: str, settings: str = IPTABLES, named: bool = True, **more: Any) -> Faulty:
    """A hardened host; the module is one of those that Calico needs by name, or only a feature of it is."""
    told = {check: "fail", **({"module_blacklist": "fail"} if named else {})}
    return Faulty(modular(name, forbidden=[module], **more), told, settings, beside="modular")


# What a kernel without ip_tables says of IPT_SO_GET_REVISION_MATCH.
WITHOUT_LEGACY = Refusal("getsockopt", "ENOPROTOOPT", {1: 0, 2: 66})

KERNELS = [
    Faulty(HostSpec("no-bpf", refused=[Refusal("bpf", "ENOSYS")]), {"bpf_supported": "fail"}, BPF),
    Faulty(HostSpec("lax", refused=[Refusal("setsockopt", "EINVAL", {1: 270, 2: 12})]), {"netlink_strict": "warn"}),
    Faulty(
        HostSpec("nft-only", refused=[WITHOUT_LEGACY]),
        {"legacy_iptables_absent": "warn"},
    ),
    Faulty(
        HostSpec("nft-only-node", files=KUBELETS, refused=[WITHOUT_LEGACY], listeners=KUBELET_RUNS),
        {"legacy_iptables_absent": "fail"},
        beside="nft-only-hinted",
    ),
    Faulty(
        HostSpec("no-cgroups", shown={"/proc/filesystems": "nodev\tbpf\n"}, commands=["umount -R /sys/fs/cgroup"]),
        {"kernel_cfg_required": "fail", "cgroup2_available": "fail"},
        BPF,
    ),
    _forbidden("without-sets", "ip_set", "ipset_functional"),
    _forbidden("without-set-match", "xt_set", "xt_match_set"),
    _forbidden("without-conntrack-match", "xt_conntrack", "xt_required_extensions"),
    Faulty(
        modular("without-reject", forbidden=["ip6t_REJECT"], dual_stack=True),
        {"ip6_rpfilter_and_tables": "fail"},
        IPV6,
        beside="dual",
    ),
    _forbidden("without-ctnetlink", "nf_conntrack_netlink", "conntrack_netlink"),
    Faulty(
        modular("untracked", forbidden=["nf_conntrack_netlink"], absent=["/proc/sys/net/netfilter/nf_conntrack_max"]),
        {"conntrack_available": "fail", "conntrack_netlink": "fail", "module_blacklist": "fail"},
        beside="modular",
    ),
    Faulty(
        modular("without-nft", forbidden=["nf_tables"]),
        {"nft_functional": "fail", "module_blacklist": "fail"},
        NFTABLES,
        beside="modular",
    ),
    _forbidden("without-vxlan", "vxlan", "vxlan_link_create"),
    _forbidden("without-veth", "veth", "veth_create"),
    _forbidden("without-ipip", "ipip", "ipip_link_create", TUNNELS),
    _forbidden("without-wireguard", "wireguard", "wireguard_link_create", TUNNELS),
    _forbidden("without-clsact", "sch_ingress", "tc_clsact", BPF, named=False),
    Faulty(
        modular("without-flow-tables", forbidden=["nf_flow_table"]),
        {"cri_nft_flowtable": "warn"},
        OFFLOADED,
        beside="modular",
    ),
    Faulty(modular("without-logs", forbidden=["nfnetlink_log"]), {"nflog_target": "fail"}, LOGGED, beside="modular"),
    Faulty(modular("without-sctp", forbidden=["sctp"]), {"conntrack_sctp": "warn"}, NFTABLES, beside="modular"),
    Faulty(
        modular("half-installed", lost=["xt_set"]),
        {"module_package_missing": "fail", "xt_match_set": "fail"},
        beside="modular",
    ),
    Faulty(
        modular("sealed", shown={"/proc/sys/kernel/modules_disabled": "1\n"}),
        {"modules_in_container_loadable": "fail"},
        beside="modular",
    ),
    Faulty(modular("by-hand", modprobe=""), {"modules_in_container_loadable": "fail"}, beside="modular"),
    Faulty(
        modular("fedora", modprobe="/usr/bin/modprobe"), {"modules_in_container_loadable": "warn"}, beside="modular"
    ),
    Faulty(
        modular("to-be-rebooted", files={f"/usr/lib/modules/99.0.0{flavour(RELEASE)}/modules.dep": ""}),
        {"running_vs_installed_kernel": "warn"},
        beside="two-flavours",
    ),
    Faulty(
        # Nothing can be loaded there: the program that the kernel would call is gone with the modules.
        HostSpec(
            "bare",
            shown={"/proc/modules": "ext4 1110016 1 - Live 0x0\n", "/proc/sys/kernel/modprobe": "/sbin/gone\n"},
            absent=["/usr/lib/modules"],
        ),
        {"lib_modules_mountable": "warn"},
        beside="modular",
    ),
    Faulty(
        modular("ancient", release=OLD_RELEASE, personality=OLD),
        {"kernel_min": "fail", "nft_kernel_version": "warn"},
        NFTABLES,
        beside="modular",
    ),
    Faulty(
        modular(
            *("ancient-and-locked-down", ()),
            release=OLD_RELEASE,
            personality=OLD,
            shown={"/sys/kernel/security/lockdown": "none [integrity] confidentiality\n"},
        ),
        {"kernel_min": "fail", "secureboot_unsigned": "warn"},
        TUNNELS,
        beside="modular",
    ),
    Faulty(
        modular(
            *("raspberry", ["vxlan"]),
            release=OLD_RELEASE,
            personality=OLD,
            files={"/etc/os-release": "ID=ubuntu\n"},
            shown={"/proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4"},
        ),
        {
            "kernel_min": "fail",
            "module_blacklist": "fail",
            "raspi_extra_modules": "fail",
            "vxlan_link_create": "fail",
        },
        beside="modular",
    ),
    Faulty(HostSpec("kvm64", shown={"/proc/cpuinfo": "processor : 0\nflags : fpu sse2\n"}), {"cpu_level": "fail"}),
]

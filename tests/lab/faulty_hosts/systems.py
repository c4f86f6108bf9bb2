# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Faults of names, clocks, file systems, settings, machines, and of what a node runs beside Calico."""

from __future__ import annotations

from tests.lab.hosts import HostSpec

from .declared import BPF, BPF_3_30, IPV6, KUBELETS, NFTABLES, Faulty

_CERTIFICATE_OF_2021 = """-----BEGIN CERTIFICATE-----
MB4XDTIxMDEwMTAwMDAwMFoXDTIyMDEwMTAwMDAwMFo=
-----END CERTIFICATE-----
"""
"""The validity of one, and nothing else of it."""

# A tmpfs takes a limit that is not below what it holds.
FULL_RUN = "mount -o remount,size=$(($(df --output=used /run | tail -1) + 64))k /run"
LOCKED = "setsid flock /run/xtables.lock sleep 100000 </dev/null >/dev/null 2>&1 & sleep 0.2"
K3S = {"/var/lib/rancher/k3s/agent/kubelet.kubeconfig": ""}
# The kubelet is a part of it.
K3S_RUNS = {"tcp/10248": "k3s-server", "unix/run/k3s/containerd/containerd.sock": "containerd"}

NAMES_AND_TIME = [
    Faulty(HostSpec("behind", clock_offset=-3600), {"time_sync": "fail"}),
    Faulty(HostSpec("ahead", clock_offset=3600), {"time_sync": "fail"}),
    Faulty(
        HostSpec("expired", files={"/etc/kubernetes/pki/ca.crt": _CERTIFICATE_OF_2021}), {"clock_before_cert": "fail"}
    ),
    Faulty(HostSpec("shouting", hostname="Edge_1"), {"node_name_unique": "warn"}),
    Faulty(HostSpec("copied", files={"/var/lib/calico/nodename": "another"}), {"stale_nodename_file": "fail"}),
    Faulty(HostSpec("nameless", absent=["/etc/machine-id", "/var/lib/dbus/machine-id"]), {"machine_id_unique": "warn"}),
    Faulty(HostSpec("without-localhost", files={"/etc/hosts": "192.0.2.1 www\n"}), {"localhost_known": "fail"}),
    Faulty(HostSpec("unresolved", files={"/etc/resolv.conf": "search lab\n"}), {"dns_resolv": "warn"}),
    Faulty(HostSpec("own-resolver", files={"/etc/resolv.conf": "nameserver 127.0.0.1\n"}), {"dns_resolv": "warn"}),
]

FILE_SYSTEMS = [
    Faulty(HostSpec("cni-read-only", read_only=["/etc/cni"]), {"cni_conf_dir_writable": "fail"}),
    Faulty(HostSpec("opt-read-only", read_only=["/opt"]), {"cni_bin_dir_writable": "fail"}),
    Faulty(HostSpec("usr-read-only", read_only=["/usr/libexec"]), {"flexvol_path_writable": "fail"}),
    Faulty(HostSpec("state-read-only", read_only=["/var/lib/calico"]), {"var_lib_calico_writable": "fail"}),
    Faulty(HostSpec("lock-folder", commands=["mkdir /run/xtables.lock"]), {"var_lib_calico_writable": "fail"}),
    Faulty(HostSpec("run-full", commands=[FULL_RUN]), {"run_space": "fail"}),
    Faulty(HostSpec("locked", commands=[LOCKED]), {"xtables_lock_free": "warn"}),
    Faulty(HostSpec("full", full=["/var/lib/calico"]), {"disk_space": "fail"}),
    Faulty(HostSpec("private", commands=["mount --make-private /"]), {"mount_propagation_shared": "warn"}),
    Faulty(HostSpec("private-sys", commands=["mount --make-private /sys"]), {"mount_propagation_shared": "fail"}),
    Faulty(
        HostSpec("private-run", commands=["mount --make-private /run"]), {"mount_propagation_shared": "fail"}, NFTABLES
    ),
    Faulty(
        HostSpec("private-sys-bpf", commands=["mount --make-private /sys"]),
        {"mount_propagation_shared": "fail"},
        BPF_3_30,
    ),
    Faulty(HostSpec("in-the-way", files={"/run/nodeagent": ""}), {"pod_volumes": "fail"}),
    Faulty(HostSpec("settings-read-only", read_only=["/proc/sys"]), {"proc_sys_writable": "fail"}),
    Faulty(HostSpec("no-bpffs", commands=["umount /sys/fs/bpf"]), {"bpffs_mounted": "warn"}, BPF),
]

SETTINGS = [
    Faulty(
        HostSpec("hardened", files={"/etc/sysctl.d/99-cis.conf": "net.ipv4.ip_forward = 0\n"}), {"ip_forward": "fail"}
    ),
    Faulty(HostSpec("still", sysctls={"net.ipv4.ip_forward": "0"}), {"ip_forward": "warn"}),
    Faulty(
        HostSpec("taught", dual_stack=True, commands=["ip -6 route add default via fe80::1 dev eth0 proto ra"]),
        {"ipv6_forward": "warn"},
        IPV6,
        beside="dual",
    ),
    Faulty(
        HostSpec("without-ipv6", ipv6=False),
        {"ipv6_disabled": "fail"},
        IPV6,
        beside="plain",
    ),
    Faulty(HostSpec("few", shown={"/proc/sys/fs/inotify/max_user_instances": "64\n"}), {"pid_fd_limits": "warn"}),
    Faulty(HostSpec("few-pids", shown={"/proc/sys/kernel/pid_max": "4096\n"}), {"pid_fd_limits": "warn"}),
    Faulty(
        HostSpec("tracked", shown={"/proc/sys/net/netfilter/nf_conntrack_max": "16384\n"}),
        {"conntrack_capacity": "warn"},
    ),
    Faulty(HostSpec("uncounted", absent=["/proc/sys/net/netfilter/nf_conntrack_acct"]), {"tx_checksum_udp_ct": "warn"}),
    Faulty(
        HostSpec(
            "crowded",
            shown={"/proc/sys/net/ipv4/neigh/default/gc_thresh3": "4\n"},
            commands=[
                f"ip neigh add 198.18.0.{number} lladdr 02:00:00:00:00:01 dev eth0" for number in (251, 252, 253)
            ],
        ),
        {"gc_thresh_neighbour": "warn"},
    ),
    Faulty(HostSpec("one-namespace", shown={"/proc/sys/user/max_net_namespaces": "0\n"}), {"netns_unshare": "fail"}),
    Faulty(
        HostSpec("open-bpf", shown={"/proc/sys/kernel/unprivileged_bpf_disabled": "0\n"}),
        {"unprivileged_bpf_ro": "warn"},
        BPF,
    ),
    Faulty(HostSpec("interpreted", shown={"/proc/sys/net/core/bpf_jit_enable": "0\n"}), {"bpf_jit": "warn"}, BPF),
]

MACHINES = [
    Faulty(HostSpec("small", shown={"/proc/meminfo": "MemTotal:  500000 kB\n"}), {"memory_cpu": "warn"}),
    Faulty(HostSpec("i686", personality=["linux32"]), {"endianness_arch": "fail"}),
    Faulty(HostSpec("container", files={"/run/systemd/container": "lxc\n"}), {"nested_container_host": "warn"}),
    Faulty(HostSpec("fapolicyd", files={"/run/fapolicyd.pid": "1\n"}), {"fapolicyd_active": "warn"}),
    Faulty(HostSpec("enforcing", shown={"/sys/fs/selinux/enforce": "1"}), {"selinux_mode": "warn"}),
    Faulty(HostSpec("talos", files={"/etc/os-release": "ID=talos\n"}), {"immutable_os_cgroup_path": "warn"}, BPF),
    Faulty(
        HostSpec("locked-down", shown={"/sys/kernel/security/lockdown": "none integrity [confidentiality]\n"}),
        {"apparmor_lockdown": "warn"},
        BPF,
    ),
    Faulty(HostSpec("typeless", shown={"/sys/kernel/btf/vmlinux": "none"}), {"btf_present": "fail"}, BPF),
    Faulty(
        HostSpec("no-memory-cgroup", shown={"/proc/cgroups": "memory 0 1 0\n"}, absent=["/sys/fs/cgroup"]),
        {"raspi_cgroup_memory": "fail"},
    ),
]

NODES = [
    Faulty(HostSpec("dead-runtime", files={"/run/containerd/containerd.sock": ""}), {"cri_socket_alive": "fail"}),
    Faulty(
        HostSpec("k3s", files={"/etc/containerd/config.toml": 'bin_dir = "/var/lib/rancher/k3s/data/current/bin"\n'}),
        {"containerd_cni_paths": "fail"},
    ),
    Faulty(
        HostSpec("elsewhere", files={"/etc/default/kubelet": "KUBELET_EXTRA_ARGS=--node-ip=10.9.9.9\n"}),
        {"kubelet_alive_and_ip": "fail"},
    ),
    Faulty(
        HostSpec(
            "kubespray",
            files={"/etc/kubernetes/kubelet.env": 'KUBELET_ADDRESS="--node-ip=10.9.9.9"\n'},
            listeners={"unix/run/crio/crio.sock": "crio"},
        ),
        {"kubelet_alive_and_ip": "fail"},
    ),
    Faulty(
        HostSpec(
            "k3s-elsewhere",
            files={**K3S, **KUBELETS, "/etc/rancher/k3s/config.yaml": "node-ip: 10.9.9.9\n"},
            listeners=K3S_RUNS,
        ),
        {"kubelet_alive_and_ip": "fail"},
        beside="k3s-at-home",
    ),
    # What the kubelet was started with, whatever its files say now.
    Faulty(
        HostSpec(
            "started-elsewhere",
            files={"/var/lib/kubelet/config.yaml": ""},
            listeners={"unix/run/crio/crio.sock": "crio", "tcp/10248": "kubelet --node-ip=10.9.9.9"},
        ),
        {"kubelet_alive_and_ip": "fail"},
    ),
    Faulty(
        HostSpec(
            "dead-kubelet", files={"/var/lib/kubelet/config.yaml": ""}, listeners={"unix/run/crio/crio.sock": "crio"}
        ),
        {"kubelet_alive_and_ip": "warn"},
    ),
]

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the lab that are well: some as they come, some with what looks like a fault and is none, some as Calico has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.lab.hosts import HostSpec

from .declared import (
    BEFORE_3_30,
    BPF,
    BPF_3_30,
    BPF_IPV6,
    IPTABLES,
    IPV6,
    IPV6_ALONE,
    KUBELET_RUNS,
    KUBELETS,
    NFTABLES,
)
from .kernels import WITHOUT_LEGACY
from .modular import modular
from .networks import CLOUD_RULE, DOCKER, IPVS, MASQUERADING, NATIVE, NETWORKD_RUNS, NM_RUNS, PODS_FIRST, card
from .systems import K3S, K3S_RUNS

CALICO = '{"name": "k8s-pod-network", "plugins": [{"type": "calico"}, {"type": "bandwidth"}, {"type": "portmap"}]}\n'
_FILES = {
    "/etc/cni/net.d/10-calico.conflist": CALICO,
    "/etc/cni/net.d/calico-kubeconfig": "",
    "/etc/containerd/config.toml": 'bin_dir = "/opt/cni/bin"\nconf_dir = "/etc/cni/net.d"\n',
    "/etc/kubernetes/kubelet.conf": "",
    "/var/lib/calico/mtu": "1450",
    "/var/lib/kubelet/config.yaml": "",
    "/run/xtables.lock": "",
}
_PROGRAMS = {
    "unix/run/containerd/containerd.sock": "containerd",
    "tcp/10248": "kubelet",
    "tcp/9099": "calico-node",
    "tcp/9098": "calico-typha",
    "tcp/5473": "calico-typha",
    "tcp/179": "bird",
}
# Since Calico 3.33 Felix and Typha are parts of one program.
_ONE_PROGRAM = {
    **_PROGRAMS,
    "tcp/9099": "calico component felix",
    "tcp/9098": "calico component typha",
    "tcp/5473": "calico component typha",
}
_ADDRESS = "$(ip -brief -4 address show dev eth0 | awk '{print $3}' | cut -d/ -f1)"
# A pod, the tunnel to another node's pods, and this node's own block of addresses, as Felix (80) and BIRD (12) leave them.
_NETWORK = (
    f'echo "KUBELET_KUBEADM_ARGS=\\"--node-ip={_ADDRESS}\\"" > /var/lib/kubelet/kubeadm-flags.env',
    "hostname > /var/lib/calico/nodename",
    "ip link add cali0123456789a mtu 1450 type veth peer name pod0 && ip link set dev cali0123456789a up",
    "ip route add 10.244.3.7/32 dev cali0123456789a scope link proto 80",
    "ip route add blackhole 10.244.3.0/26 proto 80",
    f"ip link add vxlan.calico mtu 1450 type vxlan id 4096 dstport 4789 local {_ADDRESS} dev eth0 nolearning",
    "ip address add 10.244.3.0/32 dev vxlan.calico && ip link set dev vxlan.calico up",
    "ip route add 10.244.9.0/26 via 10.244.9.0 dev vxlan.calico onlink proto 80",
    "ip route add 10.244.12.0/26 dev eth0 proto bird",
)
_SETS = {
    "cali40this-host": "hash:ip",
    "cali40all-ipam-pools": "hash:net",
    "cali40s:RXaFGGUrnPMFq1UgEzn2Cg": "hash:net",
}
_BY_IPTABLES = """
table ip mangle {
  chain KUBE-IPTABLES-HINT { }
  chain KUBE-KUBELET-CANARY { }
  chain cali-PREROUTING { }
  chain PREROUTING {
    type filter hook prerouting priority -150; policy accept;
    counter jump cali-PREROUTING
  }
}
table ip nat {
  chain KUBE-SERVICES { }
  chain KUBE-SVC-NPX46M4PTMTKRN6Y { }
  chain cali-nat-outgoing { }
  chain POSTROUTING {
    type nat hook postrouting priority 100; policy accept;
    counter jump cali-nat-outgoing
  }
}
table ip filter {
  chain KUBE-FORWARD { }
  chain cali-FORWARD { }
  chain FORWARD {
    type filter hook forward priority 0; policy accept;
    counter jump cali-FORWARD
    counter jump KUBE-FORWARD
  }
}
"""
_BY_NFTABLES = """
table ip kube-proxy {
  chain services { }
}
table ip calico {
  set cali40s_RXaFGGUrnPMFq1UgEzn2Cg {
    type ipv4_addr
    flags interval
  }
  chain filter-FORWARD {
    type filter hook forward priority 0; policy accept;
    counter
  }
}
"""
_BY_BPF = """
table ip filter {
  chain cali-FORWARD { }
  chain FORWARD {
    type filter hook forward priority 0; policy accept;
    counter jump cali-FORWARD
  }
}
"""
_BPF_LINKS = ("ip link add bpfin.cali type veth peer name bpfout.cali", "ip link set dev bpfin.cali up")


def _joined(
    name: str, firewall: str, links: Sequence[str] = (), programs: Mapping[str, str] | None = None
) -> HostSpec:
    return HostSpec(
        name,
        files=_FILES,
        listeners=programs or _ONE_PROGRAM,
        firewall=firewall,
        ip_sets=_SETS,
        commands=[*_NETWORK, *links],
    )


# Of the default route no more is left than what pods need of it.
_GATEWAY_ALONE = ("ip route del default", "ip route add 169.254.1.1/32 dev eth0")
_HINTED = "table ip6 mangle {\n  chain KUBE-IPTABLES-HINT {\n  }\n}\n"
_TOLD_NM = "[keyfile]\nunmanaged-devices=interface-name:cali*;interface-name:vxlan.calico\n"
_NM_SECTIONS = "[device-calico]\nmatch-device=interface-name:cali*;type:vxlan\nmanaged=0\n"
# Written down and not refused, and refused years ago.
_OLD_DENIALS = {
    "/var/lib/selinux/targeted/active/modules/200/container/cil": "",
    "/var/log/audit/audit.log": (
        "type=AVC msg=audit(1500000000.1:7): avc:  denied  { write } for comm=calico-node permissive=0\n"
        "type=AVC msg=audit(4000000000.1:8): avc:  denied  { write } for comm=calico-node permissive=1\n"
    ),
}
_TOLD_NETWORKD = "[Network]\nManageForeignRoutes=no\n"
_AS_IT_COMES = "encapsulation=vxlan"

HEALTHY: dict[str, tuple[HostSpec, Sequence[str]]] = {
    spec.name: (spec, settings)
    for spec, settings in [
        (HostSpec("plain"), (_AS_IT_COMES, IPTABLES, NFTABLES, BPF, BPF_3_30)),
        (HostSpec("dual", dual_stack=True), (IPV6, BPF_IPV6, IPV6_ALONE)),
        (modular("modular"), (IPTABLES, NFTABLES, BPF)),
        (modular("nixos", folder="/run/booted-system/kernel-modules/lib/modules"), (IPTABLES,)),
        (modular("with-ipvs", commands=IPVS), (IPTABLES,)),
        (HostSpec("bird", files=KUBELETS, listeners=_PROGRAMS), (IPTABLES,)),
        (HostSpec("one-program", files=KUBELETS, listeners=_ONE_PROGRAM), (IPTABLES,)),
        # Felix reads no sets of others, and Calico 3.29 reads what it made itself.
        (
            HostSpec("sets-of-others", ip_sets={"KUBE-SRC-X": "hash:ip", "cali40all-ipam-pools": "hash:net"}),
            (BEFORE_3_30,),
        ),
        # Two flavours, as Raspberry Pi OS has them: the firmware takes the board's.
        (
            modular("two-flavours", files={"/usr/lib/modules/99.0.0+rpt-rpi-2712/modules.dep": ""}),
            (IPTABLES,),
        ),
        (
            HostSpec(
                "k3s-at-home",
                files={**K3S, **KUBELETS},
                listeners=K3S_RUNS,
                commands=[f'mkdir -p /etc/rancher/k3s && echo "node-ip: {_ADDRESS}" > /etc/rancher/k3s/config.yaml'],
            ),
            (IPTABLES,),
        ),
        (HostSpec("nm-told", files={**NM_RUNS, "/etc/NetworkManager/conf.d/calico.conf": _TOLD_NM}), (IPTABLES,)),
        (
            HostSpec("networkd-told", files={**NETWORKD_RUNS, "/etc/systemd/networkd.conf.d/k8s.conf": _TOLD_NETWORKD}),
            (IPTABLES,),
        ),
        (HostSpec("docker", firewall=DOCKER), (IPTABLES,)),
        (HostSpec("router-of-a-lan", firewall=MASQUERADING.format('oifname "eth0"')), (IPTABLES,)),
        (HostSpec("native-elsewhere", firewall=NATIVE.replace("table ip ", "table ip ts-")), (IPTABLES,)),
        (HostSpec("way-to-pods-gateway", commands=_GATEWAY_ALONE), (IPTABLES,)),
        (
            HostSpec(
                "nft-only-hinted", files=KUBELETS, refused=[WITHOUT_LEGACY], listeners=KUBELET_RUNS, firewall=_HINTED
            ),
            (IPTABLES,),
        ),
        # Up to 3.30 the pod mounts nothing below /sys in these data planes.
        (
            HostSpec("private-sys-before-3-31", commands=["mount --make-private /sys"]),
            (f"{IPTABLES} calico_version=3.30",),
        ),
        (
            HostSpec("nm-sections", files={**NM_RUNS, "/etc/NetworkManager/conf.d/calico.conf": _NM_SECTIONS}),
            (IPTABLES,),
        ),
        (HostSpec("cloud-told", commands=[*CLOUD_RULE, PODS_FIRST]), (IPTABLES,)),
        (HostSpec("old-denials", files=_OLD_DENIALS, shown={"/sys/fs/selinux/enforce": "1"}), (IPTABLES,)),
        (HostSpec("metrics-elsewhere", listeners={"tcp/9099@127.0.0.9": "exporter"}), (IPTABLES,)),
        (HostSpec("on-virtio", linked=card("virtio_net")), (IPTABLES,)),
        (HostSpec("strict-with-one", sysctls={"net.ipv4.conf.all.rp_filter": "1"}), (IPTABLES,)),
        (_joined("joined-iptables", _BY_IPTABLES), (_AS_IT_COMES, IPTABLES)),
        (_joined("joined-3-32", _BY_IPTABLES, programs=_PROGRAMS), (IPTABLES,)),
        (_joined("joined-nftables", _BY_NFTABLES), (NFTABLES,)),
        (_joined("joined-bpf", _BY_BPF, _BPF_LINKS), (BPF,)),
    ]
}
"""By name: the host, and the settings by which it is well."""

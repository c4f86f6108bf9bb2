# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Faults of links, addresses, ports and rules, and what other networks left."""

from __future__ import annotations

from collections.abc import Mapping

from tests.lab.hosts import HostSpec

from .declared import BEFORE_3_30, BPF, BPF_IPV6, IPV6, LEGACY, NFTABLES, TUNNELS, Faulty
from .modular import modular

NM_RUNS = {"/run/NetworkManager/NetworkManager.pid": "1\n"}
NETWORKD_RUNS = {"/run/systemd-networkd.pid": "1\n"}
# A second card of the host, though its other end is the host's too.
SECOND_UPLINK = (
    "ip link add eth1 type veth peer name wire1",
    "ip link set dev wire1 up",
    "ip address add 10.7.0.2/24 dev eth1",
    "ip link set dev eth1 up",
)
# The card's address moves to a link on top of it, and takes the way out along.
MACVLAN_UPLINK = """
set -e
address=$(ip -brief -4 address show dev eth0 | awk '{print $3}')
way=$(ip -4 route show default | awk '{print $3}')
ip link add link eth0 name uplink type macvlan mode bridge
ip address del "$address" dev eth0
ip address add "$address" dev uplink
ip link set dev uplink up
ip route add default via "$way"
"""
# A service's address that the host has too.
IPVS = ("ip link add kube-ipvs0 type bridge", "ip address add 10.7.0.9/32 dev kube-ipvs0")
# What nm-cloud-setup leaves for each address of a card.
CLOUD_RULE = (
    "ip route add default via $(ip -4 route show default | awk '{print $3}') dev eth0 table 30400",
    "ip route add $(ip -4 route show dev eth0 scope link | awk '{print $1; exit}') dev eth0 table 30400",
    "ip rule add priority 30400 from $(ip -brief -4 address show dev eth0 | awk '{print $3}' | cut -d/ -f1) lookup 30400",
)
PODS_FIRST = "ip rule add priority 100 to 10.244.0.0/16 lookup main"
LAN_OF_PODS = ("ip link add br-lan type bridge", "ip address add 10.244.5.1/24 dev br-lan")
# Where the API server of these checks is.
NO_WAY_TO_6443 = (
    "table inet host {\n  chain output {\n    type filter hook output priority 0; policy accept;\n"
    "    tcp dport 6443 reject with tcp reset\n  }\n}\n"
)


# A workstation's own, which has never heard of pods.
LAPTOP = """
table inet filter {
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
    jump last
  }
  chain last {
    iifname != "lo" reject
  }
}
"""
# With {} for what else a rule asks.
MASQUERADING = """
table inet way_out {{
  chain post {{
    type nat hook postrouting priority srcnat; policy accept;
    {} masquerade
  }}
}}
"""
# As Tailscale writes them, into tables that iptables has for its own.
NATIVE = """
table ip filter {
  chain ts-forward {
    iifname "tailscale0" counter meta mark set meta mark & 0xff00ffff ^ 0x00040000
    meta mark & 0x00ff0000 == 0x00040000 counter accept
  }
  chain FORWARD {
    type filter hook forward priority 0; policy accept;
    counter jump ts-forward
  }
}
table ip nat {
  chain ts-postrouting {
    meta mark & 0x00ff0000 == 0x00040000 counter masquerade
  }
  chain POSTROUTING {
    type nat hook postrouting priority 100; policy accept;
    counter jump ts-postrouting
  }
}
"""


def forwarding_off(family: str) -> str:
    """For the card alone, as systemd-networkd does it."""
    return f"echo 0 > /proc/sys/net/{family}/conf/eth0/forwarding"


def chains(*names: str, policy: str = "accept", table: str = "ip filter") -> str:
    """A table as iptables-nft writes it."""
    hooked = f"  chain FORWARD {{\n    type filter hook forward priority 0; policy {policy};\n    counter\n  }}\n"
    return f"table {table} {{\n" + "".join(f"  chain {name} {{\n  }}\n" for name in names) + hooked + "}\n"


DOCKER = chains("DOCKER-USER", policy="drop")


def card(driver: str) -> Mapping[str, str]:
    return {"/sys/class/net/eth0/device/driver": f"/sys/bus/pci/drivers/{driver}"}


ADDRESSES_AND_PORTS = [
    Faulty(HostSpec("bgpd", listeners={"tcp/179": "bgpd"}), {"bgp_port_free": "fail"}, beside="bird"),
    Faulty(HostSpec("impostor", listeners={"tcp/9099": "exporter"}), {"ports_felix_health": "fail"}, beside="bird"),
    Faulty(
        HostSpec("typha-at-felixs", listeners={"tcp/9099": "calico component typha"}),
        {"ports_felix_health": "fail"},
        beside="one-program",
    ),
    Faulty(
        HostSpec("plugin-at-typhas", listeners={"tcp/5473": "calico component cni"}),
        {"port_typha": "fail"},
        beside="one-program",
    ),
    Faulty(HostSpec("typhas-port", listeners={"tcp/5473": "other"}), {"port_typha": "fail"}, beside="bird"),
    Faulty(HostSpec("tunnels-port", listeners={"udp/4789": "other"}), {"port_vxlan_conflict": "fail"}),
    Faulty(HostSpec("wg-port", listeners={"udp/51820": "wg"}), {"port_wireguard": "fail"}, TUNNELS),
    Faulty(HostSpec("cut-off", firewall=NO_WAY_TO_6443), {"apiserver_reachable": "warn"}),
    Faulty(HostSpec("second-ssh-port", ssh_settings="Port 22\nPort 2222"), {"ssh_port_failsafe": "warn"}),
    Faulty(HostSpec("two-uplinks", commands=SECOND_UPLINK), {"node_ip_autodetect": "fail"}),
    Faulty(
        HostSpec("strict", commands=SECOND_UPLINK, sysctls={"net.ipv4.conf.all.rp_filter": "1"}),
        {"node_ip_autodetect": "fail", "rp_filter_mode": "warn"},
        beside="strict-with-one",
    ),
    Faulty(
        HostSpec("strict-card", commands=[*SECOND_UPLINK, "echo 1 > /proc/sys/net/ipv4/conf/eth1/rp_filter"]),
        {"node_ip_autodetect": "fail", "rp_filter_mode": "warn"},
        beside="strict-with-one",
    ),
    Faulty(HostSpec("pods-network", commands=LAN_OF_PODS), {"pool_overlap_host_cidr": "fail"}),
    Faulty(HostSpec("no-way-out", commands=["ip route del default"]), {"default_route_present": "fail"}),
    Faulty(HostSpec("deaf-uplink", commands=[forwarding_off("ipv4")]), {"ip_forward": "fail"}),
    Faulty(
        HostSpec("deaf-uplink-v6", dual_stack=True, commands=[forwarding_off("ipv6")]),
        {"ipv6_forward": "warn"},
        IPV6,
        beside="dual",
    ),
    Faulty(
        HostSpec("deaf-uplink-bpf", dual_stack=True, commands=[forwarding_off("ipv6")]),
        {"ipv6_forward": "fail"},
        BPF_IPV6,
        beside="dual",
    ),
    Faulty(HostSpec("narrow", mtu=1400), {"mtu_consistency": "warn"}),
    Faulty(HostSpec("vmware", linked=card("vmxnet3")), {"vxlan_nic_offload": "fail"}, beside="on-virtio"),
    Faulty(
        modular("cloud", shown={"/sys/class/dmi/id/sys_vendor": "Google\n"}),
        {"cloud_blocks_ipip": "warn"},
        TUNNELS,
        beside="modular",
    ),
    Faulty(
        HostSpec("wireless", linked=card("ath9k"), shown={"/sys/class/net/eth0/wireless": ""}),
        {"wifi_uplink": "warn"},
        beside="on-virtio",
    ),
    Faulty(
        HostSpec("stacked", commands=[MACVLAN_UPLINK]),
        {"vlan_or_bond_uplink": "warn", "bpf_data_interfaces": "fail"},
        BPF,
    ),
]
OTHER_NETWORKS = [
    Faulty(HostSpec("nm", files=NM_RUNS), {"networkmanager_unmanaged": "warn"}, beside="nm-told"),
    Faulty(
        HostSpec("networkd", files=NETWORKD_RUNS), {"systemd_networkd_foreign_routes": "warn"}, beside="networkd-told"
    ),
    Faulty(HostSpec("firewalld", files={"/run/firewalld.pid": "1\n"}), {"firewalld_active": "fail"}),
    Faulty(HostSpec("ufw", files={"/etc/ufw/ufw.conf": "ENABLED=yes\n"}), {"ufw_or_csf_active": "warn"}),
    Faulty(
        HostSpec("flushing", files={"/run/nftables.pid": "1\n", "/etc/nftables.conf": "flush ruleset\n"}),
        {"ufw_or_csf_active": "fail"},
    ),
    Faulty(HostSpec("laptop", firewall=LAPTOP), {"forward_policy_drop": "fail"}),
    Faulty(
        HostSpec("firewall", firewall=chains(policy="drop", table="inet fw")), {"forward_policy_drop": "fail"}, NFTABLES
    ),
    Faulty(HostSpec("dropping", firewall=DOCKER), {"forward_policy_drop": "fail"}, LEGACY),
    Faulty(HostSpec("dropping-beside-nft", firewall=DOCKER), {"forward_policy_drop": "fail"}, NFTABLES),
    Faulty(
        HostSpec("router", firewall=MASQUERADING.format("")), {"foreign_masquerade": "fail"}, beside="router-of-a-lan"
    ),
    Faulty(HostSpec("native", firewall=NATIVE), {"nft_rules_readable": "fail"}, beside="native-elsewhere"),
    Faulty(HostSpec("proxied", firewall="table ip kube-proxy {\n}\n"), {"kube_proxy_mode_match": "fail"}),
    # Where Felix looks for the kubelet's hints: in mangle, and nowhere else.
    Faulty(
        HostSpec("other-backend", firewall="table ip mangle {\n  chain KUBE-KUBELET-CANARY {\n  }\n}\n"),
        {"ipt_backend_conflict": "fail"},
        LEGACY,
    ),
    Faulty(
        HostSpec("foreign", files={"/etc/cni/net.d/05-other.conflist": '{"plugins": [{"type": "bridge"}]}\n'}),
        {"cni_conflist_foreign": "fail"},
    ),
    Faulty(HostSpec("flannels-link", commands=["ip link add cni0 type bridge"]), {"leftover_cni_links": "warn"}),
    Faulty(HostSpec("flannels-chain", firewall=chains("FLANNEL-FWD")), {"leftover_cni_rules": "fail"}),
    Faulty(
        HostSpec("left-by-calico", commands=["ip link add cali0123456789a type bridge"]),
        {"leftover_calico_state": "warn"},
    ),
    Faulty(
        HostSpec(
            "bridged",
            firewall=chains("KUBE-SERVICES"),
            commands=["ip link add cni0 type bridge"],
            shown={"/proc/sys/net/bridge/bridge-nf-call-iptables": "0\n"},
        ),
        {"bridge_nf_call": "warn", "leftover_cni_links": "warn"},
    ),
    Faulty(
        modular("without-ipvs", forbidden=["xt_ipvs"], commands=IPVS), {"kube_ipvs_match": "warn"}, beside="with-ipvs"
    ),
    Faulty(
        modular("answers-arp", commands=[*IPVS, "ip address add 10.7.0.1/24 dev lo"]),
        {"strictarp_and_ipvs_bind": "warn"},
        beside="with-ipvs",
    ),
    Faulty(
        HostSpec("tailscale", commands=["ip rule add priority 5210 fwmark 0x80000/0xff0000 table 52"]),
        {"mark_mask_clash": "warn"},
    ),
    Faulty(HostSpec("nm-cloud", commands=CLOUD_RULE), {"rules_before_pods": "fail"}, beside="cloud-told"),
    Faulty(
        HostSpec("table-user", commands=["ip route add 10.8.0.0/24 dev eth0 table 1"]),
        {"route_tables_range": "warn"},
        TUNNELS,
    ),
    Faulty(
        HostSpec("newer-sets", ip_sets={"cali40this-host": "hash:ip"}),
        {"ipset_foreign_revision": "fail"},
        BEFORE_3_30,
        beside="sets-of-others",
    ),
]

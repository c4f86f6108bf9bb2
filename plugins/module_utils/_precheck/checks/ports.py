# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Ports that calico-node listens on."""

from typing import List, Optional, Tuple

from ..facts import Facts
from ..host.no_evidence import NeedsBecome
from ..rules.conditions import APISERVER, BGP, HOST_ENDPOINTS, TYPHA, VXLAN, WIREGUARD
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn

# Calico's own programs, as host/sweeps/programs.py names them. Up to 3.32 each has a name of its own (node/filesystem/etc/service/
# available/felix/run: calico-node -felix; typha/docker-image/Dockerfile: calico-typha); since 3.33 all are one program, `calico`,
# and its arguments tell them apart (the same run file, and cmd/calico/component.go). calico-felix is Debian's and Red Hat's package.
_BIRD = ("bird", "bird6")
KERNEL = "the kernel"
_FELIX = ("calico-node", "calico-felix", "calico component felix")
_TYPHA = ("calico-typha", "calico component typha")
# What a listener on localhost meets: its own addresses, and whoever listens on all of them. felix/config: HealthHost is localhost,
# and typha/pkg/config: HealthHost too.
_LOCALHOST = ("127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
TYPHA_PORT, TYPHA_HEALTH, KUBELET_PORT = 5473, 9098, 10248


def ports_of(want: Want) -> Tuple[int, ...]:
    """The ports whose holders the checks want to know."""
    named = (want.health_port, want.metrics_port, want.vxlan_port, want.wireguard_port, want.wireguard_port_v6)
    return (want.bgp_port, TYPHA_PORT, TYPHA_HEALTH, KUBELET_PORT, *filter(None, named))


def holder(facts: Facts, port: str, own: Tuple[str, ...], device: bool = False, local: bool = False) -> Optional[str]:
    """Who has this port ("tcp/179") and is none of `own`; None when nobody has.

    `device`: one of the kernel's may have it. `local`: Calico listens on localhost only, and the same port of another address is free.
    """
    for one in facts["listeners"].get(port, []):
        program = one["program"]
        if local and one["address"] not in _LOCALHOST:
            continue
        # A device's socket has a number as a program's has, and no process holds it.
        if device and program in (None, KERNEL):
            continue
        if program is None and facts["euid"] != 0:
            raise NeedsBecome(f"needs become: somebody has port {port}, and only root may see who")
        if program not in own:
            return f"{program or 'a program that cannot be seen'} at {one['address']}"
    return None


@check(
    rank=7,
    category="ports",
    applies=BGP,
    remedy="stop the other BGP daemon, or give BGPConfiguration another listenPort",
    source="projectcalico/calico#7893",
)
def bgp_port_free(facts: Facts, want: Want) -> Judgement:
    """Nobody but Calico's own BIRD listens on the TCP port of BGP."""
    port = f"tcp/{want.bgp_port}"
    who = holder(facts, port, _BIRD)
    if who:
        message = f"{who.partition(' at ')[0]} listens on TCP port {want.bgp_port}"
        return fail(message, observed=who, expected="bird, or nobody")
    return ok()


@check(
    rank=49,
    category="ports",
    applies=ALWAYS,
    remedy="move the other program to another port, or set healthPort in FelixConfiguration (and `health_port` here)",
    source="a program that answers 200 there makes a dead Felix look ready; felix/config healthPort, typha's health port",
)
def ports_felix_health(facts: Facts, want: Want) -> Judgement:
    """Nobody but Calico has the ports on which the kubelet asks for its health."""
    who = holder(facts, f"tcp/{want.health_port}", _FELIX, local=True)
    if who:
        message = (
            f"somebody else has port {want.health_port}: calico-node never becomes ready, or seems ready when it is not"
        )
        return fail(message, observed=who, expected="calico-node, or nobody")
    others: List[Tuple[int, Tuple[str, ...], bool]] = [(TYPHA_HEALTH, _TYPHA, True)] if want.typha else []
    others += [(want.metrics_port, _FELIX, False)] if want.metrics_port else []
    for port, own, local in others:
        who = holder(facts, f"tcp/{port}", own, local=local)
        if who:
            return warn(f"somebody else has port {port}", observed=who, expected=f"{own[0]}, or nobody")
    return ok()


@check(
    rank=50,
    category="ports",
    applies=VXLAN,
    remedy="remove the other network, or set vxlanPort and vxlanVNI in FelixConfiguration (and `vxlan_port`, `vxlan_vni` here)",
    source="tigera/operator#3435, projectcalico/calico#9688: two devices cannot share a port and a VNI",
)
def port_vxlan_conflict(facts: Facts, want: Want) -> Judgement:
    """No other VXLAN device and no program has the port that Calico's will use."""
    beside = []
    sharing = [link for link in facts["links"] if link["vxlan"] and link["vxlan"]["port"] == want.vxlan_port]
    for link in sharing:
        if link["name"].startswith(("vxlan.calico", "vxlan-v6.calico")):
            continue
        other = link["vxlan"]
        observed = f"{link['name']}: port {other['port']}, VNI {other['vni']}"
        if other["vni"] == want.vxlan_vni:
            return fail(
                "another VXLAN device has the same port and VNI", observed=observed, expected="another VNI or port"
            )
        beside.append(observed)
    who = holder(facts, f"udp/{want.vxlan_port}", (KERNEL,), device=bool(sharing))
    if who:
        return fail(f"a program has UDP port {want.vxlan_port}", observed=who, expected="nobody")
    if beside:
        return warn("other VXLAN devices share the port", observed="; ".join(beside), expected="a port of their own")
    return ok()


@check(
    rank=51,
    category="ports",
    applies=TYPHA,
    remedy="move the other program to another port, or keep Typha off this host (and say `typha: false`)",
    source="docs.tigera.io requirements: Typha has TCP port 5473 of the host's network",
)
def port_typha(facts: Facts, want: Want) -> Judgement:
    """Nobody but Typha has its port."""
    who = holder(facts, f"tcp/{TYPHA_PORT}", _TYPHA)
    return fail("somebody else has TCP port 5473", observed=who, expected="typha, or nobody") if who else ok()


@check(
    rank=52,
    category="ports",
    applies=WIREGUARD,
    remedy="give the other WireGuard another port, or set wireguardListeningPort in FelixConfiguration (`wireguard_port` here)",
    source="felix/config wireguardListeningPort",
)
def port_wireguard(facts: Facts, want: Want) -> Judgement:
    """Nobody but Calico's own device has WireGuard's ports."""
    own = [("wireguard.cali", want.wireguard_port)] + ([("wg-v6.cali", want.wireguard_port_v6)] if want.ipv6 else [])
    there = {link["name"] for link in facts["links"]}
    for device, port in own:
        who = holder(facts, f"udp/{port}", (), device=device in there)
        if who:
            return fail(f"somebody else has UDP port {port}", observed=who, expected="nobody")
    return ok()


@check(
    rank=53,
    category="ports",
    applies=APISERVER,
    remedy="open the way to the API server, and correct kubernetes-services-endpoint where that names it",
    source="docs.tigera.io eBPF: Felix reaches the API server without kube-proxy; projectcalico/calico#8767",
)
def apiserver_reachable(facts: Facts, want: Want) -> Judgement:
    """The API server answers this host by TLS, at the address that needs no kube-proxy."""
    refusal = facts["apiserver"]
    if refusal is None:
        return ok()
    grave = fail if want.dataplane == "bpf" or want.wireguard else warn
    return grave("the API server does not answer from here", observed=refusal, expected=want.apiserver)


@check(
    rank=110,
    category="firewall",
    applies=HOST_ENDPOINTS,
    remedy="add the port to failsafeInboundHostPorts in FelixConfiguration before the first HostEndpoint",
    source="felix/config failsafeInboundHostPorts lets TCP 22 in, and no other SSH",
)
def ssh_port_failsafe(facts: Facts, want: Want) -> Judgement:
    """SSH listens where a HostEndpoint's policy cannot lock everybody out."""
    others = [str(port) for port in facts["ssh_ports"] if port != 22]
    if others:
        return warn("a HostEndpoint would lock SSH out", observed=f"Port {', '.join(others)}", expected="22")
    return ok()

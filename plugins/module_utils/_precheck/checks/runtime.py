# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Container runtime, kubelet, names and clock."""

import time
from typing import List

from ..facts import Facts
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..upstream.autodetection import KUBERNETES
from .address import candidates, families, node_ips
from .ports import KUBELET_PORT

_SKEW = 30.0
# Ahead by so much cannot be the time that the connection took: that is what a task may last.
_SURELY = 150.0
_CRIO_DEFAULTS = ("/opt/cni/bin", "/usr/libexec/cni")


@check(
    rank=82,
    category="runtime",
    applies=ALWAYS,
    remedy="name a name server in /etc/resolv.conf that answers from outside the host, or start systemd-resolved",
    source="images are pulled by name; a name server on the loopback is out of pods' reach, and CoreDNS asks itself",
)
def dns_resolv(facts: Facts, want: Want) -> Judgement:
    """The host has a name server that pods' name server can ask too."""
    found = facts["names"]
    servers = found["servers"]
    if not servers:
        return warn("no name server is named", observed="no nameserver in /etc/resolv.conf", expected="one")
    if all(one.startswith("127.") or one == "::1" for one in servers) and not found["resolved"]:
        return warn(
            "the only name servers are on the loopback", observed=", ".join(servers), expected="one that pods can ask"
        )
    return ok()


@check(
    rank=84,
    category="runtime",
    applies=ALWAYS,
    remedy="start the container runtime",
    source="projectcalico/calico#6309",
)
def cri_socket_alive(facts: Facts, want: Want) -> Judgement:
    """A container runtime takes connections, where the host is a node."""
    found = facts["runtime_sockets"]
    alive = [path for path, refusal in found.items() if refusal is None]
    if alive:
        return ok()
    if found:
        observed = ", ".join(f"{path}: {refusal}" for path, refusal in found.items())
        return fail("the container runtime takes no connection", observed=observed, expected="a connection")
    if facts["kubelet"]["installed"]:
        return fail(
            "there is a kubelet, and no container runtime", observed="no socket", expected="containerd or CRI-O"
        )
    return ok()


@check(
    rank=85,
    category="runtime",
    applies=ALWAYS,
    remedy="set cni.binDir and cni.confDir of the Installation (`cni_bin_dir`, `cni_conf_dir` here) to what the runtime has",
    source="docs.tigera.io requirements; k3s, RKE2, MicroK8s and k0s have directories of their own",
)
def containerd_cni_paths(facts: Facts, want: Want) -> Judgement:
    """The container runtime looks for CNI plugins and their configuration where Calico puts them."""
    wrong: List[str] = []
    for one in facts["runtime_cni"]:
        directories = one["bin_dirs"] or (list(_CRIO_DEFAULTS) if "crio" in one["file"] else [])
        if directories and want.cni_bin_dir.rstrip("/") not in directories:
            wrong.append(f"{one['file']}: plugins in {', '.join(directories)}")
        if one["conf_dir"] and one["conf_dir"] != want.cni_conf_dir.rstrip("/"):
            wrong.append(f"{one['file']}: configuration in {one['conf_dir']}")
    if wrong:
        expected = f"{want.cni_bin_dir}, {want.cni_conf_dir}"
        return fail(
            "the container runtime looks elsewhere than Calico writes", observed="; ".join(wrong), expected=expected
        )
    return ok()


@check(
    rank=86,
    category="runtime",
    applies=ALWAYS,
    remedy="align --node-ip of the kubelet with nodeAddressAutodetectionV4, or use kubernetes: NodeInternalIP; start the kubelet",
    source="projectcalico/calico#8783",
)
def kubelet_alive_and_ip(facts: Facts, want: Want) -> Judgement:
    """The kubelet runs, and its node has the address that calico-node will take."""
    found = facts["kubelet"]
    for ipv6 in families(want):
        taken = next(iter(candidates(facts, want, ipv6)), None)
        told = [one for one in node_ips(facts) if (":" in one) == ipv6]
        if told and taken and want.ip_autodetection != KUBERNETES and taken.address not in told:
            by = f" ({found['said_by']})" if found.get("said_by") else ""
            return fail(
                "calico-node will take another address than the kubelet",
                observed=taken.address,
                expected=f"{', '.join(told)}{by}",
            )
    if found["installed"] and not facts["listeners"].get(f"tcp/{KUBELET_PORT}"):
        return warn("the kubelet does not run", observed=f"nobody at port {KUBELET_PORT}", expected="kubelet")
    return ok()


@check(
    rank=88,
    category="time",
    applies=ALWAYS,
    remedy="start chronyd or systemd-timesyncd, with a time server that can be reached",
    source="projectcalico/calico#7171, aws/eks-anywhere#3303: certificates and leases go by the clock",
)
def time_sync(facts: Facts, want: Want) -> Judgement:
    """The clock is right by the controller's, and something keeps it so."""
    synchronized = facts["clock_synchronized"]
    if want.controller_clock is not None:
        ahead = facts["clock"] - want.controller_clock
        if ahead < -_SKEW or ahead > _SURELY:
            side = "ahead of" if ahead > 0 else "behind"
            observed = f"{abs(ahead):.0f} s {side} the controller"
            return fail("the clock is wrong", observed=observed, expected=f"less than {_SKEW:.0f} s")
        # A hypervisor may keep it right without the kernel's knowledge.
        return ok()
    if not synchronized:
        return warn(
            "nothing keeps the clock right", observed="the kernel calls it unsynchronized", expected="synchronized"
        )
    return ok()


@check(
    rank=89,
    category="time",
    applies=ALWAYS,
    remedy="set the clock; where it is right, renew the certificate",
    source="a clock from before the certificate's begin ends every connection; siderolabs/talos#7475",
)
def clock_before_cert(facts: Facts, want: Want) -> Judgement:
    """The cluster's certificates on this host are valid by its clock."""
    now = facts["clock"]
    for one in facts["certificates"]:
        if not one["from"] <= now <= one["until"]:
            period = " to ".join(
                time.strftime("%Y-%m-%d", time.gmtime(instant)) for instant in (one["from"], one["until"])
            )
            return fail(
                "a certificate of the cluster is not valid by this clock",
                observed=f"{one['file']}: {period}; the clock says {time.strftime('%Y-%m-%d %H:%M', time.gmtime(now))}",
                expected="a day between",
            )
    return ok()

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab host that a real kubelet can run on, declared; what it needs of its lab is added when the lab starts it."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.lab.hosts import HostSpec
from tests.lab.hosts.links import beside
from tests.lab.pods.names import PAUSE, REAL_KUBELET

PROGRAM = "/opt/lab/node.py"
ORDERS = "/etc/kubernetes/lab.json"
BINARIES = "/opt/lab/bin"
IMAGES = "/opt/lab/images"
LOGS = "/var/log/lab"
KUBERNETES = "/etc/kubernetes"
# Not /opt/cni/bin, which is Calico's to write to: the plugins are the cache's, and read-only here.
_CNI = f"{BINARIES}/cni"
_CNI_CONFIGURATION = "/etc/cni/net.d/10-lab.conflist"
_CONFIGURATION = "/etc/lab"

# What a kubelet sets on its machine, and cannot set on a host that shares these with the machine.
_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
POD_NETWORK = ipaddress.IPv4Network("10.245.0.0/16")  # kwok's pods are in 10.244.0.0/16


def kubelet_host(
    name: str,
    groups: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    dual_stack: bool = False,
    netfilter_refused: bool = False,
) -> HostSpec:
    """A host with a real kubelet; where netfilter is refused, so it is to every pod."""
    return HostSpec(
        name,
        groups=groups,
        labels={**(labels or {}), REAL_KUBELET: "true"},
        dual_stack=dual_stack,
        netfilter_refused=netfilter_refused,
        shown={f"/proc/sys/{name}": f"{value}\n" for name, value in _SYSCTLS.items()},
    )


def is_real(spec: HostSpec) -> bool:
    return REAL_KUBELET in spec.labels


def pod_networks(position: int, dual_stack: bool) -> list[str]:
    """The networks of the pods on the host at this place of its lab, IPv4 first."""
    first = str(list(POD_NETWORK.subnets(new_prefix=24))[position])
    return [first, f"2001:2:0:f{position:03x}::/64"] if dual_stack else [first]


def networks_of(spec: HostSpec) -> list[str]:
    """The networks of the pods on an equipped host."""
    plugin = json.loads(spec.files[_CNI_CONFIGURATION])["plugins"][0]
    return [one["subnet"] for (one,) in plugin["ipam"]["ranges"]]


def equipped(spec: HostSpec, position: int, programs: Mapping[str, Path], images: Path, folder: Path) -> HostSpec:
    """The host with what a node has on its disks: the programs, and folders of its own under this one."""
    parents = {program: str(path.parent) for program, path in programs.items()}
    binaries = {f"{BINARIES}/{program}": parents[program] for program in ("kubelet", "containerd", "runc")}
    binaries[f"{BINARIES}/kube-network-policies"] = parents["kube-network-policies"]
    kept = {"/var/lib/containerd": "containerd", "/var/lib/kubelet": "kubelet", KUBERNETES: "kubernetes", LOGS: "logs"}
    for name in kept.values():
        (folder / name).mkdir(parents=True)
    programs_and_images = {**binaries, _CNI: parents["ptp"], IMAGES: str(images)}
    return replace(
        spec,
        mounted={**programs_and_images, **{place: str(folder / name) for place, name in kept.items()}},
        read_only=tuple(programs_and_images),
        files={
            **spec.files,
            PROGRAM: Path(__file__).with_name("node.py").read_text(),
            _CNI_CONFIGURATION: json.dumps(_cni(pod_networks(position, spec.dual_stack)), indent=1),
            f"{_CONFIGURATION}/containerd.toml": _containerd(),
            f"{_CONFIGURATION}/kubelet.yaml": json.dumps(_kubelet(), indent=1),
            # A question of a pod's to a name server does not leave the lab: there is none.
            f"{_CONFIGURATION}/resolv.conf": "",
        },
    )


def routes(addresses: Sequence[str], own: int, dual_stack: bool) -> Iterator[list[str]]:
    """The commands by which a host finds the pods of the others, whose addresses are given in the lab's order."""
    for position, address in enumerate(addresses):
        if position != own:
            for network, gateway in zip(pod_networks(position, dual_stack), (address, beside(address))):
                yield ["ip", "route", "replace", network, "via", gateway, "dev", "eth0"]


def node_orders(name: str, addresses: Sequence[str], cgroup: str) -> dict[str, Any]:
    """What node.py is told: who the node is, and how its two daemons are started."""
    return {
        "cgroup": cgroup,
        "path": f"{BINARIES}/containerd:{BINARIES}/runc:/usr/sbin:/usr/bin:/sbin:/bin",
        "logs": LOGS,
        "images": IMAGES,
        "containerd": [f"{BINARIES}/containerd/containerd", f"--config={_CONFIGURATION}/containerd.toml"],
        "kubelet": [
            f"{BINARIES}/kubelet/kubelet",
            f"--config={_CONFIGURATION}/kubelet.yaml",
            f"--kubeconfig={KUBERNETES}/kubelet.conf",
            f"--hostname-override={name}",
            f"--node-ip={','.join(addresses)}",
            f"--node-labels={REAL_KUBELET}=true",
        ],
    }


def _cni(networks: Sequence[str]) -> dict[str, Any]:
    everything = ["::/0" if ":" in network else "0.0.0.0/0" for network in networks]
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": network}] for network in networks],
        "routes": [{"dst": destination} for destination in everything],
    }
    port_map = {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "nftables"}
    return {"cniVersion": "1.0.0", "name": "lab", "plugins": [{"type": "ptp", "ipam": addresses}, port_map]}


def _containerd() -> str:
    # Without CAP_SYS_RESOURCE nobody may lower an OOM score, and runc would die of it.
    return f"""version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["{_CNI}"]
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  BinaryName = "{BINARIES}/runc/runc"
  SystemdCgroup = false
"""


def _kubelet() -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": f"{KUBERNETES}/ca.crt"},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        # A host of the lab has cgroups of the machine's, of either version, and no systemd.
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        "oomScoreAdj": 0,
        # A full disk of the machine's is not what a lab is about.
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "resolvConf": f"{_CONFIGURATION}/resolv.conf",
        "clusterDNS": ["10.96.0.10"],
        "clusterDomain": "cluster.local",
        "hairpinMode": "none",
    }

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the pods of calico-node and csi-node-driver ask of a host before any program of Calico's runs.

The rows are the volumes that tigera/operator renders: pkg/render/node.go (nodeVolumes(), bpffsInitContainer(),
bpfBootstrapInitContainer()) and pkg/render/csi.go (csiVolumes()), read at release-v1.34 (Calico 3.28), release-v1.36 (3.29),
release-v1.38 (3.30), release-v1.40 (3.31), v1.42.4 (3.32) and release-v1.44 (3.33). The unit tests hold them against what an operator
rendered and against those sources.

Who makes of a row a pod that does not start:

- the kubelet, for a type: kubernetes pkg/volume/hostpath/host_path.go, checkType(). `Directory` must be there and be one;
  `DirectoryOrCreate` and `FileOrCreate` are made where nothing is there, and must be of that kind where something is.
- the container runtime, for a path without a type: containerd and CRI-O make a directory where nothing is there.
- the container runtime, for propagation `Bidirectional`: the mount that holds the path must be shared ("path ... is mounted on ... but
  it is not a shared mount": containerd pkg/cri/opts, ensureShared(); CRI-O server/container_create_linux.go, ensureShared()).
"""

from typing import NamedTuple, Tuple

NODE, CSI = "calico-node", "csi-node-driver"
DIRECTORY, DIRECTORY_OR_CREATE, FILE_OR_CREATE, ANY = "Directory", "DirectoryOrCreate", "FileOrCreate", ""
BIDIRECTIONAL = "Bidirectional"
# Replaced by what the Installation says.
CNI_BIN, CNI_CONF, FLEX_VOLUMES, KUBELET = "{cni_bin_dir}", "{cni_conf_dir}", "{flexvolume_path}", "{kubelet}"
VERSIONS = ("3.28", "3.29", "3.30", "3.31", "3.32", "3.33")
BPF_ONLY: Tuple[str, ...] = ("bpf",)
ALL_PLANES: Tuple[str, ...] = ("iptables", "nftables", "bpf")


class Need(NamedTuple):
    pod: str
    volume: str
    path: str
    type: str
    propagation: str = ""
    dataplanes: Tuple[str, ...] = ALL_PLANES
    since: str = VERSIONS[0]
    until: str = VERSIONS[-1]
    """The last version that has it so."""
    writable: bool = False
    """A container writes there."""


def _bpf(volume: str, path: str, kind: str, propagation: str = "") -> Tuple[Need, Need]:
    """Of the data plane bpf alone up to 3.30; of all since, when the init container ebpf-bootstrap came to run in each."""
    before = Need(NODE, volume, path, kind, propagation, BPF_ONLY, until="3.30")
    return before, Need(NODE, volume, path, kind, propagation, since="3.31")


NEEDS: Tuple[Need, ...] = (
    Need(NODE, "lib-modules", "/lib/modules", ANY),
    Need(NODE, "xtables-lock", "/run/xtables.lock", FILE_OR_CREATE, writable=True),
    Need(NODE, "policysync", "/var/run/nodeagent", DIRECTORY_OR_CREATE, writable=True),
    Need(NODE, "var-run-calico", "/var/run/calico", DIRECTORY_OR_CREATE, writable=True, until="3.30"),
    Need(NODE, "var-run-calico", "/var/run/calico", DIRECTORY_OR_CREATE, BIDIRECTIONAL, BPF_ONLY, until="3.30"),
    Need(NODE, "var-run-calico", "/var/run/calico", DIRECTORY_OR_CREATE, BIDIRECTIONAL, since="3.31", writable=True),
    Need(NODE, "var-lib-calico", "/var/lib/calico", DIRECTORY_OR_CREATE, writable=True),
    Need(NODE, "cni-log-dir", "/var/log/calico/cni", ANY, until="3.32", writable=True),
    Need(NODE, "var-log-calico", "/var/log/calico", DIRECTORY_OR_CREATE, since="3.33", writable=True),
    *_bpf("sys-fs", "/sys/fs", DIRECTORY_OR_CREATE, BIDIRECTIONAL),
    *_bpf("bpffs", "/sys/fs/bpf", DIRECTORY),
    *_bpf("nodeproc", "/proc", ANY),
    # Not in every patch version of 3.31 and 3.32; nobody but a kernel without securityfs could miss it.
    Need(NODE, "sys-kernel-security", "/sys/kernel/security", ANY, since="3.33"),
    Need(NODE, "cni-bin-dir", CNI_BIN, DIRECTORY_OR_CREATE, writable=True),
    Need(NODE, "cni-net-dir", CNI_CONF, ANY, writable=True),
    Need(NODE, "flexvol-driver-host", FLEX_VOLUMES + "nodeagent~uds", DIRECTORY_OR_CREATE, writable=True),
    # An emptyDir, into which the init container cni-plugins copies: the kubelet makes it below its own directory.
    Need(NODE, "cni-plugins-stage", KUBELET, DIRECTORY_OR_CREATE, since="3.33", writable=True),
    Need(CSI, "varrun", "/var/run", ANY),
    Need(CSI, "kubelet-dir", KUBELET, DIRECTORY, BIDIRECTIONAL),
    Need(CSI, "socket-dir", KUBELET + "/plugins/csi.tigera.io", DIRECTORY_OR_CREATE, writable=True),
    Need(CSI, "registration-dir", KUBELET + "/plugins_registry", DIRECTORY),
)


def needs(
    calico_version: str, dataplane: str, cni_bin_dir: str, cni_conf_dir: str, flexvolume_path: str, kubelet: str
) -> Tuple[Need, ...]:
    """The rows of this Calico, with the paths of this Installation. `flexvolume_path` is empty where there is none."""
    at = VERSIONS.index(calico_version)
    found = []
    for one in NEEDS:
        if not VERSIONS.index(one.since) <= at <= VERSIONS.index(one.until) or dataplane not in one.dataplanes:
            continue
        if FLEX_VOLUMES in one.path and not flexvolume_path:
            continue
        named = {"cni_bin_dir": cni_bin_dir, "cni_conf_dir": cni_conf_dir, "kubelet": kubelet}
        path = one.path.format(flexvolume_path=flexvolume_path.rstrip("/") + "/", **named)
        found.append(one._replace(path=path.rstrip("/") or "/"))
    return tuple(found)

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. File systems that calico-node mounts from the host or writes to."""

from typing import Any, Dict, Iterable, Optional, Tuple

from ..facts import Facts
from ..rules.conditions import FLEXVOLUME
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn

_MIB = 1024 * 1024
_CNI_FREE = 300 * _MIB
# The images of a node take about 1 GiB; 10 GiB is what docs.tigera.io asks for with nftables.
_LEAST, _LITTLE, _DOCUMENTED = 1024 * _MIB, 2048 * _MIB, 10240 * _MIB
# calico-node mounts /sys/fs/bpf in data plane bpf alone: upstream/pod_needs.py.
_WITHOUT_BPFFS = ("3.28", "3.29", "3.30")
_STATE = ("/var/lib/calico", "/run/calico", "/var/log/calico")
# tmpfs of the host: what is kept there is little, and one that is full stops much.
_RUN, _RUN_FREE, _RUN_LITTLE = ("/run", "/run/calico"), _MIB, 8 * _MIB
_DISKS = ("/var/lib", "/opt", "/var/log", "/var/lib/calico")


def directories_of(want: Want) -> Tuple[str, ...]:
    """The directories whose file systems are judged here."""
    chosen = filter(None, (want.cni_bin_dir, want.cni_conf_dir, want.flexvolume_path))
    return tuple(dict.fromkeys((*_DISKS, *_STATE, *_RUN, *chosen)))


def _read_only(facts: Facts, paths: Iterable[str], flags: Iterable[str] = ("read_only",)) -> Optional[str]:
    """The first of these directories that cannot be used, in words."""
    known: Dict[str, Dict[str, Any]] = facts["file_systems"]
    words = {"read_only": "read-only", "no_exec": "noexec"}
    for path in paths:
        for flag in flags:
            if known[path][flag]:
                return f"{path} is on a file system mounted {words[flag]} (at {known[path]['path']})"
    return None


@check(
    rank=27,
    category="filesystem",
    applies=ALWAYS,
    remedy="systemctl enable --now sys-fs-bpf.mount, on a kernel with CONFIG_BPF_SYSCALL",
    source="tigera/operator mounts /sys/fs/bpf as an existing directory, since Calico 3.31 in every data plane; projectcalico/calico#6279",
)
def bpffs_mounted(facts: Facts, want: Want) -> Judgement:
    """/sys/fs/bpf is there, so that calico-node's pod can start."""
    found = facts["bpffs"]
    if want.dataplane != "bpf" and want.calico_version in _WITHOUT_BPFFS:
        return ok()
    if not found["directory"]:
        return fail("there is no directory /sys/fs/bpf: calico-node's pod does not start", expected="a directory")
    if want.dataplane != "bpf":
        return ok()
    if not found["supported"]:
        return fail("the kernel has no bpf file system", observed="no bpf in /proc/filesystems", expected="bpf")
    if not found["mounted"]:
        return warn(
            "no bpf file system is mounted at /sys/fs/bpf: calico-node's init container will try to",
            expected="bpf at /sys/fs/bpf",
        )
    return ok()


@check(
    rank=30,
    category="filesystem",
    applies=ALWAYS,
    remedy="mount it writable and executable, or set cni.binDir of the Installation to such a directory",
    source="projectcalico/calico#7486",
)
def cni_bin_dir_writable(facts: Facts, want: Want) -> Judgement:
    """calico-node can install its CNI plugins, and they can be run."""
    hindrance = _read_only(facts, [want.cni_bin_dir], ("read_only", "no_exec"))
    if hindrance:
        return fail(hindrance, expected="writable and executable")
    found = facts["file_systems"][want.cni_bin_dir]
    if found["free"] < _CNI_FREE:
        observed = f"{found['free'] // _MIB} MiB at {found['path']}"
        return warn("little space for CNI plugins", observed=observed, expected="300 MiB", remedy="free some space")
    return ok()


@check(
    rank=31,
    category="filesystem",
    applies=ALWAYS,
    remedy="mount it writable, or set cni.confDir of the Installation to such a directory",
    source="tigera/operator mounts it into calico-node's install-cni container",
)
def cni_conf_dir_writable(facts: Facts, want: Want) -> Judgement:
    """calico-node can write its CNI configuration."""
    hindrance = _read_only(facts, [want.cni_conf_dir])
    return fail(hindrance, expected="writable") if hindrance else ok()


@check(
    rank=32,
    category="filesystem",
    applies=FLEXVOLUME,
    remedy="set flexVolumePath of the Installation to None, or to a directory that can be written to",
    source="tigera/operator mounts it into calico-node; rancher/rke2#2886, projectcalico/calico#2854",
)
def flexvol_path_writable(facts: Facts, want: Want) -> Judgement:
    """The directory for flex volumes can be made."""
    hindrance = _read_only(facts, [want.flexvolume_path])
    return fail(hindrance, expected="writable, or flexVolumePath None") if hindrance else ok()


@check(
    rank=33,
    category="filesystem",
    applies=ALWAYS,
    remedy="mount it writable; rmdir /run/xtables.lock where that is a directory, and restart calico-node",
    source="projectcalico/calico#1795, projectcalico/calico#6309",
)
def var_lib_calico_writable(facts: Facts, want: Want) -> Judgement:
    """calico-node can keep its state, and the lock of iptables is a file."""
    if facts["lock_is_directory"]:
        message = "/run/xtables.lock is a directory: a container runtime made it, and iptables cannot lock"
        return fail(message, observed="a directory", expected="a file, or nothing")
    hindrance = _read_only(facts, _STATE)
    return fail(hindrance, expected="writable") if hindrance else ok()


@check(
    rank=70,
    category="filesystem",
    applies=ALWAYS,
    remedy="make the modules of the running kernel visible under /lib/modules",
    source="tigera/operator mounts /lib/modules into calico-node",
)
def lib_modules_mountable(facts: Facts, want: Want) -> Judgement:
    """calico-node finds the host's modules where it mounts them from."""
    if not facts["modules"]["loadable"]:
        return ok()
    if not facts["installed_kernels"] and facts["modules"]["tree"]:
        return ok()
    if not facts["installed_kernels"]:
        return warn("there is nothing in /lib/modules: no module can be loaded from calico-node", expected="modules")
    return ok()


@check(
    rank=90,
    category="resources",
    applies=ALWAYS,
    remedy="free some space",
    source="docs.tigera.io nftables: 10 GB; kubelet evicts, and pulls nothing, on a full disk",
)
def disk_space(facts: Facts, want: Want) -> Judgement:
    """There is space for images, logs and plugins."""
    little = _DOCUMENTED if want.dataplane == "nftables" else _LITTLE
    short = {}
    for path in _DISKS:
        found = facts["file_systems"][path]
        if found["free"] < _LEAST or found["files_left"] == 0:
            left = "no inode" if found["files_left"] == 0 else f"{found['free'] // _MIB} MiB"
            return fail(f"the disk under {path} is full", observed=f"{left} left", expected="1 GiB or more")
        if found["free"] < little:
            short[path] = f"{found['free'] // _MIB} MiB under {path}"
    if short:
        return warn("little space is left", observed=", ".join(short.values()), expected=f"{little // _LEAST} GiB")
    return ok()


@check(
    rank=113,
    category="resources",
    applies=ALWAYS,
    remedy="free some space under /run (du -xh /run), or mount it larger: mount -o remount,size=20% /run",
    source="the kubelet makes /run/xtables.lock there (hostPath FileOrCreate), iptables-legacy opens it, calico-node mounts cgroups"
    " below /run/calico",
)
def run_space(facts: Facts, want: Want) -> Judgement:
    """/run and /run/calico have room for a lock, sockets and mounts."""
    for path in _RUN:
        found = facts["file_systems"][path]
        left = "no inode" if found["files_left"] == 0 else f"{found['free'] // 1024} KiB"
        if found["free"] < _RUN_FREE or found["files_left"] == 0:
            message = (
                f"{path} is full: calico-node's pod does not start, or iptables-legacy cannot lock and Felix ends on it"
            )
            return fail(message, observed=f"{left} left at {found['path']}", expected="8 MiB or more")
        if found["free"] < _RUN_LITTLE:
            return warn(f"little space under {path}", observed=f"{left} left", expected="8 MiB or more")
    return ok()

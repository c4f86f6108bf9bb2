# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. File systems that calico-node mounts from the host or writes to."""

from ..answers import Facts
from .declaration import ALWAYS, Judgement, Want, check, fail, ok, warn

_CNI_FREE = 300 * 1024 * 1024


@check(
    rank=27,
    category="filesystem",
    applies=ALWAYS,
    remedy="systemctl enable --now sys-fs-bpf.mount, on a kernel with CONFIG_BPF_SYSCALL",
    source="tigera/operator mounts /sys/fs/bpf as an existing directory in every data plane; projectcalico/calico#6279",
)
def bpffs_mounted(facts: Facts, want: Want) -> Judgement:
    """/sys/fs/bpf is there, so that calico-node's pod can start."""
    found = facts["bpffs"]
    if not found["directory"]:
        return fail("there is no directory /sys/fs/bpf: calico-node's pod does not start", expected="a directory")
    if want.dataplane != "bpf":
        return ok("the directory is there")
    if not found["supported"]:
        return fail("the kernel has no bpf file system", observed="no bpf in /proc/filesystems", expected="bpf")
    if not found["mounted"]:
        return warn(
            "no bpf file system is mounted at /sys/fs/bpf: calico-node's init container will try to",
            expected="bpf at /sys/fs/bpf",
        )
    return ok("mounted")


@check(
    rank=30,
    category="filesystem",
    applies=ALWAYS,
    remedy="mount it writable and executable, or set cni.binDir of the Installation to such a directory",
    source="projectcalico/calico#7486",
)
def cni_bin_dir_writable(facts: Facts, want: Want) -> Judgement:
    """calico-node can install its CNI plugins, and they can be run."""
    found = facts["cni_bin_dir"]
    for flag, words in (("read_only", "read-only"), ("no_exec", "noexec")):
        if found[flag]:
            return fail(
                "{} is on a file system mounted {}".format(want.cni_bin_dir, words),
                observed="{} at {}".format(words, found["path"]),
            )
    if found["free"] < _CNI_FREE:
        observed = "{} MiB at {}".format(found["free"] // 1024 // 1024, found["path"])
        return warn("little space for CNI plugins", observed=observed, expected="300 MiB", remedy="free some space")
    return ok("writable")

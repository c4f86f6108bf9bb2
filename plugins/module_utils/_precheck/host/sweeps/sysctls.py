# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Settings of the kernel: as they are, and as files will set them at the next boot."""

from typing import Dict, List, Optional, Tuple

from ..no_evidence import NoEvidence
from .lines import settings
from .root import Root

NAMES = (
    *("fs.file-max", "fs.inotify.max_user_instances", "kernel.pid_max", "kernel.unprivileged_bpf_disabled"),
    *("net.bridge.bridge-nf-call-iptables", "net.core.bpf_jit_enable", "net.ipv4.conf.all.arp_ignore"),
    *("net.ipv4.conf.all.rp_filter", "net.ipv4.ip_forward", "net.ipv4.neigh.default.gc_thresh3"),
    *("net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6", "net.ipv6.conf.all.forwarding"),
    *("net.netfilter.nf_conntrack_acct", "net.netfilter.nf_conntrack_count", "net.netfilter.nf_conntrack_max"),
    "user.max_net_namespaces",
)
OF_LINKS = (
    *("net/ipv4/conf/{}/forwarding", "net/ipv6/conf/{}/forwarding"),
    *("net/ipv4/conf/{}/rp_filter", "net/ipv6/conf/{}/accept_ra", "net/ipv6/conf/{}/disable_ipv6"),
)
# Pods' ends, of which there may be hundreds.
_OF_PODS = ("cali", "veth", "lxc", "tap")
# A file in an earlier folder hides one of the same name in a later one; of two files the later name wins.
_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")


def values(root: Root) -> Dict[str, Optional[str]]:
    """Settings by name; null for one that this kernel does not have. Those of a link carry the link's name."""
    if not root.list("/proc/sys"):
        raise NoEvidence("/proc/sys is not there", "run the check on the host itself, not in a container")
    found = {name: root.line("/proc/sys/" + name.replace(".", "/")) for name in NAMES}
    for link in root.list("/proc/sys/net/ipv4/conf"):
        if not link.startswith(_OF_PODS):
            found.update((path.format(link), root.line("/proc/sys/" + path.format(link))) for path in OF_LINKS)
    return found


def assignments(root: Root) -> Dict[str, Tuple[str, str]]:
    """What `sysctl --system` will set: value and file, by name with dots."""
    files: Dict[str, str] = {}
    for folder in _FOLDERS:
        for name in root.list(folder):
            if name.endswith(".conf"):
                files.setdefault(name, f"{folder}/{name}")
    paths: List[str] = [*(files[name] for name in sorted(files)), "/etc/sysctl.conf"]
    found: Dict[str, Tuple[str, str]] = {}
    for path in paths:
        for name, value in settings(root.read(path) or ""):
            found[name.lstrip("-").replace("/", ".")] = (value, path)
    return found

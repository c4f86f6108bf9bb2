# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The kernel's age, ports, firewall, names, CNI configuration and file systems."""

import re
from typing import Any, Dict, NamedTuple, Optional, Tuple

from ..answers import BECOME, Facts, NoEvidence
from .conditions import BGP
from .declaration import ALWAYS, OUTSIDE, Judgement, Want, check, fail, ok, warn


class Floor(NamedTuple):
    """Kernel versions that Calico's documentation asks for."""

    documented: Tuple[int, int]
    enterprise_linux: Tuple[int, int]
    """RHEL 8 keeps 4.18 and backports to it; the documentation lists it as working."""


# Calico 3.31 to 3.33.
_FLOOR = Floor(documented=(5, 10), enterprise_linux=(4, 18))
_CALICO_FILE = "10-calico.conflist"
# Plugins that keep the network and let Calico do policy only.
_POLICY_ONLY = {"aws-cni", "azure-vnet"}
_CNI_FREE = 300 * 1024 * 1024


@check(
    rank=24,
    category="kernel",
    applies=ALWAYS,
    remedy="upgrade the kernel; {}".format(OUTSIDE),
    source="docs.tigera.io requirements, 3.31 to 3.33",
)
def kernel_min(facts: Facts, want: Want) -> Judgement:
    """The kernel is not older than Calico's documentation asks for."""
    release = facts["kernel_release"]
    numbers = re.match(r"(\d+)\.(\d+)", release)
    if not numbers:
        raise NoEvidence(
            "the kernel's version cannot be read from {}".format(release), "report this as a fault of the collection"
        )
    version = (int(numbers.group(1)), int(numbers.group(2)))
    floor = "{}.{}".format(*_FLOOR.documented)
    if version >= _FLOOR.documented:
        return ok("kernel {}".format(release))
    if version == _FLOOR.enterprise_linux and re.search(r"\.el8", release):
        return warn(
            "the kernel is older than {}, though RHEL 8's is listed as working".format(floor),
            observed=release,
            expected=floor,
        )
    return fail("the kernel is older than {}".format(floor), observed=release, expected=floor)


@check(
    rank=4,
    category="firewall",
    applies=ALWAYS,
    remedy="disable firewalld, or put cali+, tunl+, vxlan.calico and the pod and service networks into its zone trusted",
    source="docs.tigera.io requirements; projectcalico/calico#5232",
)
def firewalld_active(facts: Facts, want: Want) -> Judgement:
    """firewalld is off, or trusts what belongs to pods."""
    if not facts["firewalld_active"]:
        return ok("firewalld is not running")
    trusted = facts["firewalld_trusted"]
    pods = [name for name in trusted["interfaces"] if name.startswith(("cali", "tunl", "vxlan.calico", "vxlan+"))]
    observed = "trusted: {}".format(", ".join(pods + trusted["sources"]) or "nothing of pods")
    if not pods and not trusted["sources"]:
        return fail("firewalld is running and trusts neither Calico's interfaces nor any network", observed=observed)
    return warn("firewalld is running; each reload of it removes Calico's rules for a moment", observed=observed)


@check(
    rank=7,
    category="ports",
    applies=BGP,
    remedy="stop the other BGP daemon, or give BGPConfiguration another listenPort",
    source="projectcalico/calico#7893",
)
def bgp_port_free(facts: Facts, want: Want) -> Judgement:
    """Nobody but Calico's own BIRD listens on TCP port 179."""
    for listener in facts["bgp_listeners"]:
        program = listener["program"]
        if program is None and facts["euid"] != 0:
            reason = "needs become: somebody listens on TCP port 179, and only root may see who"
            raise NoEvidence(reason, BECOME)
        if program not in ("bird", "bird6"):
            who = program or "a program that cannot be seen"
            return fail(
                "{} listens on TCP port 179".format(who),
                observed="{} at {}".format(who, listener["address"]),
                expected="bird, or nobody",
            )
    return ok("BIRD has the port already" if facts["bgp_listeners"] else "the port is free")


@check(
    rank=8,
    category="identity",
    applies=ALWAYS,
    remedy="delete /var/lib/calico/nodename if it came with a copied disk; set `node_name` if the Node's name is not the hostname",
    source="projectcalico/calico#3097",
)
def node_name_unique(facts: Facts, want: Want) -> Judgement:
    """The name that an earlier calico-node left on the host is the Node's, and the hostname can be a Node's name."""
    hostname, left_over = facts["hostname"], facts["nodename_file"]
    names = (
        [want.node_name]
        if want.node_name
        else [hostname.lower(), facts["fqdn"].lower(), hostname.lower().partition(".")[0]]
    )
    if left_over and left_over not in names:
        return fail(
            "an earlier calico-node called this host {}".format(left_over),
            observed="/var/lib/calico/nodename: {}".format(left_over),
            expected=" or ".join(sorted(set(names))),
        )
    if not re.match(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", hostname):
        return warn(
            "the hostname is no name that a Node can have",
            observed=hostname,
            expected="lower case letters, digits, dash and dot",
            remedy="hostnamectl set-hostname with such a name, before the host joins",
        )
    return ok("hostname {}".format(hostname))


@check(
    rank=11,
    category="cni",
    applies=ALWAYS,
    remedy="move the other plugin's file out of the directory and restart the container runtime",
    source="projectcalico/calico#1388: of several files the runtime takes the first by name",
)
def cni_conflist_foreign(facts: Facts, want: Want) -> Judgement:
    """No other plugin's CNI configuration comes before Calico's."""
    foreign = [one for one in facts["cni_configuration"] if not _is_calico(one)]
    before = [one for one in foreign if one["file"] < _CALICO_FILE]
    names = ", ".join("{} ({})".format(one["file"], _types(one)) for one in foreign)
    taken = next((one for one in before if not _POLICY_ONLY.intersection(one["types"] or ())), None)
    if taken:
        return fail(
            "the runtime will take {} before Calico's file".format(taken["file"]), observed=names, expected=_CALICO_FILE
        )
    if foreign:
        return warn("there are CNI configurations of others, used while Calico's is not there", observed=names)
    return ok("no other plugin's configuration")


def _is_calico(one: Dict[str, Any]) -> bool:
    return "calico" in (one["types"] or ())


def _types(one: Dict[str, Any]) -> str:
    types: Optional[Any] = one["types"]
    return "cannot be parsed" if types is None else ", ".join(types)


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
    if want.dataplane == "bpf" and not found["supported"]:
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

# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the host's files say: identity, firewalld, CNI configuration, mounts."""

import json
import os
import re
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from . import kubelet, local, machine, modules, networkmanager, runtime, security, sysctls
from .lines import settings, value_of, words
from .root import Root
from .services import runs

_ZONE_FOLDERS = ("/usr/lib/firewalld/zones", "/etc/firewalld/zones")  # the later one wins
_ACCEPTS = r"<zone\b[^>]*target=\"ACCEPT\""
_SYSTEM_UUID = (
    # In the kubelet's order, as the Node shows what it found: DMI, the device tree, and where there is neither the machine id.
    "/sys/class/dmi/id/product_uuid",
    "/proc/device-tree/system-id",
    "/proc/device-tree/vm,uuid",
    "/etc/machine-id",
)


def questions(
    root: Root, release: str, cni_conf_dir: str, directories: Iterable[str]
) -> List[Tuple[str, Callable[[], Any]]]:
    return [
        ("os_release", lambda: os_release(root)),
        ("kernel_options", lambda: modules.options(root, release)),
        ("installed_kernels", lambda: installed_kernels(root)),
        ("machine_id", lambda: root.line("/etc/machine-id") or root.line("/var/lib/dbus/machine-id")),
        ("system_uuid", lambda: _system_uuid(root)),
        ("boot_id", lambda: root.line("/proc/sys/kernel/random/boot_id")),
        ("fqdn", lambda: fqdn(root, os.uname().nodename)),
        ("nodename_file", lambda: root.line("/var/lib/calico/nodename")),
        ("firewalld_active", lambda: runs(root, "firewalld")),
        ("firewalld_trusted", lambda: firewalld_trusted(root)),
        ("firewalls", lambda: firewalls(root)),
        ("cni_configuration", lambda: cni_configuration(root, cni_conf_dir)),
        ("networkd", lambda: networkd(root)),
        ("networkmanager", lambda: networkmanager.survey(root)),
        ("file_systems", lambda: file_systems(root, directories)),
        ("lock_is_directory", lambda: root.is_directory("/run/xtables.lock")),
        ("bpffs", lambda: bpffs(root)),
        ("btf", lambda: btf(root)),
        ("cgroups", lambda: cgroups(root)),
        ("namespaces", lambda: root.list("/proc/self/ns")),
        ("mounts", lambda: mounts(root)),
        ("platform", lambda: platform(root)),
        ("machine", lambda: machine.machine(root)),
        ("clock_synchronized", lambda: machine.clock_synchronized(root)),
        ("complaints", lambda: machine.complaints(root)),
        ("neighbours", lambda: len((root.read("/proc/net/arp") or "").splitlines()) - 1),
        ("security", lambda: security.security(root)),
        ("capabilities", lambda: security.capabilities(root)),
        ("container", lambda: security.container(root)),
        ("sysctls", lambda: sysctls.values(root)),
        ("sysctl_files", lambda: sysctls.assignments(root)),
        ("runtime_sockets", lambda: runtime.runtime_sockets(root)),
        ("runtime_cni", lambda: runtime.runtime_cni(root)),
        ("kubelet", lambda: kubelet.kubelet(root)),
        ("certificates", lambda: runtime.certificates(root)),
        ("names", lambda: runtime.names(root)),
        ("ssh_ports", lambda: runtime.ssh_ports(root)),
        ("localhost", lambda: local.localhost(root)),
        ("xtables_lock", lambda: local.lock_holder(root)),
        ("same_mounts_as_init", lambda: os.readlink("/proc/self/ns/mnt") == os.readlink("/proc/1/ns/mnt")),
    ]


def installed_kernels(root: Root) -> List[str]:
    """Kernels that have modules here; other folders beside them do not begin with a number."""
    return [name for name in root.list("/lib/modules") or root.list("/usr/lib/modules") if name[:1].isdigit()]


def os_release(root: Root) -> Dict[str, str]:
    text = root.read("/etc/os-release") or root.read("/usr/lib/os-release") or ""
    return {
        key: value.strip("\"'") for key, value in settings(text) if key in ("ID", "ID_LIKE", "VERSION_ID", "VARIANT_ID")
    }


def fqdn(root: Root, hostname: str) -> str:
    """From the host's own files: a resolver may take long to answer, or not answer at all."""
    if "." in hostname:
        return hostname
    for line in (root.read("/etc/hosts") or "").splitlines():
        names = line.partition("#")[0].split()[1:]
        if hostname in names:
            return next((name for name in names if name.startswith(hostname + ".")), hostname)
    return hostname


def _system_uuid(root: Root) -> Optional[str]:
    found = next((value for value in map(root.line, _SYSTEM_UUID) if value), None)
    return found.lower() if found else None


def firewalld_trusted(root: Root) -> Dict[str, Any]:
    """Interfaces and sources of the zones that accept everything, and whether the default zone is one of them."""
    texts: Dict[str, str] = {}
    for folder in _ZONE_FOLDERS:
        texts.update((name, root.read(f"{folder}/{name}") or "") for name in root.list(folder) if name.endswith(".xml"))
    accepting = [text for name, text in sorted(texts.items()) if re.search(_ACCEPTS, text)]
    default = value_of(root.read("/etc/firewalld/firewalld.conf") or "", "DefaultZone") or "public"
    return {
        # Whatever no zone has by name is the default zone's, the links of pods among it.
        "default": bool(re.search(_ACCEPTS, texts.get(default + ".xml", ""))),
        "interfaces": sorted(set(re.findall(r"<interface\s+name=\"([^\"]+)\"", "".join(accepting)))),
        "sources": sorted(set(re.findall(r"<source\s+[^>]*?address=\"([^\"]+)\"", "".join(accepting)))),
    }


def cni_configuration(root: Root, folder: str) -> List[Dict[str, Any]]:
    """The files that a container runtime considers, in its order, each with the types of its plugins; None if it cannot be parsed."""
    names = [name for name in root.list(folder) if name.endswith((".conf", ".conflist", ".json"))]
    return [{"file": name, "types": _plugin_types(root.read(f"{folder}/{name}") or "")} for name in names]


def _plugin_types(text: str) -> Optional[List[str]]:
    try:
        document = json.loads(text)
        plugins = document.get("plugins", [document])
        return [str(plugin.get("type", "")) for plugin in plugins]
    except (ValueError, AttributeError, TypeError):
        return None


def file_systems(root: Root, paths: Iterable[str]) -> Dict[str, Dict[str, Any]]:
    root.is_a_hosts()
    return {path: file_system(root, path) for path in paths}


def file_system(root: Root, path: str) -> Dict[str, Any]:
    """The file system under a directory that may not be there yet: the nearest parent that is."""
    existing = path
    while not root.is_directory(existing) and existing not in ("/", ""):
        existing = os.path.dirname(existing)
    stat = os.statvfs(root.at(existing))
    return {
        "path": existing,
        "read_only": bool(stat.f_flag & os.ST_RDONLY),
        "no_exec": bool(stat.f_flag & os.ST_NOEXEC),
        "free": stat.f_bavail * stat.f_frsize,
        # A file system without a fixed number of inodes reports 0 of 0.
        "files_left": stat.f_favail if stat.f_files else None,
    }


def bpffs(root: Root) -> Dict[str, bool]:
    mounts = [line.split() for line in (root.read("/proc/mounts") or "").splitlines()]
    types = (root.read("/proc/filesystems") or "").split()
    return {
        "directory": root.is_directory("/sys/fs/bpf"),
        "supported": "bpf" in types,
        "mounted": any(len(mount) > 2 and mount[1] == "/sys/fs/bpf" and mount[2] == "bpf" for mount in mounts),
    }


def cgroups(root: Root) -> Dict[str, Any]:
    """Which hierarchies init has mounted, and whether the kernel knows cgroup v2 at all."""
    mounts = root.read("/proc/1/mountinfo") or root.read("/proc/self/mountinfo") or ""
    types = [line.partition(" - ")[2].split(" ")[0] for line in mounts.splitlines()]
    return {
        "v1": "cgroup" in types,
        "v2": "cgroup2" in types,
        "supported": "cgroup2" in (root.read("/proc/filesystems") or "").split(),
        "memory": _memory_controller(root),
    }


def _memory_controller(root: Root) -> Optional[bool]:
    """Whether the kernel accounts memory by cgroup; null if neither hierarchy shows it."""
    if "memory" in (root.read("/sys/fs/cgroup/cgroup.controllers") or "").split():
        return True
    old = [line for line in words(root.read("/proc/cgroups") or "") if line[0] == "memory" and len(line) > 3]
    if old:
        return old[0][3] == "1"
    return False if root.read("/sys/fs/cgroup/cgroup.controllers") else None


def platform(root: Root) -> Dict[str, Optional[str]]:
    """Who made the machine, by DMI or the device tree; null where it does not say."""
    names = ("sys_vendor", "product_name", "chassis_asset_tag")
    found = {name: root.line("/sys/class/dmi/id/" + name) for name in names}
    return {**found, "model": root.line("/proc/device-tree/model")}


def mounts(root: Root) -> List[Dict[str, Any]]:
    """Mount points of interest: / and those below /proc and /sys, with their options; the later one of a place covers the earlier."""
    found: Dict[str, Dict[str, Any]] = {}
    for line in (root.read("/proc/1/mountinfo") or root.read("/proc/self/mountinfo") or "").splitlines():
        words = line.split()
        if len(words) > 6 and (words[4] == "/" or words[4].startswith(("/proc", "/sys"))):
            shared = any(word.startswith("shared:") for word in words[6 : words.index("-")])
            found[words[4]] = {"at": words[4], "read_only": "ro" in words[5].split(","), "shared": shared}
    return list(found.values())


def btf(root: Root) -> Optional[str]:
    """The first bytes of the kernel's description of its own types, in hex; null where it has none."""
    path = "/sys/kernel/btf/vmlinux"
    if not root.exists(path):
        return None
    with open(root.at(path), "rb") as stream:
        return stream.read(2).hex()


def firewalls(root: Root) -> Dict[str, bool]:
    """Managers of rules other than firewalld, and whether they are on."""
    rules = "".join(filter(None, map(root.read, ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf"))))
    csf = root.read("/etc/csf/csf.conf") is not None and not root.exists("/etc/csf/csf.disable")
    return {
        "ufw": value_of(root.read("/etc/ufw/ufw.conf") or "", "ENABLED") == "yes",
        "csf": csf,
        "shorewall": runs(root, "shorewall"),
        "nftables.service": runs(root, "nftables"),
        "flushes": any(line[:2] == ["flush", "ruleset"] for line in words(rules)),
    }


def networkd(root: Root) -> Dict[str, Any]:
    """Whether systemd-networkd runs, and whether it leaves foreign routes and rules alone."""
    files: Dict[str, str] = {}
    for folder in ("/etc", "/run", "/usr/lib", "/lib"):
        for name in root.list(folder + "/systemd/networkd.conf.d"):
            files.setdefault(name, f"{folder}/systemd/networkd.conf.d/{name}")
    text = "\n".join(
        root.read(path) or "" for path in ("/etc/systemd/networkd.conf", *(files[name] for name in sorted(files)))
    )
    told = {name: value for name, value in settings(text) if name.startswith("ManageForeign")}
    off = ("no", "false", "0", "off")
    return {
        "running": runs(root, "systemd-networkd"),
        "keeps_off": [name for name, value in sorted(told.items()) if value.lower() in off],
    }
